"""A frozen transformer as encoder: one vector per word from each of its layers."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elmo_lite import CheckpointError, Tokenization
from elmo_lite.errors import require
from elmo_lite.hardware import move
from elmo_lite.text import batches_by_length
from tasks.inputs.transformer_files import PREFIX, files_of, find_transformer, hash_of_files, load_transformer
from tasks.inputs.word_pieces import Chunk, WordPieces

Pieces = Literal["mean", "first"]
"""The vector of a word: the mean of those of its pieces, or that of its first piece."""
FloatArray = npt.NDArray[np.float32]
_DTYPES = ("float32", "bfloat16", "float16")
_DEFAULT_PIECES = 512
"""Pieces at once of a model without a maximum."""
_BATCH_PIECES = 2048
_WINDOW_WORDS = 8192
"""Number of words after which the sentences so far are sorted by length, and computed."""


class Layers(NamedTuple):
    """The output of ``TransformerEncoder.forward``."""

    layers: Tensor
    """(L, B, T, D), zero at padding."""


class TransformerEncoder(nn.Module):
    """A transformer with the interface of a frozen ``Elmo``: words in, L layers of vectors of width D out.

    Layer 0 is the output of the embeddings, the others are those of the blocks. Sentences with more pieces than the
    transformer takes are read in chunks of whole words, each without the others as context.
    """

    def __init__(self, tokenizer: Any, model: nn.Module, pieces: Pieces, files: Path, name: str = "") -> None:
        """Wrap a model; see ``from_pretrained``.

        Args:
            tokenizer: Its tokenizer.
            model: Model of the package transformers.
            pieces: The vector of a word of several pieces.
            files: Directory of both.
            name: Path or name it was loaded from.
        """
        super().__init__()
        config: Any = model.config
        self.model = model
        self.pieces = pieces
        self.files = files
        self.name = name
        self.tokenization = Tokenization(kind="words")
        self.num_layers: int = config.num_hidden_layers + 1
        self.output_dim: int = config.hidden_size
        self.hash = hashlib.sha256(f"{hash_of_files(files)} {pieces}".encode()).hexdigest()
        """Identity of the weights, the tokenizer and the choice of pieces."""
        self._words = WordPieces(tokenizer, _max_pieces(tokenizer, model))
        require(self._words.room > 0, f"{name}: number of pieces at once", "room for words", self._words.room)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: str | os.PathLike[str],
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        pieces: Pieces = "mean",
    ) -> TransformerEncoder:
        """Load a transformer from safetensors, without code of its own.

        Args:
            path_or_name: Directory, or name on the hub, with or without the prefix ``hf:``.
            device: Device to run on.
            dtype: Data type of the weights, "float32", "bfloat16" or "float16". Arrays are always float32.
            pieces: The vector of a word: "mean" of its pieces, or that of the "first".

        Raises:
            CheckpointError: The model does not exist, is damaged or of another kind.
            ConfigError: The dtype, the device or ``pieces`` is unknown.
            ModuleNotFoundError: The package transformers is not installed.
        """
        require(dtype in _DTYPES, "dtype", f"one of {', '.join(_DTYPES)}", dtype)
        require(pieces in ("mean", "first"), "pieces", "mean or first", pieces)
        place = os.fspath(path_or_name).removeprefix(PREFIX)
        files = find_transformer(place)
        tokenizer, model = load_transformer(files, f"{PREFIX}{place}", getattr(torch, dtype))
        encoder = cls(tokenizer, model, pieces, files, f"{PREFIX}{place}")
        move(encoder, device)
        return encoder

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Copy the files that the model was loaded from to a new directory.

        Raises:
            CheckpointError: The files have changed since.
        """
        target = Path(directory)
        target.mkdir(parents=True)
        for path in files_of(self.files):
            shutil.copyfile(path, target / path.name)
        copied = hashlib.sha256(f"{hash_of_files(target)} {self.pieces}".encode()).hexdigest()
        if copied != self.hash:
            raise CheckpointError(f"{self.files}: expected the files that were loaded, found changed ones")

    @property
    def dtype(self) -> torch.dtype:
        """The data type of the weights."""
        return next(self.model.parameters()).dtype

    def train(self, mode: bool = True) -> TransformerEncoder:
        """Stay in eval mode, without dropout, since the encoder is frozen."""
        return super().train(False)

    def embed(self, sentences: Iterable[Sequence[str]]) -> list[FloatArray]:
        """The layers of sentences, lists of words: one array (L, T, D) float32 per sentence, in order."""
        return list(self.embed_iter(sentences))

    def embed_iter(self, sentences: Iterable[Sequence[str]]) -> Iterator[FloatArray]:
        """Lazy version of ``embed``: it reads some thousand words, yields their arrays, and continues."""
        window: list[Sequence[str]] = []
        num_words = 0
        for words in sentences:
            window.append(words)
            num_words += len(words) + 1
            if num_words >= _WINDOW_WORDS:
                yield from self._arrays(window)
                window, num_words = [], 0
        yield from self._arrays(window)

    def forward(self, sentences: Sequence[Sequence[str]]) -> Layers:
        """Compute the layers of a batch as a tensor on the device of the model, without gradients."""
        arrays = self.embed(sentences)
        layers = torch.zeros(self.num_layers, len(arrays), max(map(len, sentences), default=0), self.output_dim)
        for row, array in enumerate(arrays):
            layers[:, row, : array.shape[1]] = torch.from_numpy(array)
        return Layers(layers.to(next(self.model.parameters()).device))

    def _arrays(self, sentences: Sequence[Sequence[str]]) -> list[FloatArray]:
        found = [np.zeros((self.num_layers, len(words), self.output_dim), dtype=np.float32) for words in sentences]
        chunks = [(number, chunk) for number, words in enumerate(sentences) for chunk in self._words.chunks(words)]
        for batch in batches_by_length([len(chunk.pieces) for _, chunk in chunks], _BATCH_PIECES):
            vectors = self._vectors([chunks[index][1] for index in batch])
            for index, of_words in zip(batch, vectors, strict=True):
                number, chunk = chunks[index]
                found[number][:, chunk.first_word : chunk.first_word + len(chunk.starts)] = of_words
        return found

    def _vectors(self, chunks: Sequence[Chunk]) -> Iterator[FloatArray]:
        """The vectors of the words of each chunk, (L, T, D)."""
        special, device = self._words, next(self.model.parameters()).device
        rows = [[*special.before, *chunk.pieces, *special.after] for chunk in chunks]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [special.padding] * (longest - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        with torch.no_grad():
            output = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = torch.stack(output.hidden_states).float().cpu().numpy()  # (L, B, P, D)
        for row, chunk in enumerate(chunks):
            begin = len(special.before)
            of_pieces = states[:, row, begin : begin + len(chunk.pieces)]
            if self.pieces == "first":
                yield of_pieces[:, chunk.starts]
            else:
                counts = np.diff([*chunk.starts, len(chunk.pieces)]).astype(np.float32)
                sums: FloatArray = np.add.reduceat(of_pieces, chunk.starts, axis=1)
                yield sums / counts[:, None]


def _max_pieces(tokenizer: Any, model: nn.Module) -> int:
    """The number of pieces that a model reads at once, special ones included."""
    positions = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    offset = 0 if padding is None else padding + 1  # RoBERTa and its relatives count from the position after padding's
    of_model = getattr(model.config, "max_position_embeddings", None) or _DEFAULT_PIECES
    return int(min(tokenizer.model_max_length, of_model - offset))

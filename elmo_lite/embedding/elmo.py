"""A pretrained model as one object: sentences in, contextual vectors out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.nn.bilm import DIRECTIONS, BiLM, BiLMOutput, Direction
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.length_batches import batches_by_length
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

Sentence = str | Sequence[str]
"""Words, never split again; a plain ``str`` is split as the model's training text was."""
Layers = Literal["all", "mean", "top"] | int
FloatArray = npt.NDArray[np.float32]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BATCH_TOKENS = 8192
"""Positions of a batch, padding and boundary included."""
WINDOW_BATCHES = 4
"""Batches' worth of sentences that are read before they are sorted by length."""


class Elmo(nn.Module):
    """A bidirectional language model with the tokenisation it was trained with.

    A sentence gets the same vectors whatever stands before or beside it; the same call, the same bits. Tolerances, as
    shares of the largest number: 1e-5 in float32; 0.01 in bfloat16, which is also how far that is from float32.
    """

    def __init__(
        self,
        bilm: BiLM,
        tokenization: Tokenization | None = None,
        vocabulary: Vocabulary | None = None,
        training_facts: dict[str, Any] | None = None,
        cache_words: int = 65536,
    ) -> None:
        """Wrap a model.

        Args:
            bilm: the encoder; used, not copied.
            tokenization: how plain strings are split; on blanks where None.
            vocabulary: classes of its language model, kept for ``save_pretrained``.
            training_facts: about the training run, kept for ``save_pretrained``.
            cache_words: words whose token vectors are remembered over batches, 1 or more.
        """
        super().__init__()
        if cache_words < 1:
            raise ConfigError(f"cache_words: expected 1 or more, found {cache_words}")
        self.bilm = bilm
        self.tokenization = tokenization or Tokenization(kind="whitespace")
        self.vocabulary = vocabulary
        self.training_facts = dict(training_facts or {})
        self._words = WordVectors(bilm, cache_words)

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: str | os.PathLike[str],
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        requires_grad: bool = False,
        revision: str | None = None,
    ) -> Elmo:
        """Load a saved model.

        Args:
            path_or_name: a saved model directory; where there is none, the name of a packaged model such as ``en``;
                else a name on the model hub.
            device: where to run it.
            dtype: "float32", "bfloat16" or "float16"; arrays come out as float32 whatever it is.
            requires_grad: train the encoder along with a task model; frozen otherwise.
            revision: branch, tag or commit on the hub.

        Raises:
            CheckpointError: there is no such model, or it is damaged.
            ConfigError: an unknown dtype or device.
        """
        if dtype not in DTYPES:
            raise ConfigError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype!r}")
        saved = load_model(path_or_name, revision=revision)
        if not requires_grad:
            saved.bilm.requires_grad_(False)
        try:
            bilm = saved.bilm.to(device=device, dtype=DTYPES[dtype])
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"device: expected one that torch can use, found {device} ({_first(error)})") from None
        return cls(bilm, saved.tokenization, saved.vocabulary, saved.training).eval()

    def save_pretrained(self, directory: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write a saved model directory, without a softmax, in the precision that the weights have now."""
        save_model(
            directory,
            self.bilm,
            self.tokenization,
            vocabulary=self.vocabulary,
            training=self.training_facts,
            overwrite=overwrite,
        )

    @property
    def layers(self) -> int:
        """L: layers that a word has, the token layer included."""
        return self.bilm.config.num_layers + 1

    @property
    def dim(self) -> int:
        """2D: width of a vector, both directions together."""
        return 2 * self.bilm.config.dim

    @property
    def dtype(self) -> torch.dtype:
        """What the network computes in."""
        return self._words.table.dtype

    def tokenize(self, text: str) -> list[str]:
        """The words of a text, split as the model's training text was."""
        return self.tokenization.words(text)

    def clear_cache(self) -> None:
        """Forget all token vectors; needed only after weights were written through ``parameter.data``."""
        self._words.clear()

    def train(self, mode: bool = True) -> Elmo:
        """Training mode, in which a frozen encoder stays without dropout."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.bilm.parameters()):
            self.bilm.eval()
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> Elmo:
        """Called by ``to``, ``half`` and the like: frees the token vectors at once."""
        self._words.clear()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    # Arrays

    def embed(
        self,
        sentences: Iterable[Sentence],
        layers: Layers = "all",
        *,
        batch_tokens: int = BATCH_TOKENS,
        batch_sentences: int | None = None,
    ) -> list[FloatArray]:
        """Contextual vectors of sentences.

        Args:
            sentences: any iterable of sentences: lists of words, or strings to be tokenised.
            layers: "all"; "mean" of the layers; "top"; or a layer's number, 0 = token layer, -1 = top.
            batch_tokens: positions of a batch, padding included: bounds memory, not what can be embedded.
            batch_sentences: sentences of a batch at most; no bound where None.

        Returns:
            One float32 array a sentence, in order: (L, T, 2D) for "all", (T, 2D) otherwise. T = 0 where it is empty.

        Raises:
            CorpusError: a word or a sentence of the wrong type; says which.
            ConfigError: no such layer.
        """
        return list(self.embed_iter(sentences, layers, batch_tokens=batch_tokens, batch_sentences=batch_sentences))

    def embed_iter(
        self,
        sentences: Iterable[Sentence],
        layers: Layers = "all",
        *,
        batch_tokens: int = BATCH_TOKENS,
        batch_sentences: int | None = None,
    ) -> Iterator[FloatArray]:
        """What ``embed`` does, lazily: reads a window of sentences, yields their arrays in order, reads on.

        Memory is bounded by the window (``WINDOW_BATCHES * batch_tokens`` positions) and the longest sentence.
        """
        layer = self.layer_number(layers)
        for name, value in (("batch_tokens", batch_tokens), ("batch_sentences", batch_sentences)):
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected 1 or more, found {value}")
        return self._windows(sentences, layer, batch_tokens, batch_sentences)

    def embed_sentences(
        self, sentences: Iterable[Sentence], pool: Literal["mean", "max"] = "mean", layers: Layers = "mean"
    ) -> FloatArray:
        """One vector a sentence: its words' vectors pooled.

        Args:
            sentences: as for ``embed``.
            pool: "mean" or "max" over the words.
            layers: which vectors: "mean" of the layers, "top" or a number.

        Returns:
            (N, 2D) float32; zeros where a sentence is empty.
        """
        if pool not in ("mean", "max"):
            raise ConfigError(f"pool: expected mean or max, found {pool!r}")
        if layers == "all":
            raise ConfigError("layers: expected mean, top or a number for sentence vectors, found 'all'")
        reduce = np.mean if pool == "mean" else np.max
        rows = [
            reduce(words, axis=0) if len(words) else np.zeros(self.dim, dtype=np.float32)
            for words in self.embed_iter(sentences, layers)
        ]
        return np.stack(rows) if rows else np.zeros((0, self.dim), dtype=np.float32)

    def layer_number(self, layers: Layers) -> int | Literal["all", "mean"]:
        """A layer's number in 0..L-1, or "all" or "mean".

        Raises:
            ConfigError: no such layer.
        """
        if layers == "all" or layers == "mean":
            return layers
        number = self.layers - 1 if layers == "top" else layers
        if isinstance(number, bool) or not isinstance(number, int) or not -self.layers <= number < self.layers:
            expected = f"all, mean, top or a number in {-self.layers}..{self.layers - 1}"
            raise ConfigError(f"layers: expected {expected}, found {layers!r}")
        return number % self.layers

    def _windows(
        self,
        sentences: Iterable[Sentence],
        layer: int | Literal["all", "mean"],
        batch_tokens: int,
        batch_sentences: int | None,
    ) -> Iterator[FloatArray]:
        window: list[list[str]] = []
        size = 0
        for sentence in self._checked(sentences):
            window.append(sentence)
            size += len(sentence) + 1
            if size >= WINDOW_BATCHES * batch_tokens:
                yield from self._embed_window(window, layer, batch_tokens, batch_sentences)
                window, size = [], 0
        yield from self._embed_window(window, layer, batch_tokens, batch_sentences)

    def _checked(self, sentences: Iterable[Sentence]) -> Iterator[list[str]]:
        """Sentences as lists of words."""
        if isinstance(sentences, str | bytes):
            raise CorpusError("sentences: expected an iterable of sentences, found one string: put it in a list")
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, str):
                yield self.tokenize(sentence)
                continue
            try:
                words = list(sentence)
            except TypeError:
                found = f"{type(sentence).__name__} {sentence!r}"[:80]
                raise CorpusError(f"sentence {number}: expected a list of words or a string, found {found}") from None
            if not set(map(type, words)) <= {str}:
                words = [_word(word, number, position) for position, word in enumerate(words)]
            yield words

    def _embed_window(
        self,
        sentences: list[list[str]],
        layer: int | Literal["all", "mean"],
        batch_tokens: int,
        batch_sentences: int | None,
    ) -> Iterator[FloatArray]:
        """Arrays of a window's sentences, in order; each is let go when it was taken."""
        arrays = [self._empty(len(sentence), layer) for sentence in sentences]
        was_training = self.bilm.training
        self.bilm.eval()
        try:
            with torch.inference_mode():
                words = list(chain.from_iterable(sentences))
                if len(words) <= self._words.capacity:
                    self._words.rows(words)  # all new words of the window at once, in well-filled blocks
                for batch in batches_by_length([len(s) for s in sentences], batch_tokens, batch_sentences):
                    filled = [_as_layers(arrays[index]) for index in batch]
                    self._fill([sentences[index] for index in batch], filled, layer, batch_tokens)
        finally:
            self.bilm.train(was_training)
        arrays.reverse()
        while arrays:
            yield arrays.pop()

    def _empty(self, length: int, layer: int | Literal["all", "mean"]) -> FloatArray:
        shape = (self.layers, length, self.dim) if layer == "all" else (length, self.dim)
        return np.empty(shape, dtype=np.float32)

    def _fill(
        self,
        sentences: list[list[str]],
        arrays: list[FloatArray],
        layer: int | Literal["all", "mean"],
        batch_tokens: int,
    ) -> None:
        """Write the layers of a batch of sentences into arrays (K, T, 2D), one direction after the other."""
        width = self.dim // 2
        for direction in DIRECTIONS:
            step, half = (1, slice(width)) if direction == "forward" else (-1, slice(width, None))
            read = [sentence[::step] for sentence in sentences]
            targets = [array[:, ::step, half] for array in arrays]  # in the order in which the direction reads
            for start, outputs in self._run(direction, read, batch_tokens):
                chunk = _select(outputs, layer)  # (K, T', B, D)
                stop = start + chunk.shape[1]
                for row, target in enumerate(targets):
                    # Position 0 is the boundary, position p the p-th word read.
                    first, last = max(start, 1), min(stop, target.shape[1] + 1)
                    if first < last:
                        target[:, first - 1 : last - 1] = chunk[:, first - start : last - start, row]

    def _run(
        self, direction: Direction, sentences: list[list[str]], batch_tokens: int
    ) -> Iterator[tuple[int, list[Tensor]]]:
        """Run one direction over sentences as it reads them, in chunks of at most ``batch_tokens`` positions.

        Yields:
            The chunk's first position (0 = boundary), and token vectors and layers, each (T', B, D).
        """
        ends = torch.tensor([len(sentence) + 1 for sentence in sentences])
        positions = int(ends.max())
        size = max(1, batch_tokens // len(sentences))
        state = None
        for start in range(0, positions, size):
            stop = min(start + size, positions)
            slots = self._slots(direction, sentences, start, stop)
            vectors = F.embedding(torch.from_numpy(slots).to(self._words.table.device), self._words.table)
            # oneDNN and cuDNN run padding along faster than they stop; the engine with projection gains by stopping.
            lengths = (ends - start).clamp(0, stop - start) if self.bilm.config.is_projected else None
            outputs, state = self.bilm.run_direction(direction, vectors.transpose(0, 1), state, lengths)
            yield start, [vectors, *(output.transpose(0, 1) for output in outputs)]

    def _slots(self, direction: Direction, sentences: list[list[str]], start: int, stop: int) -> npt.NDArray[np.int64]:
        """Rows of ``self._words.table`` at positions start..stop - 1 of each sentence, (stop - start, B)."""
        pieces = [sentence[max(start - 1, 0) : stop - 1] for sentence in sentences]
        slots = np.zeros((len(sentences), stop - start), dtype=np.int64)  # padding is any row: nothing reads it
        first = 0
        if start == 0:
            first = 1
            slots[:, 0] = BEGIN_ROW if direction == "forward" else END_ROW
        lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        real = np.arange(stop - start - first) < lengths[:, None]
        slots[:, first:][real] = self._words.rows(list(chain.from_iterable(pieces)))
        return np.ascontiguousarray(slots.T)

    # Tensors

    def forward(self, sentences: Iterable[Sentence] | Tensor) -> BiLMOutput:
        """Layers of a batch as tensors, for use inside a task model.

        Args:
            sentences: lists of words or strings; or character ids (B, T, C) with rows of zeros as padding.

        Returns:
            Layers (L, B, T, 2D) on the model's device and the mask (B, T). Gradients reach the weights that require
            them; a frozen encoder takes token vectors from its cache.
        """
        if isinstance(sentences, Tensor):
            return self.bilm(sentences)  # type: ignore[no-any-return]
        words = list(self._checked(sentences))
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.bilm.parameters())
        if (learns or self.bilm.training) and any(words):
            return self.bilm(self._char_ids(words))  # type: ignore[no-any-return]
        with torch.no_grad():
            return self._cached_forward(words)

    def _char_ids(self, sentences: list[list[str]]) -> Tensor:
        """(B, T, C) character ids of sentences, zeros where there is no word."""
        width = self.bilm.config.char_cnn.max_characters
        ids = np.zeros((len(sentences), max(map(len, sentences), default=0), width), dtype=np.int16)
        for row, sentence in enumerate(sentences):
            ids[row, : len(sentence)] = encode_words(sentence, width)
        return torch.from_numpy(ids).to(self._device)

    @property
    def _device(self) -> torch.device:
        return self.bilm.boundary_char_ids.device

    def _cached_forward(self, sentences: list[list[str]]) -> BiLMOutput:
        lengths = [len(sentence) for sentence in sentences]
        longest = max(lengths, default=0)
        layers = self._words.table.new_zeros((self.layers, len(sentences), longest, self.dim))
        mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
        if longest > 0:
            width = self.dim // 2
            (_, ahead), *_ = self._run("forward", sentences, (longest + 1) * len(sentences))
            layers[..., :width] = torch.stack(ahead).transpose(1, 2)[:, :, 1:]
            mirrored = [sentence[::-1] for sentence in sentences]
            (_, back), *_ = self._run("backward", mirrored, (longest + 1) * len(sentences))
            for row, length in enumerate(lengths):
                layers[:, row, :length, width:] = torch.stack([layer[1 : length + 1, row].flip(0) for layer in back])
        return BiLMOutput(layers, mask.to(self._device))


def _first(error: Exception) -> str:
    """The first line of a message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _word(word: object, sentence: int, position: int) -> str:
    if not isinstance(word, str):
        found = f"{type(word).__name__} {word!r}"[:80]
        raise CorpusError(f"sentence {sentence}, word {position}: expected a string, found {found}")
    return str(word)


def _as_layers(array: FloatArray) -> FloatArray:
    """(T, 2D) or (L, T, 2D) to (K, T, 2D)."""
    return array if array.ndim == 3 else array[None]


def _select(outputs: list[Tensor], layer: int | Literal["all", "mean"]) -> FloatArray:
    """The layers asked for, (K, T', B, D) float32; the mean is taken in float32."""
    if layer == "all":
        chosen = torch.stack([output.float() for output in outputs])
    elif layer == "mean":
        chosen = torch.stack([output.float() for output in outputs]).mean(dim=0, keepdim=True)
    else:
        chosen = outputs[layer].float()[None]
    return chosen.cpu().numpy()

"""A pretrained model that maps sentences to contextual vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from elmo_lite.embedding.description import described
from elmo_lite.embedding.layer_choice import LayerChoice, Layers, layer_number
from elmo_lite.embedding.pooling import Pool, check_pooling, pooled
from elmo_lite.embedding.runner import FloatArray, Runner
from elmo_lite.embedding.sentences import Sentence, checked_sentences
from elmo_lite.errors import ConfigError
from elmo_lite.hardware import move
from elmo_lite.nn.bilm import BiLM, BiLMOutput
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.text.characters import encode_sentences
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BATCH_TOKENS = 8192
"""Default number of positions in a batch, padding and boundary tokens included."""


class Elmo(nn.Module):
    """A bidirectional language model with the tokenisation it was trained with.

    The vectors of a sentence do not depend on the other sentences, up to rounding errors of 1e-5 in float32 and 0.01 in
    bfloat16, relative to the largest absolute value. bfloat16 differs from float32 by up to 0.01 as well. Repeating a
    call gives identical results. These figures are of CPUs; on an NVIDIA GPU, torch computes float32 in TF32, with
    about three digits, unless ``torch.backends.cudnn.allow_tf32`` is false.
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
            bilm: Encoder, which is not copied.
            tokenization: Tokenisation of plain strings. Defaults to splitting on whitespace.
            vocabulary: Classes of the language model, which ``save_pretrained`` saves.
            training_facts: Metadata of the training run, which ``save_pretrained`` saves.
            cache_words: Number of words whose token vectors are cached across batches, 1 or more.

        Raises:
            ConfigError: ``cache_words`` is not positive.
        """
        super().__init__()
        if cache_words < 1:
            raise ConfigError(f"cache_words: expected 1 or more, found {cache_words}")
        self.bilm = bilm
        self.tokenization = tokenization or Tokenization(kind="whitespace")
        self.vocabulary = vocabulary
        self.training_facts = dict(training_facts or {})
        self.name = ""  # path or name that it was loaded from
        self._runner = Runner(bilm, cache_words)

    def __repr__(self) -> str:
        """Name, sizes and settings in one line."""
        return described(self, self.name, self.bilm, self.tokenization, self.vocabulary)

    if TYPE_CHECKING:

        def __call__(self, sentences: Iterable[Sentence] | Tensor) -> BiLMOutput: ...  # noqa: D102

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
            path_or_name: Saved model directory, name of a packaged model such as ``en``, or hub name, in this order.
            device: Device to run on.
            dtype: Data type of the weights, "float32", "bfloat16" or "float16". Arrays are always float32.
            requires_grad: Train the encoder together with a task model. Defaults to a frozen encoder.
            revision: Branch, tag or commit on the hub.

        Raises:
            CheckpointError: The model does not exist or is damaged.
            ConfigError: The dtype or the device is unknown.
        """
        if dtype not in DTYPES:
            raise ConfigError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype!r}")
        saved = load_model(path_or_name, revision=revision)
        if not requires_grad:
            saved.bilm.requires_grad_(False)
        move(saved.bilm, device, DTYPES[dtype])
        elmo = cls(saved.bilm, saved.tokenization, saved.vocabulary, saved.training)
        elmo.name = os.fspath(path_or_name)
        return elmo.eval()

    def save_pretrained(self, directory: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write a saved model directory in the current precision of the weights, without the language model head."""
        save_model(
            directory, self.bilm, self.tokenization, self.vocabulary, training=self.training_facts, overwrite=overwrite
        )

    @property
    def num_layers(self) -> int:
        """The number of layers L, token layer included."""
        return self._runner.num_layers

    @property
    def output_dim(self) -> int:
        """The width 2D of a contextual vector, which holds both directions."""
        return self._runner.output_dim

    @property
    def layers(self) -> int:
        """Older name of ``num_layers``."""
        return self.num_layers

    @property
    def dim(self) -> int:
        """Older name of ``output_dim``. It is twice the ``dim`` of the configuration."""
        return self.output_dim

    @property
    def dtype(self) -> torch.dtype:
        """The data type of the weights."""
        return self._runner.words.table.dtype

    def tokenize(self, text: str) -> list[str]:
        """Split a text into words with the tokenisation of the model."""
        return self.tokenization.words(text)

    def clear_cache(self) -> None:
        """Discard all cached token vectors. Needed only after weights were written through ``parameter.data``."""
        self._runner.words.clear()

    def train(self, mode: bool = True) -> Elmo:
        """Set training mode. A frozen encoder stays in eval mode, without dropout."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.bilm.parameters()):
            self.bilm.eval()
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> Elmo:
        """Discard the cached token vectors when the module is moved or converted, as by ``to`` or ``half``."""
        self._runner.words.clear()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def embed(
        self,
        sentences: Iterable[Sentence],
        layers: Layers = "all",
        *,
        batch_tokens: int = BATCH_TOKENS,
        batch_sentences: int | None = None,
    ) -> list[FloatArray]:
        """Compute the contextual vectors of sentences.

        Args:
            sentences: Iterable of sentences, each a list of words or a string to tokenise.
            layers: "all", "mean", "top", or the number of a layer: 0 is the token layer, -1 the top layer.
            batch_tokens: Maximum number of positions in a batch, padding included. Longer sentences run in chunks.
            batch_sentences: Maximum number of sentences in a batch. Defaults to no maximum.

        Returns:
            One float32 array per sentence, in order: (L, T, 2D) for "all", (T, 2D) otherwise; T may be 0.

        Raises:
            CorpusError: A word or a sentence, named in the message, is of the wrong type.
            ConfigError: The layer does not exist, or a batch size is not positive.
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
        """Lazy version of ``embed``: it reads a window of sentences, yields their arrays in order, and continues.

        Memory is bounded by the window (four batches of ``batch_tokens`` positions) and the longest sentence.
        """
        layer = self.layer_number(layers)
        for name, value in (("batch_tokens", batch_tokens), ("batch_sentences", batch_sentences)):
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected 1 or more, found {value}")
        checked = checked_sentences(sentences, self.tokenize)
        return self._runner.arrays(checked, layer, batch_tokens, batch_sentences)

    def embed_sentences(
        self, sentences: Iterable[Sentence], pool: Pool = "mean", layers: Layers = "mean"
    ) -> FloatArray:
        """Compute one vector per sentence by pooling the vectors of its words.

        Args:
            sentences: Sentences, as in ``embed``.
            pool: Pooling over the words, "mean" or "max".
            layers: Layers to pool: "mean", "top" or the number of a layer.

        Returns:
            Sentence vectors (N, 2D), float32. The vector of an empty sentence is zero.

        Raises:
            CorpusError: A word or a sentence, named in the message, is of the wrong type.
            ConfigError: The pooling is unknown, ``layers`` is "all", or the layer does not exist.
        """
        check_pooling(pool, layers)
        rows = [pooled(words, pool) for words in self.embed_iter(sentences, layers)]
        return np.stack(rows) if rows else np.zeros((0, self.output_dim), dtype=np.float32)

    def layer_number(self, layers: Layers) -> LayerChoice:
        """Resolve a choice of layers; see ``layer_choice.layer_number``."""
        return layer_number(layers, self.num_layers)

    def forward(self, sentences: Iterable[Sentence] | Tensor) -> BiLMOutput:
        """Compute the layers of a batch as tensors, for use in a task model.

        Args:
            sentences: Lists of words or strings, or character ids (B, T, C) with rows of zeros as padding.

        Returns:
            Layers (L, B, T, 2D) on the device of the model, and the mask (B, T). Gradients flow to all weights that
            require them. A frozen encoder reads token vectors from its cache.
        """
        if isinstance(sentences, Tensor):
            return self.bilm(sentences)  # type: ignore[no-any-return]
        words = list(checked_sentences(sentences, self.tokenize))
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.bilm.parameters())
        if (learns or self.bilm.training) and any(words):
            char_ids = torch.from_numpy(encode_sentences(words, self.bilm.config.char_cnn.max_characters))
            return self.bilm(char_ids.to(self.bilm.boundary_char_ids.device))  # type: ignore[no-any-return]
        with torch.no_grad():
            return self._runner.tensors(words)

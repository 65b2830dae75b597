"""A pretrained model as one object: sentences in, contextual vectors out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elmo_lite.embedding.layer_choice import LayerChoice, Layers, layer_number
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
"""Positions of a batch, padding and boundary included."""


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
        self._runner = Runner(bilm, cache_words)

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
        move(saved.bilm, device, DTYPES[dtype])
        return cls(saved.bilm, saved.tokenization, saved.vocabulary, saved.training).eval()

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
    def num_layers(self) -> int:
        """L, the number of layers, token layer included."""
        return self._runner.num_layers

    @property
    def output_dim(self) -> int:
        """2D, the width of a vector of both directions."""
        return self._runner.output_dim

    @property
    def layers(self) -> int:
        """Older name of ``num_layers``."""
        return self.num_layers

    @property
    def dim(self) -> int:
        """Older name of ``output_dim``, which is twice the ``dim`` of the configuration."""
        return self.output_dim

    @property
    def dtype(self) -> torch.dtype:
        """What the network computes in."""
        return self._runner.words.table.dtype

    def tokenize(self, text: str) -> list[str]:
        """The words of a text, split as the model's training text was."""
        return self.tokenization.words(text)

    def clear_cache(self) -> None:
        """Forget all token vectors; needed only after weights were written through ``parameter.data``."""
        self._runner.words.clear()

    def train(self, mode: bool = True) -> Elmo:
        """Training mode, in which a frozen encoder stays without dropout."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.bilm.parameters()):
            self.bilm.eval()
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> Elmo:
        """Called by ``to``, ``half`` and the like: frees the token vectors at once."""
        self._runner.words.clear()
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

        Memory is bounded by the window (four batches of ``batch_tokens`` positions) and the longest sentence.
        """
        layer = self.layer_number(layers)
        for name, value in (("batch_tokens", batch_tokens), ("batch_sentences", batch_sentences)):
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected 1 or more, found {value}")
        checked = checked_sentences(sentences, self.tokenize)
        return self._runner.arrays(checked, layer, batch_tokens, batch_sentences)

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
            reduce(words, axis=0) if len(words) else np.zeros(self.output_dim, dtype=np.float32)
            for words in self.embed_iter(sentences, layers)
        ]
        return np.stack(rows) if rows else np.zeros((0, self.output_dim), dtype=np.float32)

    def layer_number(self, layers: Layers) -> LayerChoice:
        """See ``layer_choice.layer_number``."""
        return layer_number(layers, self.num_layers)

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
        words = list(checked_sentences(sentences, self.tokenize))
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.bilm.parameters())
        if (learns or self.bilm.training) and any(words):
            char_ids = torch.from_numpy(encode_sentences(words, self.bilm.config.char_cnn.max_characters))
            return self.bilm(char_ids.to(self.bilm.boundary_char_ids.device))  # type: ignore[no-any-return]
        with torch.no_grad():
            return self._runner.tensors(words)

"""AllenNLP's ELMo modules by their names, arguments and results, for code and checkpoints written for them.

``docs/from-allennlp.md`` says what is the same and what differs. Here alone the states of one batch start the next, as
published; ``elmo_lite.Elmo`` is the one for new work.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, TypedDict, cast

import numpy as np
import torch
from torch import Tensor, nn

from elmo_lite.allennlp_layers import CharacterEncoder, StatefulLSTM, enclose, lengths_of, spell_out
from elmo_lite.allennlp_mix import ScalarMix
from elmo_lite.characters import NO_TOKEN, CharIds, begin_sentence_row, encode_words, end_sentence_row
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.published_format import load

__all__ = ["Elmo", "ElmoTokenEmbedder", "_ElmoBiLm", "_ElmoCharacterEncoder", "batch_to_ids"]

PathLike = str | os.PathLike[str]
BEGIN_WORD, END_WORD = "<S>", "</S>"
"""Spellings that stand for the boundary tokens in this module, as they did in AllenNLP."""

_log = logging.getLogger(__name__)


class BiLMActivations(TypedDict):
    """What the bidirectional language model says of a batch."""

    activations: list[Tensor]
    """L of (B, T + 2, 2D), zero behind the end of a row."""
    mask: Tensor
    """(B, T + 2) bool."""


class ElmoRepresentations(TypedDict):
    """What ELMo says of a batch."""

    elmo_representations: list[Tensor]
    """One (B, T, 2D) for each representation asked for, zero where there is no word."""
    mask: Tensor
    """(B, T) bool."""


def batch_to_ids(batch: Sequence[Sequence[str]], max_characters: int = 50) -> Tensor:
    """Character ids of a batch of sentences.

    Args:
        batch: B lists of words; ``<S>`` and ``</S>`` stand for the boundary tokens.
        max_characters: C, as the model's options say; AllenNLP had no other than 50.

    Returns:
        (B, T, C) int64, zeros where there is no word.

    Raises:
        CorpusError: a sentence that is no list of words; says which.
    """
    for number, sentence in enumerate(batch):
        if isinstance(sentence, str | bytes) or not all(isinstance(word, str) for word in sentence):
            found = f"{type(sentence).__name__} {sentence!r}"[:80]
            raise CorpusError(f"sentence {number}: expected a list of words, found {found}")
    ids = np.full((len(batch), max(map(len, batch), default=0), max_characters), NO_TOKEN, dtype=np.int64)
    for row, sentence in zip(ids, batch, strict=True):
        row[: len(sentence)] = _char_ids(sentence, max_characters)
    return torch.from_numpy(ids)


def _char_ids(words: Sequence[str], max_characters: int) -> CharIds:
    """Character ids (T, C) of words, boundary tokens by their spelling."""
    # A lone surrogate is no UTF-8 and is left out.
    ids = encode_words([word.encode("utf-8", "ignore").decode("utf-8") for word in words], max_characters)
    for place, word in enumerate(words):
        if word in (BEGIN_WORD, END_WORD):
            ids[place] = (begin_sentence_row if word == BEGIN_WORD else end_sentence_row)(max_characters)
    return ids


class _ElmoCharacterEncoder(CharacterEncoder):
    """The token layer of a published model."""

    def __init__(self, options_file: PathLike, weight_file: PathLike, requires_grad: bool = False) -> None:
        """Read it.

        Args:
            options_file: the model's ``options.json``.
            weight_file: the model's HDF5 file.
            requires_grad: whether its weights learn.

        Raises:
            CheckpointError: the files are no published model.
        """
        super().__init__(spell_out(load(options_file, weight_file).bilm, requires_grad))


class _ElmoBiLm(nn.Module):
    """The bidirectional language model of a published model."""

    def __init__(
        self,
        options_file: PathLike,
        weight_file: PathLike,
        requires_grad: bool = False,
        vocab_to_cache: Sequence[str] | None = None,
    ) -> None:
        """Read it.

        Args:
            options_file: the model's ``options.json``.
            weight_file: the model's HDF5 file.
            requires_grad: whether its weights learn.
            vocab_to_cache: words by their ids, id 0 being padding, to give ``forward`` word ids.

        Raises:
            CheckpointError: the files are no published model.
            ConfigError: a word comes twice in ``vocab_to_cache``.
        """
        super().__init__()
        bilm = spell_out(load(options_file, weight_file).bilm, requires_grad)
        self.num_layers = bilm.config.num_layers + 1
        self._token_embedder = CharacterEncoder(bilm)
        self._elmo_lstm = StatefulLSTM(bilm)
        self._word_embedding = self._vocabulary(vocab_to_cache, requires_grad) if vocab_to_cache else None

    def get_output_dim(self) -> int:
        """2D, width of both directions together."""
        return 2 * self._token_embedder.get_output_dim()

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Start at zero again, where ``mask`` (N,) over the rows kept is True; all rows where None."""
        self._elmo_lstm.reset_states(mask)

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> BiLMActivations:
        """Run it; row b goes on where row b of the last batch ended.

        Args:
            inputs: character ids (B, T, C), zeros behind a sentence's end.
            word_inputs: word ids (B, T) of ``vocab_to_cache``, 0 behind a sentence's end. Where one of them is outside
                of the vocabulary, the batch's character ids are read instead.

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
        """
        tokens, mask = self._tokens(inputs, word_inputs)
        first = torch.cat([tokens, tokens], dim=-1) * mask[:, :, None]
        others = self._elmo_lstm(tokens, mask)
        return {"activations": [first, *others.to(first.dtype)], "mask": mask}

    def _tokens(self, inputs: Tensor, word_inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        """Token vectors (B, T + 2, D) with boundaries, and their mask (B, T + 2)."""
        table = self._word_embedding
        if table is None or word_inputs is None or not _all_within(word_inputs, table.num_embeddings):
            encoded = self._token_embedder(inputs)
            return encoded["token_embedding"], encoded["mask"]
        lengths = lengths_of(word_inputs > 0, "word_inputs")
        begin, end = self._token_embedder.boundary_vectors()
        return enclose(table(word_inputs), lengths, begin, end)

    def _vocabulary(self, words: Sequence[str], requires_grad: bool) -> nn.Embedding:
        """Token vectors of a vocabulary, (V, D)."""
        places: dict[str, int] = {}
        for place, word in enumerate(words):
            if word in places:
                raise ConfigError(
                    f"vocab_to_cache: expected each word once, found {word!r} at {places[word]} and {place}"
                )
            places[word] = place
        width = self._token_embedder.char_cnn.max_characters
        vectors = self._token_embedder.vocabulary_vectors(torch.from_numpy(_char_ids(words, width)))
        vectors[0] = 0
        table = nn.Embedding(len(vectors), vectors.shape[1], padding_idx=0, _weight=vectors)
        return table.requires_grad_(requires_grad)


def _all_within(ids: Tensor, number: int) -> bool:
    """Whether all ids are in 0..number - 1."""
    return bool(((ids >= 0) & (ids < number)).all())


class Elmo(nn.Module):
    """A published model's layers, mixed by weights that a task learns."""

    def __init__(
        self,
        options_file: PathLike | None,
        weight_file: PathLike | None,
        num_output_representations: int,
        requires_grad: bool = False,
        do_layer_norm: bool = False,
        dropout: float = 0.5,
        vocab_to_cache: Sequence[str] | None = None,
        keep_sentence_boundaries: bool = False,
        scalar_mix_parameters: Sequence[float] | None = None,
        module: nn.Module | None = None,
    ) -> None:
        """Read a model, or take one that was read.

        Args:
            options_file: the model's ``options.json``; None with ``module``.
            weight_file: the model's HDF5 file; None with ``module``.
            num_output_representations: mixtures to learn, 1 or more; the layers are computed once.
            requires_grad: whether the model's weights learn; those of the mixtures do anyway.
            do_layer_norm: bring each layer to mean 0 and variance 1 over the whole batch before mixing.
            dropout: probability in [0, 1] on the mixtures.
            vocab_to_cache: words by their ids, id 0 being padding, to give ``forward`` word ids.
            keep_sentence_boundaries: give vectors of the begin and the end of a sentence too.
            scalar_mix_parameters: weights before the softmax, one for each layer; they freeze the mixtures.
            module: an ``_ElmoBiLm``, or what behaves like one, instead of the files.

        Raises:
            CheckpointError: the files are no published model.
            ConfigError: a setting is impossible.
        """
        super().__init__()
        if num_output_representations < 1:
            raise ConfigError(f"num_output_representations: expected 1 or more, found {num_output_representations}")
        if not 0 <= dropout <= 1:
            raise ConfigError(f"dropout: expected a probability in [0, 1], found {dropout}")
        if module is None and options_file is not None and weight_file is not None:
            module = _ElmoBiLm(options_file, weight_file, requires_grad, vocab_to_cache)
        elif module is None or options_file is not None or weight_file is not None:
            given = {"options_file": options_file, "weight_file": weight_file, "module": module}
            found = " and ".join(name for name, value in given.items() if value is not None) or "none of them"
            raise ConfigError(f"Elmo: expected options_file and weight_file, or module alone, found {found}")
        self._elmo_lstm = cast(Any, module)
        self._has_vocabulary = bool(vocab_to_cache) or getattr(module, "_word_embedding", None) is not None
        self._keep_sentence_boundaries = keep_sentence_boundaries
        self._dropout = nn.Dropout(dropout)
        self._num_mixes = num_output_representations
        learns, size = scalar_mix_parameters is None, self._elmo_lstm.num_layers
        for number in range(num_output_representations):
            self.add_module(f"scalar_mix_{number}", ScalarMix(size, do_layer_norm, scalar_mix_parameters, learns))

    def get_output_dim(self) -> int:
        """2D, width of a representation."""
        return int(self._elmo_lstm.get_output_dim())

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Start at zero again, where ``mask`` (N,) over the rows kept is True; all rows where None."""
        self._elmo_lstm.reset_states(mask)

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> ElmoRepresentations:
        """Compute representations; row b goes on where row b of the last batch ended.

        Args:
            inputs: character ids (B, T, C), zeros behind a sentence's end; or (B, ..., T, C).
            word_inputs: word ids (B, T) or (B, ..., T) of ``vocab_to_cache``; read instead of ``inputs`` where all of
                them are in the vocabulary.

        Returns:
            ``elmo_representations`` and ``mask`` with the leading dimensions of the inputs; T + 2 instead of T with
            ``keep_sentence_boundaries``.

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
        """
        if inputs.dim() < 3:
            raise ConfigError(f"inputs: expected (sentences, words, characters), found shape {tuple(inputs.shape)}")
        if word_inputs is not None and not self._has_vocabulary:
            _log.warning("word_inputs: ignored, as the model was made without vocab_to_cache")
            word_inputs = None
        if word_inputs is not None and word_inputs.dim() < 2:
            raise ConfigError(f"word_inputs: expected (sentences, words), found shape {tuple(word_inputs.shape)}")
        leading = inputs.shape[:-2] if word_inputs is None else word_inputs.shape[:-1]
        words = None if word_inputs is None else word_inputs.flatten(0, -2)
        activations: BiLMActivations = self._elmo_lstm(inputs.flatten(0, -3), words)
        mask = activations["mask"]
        mixes = [getattr(self, f"scalar_mix_{number}") for number in range(self._num_mixes)]
        mixed: list[Tensor] = [mix(activations["activations"], mask) for mix in mixes]
        if not self._keep_sentence_boundaries:
            mask = mask[:, 2:]  # as many True values as there are words
            mixed = [vectors[:, 1:-1].masked_fill(~mask[:, :, None], 0) for vectors in mixed]
        return {
            "elmo_representations": [self._dropout(vectors).view(*leading, *vectors.shape[1:]) for vectors in mixed],
            "mask": mask.view(*leading, mask.shape[1]),
        }


class ElmoTokenEmbedder(nn.Module):
    """One ELMo representation, projected where asked for."""

    def __init__(
        self,
        options_file: PathLike,
        weight_file: PathLike,
        do_layer_norm: bool = False,
        dropout: float = 0.5,
        requires_grad: bool = False,
        projection_dim: int | None = None,
        vocab_to_cache: Sequence[str] | None = None,
        scalar_mix_parameters: Sequence[float] | None = None,
    ) -> None:
        """Read a model.

        Args:
            options_file: the model's ``options.json``.
            weight_file: the model's HDF5 file.
            do_layer_norm: as for ``Elmo``.
            dropout: as for ``Elmo``.
            requires_grad: as for ``Elmo``.
            projection_dim: width of a learned projection; none where None.
            vocab_to_cache: as for ``Elmo``.
            scalar_mix_parameters: as for ``Elmo``.

        Raises:
            CheckpointError: the files are no published model.
            ConfigError: a setting is impossible.
        """
        super().__init__()
        self._elmo = Elmo(
            options_file,
            weight_file,
            1,
            requires_grad=requires_grad,
            do_layer_norm=do_layer_norm,
            dropout=dropout,
            vocab_to_cache=vocab_to_cache,
            scalar_mix_parameters=scalar_mix_parameters,
        )
        self.output_dim = projection_dim or self._elmo.get_output_dim()
        self._projection = nn.Linear(self._elmo.get_output_dim(), projection_dim) if projection_dim else None

    def get_output_dim(self) -> int:
        """Width of a vector."""
        return self.output_dim

    def forward(self, elmo_tokens: Tensor, word_inputs: Tensor | None = None) -> Tensor:
        """Vectors of words.

        Args:
            elmo_tokens: character ids, as for ``Elmo``.
            word_inputs: word ids, as for ``Elmo``.

        Returns:
            (B, T, 2D), or (B, T, projection_dim).

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
        """
        vectors: Tensor = self._elmo(elmo_tokens, word_inputs)["elmo_representations"][0]
        return vectors if self._projection is None else self._projection(vectors)

"""AllenNLP's inner modules: the token layer and the bidirectional language model, loaded from published files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn

from elmo_lite.allennlp.ids import char_ids, enclose, lengths_of
from elmo_lite.allennlp.layers import CharacterEncoder, StatefulLSTM, spell_out
from elmo_lite.errors import ConfigError
from elmo_lite.published.format import load

PathLike = str | os.PathLike[str]


class BiLMActivations(TypedDict):
    """Output of the bidirectional language model for a batch."""

    activations: list[Tensor]
    """L tensors (B, T + 2, 2D), zero at padding."""
    mask: Tensor
    """(B, T + 2) bool, True at tokens, BOS and EOS included."""


class _ElmoCharacterEncoder(CharacterEncoder):
    """The token layer of a published model."""

    def __init__(self, options_file: PathLike, weight_file: PathLike, requires_grad: bool = False) -> None:
        """Load the token layer.

        Args:
            options_file: The model's ``options.json``.
            weight_file: The model's HDF5 file.
            requires_grad: Whether the weights are trainable. Defaults to False.

        Raises:
            CheckpointError: The files are not a published model.
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
        """Load the model.

        Args:
            options_file: The model's ``options.json``.
            weight_file: The model's HDF5 file.
            requires_grad: Whether the weights are trainable. Defaults to False.
            vocab_to_cache: Words in the order of their ids, of which ``forward`` then accepts word ids; id 0 is
                padding. Defaults to no vocabulary.

        Raises:
            CheckpointError: The files are not a published model.
            ConfigError: ``vocab_to_cache`` contains a word twice.
        """
        super().__init__()
        bilm = spell_out(load(options_file, weight_file).bilm, requires_grad)
        self.num_layers = bilm.config.num_layers + 1
        self._token_embedder = CharacterEncoder(bilm)
        self._elmo_lstm = StatefulLSTM(bilm)
        self._word_embedding = self._vocabulary(vocab_to_cache, requires_grad) if vocab_to_cache else None

    def get_output_dim(self) -> int:
        """Width of both directions together, 2D."""
        return 2 * self._token_embedder.get_output_dim()

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Reset the states of the stored rows at which ``mask`` (N,) is True to zero. Defaults to all rows."""
        self._elmo_lstm.reset_states(mask)

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> BiLMActivations:
        """Compute all layers; row b starts from the final states of row b of the previous batch.

        Args:
            inputs: Character ids (B, T, C), 0 at padding.
            word_inputs: Word ids (B, T) of ``vocab_to_cache``, 0 at padding. If any id is outside the vocabulary, the
                character ids of the batch are used instead.

        Raises:
            ConfigError: The inputs have another rank or width.
            CorpusError: An id is out of range, or padding precedes a word; the position is named.
        """
        tokens, mask = self._tokens(inputs, word_inputs)
        first = torch.cat([tokens, tokens], dim=-1) * mask[:, :, None]
        others = self._elmo_lstm(tokens, mask)
        return {"activations": [first, *others.to(first.dtype)], "mask": mask}

    def _tokens(self, inputs: Tensor, word_inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        """Token vectors (B, T + 2, D) with BOS and EOS, and their mask (B, T + 2)."""
        table = self._word_embedding
        if table is None or word_inputs is None or not _all_within(word_inputs, table.num_embeddings):
            encoded = self._token_embedder(inputs)
            return encoded["token_embedding"], encoded["mask"]
        lengths = lengths_of(word_inputs > 0, "word_inputs")
        begin, end = self._token_embedder.boundary_vectors()
        return enclose(table(word_inputs), lengths, begin, end)

    def _vocabulary(self, words: Sequence[str], requires_grad: bool) -> nn.Embedding:
        """Embedding (V, D) of the token vectors of a vocabulary; the row of padding is zero."""
        places: dict[str, int] = {}
        for place, word in enumerate(words):
            if word in places:
                raise ConfigError(
                    f"vocab_to_cache: expected each word once, found {word!r} at {places[word]} and {place}"
                )
            places[word] = place
        width = self._token_embedder.char_cnn.max_characters
        vectors = self._token_embedder.vocabulary_vectors(torch.from_numpy(char_ids(words, width)))
        vectors[0] = 0
        table = nn.Embedding(len(vectors), vectors.shape[1], padding_idx=0, _weight=vectors)
        return table.requires_grad_(requires_grad)


def _all_within(ids: Tensor, number: int) -> bool:
    """Whether all ids are in [0, number)."""
    return bool(((ids >= 0) & (ids < number)).all())

"""The bidirectional language model without its head, from character ids to layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from elmo_lite.nn.bilstm import LSTMStack, LSTMState
from elmo_lite.nn.char_cnn import CharCNN
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.text.characters import begin_sentence_row, end_sentence_row, token_mask

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")


@dataclass(frozen=True)
class BiLMOutput:
    """The output of the model for a batch of sentences."""

    layers: Tensor
    """(L, B, T, 2D). Layer 0 is the token vector, concatenated with itself; layer k is [forward k; backward k]."""
    mask: Tensor
    """(B, T) bool, True for tokens and False for padding. The layers hold arbitrary values at padding."""


def reverse_sequences(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the first ``lengths[b]`` positions of each row; padding keeps its place.

    Args:
        sequences: Sequences of shape (B, T, ...).
        lengths: Length of each sequence, (B,), in 0..T.

    Returns:
        Reversed sequences of shape (B, T, ...).
    """
    positions = torch.arange(sequences.shape[1], device=sequences.device)
    mirrored = lengths[:, None] - 1 - positions
    index = torch.where(mirrored >= 0, mirrored, positions)  # (B, T)
    return sequences[torch.arange(len(sequences), device=sequences.device)[:, None], index]


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows of (N, C) integers, and for each row its index among the distinct rows, (N,).

    Rows are compared by a 64-bit hash and then verified, which is many times faster than sorting whole rows.
    """
    generator = torch.Generator().manual_seed(0)
    multipliers = torch.randint(-(2**62), 2**62, (rows.shape[1],), generator=generator).to(rows.device)
    _, inverse = torch.unique((rows.long() * multipliers).sum(dim=1), return_inverse=True)
    first = torch.zeros(int(inverse.max()) + 1, dtype=torch.long, device=rows.device)
    first[inverse] = torch.arange(len(rows), device=rows.device)
    distinct = rows[first]
    if not torch.equal(distinct[inverse], rows):  # a hash collision, about once in 10^13 batches
        return torch.unique(rows, dim=0, return_inverse=True)  # type: ignore[no-any-return]
    return distinct, inverse


def make_char_cnn(config: BiLMConfig) -> CharCNN:
    """The untrained token layer of an encoder."""
    cnn = config.char_cnn
    return CharCNN(
        embedding_dim=cnn.embedding_dim,
        filters=cnn.filters,
        num_highway=cnn.num_highway,
        activation=cnn.activation,
        max_characters=cnn.max_characters,
        output_dim=config.dim,
        projection=cnn.projection,
    )


def make_stack(config: BiLMConfig, make_layer: Callable[[], nn.Module] | None = None) -> LSTMStack:
    """The untrained layers of one direction; see ``LSTMStack`` for ``make_layer``."""
    return LSTMStack(
        dim=config.dim,
        lstm_dim=config.lstm_dim,
        num_layers=config.num_layers,
        skip_connections=config.skip_connections,
        cell_clip=config.cell_clip,
        projection_clip=config.projection_clip,
        forget_bias=config.forget_bias,
        lstm_projection=config.has_lstm_projection,
        is_projected=config.is_projected,
        dropout=config.dropout or 0.0,
        variational_dropout=config.variational_dropout,
        make_layer=make_layer,
    )


class BiLM(nn.Module):
    """A token layer and two LSTM stacks, one for each direction (Peters et al. 2018, section 3.1)."""

    boundary_char_ids: Tensor
    directions: tuple[Direction, ...] = DIRECTIONS
    reads_characters = True

    def __init__(self, config: BiLMConfig) -> None:
        """Create an untrained model."""
        super().__init__()
        self.config = config
        self.char_cnn = make_char_cnn(config)
        self.forward_lstm = make_stack(config)
        self.backward_lstm = make_stack(config)
        width = config.char_cnn.max_characters
        rows = np.stack([begin_sentence_row(width), end_sentence_row(width)])
        self.register_buffer("boundary_char_ids", torch.from_numpy(rows), persistent=False)

    def token_vectors(self, char_ids: Tensor, longest: int | None = None) -> Tensor:
        """Compute context-independent vectors of N words, (N, C) to (N, D). Distinct words avoid repeated work.

        ``longest`` is the number of characters of the longest word, if it is known; see ``CharCNN``.
        """
        return self.char_cnn(char_ids, longest)  # type: ignore[no-any-return]

    def run_direction(
        self,
        direction: Direction,
        token_vectors: Tensor,
        state: LSTMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[list[Tensor], LSTMState]:
        """Run one direction over sequences in its reading order.

        Args:
            direction: The direction: "forward" reads w1..wn, "backward" reads wn..w1.
            token_vectors: Token vectors (B, T, D) in reading order, padded on the right.
            state: State after the previous chunk. Defaults to zeros.
            lengths: Length of each row, (B,) in 0..T, on the CPU. Defaults to T.

        Returns:
            The output of each LSTM layer, (B, T, D) in reading order, and the state. For their values at padding, see
            ``LSTMStack.forward``.
        """
        stack = self.forward_lstm if direction == "forward" else self.backward_lstm
        return stack(token_vectors, state, lengths)  # type: ignore[no-any-return]

    def forward(self, char_ids: Tensor) -> BiLMOutput:
        """Compute the layers of independent sentences: BOS and EOS are added, states start at zero.

        This is the differentiable pass over one batch of character ids. For inference, ``embedding.runner`` runs words
        in chunks from cached token vectors; this package does not depend on it.

        Args:
            char_ids: Character ids (B, T, C). Rows of zeros are padding, on the right only.

        Returns:
            Layers (L, B, T, 2D) and mask (B, T).
        """
        mask = token_mask(char_ids)
        batch, length = mask.shape
        rows = torch.cat([self.boundary_char_ids.to(char_ids.dtype), char_ids.flatten(0, 1)])
        distinct, inverse = distinct_rows(rows)
        vectors = self.token_vectors(distinct)
        begin, end = vectors[inverse[0]], vectors[inverse[1]]
        tokens = vectors[inverse[2:]].view(batch, length, self.config.dim)
        lengths = mask.sum(dim=1)
        ends = lengths.cpu() + 1
        forward_layers, _ = self.run_direction("forward", _prepend(begin, tokens), lengths=ends)
        mirrored = _prepend(end, reverse_sequences(tokens, lengths))
        backward_layers, _ = self.run_direction("backward", mirrored, lengths=ends)
        layers = [torch.cat([tokens, tokens], dim=-1)]
        for ahead, back in zip(forward_layers, backward_layers, strict=True):
            layers.append(torch.cat([ahead[:, 1:], reverse_sequences(back[:, 1:], lengths)], dim=-1))
        return BiLMOutput(torch.stack([layer.to(tokens.dtype) for layer in layers]), mask)


def _prepend(boundary: Tensor, tokens: Tensor) -> Tensor:
    """Prepend the vector (D,) of BOS or EOS to each sequence of (B, T, D). Returns (B, T + 1, D)."""
    return torch.cat([boundary.expand(len(tokens), 1, -1), tokens], dim=1)

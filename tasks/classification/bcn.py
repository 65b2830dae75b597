"""The biattentive classification network (McCann et al. 2017, section 5) for single texts.

A biLSTM encodes the text, self-attention computes a context vector at each word, and a second biLSTM integrates
both. The output is pooled in four ways and classified by a maxout network. For tasks with single texts, the paper
pairs each text with itself. Both halves then compute the same, so that this network has only one; ``pair_bcn`` is the
network for pairs. A text in pieces attends within each piece, and is pooled as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from elmo_lite import ConfigError
from elmo_lite.errors import require_range
from elmo_lite.nn import DEEPEST, WIDEST
from tasks.classification.pooling import AttentivePooling, Pooled, join_pieces, pool_all
from tasks.modules.bilstm import BiLSTM
from tasks.modules.parts import Linear, Parts

_BLOCK = 1024
"""Words whose attention is computed at a time, so that the memory for a long text is linear in its length."""
_BLOCK_SCORES = 1 << 24
"""Maximum number of scores in a block, unless a single word has more."""


@dataclass(frozen=True, kw_only=True)
class BCNConfig:
    """Sizes of the network. The default widths are half of the paper's 300, to train on two CPU cores."""

    feed_forward_dim: int = 150
    """Width of the ReLU layer over the word vectors."""
    lstm_dim: int = 150
    """Width of one direction of the encoder and of the integrator."""
    maxout_dims: tuple[int, ...] = (300, 150)
    """Widths of the maxout layers before the one that outputs the classes."""
    pool_size: int = 4
    """Number of linear pieces of a maxout unit."""
    feed_forward_dropout: float = 0.25
    """Dropout probability after the ReLU layer, in [0, 1)."""
    pooled_dropout: float = 0.1
    """Dropout probability of the pooled vector, in [0, 1)."""
    maxout_dropout: float = 0.25
    """Dropout probability after each maxout layer but the last, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings, and convert lists from YAML to tuples."""
        object.__setattr__(self, "maxout_dims", tuple(self.maxout_dims))
        for name in ("feed_forward_dim", "lstm_dim", "pool_size"):
            require_range(getattr(self, name), f"bcn.{name}", 1, WIDEST)
        require_range(len(self.maxout_dims), "bcn.maxout_dims: number of layers", 0, DEEPEST)
        for dim in self.maxout_dims:
            require_range(dim, "bcn.maxout_dims", 1, WIDEST)
        for name in ("feed_forward_dropout", "pooled_dropout", "maxout_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"bcn.{name}: expected a probability in [0, 1), found {getattr(self, name)}")


class BCN(nn.Module):
    """Biattentive classification network from word vectors to logits of the classes."""

    def __init__(self, input_dim: int, num_classes: int, config: BCNConfig, output_mix_dim: int = 0) -> None:
        """Build the network.

        Args:
            input_dim: Width of the word vectors.
            num_classes: Number of classes.
            config: Sizes of the layers.
            output_mix_dim: Width of the second mix, which is concatenated to the integrator's output. Defaults to 0,
                which means no second mix.
        """
        super().__init__()
        self.feed_forward = feed_forward(input_dim, config)
        self.encoder = BiLSTM(config.feed_forward_dim, config.lstm_dim)
        self.integrator = BiLSTM(3 * self.encoder.dim, config.lstm_dim)
        read_dim = self.integrator.dim + output_mix_dim
        self.attentive_pooling = AttentivePooling(read_dim)
        self.pooled_dropout = nn.Dropout(config.pooled_dropout)
        self.maxout = maxout_layers(4 * read_dim, num_classes, config)

    def read(self, vectors: Parts, mask: Tensor, output_mix: Tensor | None = None) -> Pooled:
        """What is kept of N pieces of texts: word vectors (N, T, input_dim) with mask (N, T), and the second mix."""
        states = self.encoder(self.feed_forward(vectors), mask)
        read = integrated(self.integrator, states, self_attended(states, mask), mask, output_mix)
        return pool_all(read, mask, self.attentive_pooling)

    def judge(self, pieces: Sequence[Pooled], owner: Tensor, num_texts: int) -> Tensor:
        """Logits (B, num_classes) of texts, from what is kept of their pieces; see ``join_pieces``."""
        pooled = four_pools(join_pieces(pieces, owner, num_texts))
        scores: Tensor = self.maxout(self.pooled_dropout(pooled))
        return scores

    def forward(self, vectors: Parts, mask: Tensor, output_mix: Tensor | None = None) -> Tensor:
        """Compute the logits of the classes of texts in one piece.

        Args:
            vectors: (B, T, input_dim), word vectors.
            mask: (B, T), True at words.
            output_mix: (B, T, output_mix_dim), the second mix. Defaults to None.

        Returns:
            (B, num_classes), logits.
        """
        return self.judge(
            [self.read(vectors, mask, output_mix)], torch.arange(len(mask), device=mask.device), len(mask)
        )


def feed_forward(input_dim: int, config: BCNConfig) -> nn.Sequential:
    """The ReLU layer over the word vectors."""
    return nn.Sequential(Linear(input_dim, config.feed_forward_dim), nn.ReLU(), nn.Dropout(config.feed_forward_dropout))


def integrated(integrator: BiLSTM, states: Tensor, context: Tensor, mask: Tensor, output_mix: Tensor | None) -> Tensor:
    """Read states X and context C as [X; X - C; X * C] (equations 11 and 12), and add the second mix, (B, T, D)."""
    read: Tensor = integrator(torch.cat([states, states - context, states * context], dim=-1), mask)
    return read if output_mix is None else torch.cat([read, output_mix], dim=-1)


def four_pools(found: Pooled) -> Tensor:
    """Maximum, mean, minimum and attentive pooling of texts, concatenated, (B, 4D) (equation 15)."""
    assert found.smallest is not None and found.attended is not None
    return torch.cat([found.largest, found.mean, found.smallest, found.attended.mean], dim=-1)


def self_attended(states: Tensor, mask: Tensor) -> Tensor:
    """Apply self-attention with inner products as scores (equations 8 to 10), see ``attended``."""
    return attended(states, states, mask)


def attended(queries: Tensor, states: Tensor, mask: Tensor) -> Tensor:
    """Compute the context of each word of one text in another, in blocks of at most 1,024 words.

    In training, the scores of more than one block are computed again in the backward pass instead of being kept.

    Args:
        queries: (B, S, D), encoder states of the words of one text.
        states: (B, T, D), encoder states of the words of the other.
        mask: (B, T), True at words of the other.

    Returns:
        (B, S, D), at each word the mean of the other's states weighted by the softmax of their inner products with it.
    """
    padding = ~mask[:, None, :]

    def of_block(block: Tensor) -> Tensor:
        scores = (block @ states.transpose(1, 2)).masked_fill(padding, -torch.inf)
        return torch.softmax(scores, dim=-1) @ states

    size = min(_BLOCK, max(1, _BLOCK_SCORES // (states.shape[0] * states.shape[1])))
    blocks = torch.split(queries, size, dim=1)
    if len(blocks) == 1 or not torch.is_grad_enabled():
        return torch.cat(list(map(of_block, blocks)), dim=1)
    return torch.cat([checkpoint(of_block, block, use_reentrant=False) for block in blocks], dim=1)


def maxout_layers(input_dim: int, num_classes: int, config: BCNConfig) -> nn.Sequential:
    """Maxout layers with dropout between them, from the pooled vector to the logits."""
    layers: list[nn.Module] = []
    for before, after in pairwise([input_dim, *config.maxout_dims, num_classes]):
        layers += [Maxout(before, after, config.pool_size), nn.Dropout(config.maxout_dropout)]
    return nn.Sequential(*layers[:-1])  # no dropout of the logits


class Maxout(nn.Module):
    """Maxout layer: the maximum of several linear functions of the batch-normalised input (Goodfellow et al. 2013)."""

    def __init__(self, input_dim: int, output_dim: int, pool_size: int) -> None:
        """Build a layer of ``output_dim`` units with ``pool_size`` linear pieces each."""
        super().__init__()
        self.pool_size = pool_size
        self.norm = nn.BatchNorm1d(input_dim)
        self.pieces = nn.Linear(input_dim, output_dim * pool_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (B, input_dim) to outputs (B, output_dim)."""
        pieces = self.pieces(self._normalised(inputs))
        largest: Tensor = pieces.unflatten(-1, (-1, self.pool_size)).amax(dim=-1)
        return largest

    def _normalised(self, inputs: Tensor) -> Tensor:
        if self.training and len(inputs) == 1:  # a single sentence has no variance: use the running statistics
            norm = self.norm
            return F.batch_norm(inputs, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        normalised: Tensor = self.norm(inputs)
        return normalised

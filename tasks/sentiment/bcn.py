"""The biattentive classification network (McCann et al. 2017, section 5) for single sentences.

A biLSTM encodes the sentence, self-attention computes a context vector at each word, and a second biLSTM integrates
both. The output is pooled in four ways and classified by a maxout network. For tasks with single sentences, the paper
pairs each sentence with itself. Both halves then compute the same, so that this network has only one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import ConfigError
from elmo_lite.errors import require_range
from elmo_lite.nn import DEEPEST, WIDEST
from tasks.modules.bilstm import BiLSTM
from tasks.sentiment.pooling import AttentivePooling, masked_max, masked_mean, masked_min

_BLOCK = 1024
"""Words whose attention is computed at a time, so that the memory for a long text is linear in its length."""


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
        self.feed_forward = nn.Sequential(
            nn.Linear(input_dim, config.feed_forward_dim), nn.ReLU(), nn.Dropout(config.feed_forward_dropout)
        )
        self.encoder = BiLSTM(config.feed_forward_dim, config.lstm_dim)
        self.integrator = BiLSTM(3 * self.encoder.dim, config.lstm_dim)
        read_dim = self.integrator.dim + output_mix_dim
        self.attentive_pooling = AttentivePooling(read_dim)
        self.pooled_dropout = nn.Dropout(config.pooled_dropout)
        widths = [4 * read_dim, *config.maxout_dims, num_classes]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [Maxout(before, after, config.pool_size), nn.Dropout(config.maxout_dropout)]
        self.maxout = nn.Sequential(*layers[:-1])  # no dropout of the logits

    def forward(self, vectors: Tensor, mask: Tensor, output_mix: Tensor | None = None) -> Tensor:
        """Compute the logits of the classes.

        Args:
            vectors: (B, T, input_dim), word vectors.
            mask: (B, T), True at words.
            output_mix: (B, T, output_mix_dim), the second mix. Defaults to None.

        Returns:
            (B, num_classes), logits.
        """
        states = self.encoder(self.feed_forward(vectors), mask)
        attended = self_attended(states, mask)
        read = self.integrator(torch.cat([states, states - attended, states * attended], dim=-1), mask)
        if output_mix is not None:
            read = torch.cat([read, output_mix], dim=-1)
        pools = (masked_max, masked_mean, masked_min, self.attentive_pooling)
        scores: Tensor = self.maxout(self.pooled_dropout(torch.cat([pool(read, mask) for pool in pools], dim=-1)))
        return scores


def self_attended(states: Tensor, mask: Tensor) -> Tensor:
    """Apply self-attention with inner products as scores (equations 8 to 10), in blocks of 1,024 words.

    Args:
        states: (B, T, D), encoder states of the words.
        mask: (B, T), True at words.

    Returns:
        (B, T, D), at each word the mean of all states weighted by the softmax of their inner products with its state.
    """
    padding = ~mask[:, None, :]
    return torch.cat(
        [
            torch.softmax((block @ states.transpose(1, 2)).masked_fill(padding, -torch.inf), dim=-1) @ states
            for block in torch.split(states, _BLOCK, dim=1)
        ],
        dim=1,
    )


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

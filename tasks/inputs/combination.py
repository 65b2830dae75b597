"""Ways to combine the chosen layers of an encoder to one vector per word, besides ``ScalarMix``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import ScalarMix

MixWeights = tuple[list[float], float]
"""The weights of the layers, which sum to 1, and gamma."""


class OneLayer(nn.Module):
    """A single layer in place of a ``ScalarMix``, without parameters."""

    def __init__(self, layer_norm: bool = False) -> None:
        """Build the module; with ``layer_norm``, each vector is normalised to mean 0 and variance 1."""
        super().__init__()
        self.layer_norm = layer_norm

    def forward(self, layers: Tensor) -> Tensor:
        """The only layer: (1, ..., 2D) to (..., 2D)."""
        (chosen,) = layers
        return F.layer_norm(chosen, chosen.shape[-1:]) if self.layer_norm else chosen

    def weights(self) -> None:
        """None, since there is nothing to weigh."""

    def penalty(self) -> Tensor:
        """Zero, since there are no weights to penalise."""
        return torch.zeros(())


def random_mix(num_layers: int, layer_norm: bool = False, dropout: float = 0.0) -> ScalarMix:
    """A mix with random weights, drawn from a standard normal distribution before the softmax; gamma alone learns."""
    mix = ScalarMix(num_layers, layer_norm=layer_norm, dropout=dropout)
    nn.init.normal_(mix.weight)
    mix.weight.requires_grad_(False)
    return mix


class Concatenation(nn.Module):
    """The layers of a word side by side, projected to a chosen width, or passed through one hidden layer."""

    def __init__(
        self,
        num_layers: int,
        layer_dim: int,
        output_dim: int | None = None,
        *,
        hidden: bool = False,
        layer_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Build the module.

        Args:
            num_layers: Number of layers K.
            layer_dim: Width 2D of a layer.
            output_dim: Width of a learned projection, and of the hidden layer before it. Defaults to no projection, or
                to 2D with a hidden layer.
            hidden: Put a hidden layer of rectified linear units before the projection.
            layer_norm: Normalise each vector of each layer to mean 0 and variance 1 first.
            dropout: Probability in [0, 1) that a layer is set to zero in a training step; the others are scaled up.
        """
        super().__init__()
        self.layer_norm = layer_norm
        self.dropout = dropout
        width = num_layers * layer_dim
        self.output_dim = output_dim or (layer_dim if hidden else width)
        self.function: nn.Module = nn.Identity()
        if hidden:
            first, last = nn.Linear(width, self.output_dim), nn.Linear(self.output_dim, self.output_dim)
            self.function = nn.Sequential(first, nn.ReLU(), last)
        elif output_dim is not None:
            self.function = nn.Linear(width, output_dim)

    def forward(self, layers: Tensor) -> Tensor:
        """Combine the layers: (K, B, T, 2D) to (B, T, output_dim)."""
        if self.layer_norm:
            layers = F.layer_norm(layers, layers.shape[-1:])
        if self.training and self.dropout > 0:
            layers = layers * F.dropout(layers.new_ones(len(layers), 1, 1, 1), self.dropout)
        combined: Tensor = self.function(layers.permute(1, 2, 0, 3).flatten(2))  # (B, T, K * 2D)
        return combined

    def weights(self) -> None:
        """None, since no single number is the weight of a layer."""

    def penalty(self) -> Tensor:
        """Zero, since there are no layer weights to penalise."""
        return torch.zeros(())

"""Learned weighted sum of the layers of a model for one task (Peters et al. 2018, equation 1)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from elmo_lite.errors import ConfigError

START_SHARE = 0.9
"""Weight of the layer that a mix starts from; with more, its gradient would be too small to change it."""


class ScalarMix(nn.Module):
    """gamma * sum_l softmax(w)_l * layers[l], where w and gamma are learned together with the task model."""

    def __init__(
        self,
        num_layers: int,
        layer_norm: bool = False,
        dropout: float = 0.0,
        l2: float = 0.0,
        start: int | None = None,
    ) -> None:
        """Start with gamma 1.

        Args:
            num_layers: Number of layers L, the token layer included.
            layer_norm: Normalise each vector of each layer to mean 0 and variance 1 before mixing.
            dropout: Probability in [0, 1) that a layer is left out of a training step. The others keep their
                proportions.
            l2: Strength of ``penalty``, 0 or more, which pulls the weights towards their mean.
            start: Layer in 0..L-1 that starts with 0.9 of the weight; the others share the rest. Defaults to equal
                weights.

        Raises:
            ConfigError: A value is out of range.
        """
        super().__init__()
        if num_layers < 1:
            raise ConfigError(f"num_layers: expected 1 or more, found {num_layers}")
        if not 0 <= dropout < 1:
            raise ConfigError(f"dropout: expected a probability in [0, 1), found {dropout}")
        if l2 < 0:
            raise ConfigError(f"l2: expected 0 or more, found {l2}")
        if start is not None and not 0 <= start < num_layers:
            raise ConfigError(f"start: expected a layer in 0..{num_layers - 1}, found {start}")
        self.num_layers = num_layers
        self.layer_norm = layer_norm
        self.dropout = dropout
        self.l2 = l2
        self.weight = nn.Parameter(torch.zeros(num_layers))
        if start is not None and num_layers > 1:
            with torch.no_grad():
                self.weight[start] = math.log(START_SHARE * (num_layers - 1) / (1 - START_SHARE))
        self.gamma = nn.Parameter(torch.ones(1))

    def forward(self, layers: Tensor) -> Tensor:
        """Mix the layers.

        Args:
            layers: Layers (L, ..., 2D), such as (L, B, T, 2D).

        Returns:
            Weighted sum (..., 2D), such as (B, T, 2D). Positions are mixed independently, so padding does not affect
            tokens.

        Raises:
            ValueError: L differs from ``num_layers``.
        """
        if layers.dim() < 2 or layers.shape[0] != self.num_layers:
            raise ValueError(f"layers: expected ({self.num_layers}, ..., 2D), found {tuple(layers.shape)}")
        if self.layer_norm:
            layers = nn.functional.layer_norm(layers, layers.shape[-1:])
        scale = (self.gamma * self._proportions()).to(layers.dtype)
        # Autocast would convert all layers, and products of this shape are slow in bfloat16.
        with torch.autocast(layers.device.type, enabled=False):
            mixed: Tensor = torch.tensordot(scale, layers, dims=([0], [0]))
        return mixed

    def _proportions(self) -> Tensor:
        """The proportions (L,), which sum to 1; in training, those of dropped layers are 0."""
        weight: Tensor = self.weight
        if self.training and self.dropout > 0:
            dropped = torch.rand_like(weight) < self.dropout
            weight = weight.masked_fill(dropped & ~dropped.all(), -torch.inf)
        return torch.softmax(weight, dim=0)

    def weights(self) -> tuple[list[float], float]:
        """The learned proportions of the layers, which sum to 1, and gamma."""
        with torch.no_grad():
            return torch.softmax(self.weight, dim=0).tolist(), float(self.gamma)

    def penalty(self) -> Tensor:
        """The penalty for the loss, a scalar: ``l2`` times the sum of squared distances of the weights from their mean.

        Adding a constant to all weights does not change the softmax, so only their spread is penalised.
        """
        return self.l2 * (self.weight - self.weight.mean()).square().sum()

    def extra_repr(self) -> str:
        """The settings shown by ``print``."""
        return f"num_layers={self.num_layers}, layer_norm={self.layer_norm}, dropout={self.dropout}, l2={self.l2}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        """Accept also the names of AllenNLP: one parameter ``scalar_parameters.{k}`` of shape (1,) for each layer."""
        old = [f"{prefix}scalar_parameters.{index}" for index in range(self.num_layers)]
        if f"{prefix}weight" not in state_dict and all(name in state_dict for name in old):
            state_dict[f"{prefix}weight"] = torch.cat([state_dict.pop(name).reshape(1) for name in old])
        super()._load_from_state_dict(state_dict, prefix, *arguments)

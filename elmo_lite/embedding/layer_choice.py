"""Choice of the layers of a model."""

from __future__ import annotations

from typing import Literal

from elmo_lite.errors import ConfigError

Layers = Literal["all", "mean", "top"] | int
"""All layers, their mean, the top layer, or the number of a layer in -L..L-1."""
LayerChoice = int | Literal["all", "mean"]
"""The number of a layer in 0..L-1, or all layers, or their mean."""


def layer_number(layers: Layers, num_layers: int) -> LayerChoice:
    """Convert a choice of layers to the number of a layer in 0..L-1, or to "all" or "mean".

    Args:
        layers: The choice.
        num_layers: Number of layers L, token layer included.

    Raises:
        ConfigError: There is no such layer.
    """
    if layers == "all" or layers == "mean":
        return layers
    number = num_layers - 1 if layers == "top" else layers
    if isinstance(number, bool) or not isinstance(number, int) or not -num_layers <= number < num_layers:
        expected = f"all, mean, top or a number in {-num_layers}..{num_layers - 1}"
        raise ConfigError(f"layers: expected {expected}, found {layers!r}")
    return number % num_layers

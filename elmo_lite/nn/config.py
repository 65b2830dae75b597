"""Settings of the model, validated on construction."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from elmo_lite.errors import require, require_range
from elmo_lite.fields import from_settings
from elmo_lite.text.characters import LONGEST_WIDTH, MAX_CHARACTERS, SHORTEST_WIDTH

WIDEST, DEEPEST = 65_536, 100
"""Bounds of widths and of numbers of layers, far above those of any trained model: what lies beyond is a mistake, or
meant to exhaust memory."""


def require_bound(value: float | None, name: str) -> None:
    """Check a positive finite bound, or None for no bound.

    Raises:
        ConfigError: It is out of range.
    """
    require(value is None or 0 < value < math.inf, name, "a positive bound or null", value)


@dataclass(frozen=True, kw_only=True)
class CharCNNConfig:
    """Settings of the token layer: character embedding, convolutions, highway layers, projection."""

    embedding_dim: int = 16
    """Width of the vector of a character."""
    filters: tuple[tuple[int, int], ...] = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 128), (6, 128))
    """Groups of convolution filters, each [width in characters, number of filters]."""
    num_highway: int = 1
    """Number of highway layers over the pooled filters, 0 or more."""
    activation: Literal["relu", "tanh"] = "relu"
    """Activation after max pooling."""
    max_characters: int = MAX_CHARACTERS
    """Number of bytes kept of a word, BOW and EOW included, at least 3."""
    projection: bool = True
    """Project the filters to the width of the model; may be false if they have that width already."""

    def __post_init__(self) -> None:
        """Check ranges and convert lists, as YAML has them, to tuples."""
        object.__setattr__(self, "filters", tuple((int(w), int(n)) for w, n in self.filters))
        require_range(self.embedding_dim, "model.char_cnn.embedding_dim", 1, WIDEST)
        require(len(self.filters) > 0, "model.char_cnn.filters", "at least one [width, number]", list(self.filters))
        require_range(len(self.filters), "model.char_cnn.filters: number of pairs", 1, DEEPEST)
        require_range(self.num_highway, "model.char_cnn.num_highway", 0, DEEPEST)
        require(self.activation in ("relu", "tanh"), "model.char_cnn.activation", "relu or tanh", self.activation)
        require_range(self.max_characters, "model.char_cnn.max_characters", SHORTEST_WIDTH, LONGEST_WIDTH)
        for width, number in self.filters:
            require(
                1 <= width <= self.max_characters and 1 <= number <= WIDEST,
                "model.char_cnn.filters",
                f"widths in 1..{self.max_characters} and numbers in 1..{WIDEST}",
                [width, number],
            )

    @property
    def num_filters(self) -> int:
        """Total number of filters, which is the width of the highway layers."""
        return sum(number for _, number in self.filters)


@dataclass(frozen=True, kw_only=True)
class BiLMConfig:
    """Settings of the bidirectional language model without its head."""

    char_cnn: CharCNNConfig = field(default_factory=CharCNNConfig)
    """The token layer, shared by both directions."""
    dim: int = 256
    """Width of a token vector and of the output of one direction (D)."""
    lstm_dim: int = 256
    """Width of the cell of one direction, at least dim."""
    lstm_projection: bool | None = None
    """Whether a projection follows the cell. Defaults to true if lstm_dim differs from dim."""
    num_layers: int = 2
    """Number of LSTM layers of each direction."""
    skip_connections: bool = True
    """Add the input of each layer but the first to its output."""
    cell_clip: float | None = None
    """Bound on the absolute value of the cell state. Defaults to none."""
    projection_clip: float | None = None
    """Bound on the absolute value of the projected output, which needs a projection. Defaults to none."""
    forget_bias: float = 0.0
    """Constant added to the forget gate beside its learned bias; 1 in published models, whose files do not hold it."""
    dropout: float | None = None
    """Dropout probability of the input of every LSTM layer and of the last output, in [0, 1). Defaults to one that
    suits the number of passes over the text."""
    variational_dropout: bool = True
    """Use one dropout mask for each sentence or window and direction, instead of one for each position."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require_range(self.dim, "model.dim", 1, WIDEST)
        require(self.lstm_dim >= self.dim, "model.lstm_dim", f"at least dim = {self.dim}", self.lstm_dim)
        require_range(self.lstm_dim, "model.lstm_dim", 1, WIDEST)
        require(
            self.char_cnn.projection or self.char_cnn.num_filters == self.dim,
            "model.char_cnn.projection",
            f"true, as {self.char_cnn.num_filters} filters differ from dim = {self.dim}",
            self.char_cnn.projection,
        )
        require(
            self.lstm_projection is not False or self.lstm_dim == self.dim,
            "model.lstm_projection",
            f"true or null, as lstm_dim = {self.lstm_dim} differs from dim = {self.dim}",
            self.lstm_projection,
        )
        require_range(self.num_layers, "model.num_layers", 1, DEEPEST)
        require(math.isfinite(self.forget_bias), "model.forget_bias", "a finite number", self.forget_bias)
        require(self.dropout is None or 0 <= self.dropout < 1, "model.dropout", "a probability in [0, 1)", self.dropout)
        for name in ("cell_clip", "projection_clip"):
            require_bound(getattr(self, name), f"model.{name}")
        require(
            self.projection_clip is None or self.has_lstm_projection or self.lstm_projection is False,
            "model.projection_clip",
            "null, as no projection follows the cell (lstm_projection: true adds one)",
            self.projection_clip,
        )

    @property
    def has_lstm_projection(self) -> bool:
        """Whether a projection follows the cells."""
        return self.lstm_dim != self.dim if self.lstm_projection is None else self.lstm_projection

    @property
    def is_projected(self) -> bool:
        """Whether the LSTM needs projection or clipping."""
        return self.has_lstm_projection or self.cell_clip is not None

    def state_shapes(self, rows: int) -> list[list[list[int]]]:
        """Shapes of the parts of each layer's state for a batch of ``rows`` sequences."""
        return [[[rows, self.dim], [rows, self.lstm_dim]] for _ in range(self.num_layers)]


def to_dict(config: Any) -> dict[str, Any]:
    """Convert a dataclass of settings to dicts, lists and scalars for JSON or YAML."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def _plain(value: Any) -> Any:
    """Convert tuples to lists, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def bilm_config_from_dict(settings: dict[str, Any]) -> BiLMConfig:
    """Create a ``BiLMConfig`` from the output of ``to_dict``.

    Raises:
        ConfigError: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    return from_settings(BiLMConfig, settings, "model")


def dotted(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted keys, such as ``char_cnn.filters``."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= dotted(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found

"""Settings of a language model that reads forward alone, with a choice of its cell and of its token layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from elmo_lite.errors import require, require_range
from elmo_lite.fields import from_settings
from elmo_lite.nn.config import BiLMConfig, bilm_config_from_dict

Cell = Literal["window", "rnn_tanh", "rnn_relu", "gru", "lstm"]
TokenLayer = Literal["words", "characters"]
LONGEST_WINDOW = 1024


@dataclass(frozen=True, kw_only=True)
class ForwardLMConfig(BiLMConfig):
    """Settings of a forward language model without its head; those of ``BiLMConfig`` hold for its one direction."""

    cell: Cell = "lstm"
    """Cell of the layers: a fixed window of words (Bengio et al. 2003), a simple RNN with tanh or ReLU, GRU or LSTM."""
    token_layer: TokenLayer = "words"
    """What is read of a word: its class, whose vector is that of the softmax, or its characters."""
    window: int = 4
    """Number of words that the cell "window" reads."""

    def __post_init__(self) -> None:
        """Check ranges."""
        super().__post_init__()
        require(self.cell in get_args(Cell), "model.cell", f"one of {', '.join(get_args(Cell))}", self.cell)
        require(self.token_layer in get_args(TokenLayer), "model.token_layer", "words or characters", self.token_layer)
        require_range(self.window, "model.window", 1, LONGEST_WINDOW)
        require(not self.is_projected, "model.lstm_dim", f"dim = {self.dim}, without projection", self.lstm_dim)

    def state_shapes(self, rows: int) -> list[list[list[int]]]:
        """Shapes of the parts of each layer's state for a batch of ``rows`` sequences."""
        if self.cell == "lstm":
            return super().state_shapes(rows)
        part = [rows, self.window - 1, self.dim] if self.cell == "window" else [rows, self.dim]
        return [[part] for _ in range(self.num_layers)]


def encoder_config_from_dict(settings: Mapping[str, Any]) -> BiLMConfig:
    """Settings of a biLM, or of a forward language model, from the output of ``to_dict``.

    Raises:
        ConfigError: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    if "cell" in settings:
        return from_settings(ForwardLMConfig, settings, "model")
    return bilm_config_from_dict(dict(settings))

"""Floating-point operations of the model as executed; a multiplication and an addition count as two."""

from __future__ import annotations

from elmo_lite.nn.config import BiLMConfig

# A training step computes each product once in the forward pass and twice in the backward pass, for the gradients of
# the inputs and of the weights.
TRAINING_PASSES = 3


def token_layer_flop(config: BiLMConfig, num_characters: int) -> int:
    """Floating-point operations of the token layer per distinct word.

    Args:
        config: Settings of the encoder.
        num_characters: Number of character ids per word after trimming.
    """
    cnn = config.char_cnn
    convolutions = sum(
        (num_characters - width + 1) * width * cnn.embedding_dim * number for width, number in cnn.filters
    )
    projection = cnn.num_filters * config.dim if cnn.projection else 0
    return 2 * (convolutions + cnn.num_highway * 2 * cnn.num_filters**2 + projection)


def lstm_flop(config: BiLMConfig) -> int:
    """Floating-point operations of the LSTM layers of both directions per position."""
    gates = 4 * config.lstm_dim * (config.dim + config.dim)
    projection = config.lstm_dim * config.dim if config.has_lstm_projection else 0
    return 2 * 2 * config.num_layers * (gates + projection)


def softmax_flop(dim: int, num_classes: int) -> int:
    """Floating-point operations of the logits of both directions over ``num_classes`` classes per position."""
    return 2 * 2 * dim * num_classes

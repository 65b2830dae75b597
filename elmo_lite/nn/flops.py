"""Operations of the model, counted as executed: a multiplication and an addition are two."""

from __future__ import annotations

from elmo_lite.nn.config import BiLMConfig

# A training step computes every product once forward and twice backward (for the inputs and for the weights).
TRAINING_PASSES = 3


def token_layer_flop(config: BiLMConfig, num_characters: int) -> int:
    """Operations of the token layer for one distinct word.

    Args:
        config: the encoder.
        num_characters: width that the batch's character ids were trimmed to.
    """
    cnn = config.char_cnn
    convolutions = sum(
        (num_characters - width + 1) * width * cnn.embedding_dim * number for width, number in cnn.filters
    )
    projection = cnn.num_filters * config.dim if cnn.projection else 0
    return 2 * (convolutions + cnn.num_highway * 2 * cnn.num_filters**2 + projection)


def lstm_flop(config: BiLMConfig) -> int:
    """Operations of both directions' LSTM layers for one position."""
    gates = 4 * config.lstm_dim * (config.dim + config.dim)
    projection = config.lstm_dim * config.dim if config.has_lstm_projection else 0
    return 2 * 2 * config.num_layers * (gates + projection)


def softmax_flop(dim: int, num_classes: int) -> int:
    """Operations of both directions' logits over ``num_classes`` for one position."""
    return 2 * 2 * dim * num_classes

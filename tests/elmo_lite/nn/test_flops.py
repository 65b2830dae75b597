"""Operations as torch's own counter finds them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.flops import lstm_flop, softmax_flop, token_layer_flop
from elmo_lite.text.characters import encode_words


def config_of(**changes: Any) -> BiLMConfig:
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), num_highway=2, max_characters=14)
    return BiLMConfig(**{"char_cnn": cnn, "dim": 8, "lstm_dim": 8, "num_layers": 2, **changes})


def counted(run: Any) -> int:
    with FlopCounterMode(display=False) as counter:  # with a graph: products in place are not counted
        run()
    return counter.get_total_flops()


def test_token_layer() -> None:
    config = config_of()
    bilm = BiLM(config)
    words = torch.from_numpy(encode_words(["abcdefghijklmnop"] * 3, 14))  # as wide as can be: nothing is trimmed
    assert counted(lambda: bilm.token_vectors(words)) == 3 * token_layer_flop(config, 14)


def test_projected_lstm() -> None:
    """The plain engine is opaque to the counter; it differs by its missing projection alone."""
    config = config_of(lstm_dim=12)
    bilm = BiLM(config).double()  # as packed weights are opaque too
    vectors = torch.randn(2, 5, 8, dtype=torch.float64)

    def both() -> None:
        bilm.run_direction("forward", vectors)
        bilm.run_direction("backward", vectors)

    assert counted(both) == 10 * lstm_flop(config)


@pytest.mark.parametrize("lstm_dim", [8, 12])
def test_lstm_flop(lstm_dim: int) -> None:
    projection = 8 * lstm_dim if lstm_dim != 8 else 0
    assert lstm_flop(config_of(lstm_dim=lstm_dim)) == 2 * 2 * 2 * (4 * lstm_dim * 16 + projection)


def test_softmax() -> None:
    states, table = torch.randn(2, 8), torch.randn(30, 8)  # one position, both directions
    assert counted(lambda: states @ table.T) == softmax_flop(8, 30)

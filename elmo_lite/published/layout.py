"""Layout of a weight file in the published ELMo format: data sets as views of the encoder's parameters.

Every data set consists of pieces of parameters, transposed and reordered. Reading copies into these views and writing
copies from them: nothing is computed, and every bit is preserved. TensorFlow's ``carry`` is the gate of a highway
layer, and its LSTM gates are in the order i, g, f, o. TensorFlow adds 1 to the forget gate at run time, so the stored
bias does not include it; nor does ours (``BiLMConfig.forget_bias``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from elmo_lite.nn.bilm import DIRECTIONS, BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.text.characters import NUM_CHAR_IDS

Pieces = list[tuple[Any, Tensor]]
"""Parts of a data set: an index into it, and the view of the parameter stored there."""

_MODEL_GATES = (0, 2, 1, 3)
"""Positions of the file's gates i, g, f, o in the model's order i, f, g, o."""


def cell_name(direction: int, layer: int) -> str:
    """Name of the HDF5 group of one LSTM layer; direction 0 is forward, 1 is backward."""
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


def data_set_shapes(config: BiLMConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Iterate over name and shape of all data sets of a model with these settings."""
    cnn, num_filters = config.char_cnn, config.char_cnn.num_filters
    yield "char_embed", (NUM_CHAR_IDS - 1, cnn.embedding_dim)  # without row 0 of padding tokens, which is zero
    for index, (width, number) in enumerate(cnn.filters):
        yield f"CNN/W_cnn_{index}", (1, width, cnn.embedding_dim, number)
        yield f"CNN/b_cnn_{index}", (number,)
    for index in range(cnn.num_highway):
        for name in ("carry", "transform"):
            yield f"CNN_high_{index}/W_{name}", (num_filters, num_filters)
            yield f"CNN_high_{index}/b_{name}", (num_filters,)
    if cnn.projection:
        yield "CNN_proj/W_proj", (num_filters, config.dim)
        yield "CNN_proj/b_proj", (config.dim,)
    for direction in range(len(DIRECTIONS)):
        for layer in range(config.num_layers):
            cell = cell_name(direction, layer)
            yield f"{cell}/W_0", (2 * config.dim, 4 * config.lstm_dim)
            yield f"{cell}/B", (4 * config.lstm_dim,)
            if config.lstm_projection is not False:
                yield f"{cell}/W_P_0", (config.lstm_dim, config.dim)


def data_set_pieces(bilm: BiLM) -> dict[str, Pieces]:
    """The data sets of ``data_set_shapes`` as views of the parameters."""
    config, weights = bilm.config, bilm.state_dict()
    found: dict[str, Pieces] = {"char_embed": [(..., weights["char_cnn.embedding.weight"][1:])]}
    for index in range(len(config.char_cnn.filters)):
        name = f"char_cnn.convolutions.{index}"
        found[f"CNN/W_cnn_{index}"] = [(0, weights[f"{name}.weight"].permute(2, 1, 0))]
        found[f"CNN/b_cnn_{index}"] = [(..., weights[f"{name}.bias"])]
    linears = {"CNN_proj/{}_proj": "char_cnn.projection"} if config.char_cnn.projection else {}
    for index in range(config.char_cnn.num_highway):
        linears[f"CNN_high_{index}/{{}}_carry"] = f"char_cnn.highways.{index}.gate"
        linears[f"CNN_high_{index}/{{}}_transform"] = f"char_cnn.highways.{index}.transform"
    for data_set, name in linears.items():
        found[data_set.format("W")] = [(..., weights[f"{name}.weight"].T)]
        found[data_set.format("b")] = [(..., weights[f"{name}.bias"])]
    for number, direction in enumerate(DIRECTIONS):
        for layer in range(config.num_layers):
            lstm = {
                name.rpartition(".")[2].removesuffix("_l0"): weight
                for name, weight in weights.items()
                if name.startswith(f"{direction}_lstm.layers.{layer}.")
            }
            for name, pieces in _cell_pieces(lstm, config).items():
                found[f"{cell_name(number, layer)}/{name}"] = pieces
    return found


def _cell_pieces(lstm: Mapping[str, Tensor], config: BiLMConfig) -> dict[str, Pieces]:
    """The data sets of one LSTM layer, ``nn.LSTM`` or projected."""
    dim, size = config.dim, config.lstm_dim
    bias = lstm["bias"] if "bias" in lstm else _learned_bias(lstm["bias_ih"], lstm["bias_hh"], config.forget_bias)
    found: dict[str, Pieces] = {"W_0": [], "B": []}
    for place, gate in enumerate(_MODEL_GATES):
        columns, rows = slice(place * size, (place + 1) * size), slice(gate * size, (gate + 1) * size)
        found["W_0"].append(((slice(None, dim), columns), lstm["weight_ih"][rows].T))
        found["W_0"].append(((slice(dim, None), columns), lstm["weight_hh"][rows].T))
        found["B"].append((columns, bias[rows]))
    if config.lstm_projection is not False:
        # The format requires a projection: the identity if the model has none.
        found["W_P_0"] = [(..., lstm["weight_projection"].T if "weight_projection" in lstm else torch.eye(dim))]
    return found


def _learned_bias(bias: Tensor, constant: Tensor, forget_bias: float) -> Tensor:
    """Single bias of an ``nn.LSTM``, which has two; the second holds the constant forget bias unless it was trained."""
    size = len(bias) // 4
    rest = constant.clone()
    rest[size : 2 * size] -= forget_bias
    return bias + rest if rest.any() else bias

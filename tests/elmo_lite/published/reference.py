"""A second witness of the published ELMo format: the whole forward pass in numpy, one row and one step at a time.

It is written from the format's description alone and shares no code with the library, computes in float64, and is
itself compared with vectors that the original TensorFlow code computed (test_published_format.py).
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.float64]
LayerState = tuple[Array, Array]
"""h (P,) and c (D,) of one layer."""
RowState = list[list[LayerState]]
"""Of one row: ``[direction][layer]``, direction 0 = forward, 1 = backward."""

GOLDEN = Path(__file__).parents[4] / "shared" / "data" / "elmo-format"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no published vectors to compare with in {GOLDEN}")

CELL = "RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PADDING = range(256, 261)


def random_model(
    directory: Path,
    seed: int = 0,
    *,
    dim: int = 6,
    lstm_dim: int = 9,
    num_layers: int = 2,
    filters: Iterable[tuple[int, int]] = ((1, 3), (2, 4), (3, 5)),
    embedding_dim: int = 4,
    num_highway: int = 1,
    activation: str = "relu",
    skip: bool = True,
    cell_clip: float | None = 3.0,
    proj_clip: float | None = 3.0,
    n_characters: int = 262,
    max_characters: int = 50,
    cnn_projection: bool = True,
    lstm_projection: bool = True,
    scale: float = 1.0,
) -> tuple[Path, Path]:
    """Write a model of random weights in the published format.

    The weights are large enough that gates saturate, and that clips of about 0.5 bind at many positions.

    Args:
        directory: made if need be; gets ``options.json`` and ``weights.hdf5``.
        seed: of the weights.
        dim: P, ``lstm.projection_dim``.
        lstm_dim: D, ``lstm.dim``.
        num_layers: LSTM layers of each direction.
        filters: (width, number) of each group.
        embedding_dim: width of a character's vector.
        num_highway: highway layers.
        activation: "relu" or "tanh".
        skip: ``lstm.use_skip_connections``.
        cell_clip: as in the options; null where None.
        proj_clip: as in the options; null where None.
        n_characters: 261 or 262; the file has 261 rows either way.
        max_characters: C.
        cnn_projection: write ``CNN_proj``; may be false where the filters are ``dim`` in number.
        lstm_projection: write ``W_P_0``; may be false where ``lstm_dim`` is ``dim``.
        scale: factor on the weights of the LSTM layers.

    Returns:
        The options file and the weight file.
    """
    filters = list(filters)
    num_filters = sum(number for _, number in filters)
    assert cnn_projection or num_filters == dim
    assert lstm_projection or lstm_dim == dim
    random = np.random.default_rng(seed)

    def normal(*shape: int, std: float) -> npt.NDArray[np.float32]:
        return random.normal(scale=std, size=shape).astype(np.float32)

    weights = {"char_embed": random.uniform(-1, 1, (261, embedding_dim)).astype(np.float32)}
    for index, (width, number) in enumerate(filters):
        weights[f"CNN/W_cnn_{index}"] = normal(1, width, embedding_dim, number, std=1 / np.sqrt(width * embedding_dim))
        weights[f"CNN/b_cnn_{index}"] = normal(number, std=0.2)
    for index in range(num_highway):
        for name in ("carry", "transform"):
            weights[f"CNN_high_{index}/W_{name}"] = normal(num_filters, num_filters, std=1.5 / np.sqrt(num_filters))
            weights[f"CNN_high_{index}/b_{name}"] = normal(num_filters, std=0.5)
    if cnn_projection:
        weights["CNN_proj/W_proj"] = normal(num_filters, dim, std=1.5 / np.sqrt(num_filters))
        weights["CNN_proj/b_proj"] = normal(dim, std=0.2)
    for direction in range(2):
        for layer in range(num_layers):
            cell = CELL.format(direction=direction, layer=layer)
            weights[f"{cell}/W_0"] = normal(2 * dim, 4 * lstm_dim, std=1.5 * scale / np.sqrt(2 * dim))
            weights[f"{cell}/B"] = normal(4 * lstm_dim, std=0.5 * scale)
            if lstm_projection:
                weights[f"{cell}/W_P_0"] = normal(lstm_dim, dim, std=2 * scale / np.sqrt(lstm_dim))

    options = {
        "lstm": {
            "cell_clip": cell_clip,
            "proj_clip": proj_clip,
            "dim": lstm_dim,
            "projection_dim": dim,
            "n_layers": num_layers,
            "use_skip_connections": skip,
        },
        "char_cnn": {
            "activation": activation,
            "embedding": {"dim": embedding_dim},
            "filters": [list(pair) for pair in filters],
            "n_highway": num_highway,
            "n_characters": n_characters,
            "max_characters_per_token": max_characters,
        },
    }
    directory.mkdir(parents=True, exist_ok=True)
    options_file, weight_file = directory / "options.json", directory / "weights.hdf5"
    options_file.write_text(json.dumps(options), encoding="utf-8")
    with h5py.File(weight_file, "w") as file:
        for name, values in weights.items():
            file[name] = values
    return options_file, weight_file


class PublishedModel:
    """A model in the published format, computed as the format says and no faster."""

    def __init__(self, options_file: Path, weight_file: Path) -> None:
        options: dict[str, Any] = json.loads(Path(options_file).read_text(encoding="utf-8"))
        self.lstm, self.cnn = options["lstm"], options["char_cnn"]
        self.dim: int = self.lstm["projection_dim"]
        self.lstm_dim: int = self.lstm["dim"]
        self.num_layers: int = self.lstm["n_layers"]
        self.weights: dict[str, Array] = {}
        with h5py.File(weight_file, "r") as file:
            file.visititems(lambda name, item: self._keep(name, item))

    def _keep(self, name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            self.weights[name] = item[()].astype(np.float64)

    def encode(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """Character ids of the sentence with its boundary tokens, (T + 2, C) in 1..261."""
        width = self.cnn["max_characters_per_token"]
        symbols = [[BEGIN_SENTENCE], *([*word.encode()[: width - 2]] for word in words), [END_SENTENCE]]
        rows = [[BEGIN_WORD, *symbol, END_WORD] for symbol in symbols]
        return np.array([row + [PADDING] * (width - len(row)) for row in rows]) + 1

    def token_vectors(self, char_ids: npt.NDArray[np.integer[Any]]) -> Array:
        """Words (T, C) in 0..261 to their vectors (T, P)."""
        return np.array([self._token_vector(row) for row in char_ids]).reshape(len(char_ids), self.dim)

    def _token_vector(self, row: npt.NDArray[np.integer[Any]]) -> Array:
        table = self.weights["char_embed"]
        embedded = np.concatenate([np.zeros((1, table.shape[1])), table])[row]  # (C, embedding_dim)
        pooled = []
        for index, (width, _) in enumerate(self.cnn["filters"]):
            kernel = self.weights[f"CNN/W_cnn_{index}"][0]  # (width, embedding_dim, number)
            windows = [embedded[start : start + width] for start in range(len(embedded) - width + 1)]
            values = np.array([np.einsum("wc,wcn->n", window, kernel) for window in windows])
            pooled.append(values.max(axis=0) + self.weights[f"CNN/b_cnn_{index}"])
        x = np.concatenate(pooled)
        x = np.tanh(x) if self.cnn["activation"] == "tanh" else np.maximum(x, 0)
        for index in range(self.cnn["n_highway"]):
            w = {name: self.weights[f"CNN_high_{index}/{name}"] for name in ("W_carry", "b_carry")}
            carry = sigmoid(x @ w["W_carry"] + w["b_carry"])
            w = {name: self.weights[f"CNN_high_{index}/{name}"] for name in ("W_transform", "b_transform")}
            x = carry * np.maximum(x @ w["W_transform"] + w["b_transform"], 0) + (1 - carry) * x
        if "CNN_proj/W_proj" in self.weights:
            x = x @ self.weights["CNN_proj/W_proj"] + self.weights["CNN_proj/b_proj"]
        return x

    def layers(
        self, sentences: Sequence[Sequence[str]], states: Sequence[RowState] | None = None
    ) -> tuple[list[Array], list[RowState]]:
        """Layers of each sentence, boundary tokens included.

        Args:
            sentences: lists of words.
            states: where each row goes on, as returned by the last call; zero where None.

        Returns:
            For each sentence (L, T + 2, 2P), position 0 = begin, position T + 1 = end; and the states after the last
            symbol that each direction read.
        """
        results, new_states = [], []
        for row, words in enumerate(sentences):
            x = self.token_vectors(self.encode(words))
            ahead, ahead_state = self._run(0, x, None if states is None else states[row][0])
            back, back_state = self._run(1, x[::-1], None if states is None else states[row][1])
            pairs = zip([x, *ahead], [x, *(y[::-1] for y in back)], strict=True)
            results.append(np.array([np.concatenate(pair, axis=1) for pair in pairs]))
            new_states.append([ahead_state, back_state])
        return results, new_states

    def zero_state(self) -> list[LayerState]:
        """What one direction starts from."""
        return [(np.zeros(self.dim), np.zeros(self.lstm_dim)) for _ in range(self.num_layers)]

    def _run(
        self, direction: int, x: Array, state: Sequence[LayerState] | None
    ) -> tuple[list[Array], list[LayerState]]:
        """One direction over (T + 2, P) in reading order. Returns each LSTM layer's output, and the last states."""
        outputs, last = [], []
        for layer, (h, c) in enumerate(state or self.zero_state()):
            cell, skips = CELL.format(direction=direction, layer=layer), self.lstm["use_skip_connections"] and layer > 0
            steps = []
            for symbol in x:
                h, c = self._step(cell, symbol, h, c)
                steps.append(h + symbol if skips else h)
            x = np.array(steps)
            outputs.append(x)
            last.append((h, c))
        return outputs, last

    def _step(self, cell: str, x: Array, h: Array, c: Array) -> LayerState:
        gates = np.concatenate([x, h]) @ self.weights[f"{cell}/W_0"] + self.weights[f"{cell}/B"]
        i, j, f, o = np.split(gates, 4)
        c = clip(sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j), self.lstm["cell_clip"])
        m = sigmoid(o) * np.tanh(c)
        if f"{cell}/W_P_0" in self.weights:
            m = clip(m @ self.weights[f"{cell}/W_P_0"], self.lstm["proj_clip"])
        return m, c


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def clip(x: Array, bound: float | None) -> Array:
    """x within +-bound; as it is where there is no bound."""
    return np.clip(x, -bound, bound) if bound else x

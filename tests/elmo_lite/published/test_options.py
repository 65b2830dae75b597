"""options.json: what it becomes, what is kept of it, and what a mistake in it gets."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.errors import CheckpointError
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.published.options import check_options, config_from_options, options_from_config, read_options

OPTIONS: dict[str, Any] = {
    "lstm": {
        "cell_clip": 3,
        "proj_clip": 2.5,
        "dim": 4096,
        "projection_dim": 512,
        "n_layers": 2,
        "use_skip_connections": True,
    },
    "char_cnn": {
        "activation": "relu",
        "embedding": {"dim": 16},
        "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]],
        "n_highway": 2,
        "n_characters": 262,
        "max_characters_per_token": 50,
    },
}
TRAINING = {
    "bidirectional": True,
    "dropout": 0.1,
    "all_clip_norm_val": 10.0,
    "n_epochs": 10,
    "n_train_tokens": 768648884,
    "batch_size": 128,
    "n_tokens_vocab": 793471,
    "unroll_steps": 20,
    "n_negative_samples_batch": 8192,
}


def changed(key: str, value: Any) -> dict[str, Any]:
    """OPTIONS with one dotted key set, or left out where the value is ``...``."""
    options = copy.deepcopy(OPTIONS)
    *groups, last = key.split(".")
    group = options
    for name in groups:
        group = group[name]
    if value is ...:
        del group[last]
    else:
        group[last] = value
    return options


def test_original_size() -> None:
    check_options(OPTIONS, "options.json")
    cnn = CharCNNConfig(
        embedding_dim=16,
        filters=((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024)),
        num_highway=2,
        activation="relu",
        max_characters=50,
    )
    assert config_from_options(OPTIONS) == BiLMConfig(
        char_cnn=cnn,
        dim=512,
        lstm_dim=4096,
        num_layers=2,
        skip_connections=True,
        cell_clip=3.0,
        projection_clip=2.5,
        forget_bias=1.0,
        dropout=0.0,
        variational_dropout=False,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("char_cnn.n_characters", 261),
        ("char_cnn.n_characters", 262),
        ("char_cnn.projection_after_highway", True),
        ("dropout", 0.3),
        ("a.key.of.the.future", [1, {"x": None}]),
        ("lstm.cell_clip", 0),
        ("lstm.proj_clip", None),
    ],
)
def test_accepted_and_kept(tmp_path: Path, key: str, value: Any) -> None:
    options = {**OPTIONS, key: value} if key.startswith("a.") else changed(key, value)
    (tmp_path / "options.json").write_text(json.dumps(options | TRAINING))
    read = read_options(tmp_path / "options.json")
    assert read == options | TRAINING
    assert options_from_config(config_from_options(read), read) == options | TRAINING


@pytest.mark.parametrize("value", [None, 0, 0.0])
def test_no_clip(value: float | None) -> None:
    assert config_from_options(changed("lstm.cell_clip", value)).cell_clip is None
    assert config_from_options(changed("lstm.proj_clip", value)).projection_clip is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("lstm", ..., "lstm: expected an object, found null"),
        ("char_cnn", [], r"char_cnn: expected an object, found \[\]"),
        ("char_cnn.embedding", 16, "char_cnn.embedding: expected an object, found 16"),
        ("lstm.dim", ..., "lstm.dim: expected an integer in 1..65536, found nothing"),
        ("lstm.dim", 511, "lstm.dim: expected at least projection_dim = 512, found 511"),
        ("lstm.dim", 4096.0, "lstm.dim: expected an integer in 1..65536, found 4096.0"),
        ("lstm.n_layers", 0, "lstm.n_layers: expected an integer in 1..100, found 0"),
        ("lstm.n_layers", 10**12, "lstm.n_layers: expected an integer in 1..100, found 1000000000000"),
        ("lstm.n_layers", True, "lstm.n_layers: expected an integer in 1..100, found true"),
        ("lstm.projection_dim", "512", 'lstm.projection_dim: expected an integer in 1..65536, found "512"'),
        ("lstm.use_skip_connections", 1, "lstm.use_skip_connections: expected true or false, found 1"),
        ("lstm.use_skip_connections", ..., "lstm.use_skip_connections: expected true or false, found nothing"),
        ("lstm.cell_clip", ..., "lstm.cell_clip: expected a positive bound, or null for none, found nothing"),
        ("lstm.cell_clip", -3, "lstm.cell_clip: expected a positive bound, or null for none, found -3"),
        ("lstm.proj_clip", "3", 'lstm.proj_clip: expected a positive bound, or null for none, found "3"'),
        ("lstm.proj_clip", False, "lstm.proj_clip: expected a positive bound, or null for none, found false"),
        ("lstm.layers", 2, "lstm.layers: expected one of cell_clip, .*, use_skip_connections, found an unknown key"),
        ("char_cnn.activation", "gelu", 'char_cnn.activation: expected relu or tanh, found "gelu"'),
        ("char_cnn.embedding.dim", None, "char_cnn.embedding.dim: expected an integer in 1..65536, found null"),
        ("char_cnn.embedding.size", 4, "char_cnn.embedding.size: expected one of dim, found an unknown key"),
        ("char_cnn.filters", [], "char_cnn.filters: expected a list of pairs"),
        ("char_cnn.filters", [[1, 32], [2]], "char_cnn.filters: expected a list of pairs"),
        ("char_cnn.filters", [[0, 32]], "char_cnn.filters: expected a list of pairs"),
        ("char_cnn.filters", [[1, 32.5]], "char_cnn.filters: expected a list of pairs"),
        ("char_cnn.filters", [[2, 8], [51, 32]], r"char_cnn.filters: expected widths in 1..50, found \[51, 32\]"),
        ("char_cnn.n_highway", -1, "char_cnn.n_highway: expected an integer in 0..100, found -1"),
        ("char_cnn.n_characters", 260, "char_cnn.n_characters: expected 261 .* or 262 .*, found 260"),
        ("char_cnn.max_characters_per_token", 2, "char_cnn.max_characters_per_token: expected an integer in 3..4096"),
        ("char_cnn.projection_after_highway", False, "char_cnn.projection_after_highway: expected true, found false"),
        ("bidirectional", False, "bidirectional: expected true, found false"),
    ],
)
def test_mistakes(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    path = tmp_path / "options.json"
    path.write_text(json.dumps(changed(key, value)))
    with pytest.raises(CheckpointError, match=f"^{path}: {expected}") as error:
        read_options(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected JSON, found Expecting value"),
        (b"{'lstm': 1}", "expected JSON, found Expecting property name"),
        (b"\x80\x02}q\x00.", "expected JSON, found .*utf-8"),
        (b"[" * 100_000, "expected JSON, found .*recursion"),
        (json.dumps(OPTIONS).encode()[:-9], "expected JSON, found Unterminated string"),
        (b'{"lstm": {"cell_clip": NaN}}', "expected JSON, found a number that is not finite: NaN"),
        (b"[1, 2]", r"options: expected an object, found \[1, 2\]"),
        (b"null", "options: expected an object, found null"),
        (None, "expected the options of a published model, found no such file"),
    ],
)
def test_no_options(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "options.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"^{path}: {expected}") as error:
        read_options(path)
    assert "\n" not in str(error.value)


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"^{tmp_path}: expected a regular file, found a directory"):
        read_options(tmp_path)


@settings(deadline=None)
@given(
    dim=st.integers(1, 9),
    more=st.integers(0, 9),
    num_layers=st.integers(1, 4),
    skip=st.booleans(),
    cell_clip=st.none() | st.floats(0.1, 10),
    projection_clip=st.none() | st.floats(0.1, 10),
    filters=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 9)), min_size=1, max_size=3),
    num_highway=st.integers(0, 3),
    activation=st.sampled_from(["relu", "tanh"]),
    max_characters=st.integers(7, 60),
)
def test_there_and_back(
    dim: int,
    more: int,
    num_layers: int,
    skip: bool,
    cell_clip: float | None,
    projection_clip: float | None,
    filters: list[tuple[int, int]],
    num_highway: int,
    activation: Any,
    max_characters: int,
) -> None:
    config = BiLMConfig(
        char_cnn=CharCNNConfig(
            filters=tuple(filters), num_highway=num_highway, activation=activation, max_characters=max_characters
        ),
        dim=dim,
        lstm_dim=dim + more,
        lstm_projection=True,
        num_layers=num_layers,
        skip_connections=skip,
        cell_clip=cell_clip,
        projection_clip=projection_clip,
        forget_bias=1.0,
        dropout=0.0,
        variational_dropout=False,
    )
    options = json.loads(json.dumps(options_from_config(config)))
    check_options(options, "options.json")
    assert config_from_options(options, lstm_projection=True) == config


@pytest.mark.parametrize(
    "changes", [{"dropout": 0.2}, {"variational_dropout": True}, {"forget_bias": 0.0}], ids=lambda s: next(iter(s))
)
def test_original_options_still_describe(changes: dict[str, Any]) -> None:
    config = dataclasses.replace(config_from_options(OPTIONS), **changes)
    assert options_from_config(config, OPTIONS | TRAINING) == OPTIONS | TRAINING


@pytest.mark.parametrize(
    "changes",
    [{"num_layers": 3}, {"cell_clip": None}, {"skip_connections": False}, {"lstm_dim": 4097}],
    ids=lambda s: next(iter(s)),
)
def test_original_options_describe_no_more(changes: dict[str, Any]) -> None:
    config = dataclasses.replace(config_from_options(OPTIONS), **changes)
    options = options_from_config(config, OPTIONS | TRAINING)
    assert options.keys() == {"lstm", "char_cnn"} and config_from_options(options) == config


@pytest.mark.parametrize("original", [None, 3, {}, {"lstm": 3}, changed("lstm.dim", "x")])
def test_original_options_are_none(original: Any) -> None:
    config = config_from_options(OPTIONS)
    assert config_from_options(options_from_config(config, original)) == config

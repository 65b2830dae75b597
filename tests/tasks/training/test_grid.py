"""Grids of settings as they are typed."""

import dataclasses
from typing import Any

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("seqeval")

from elmo_lite import ConfigError  # noqa: E402
from tasks.ner import NerConfig  # noqa: E402
from tasks.sentiment import SentimentConfig  # noqa: E402
from tasks.training.grid import grid_points  # noqa: E402

NER, SENTIMENT = NerConfig(), SentimentConfig()


def test_all_combinations() -> None:
    points = grid_points(NER, ["learning_rate=1e-3,3e-3", "dropout=0.3,0.5"])
    assert [dict(point.values) for point in points] == [
        {"dropout": d, "finetune.learning_rate": r} for d in (0.3, 0.5) for r in (1e-3, 3e-3)
    ]
    assert [point.name for point in points][:2] == [
        "dropout=0.3 learning_rate=0.001",
        "dropout=0.3 learning_rate=0.003",
    ]
    assert points[0].folder == "dropout=0.3,learning_rate=0.001"
    finetune = dataclasses.replace(NER.finetune, learning_rate=3e-3)
    assert points[3].config == dataclasses.replace(NER, dropout=0.5, finetune=finetune)


@pytest.mark.parametrize(
    ("search", "values"),
    [
        ("lstm_dim=64,64,128", [64, 128]),
        ("--finetune.patience=null,3", [None, 3]),
        ("chars=true,false", [True, False]),
        ("representation.layers=top,mix,1", ["top", "mix", "1"]),
        ("representation.layers=top;1", ["top", "1"]),
        ("words=none,a dir/b.vec", ["none", "a dir/b.vec"]),
        ("finetune.gradient_clip=5", [5]),
    ],
)
def test_values_have_the_types_of_their_settings(search: str, values: list[Any]) -> None:
    found = [value for point in grid_points(NER, [search]) for value in point.values.values()]
    assert found == values or [str(value) for value in found] == values


def test_short_names_are_those_of_the_flags() -> None:
    (point,) = grid_points(NER, ["words=none"])
    assert dict(point.values) == {"inputs.words": "none"} and point.config.inputs.words == "none"
    folder = grid_points(NER, ["words=a/../b.vec"])[0].folder
    assert "/" not in folder and folder == "words=a_.._b.vec"


@pytest.mark.parametrize(
    ("config", "search", "message"),
    [
        (
            NER,
            ["learning_rte=1"],
            "search: expected the name of a setting, found 'learning_rte'; did you mean learning_",
        ),
        (NER, ["learning_rate"], "search: expected setting=value,value,..., found 'learning_rate'"),
        (NER, ["learning_rate="], "search: expected setting=value,value,..., found 'learning_rate='"),
        (NER, ["learning_rate=fast"], "finetune.learning_rate: expected a finite number, found 'fast'"),
        (NER, ["learning_rate=1e-3,-1"], "learning_rate: expected a positive number, found -1"),
        (NER, ["dropout=2"], "dropout: expected a probability in [0, 1), found 2"),
        (NER, ["lstm_dim=1.5"], "lstm_dim: expected an integer, found 1.5"),
        (NER, ["dropout=0.1", "dropout=0.2"], "search: expected dropout once, found 'dropout=0.2'"),
        (NER, ["seed=1,2"], "search: expected a setting that changes how well a model learns, found 'seed'"),
        (NER, ["finetune.device=cpu"], "search: expected a setting that changes how well a model learns, found 'finet"),
        (SENTIMENT, ["dropout=0.1"], "found 'dropout', which may be any of them"),
    ],
)
def test_grids_that_cannot_be(config: Any, search: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        grid_points(config, search)
    assert message in str(error.value)

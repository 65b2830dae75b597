"""Pictures are drawn where matplotlib is, and missed with a line where it is not."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.training import pictures
from tasks.training.pictures import (
    LAYER_WEIGHTS,
    LEARNING_CURVE,
    confusion_picture,
    draw_confusion,
    draw_training,
    spread,
)

PNG = b"\x89PNG"


def epochs(number: int, mix: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"epoch": n + 1, "loss": 1 / (n + 1), "dev": {"main": 50.0 + n}, "mix": mix} for n in range(number)]


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize(
    ("mix", "names"),
    [
        ({}, [LEARNING_CURVE]),
        ({"input": ([0.0, 0.0, 1.0], 1.0)}, [LEARNING_CURVE]),
        ({"input": ([0.2, 0.5, 0.3], 1.0)}, [LEARNING_CURVE, LAYER_WEIGHTS]),
        ({"input": ([0.2] * 5, 1.0), "output": ([0.2] * 5, 1.2)}, [LEARNING_CURVE, LAYER_WEIGHTS]),
    ],
    ids=["no encoder", "one layer", "mix", "two mixes"],
)
def test_training(tmp_path: Path, number: int, mix: dict[str, Any], names: list[str]) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "new"
    assert draw_training(epochs(number, mix), number, out) == [out / name for name in names]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert all((out / name).read_bytes().startswith(PNG) for name in names)


def test_figures_of_the_caller_are_left_alone() -> None:
    assert "pyplot" not in Path(pictures.__file__).read_text(encoding="utf-8")


def test_confusion(tmp_path: Path) -> None:
    figure = pytest.importorskip("matplotlib.figure")
    drawn = []
    figure.Figure.savefig, original = (
        lambda self, *a, **k: (drawn.append(self), original(self, *a, **k)),
        (figure.Figure.savefig),
    )
    try:
        path = draw_confusion([[30, 10], [0, 0]], ["negative", "positive"], tmp_path / confusion_picture("dev"))
    finally:
        figure.Figure.savefig = original
    assert path is not None and path.read_bytes().startswith(PNG)
    (axes,) = drawn[0].axes
    assert [text.get_text() for text in axes.texts] == ["30\n75%", "10\n25%", "0\n0%", "0\n0%"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["negative", "positive"]


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.INFO):
        assert draw_training(epochs(2, {}), 1, tmp_path) == []
        assert draw_confusion([[1]], ["a"], tmp_path / confusion_picture("dev")) is None
    assert caplog.messages[0] == (
        "not drawn: learning_curve.png: expected matplotlib, found no such package; pip install 'elmo_lite[pictures]'"
    )
    assert list(tmp_path.iterdir()) == []


def test_labels_are_kept_apart_in_their_order() -> None:
    assert spread([0.0, 5.0, 10.0], 1) == [0.0, 5.0, 10.0]
    np.testing.assert_allclose(spread([1.0, 0.0, 0.9], 1), [2 - 0.3667 + 0.0, -0.3667, 0.6333], atol=1e-3)
    assert spread([0.3] * 4, 0.5) == pytest.approx([-0.45, 0.05, 0.55, 1.05])
    generator = np.random.default_rng(0)
    for _ in range(50):
        values = generator.random(6).tolist()
        places = spread(values, 0.1)
        assert np.argsort(places).tolist() == np.argsort(values).tolist()
        assert np.diff(sorted(places)).min() > 0.1 - 1e-9

"""Pictures are drawn where matplotlib is, and missed with a line where it is not."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.training import pictures
from tasks.training.confusion import Confusion, draw_confusion
from tasks.training.pictures import LAYER_WEIGHTS, LEARNING_CURVE, draw_training, spread

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


def test_axes_name_part_measure_and_unit(tmp_path: Path, drawn_figures: list[Any]) -> None:
    draw_training(epochs(4, {"input": ([0.2, 0.5, 0.3], 1.0)}), 4, tmp_path, "F1")
    curve, weights = drawn_figures
    loss, score = (axes.get_ylabel() for axes in curve.axes)
    assert (loss, score, curve.axes[1].get_xlabel()) == ("loss on train,\nnats per sentence", "F1 on dev, %", "epoch")
    assert [axes.get_ylabel() for axes in weights.axes] == ["layer weight, of a sum of 1"]


@pytest.mark.parametrize(
    ("best", "number", "side"),
    [(1, 10, "left"), (5, 10, "center"), (10, 10, "right"), (1, 2, "left"), (2, 2, "right"), (1, 1, "center")],
)
def test_the_note_on_the_best_epoch_stays_inside(
    tmp_path: Path, drawn_figures: list[Any], best: int, number: int, side: str
) -> None:
    draw_training(epochs(number, {}), best, tmp_path)
    (note,) = drawn_figures[0].axes[1].texts
    assert (note.get_text(), note.get_ha()) == (f"{49.0 + best:.1f} in epoch {best}", side)


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.INFO):
        assert draw_training(epochs(2, {}), 1, tmp_path) == []
        assert draw_confusion(Confusion([[1]], ["a"], "texts"), "dev", tmp_path) is None
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


def test_layers_that_are_not_used_have_no_line(tmp_path: Path, drawn_figures: list[Any]) -> None:
    draw_training(epochs(3, {"input": ([0.0, 0.4, 0.6], 1.0)}), 3, tmp_path)
    (axes,) = drawn_figures[1].axes
    assert len(axes.lines) == 3  # two layers, and equal weights
    assert axes.lines[-1].get_ydata() == [0.5, 0.5]
    assert [text.get_text() for text in axes.texts][:2] == ["layer 1 0.40", "layer 2 0.60"]


def test_many_layers_stay_inside(tmp_path: Path, drawn_figures: list[Any]) -> None:
    draw_training(epochs(3, {"input": ([1 / 25] * 25, 1.0)}), 3, tmp_path)
    (axes,) = drawn_figures[1].axes
    low, high = axes.get_ylim()
    places = [text.xy[1] for text in axes.texts if hasattr(text, "xy")]
    assert len(places) == 25 and low - 0.1 * high < min(places) and max(places) <= high

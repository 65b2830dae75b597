"""Pictures of confusion matrices: what they say, and that nothing overlaps."""

import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.training.confusion import Confusion, draw_confusion

PNG = b"\x89PNG"


def draw(out: Path, figures: list[Any], confusion: Confusion, part: str = "dev") -> Any:
    """The axes of a drawn matrix."""
    path = draw_confusion(confusion, part, out)
    assert path == out / f"confusion-{part}.png" and path.read_bytes().startswith(PNG)
    (axes,) = figures[-1].axes
    return axes


def test_counts_and_shares(tmp_path: Path, drawn_figures: list[Any]) -> None:
    axes = draw(tmp_path, drawn_figures, Confusion([[30, 10], [0, 0]], ["negative", "positive"], "texts"), "test")
    *cells, note = (text.get_text() for text in axes.texts)
    assert cells == ["30\n75%", "10\n25%", "0\n0%", "0\n0%"]
    assert note == "number of texts and share of the true label (shade)"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["negative", "positive"]
    assert axes.get_title("left") == "Confusions on test, in texts"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted label on test", "true label on test")
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 0]])


def test_words_outside_entities_are_not_shaded(tmp_path: Path, drawn_figures: list[Any]) -> None:
    confusion = Confusion([[90, 10], [6, 2]], ["O", "PER"], "words", outside="O")
    axes = draw(tmp_path, drawn_figures, confusion)
    assert axes.images[0].get_array().mask.tolist() == [[True, True], [False, False]]
    np.testing.assert_allclose(axes.images[0].get_array()[1], [0.75, 0.25])
    *cells, note = axes.texts
    assert note.get_text().endswith("\nthe row of O is not shaded")
    assert [(cell.get_text(), cell.get_color()) for cell in cells[:3]] == [
        ("90\n90%", "black"),
        ("10\n10%", "black"),
        ("6\n75%", "white"),
    ]


@pytest.mark.parametrize(("number", "max_side"), [(1, 24), (2, 24), (6, 24), (10, 4), (30, 4)])
def test_nothing_overlaps(
    tmp_path: Path, drawn_figures: list[Any], monkeypatch: pytest.MonkeyPatch, number: int, max_side: int
) -> None:
    """Long names, large counts: labels, numbers, title and note keep apart; small cells have no numbers."""
    monkeypatch.setattr("tasks.training.confusion._MAX_SIDE", max_side)
    names = [f"a_label_that_has_a_very_long_name_{n}" for n in range(number)]
    axes = draw(tmp_path, drawn_figures, Confusion(np.full((number, number), 1_234_567).tolist(), names, "words"))
    drawn_figures[-1].draw_without_rendering()  # saving has moved the texts
    labels = axes.get_yticklabels()
    assert labels[0].get_text() == "a_label_that_h…ry_long_name_0"
    texts = [*labels, *axes.texts, axes.yaxis.label, axes.xaxis.label, axes._left_title]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    cell = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    numbers = axes.texts[:-1]
    assert len(numbers) == (0 if number >= 10 else number**2)
    assert all(text.get_window_extent().width < cell for text in numbers[:5])


def test_labels_are_no_formulas(tmp_path: Path, drawn_figures: list[Any]) -> None:
    """Dollars, line breaks and scripts that the font lacks are drawn without an error or a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = draw(tmp_path, drawn_figures, Confusion([[1, 2], [3, 4]], ["$x_{", "日\n本"], "words", outside="O"))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["$x_{", "日 本"]
    assert "not shaded" not in axes.texts[-1].get_text()

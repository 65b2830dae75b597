"""Figures as they were saved."""

from typing import Any

import pytest


@pytest.fixture
def drawn_figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that the test saves, in order; skips the test without matplotlib."""
    figure_class = pytest.importorskip("matplotlib.figure").Figure
    figures: list[Any] = []
    save = figure_class.savefig

    def keep(self: Any, *arguments: Any, **settings: Any) -> None:
        figures.append(self)
        save(self, *arguments, **settings)

    monkeypatch.setattr(figure_class, "savefig", keep)
    return figures

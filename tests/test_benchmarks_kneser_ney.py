"""The Kneser-Ney benchmark: against its slow witness, against numbers worked out by hand, and as a distribution."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kneser_ney.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("benchmarks_kneser_ney", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def test_equals_dictionaries_and_sums_to_one(script: ModuleType) -> None:
    assert script.self_check() < 1e-12


def test_bigrams_worked_out_by_hand(script: ModuleType) -> None:
    # Sentences "2 3", "2 3", "2 2"; too small for Chen and Goodman, so the discounts are 0.5, 1, 1.5.
    model = script.KneserNey.fit(np.array([0, 2, 3, 0, 2, 3, 0, 2, 2, 0]), num_classes=4, order=2)
    # Distinct left neighbours: end 2 (3, 2), class 2: 2 (boundary, 2), class 3: 1 (2); the unknown class none.
    lower = {0: 1 / 5 + 0.5 / 4, 1: 0.5 / 4, 2: 1 / 5 + 0.5 / 4, 3: 0.5 / 5 + 0.5 / 4}
    # (1 + 1 + 0.5) / 5 = 0.5 of the mass goes to the uniform distribution.
    np.testing.assert_allclose(model.distribution([]), list(lower.values()))
    # After the boundary: class 2 three times. After 2: 3 twice, 2 once, end once. After 3: end twice.
    np.testing.assert_allclose(model.distribution([0])[2], (3 - 1.5) / 3 + 1.5 / 3 * lower[2])
    np.testing.assert_allclose(model.distribution([2])[3], (2 - 1) / 4 + (1 + 0.5 + 0.5) / 4 * lower[3])
    np.testing.assert_allclose(model.distribution([2])[1], (1 + 0.5 + 0.5) / 4 * lower[1])
    np.testing.assert_allclose(model.distribution([3])[0], (2 - 1) / 2 + 1 / 2 * lower[0])
    np.testing.assert_allclose(model.distribution([1]), model.distribution([]))


def test_history_stays_in_the_sentence_unless_told(script: ModuleType) -> None:
    stream = np.array([0, 2, 3, 4, 0, 5, 0])
    assert script.history_lengths(stream, 2, False).tolist() == [0, 1, 2, 2, 2, 1, 2]
    assert script.history_lengths(stream, 4, False).tolist() == [0, 1, 2, 3, 4, 1, 2]
    assert script.history_lengths(stream, 4, True).tolist() == [0, 1, 2, 3, 4, 4, 4]


def test_sentences_do_not_touch_each_other(script: ModuleType) -> None:
    model = script.KneserNey.fit(script.random_stream(0), 9, 5)
    alone = model.stream_probabilities(np.array([0, 3, 1, 2, 0]))
    after = model.stream_probabilities(np.array([0, 4, 4, 0, 3, 1, 2, 0]))
    np.testing.assert_array_equal(alone, after[3:])


def test_discounts_follow_the_formula(script: ModuleType) -> None:
    counts = np.repeat([0, 1, 2, 3, 4, 9], [5, 40, 20, 10, 5, 7])
    y = 40 / (40 + 2 * 20)
    expected = [0, 1 - 2 * y * 20 / 40, 2 - 3 * y * 10 / 20, 3 - 4 * y * 5 / 10]
    np.testing.assert_allclose(script.chen_goodman_discounts(counts), expected)


def test_figures_count_predictions_and_unknown_words(script: ModuleType) -> None:
    figures = script.evaluate(script.random_stream(0), np.array([0, 1, 2, 0, 3, 1, 2, 0]), 9, 3, False)
    assert figures["predictions"] == 7
    assert figures["out_of_vocabulary_share"] == pytest.approx(2 / 5)
    assert figures["perplexity"] == pytest.approx(np.exp(figures["nats"]))
    assert figures["sum_error"] < 1e-9
    assert "perplexity" in script.format_table(figures)


def test_command_line(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--self_check"]) == 0
    assert "self check" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        script.main([])

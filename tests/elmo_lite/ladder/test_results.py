"""The table, the order beside that of lectures, and results as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.ladder.results import RungResult, order_found, sentences, table


def result(name: str, perplexity: float | None, **changes: Any) -> RungResult:
    values = {"title": name.upper(), "parameters": 1234, "words": 3000, "seconds": 1.5, "perplexity": perplexity}
    return RungResult(name=name, **{**values, **changes})


def test_table_has_a_row_for_each_direction() -> None:
    lines = table([result("ngram", 80.04), result("bilm", 70.0, backward_perplexity=71.26, dim=128)]).splitlines()
    assert [line.split() for line in lines] == [
        ["model", "perplexity", "parameters", "words/s", "seconds", "width"],
        ["NGRAM", "80.0", "1,234", "2,000", "1.5"],
        ["BILM", "70.0", "1,234", "2,000", "1.5", "128"],
        ["its", "backward", "direction", "71.3"],
    ]
    assert len({line.index("perplexity") + len("perplexity") for line in lines[:1]}) == 1
    assert lines[1].index("80.0") + 4 == lines[0].index("perplexity") + len("perplexity")


def test_table_with_a_test_text_and_a_failure() -> None:
    rows = [result("gru", None, failed="step 3: not finite"), result("bilm", 9.0, test_perplexity=8.0,
            backward_perplexity=7.0, backward_test_perplexity=6.0)]  # fmt: skip
    lines = [line.split() for line in table(rows).splitlines()]
    assert lines[0][:3] == ["model", "perplexity", "test"]
    assert lines[1][:3] == ["GRU", "failed", "failed"] and lines[2][:3] == ["BILM", "9.0", "8.0"]
    assert lines[3][-2:] == ["7.0", "6.0"]
    assert sentences(rows).splitlines()[0] == "GRU   step 3: not finite"


def test_the_order_of_the_lectures() -> None:
    ladder = [result("ngram", 141.2), result("gru", 90.0), result("rnn_tanh", 124.7), result("lstm", 82.7)]
    assert order_found(ladder) == "from worst to best: n-gram, RNN, LSTM, the order of the lectures"


def test_another_order_says_why() -> None:
    ladder = [result("ngram", 80.0), result("rnn_tanh", 100.0, words=6000), result("lstm", 110.0, words=4500)]
    found = order_found(ladder)
    assert found.startswith("from worst to best: LSTM, RNN, n-gram. Lectures have n-gram, RNN, LSTM, after dozens of ")
    assert "Here the RNN 2.0 and the LSTM 1.5 passes over 3,000 words and sentence ends: less text" in found


def test_an_order_needs_all_three() -> None:
    assert order_found([result("ngram", 80.0), result("lstm", 70.0)]) == ""
    assert order_found([result("ngram", 80.0), result("rnn_tanh", None), result("lstm", 70.0)]) == ""


def test_a_result_round_trips(tmp_path: Path) -> None:
    kept = result("lstm", 70.5, points=[[1.0, 2.0]], gradients={"before": {"hidden": [1.0, 0.5]}})
    kept.write(tmp_path / "lstm.json")
    assert RungResult.read(tmp_path / "lstm.json") == kept and kept.words_per_second == 2000.0
    assert RungResult.read(tmp_path / "gru.json") is None


def test_a_changed_result_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "lstm.json"
    result("lstm", 70.5).write(path)
    path.write_text(path.read_text().replace("70.5", "60.5"))
    with pytest.raises(CheckpointError, match="lstm.json: expected the checksum"):
        RungResult.read(path)

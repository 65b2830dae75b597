"""Files of sentences and of predictions."""

import io
import json
from datetime import date
from pathlib import Path

import pytest

from elmo_lite import ConfigError, CorpusError
from elmo_lite.outputs import format_of
from tasks.ner.data import read_tagged
from tasks.ner.readers import read_sentences
from tasks.ner.tagger import Span, Tagged
from tasks.tagging.model import Decoded
from tasks.tagging.output_formats import FORMATS, format_predictions
from tasks.tagging.tags import Entity

LABELS = ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC"]
PREDICTIONS = [
    Tagged(
        ["in", "New", "York"],
        Decoded(
            ["O", "B-LOC", "E-LOC"],
            [Entity(1, 3, "LOC")],
            [0.876543219],
            [[0.9, 0.1, 0, 0, 0], [0.1, 0.8, 0, 0, 0.1], [0.2, 0, 0, 0.75, 0.05]],
        ),
        [Span("New York", "LOC", 3, 11, 1, 3, 0.876543219)],
    ),
    Tagged([], Decoded([], [], [], []), []),
]


def test_formats_by_name() -> None:
    names = (None, "a.txt", "a", "a.JSONL", "a.ndjson", "a.conll", "b.iob2", "c.tsv", "d.csv")
    expected = [*["text"] * 3, *["jsonl"] * 2, *["columns"] * 3, "csv"]
    assert [format_of(name, FORMATS) for name in names] == expected
    for name in ("pred.xlsx", "pred.conllu"):  # CoNLL-U has ten columns
        with pytest.raises(ConfigError, match=f"^{name}: expected a name that ends in .txt, .jsonl, .ndjson, .conll"):
            format_of(name, FORMATS)


def test_text() -> None:
    assert format_predictions(PREDICTIONS, LABELS, "text") == "in [LOC New York]\n\n"
    assert format_predictions(PREDICTIONS, LABELS, "text", True) == "in [LOC 0.88 New York]\n\n"


def test_jsonl() -> None:
    first, second = (json.loads(line) for line in format_predictions(PREDICTIONS, LABELS, "jsonl").splitlines())
    span = {"text": "New York", "type": "LOC", "start": 3, "end": 11, "start_word": 1, "end_word": 3, "score": 0.876543}
    assert first == {"tokens": ["in", "New", "York"], "tags": ["O", "B-LOC", "I-LOC"], "entities": [span]}
    assert second == {"tokens": [], "tags": [], "entities": []}
    first = json.loads(format_predictions(PREDICTIONS, LABELS, "jsonl", True).splitlines()[0])
    assert first["probabilities"][1] == {"O": 0.1, "B-LOC": 0.8, "I-LOC": 0, "E-LOC": 0, "S-LOC": 0.1}


def test_other_fields_are_kept() -> None:
    others = [{"id": 7, "tags": ["x"], "when": date(2026, 11, 26), "weight": float("nan")}, {}]
    first, second = map(json.loads, format_predictions(PREDICTIONS, LABELS, "jsonl", others=others).splitlines())
    assert list(first) == ["id", "input_tags", "when", "weight", "tokens", "tags", "entities"]
    assert (first["id"], first["input_tags"], first["when"], first["weight"]) == (7, ["x"], "2026-11-26", "nan")
    assert list(second) == ["tokens", "tags", "entities"]


def test_a_table_goes_on() -> None:
    whole = format_predictions([PREDICTIONS[0]] * 2, LABELS, "csv")
    parts = [format_predictions([PREDICTIONS[0]], LABELS, "csv", first=number) for number in (1, 2)]
    assert "".join(parts) == whole


def test_columns() -> None:
    assert format_predictions(PREDICTIONS, LABELS, "columns") == "in\tO\nNew\tB-LOC\nYork\tI-LOC\n\n\n"
    probable = format_predictions(PREDICTIONS, LABELS, "columns", True)
    assert probable == "in\tO\t0.9000\nNew\tB-LOC\t0.8000\nYork\tI-LOC\t0.7500\n\n\n"


def test_csv() -> None:
    """A row per word with the number of its sentence; one without words has none, and keeps its number."""
    quoted = Tagged(['a,"b"'], Decoded(["O"], [], [], [[0.9, 0.1, 0, 0, 0]]), [])
    lines = format_predictions([*PREDICTIONS, quoted], LABELS, "csv").splitlines()
    assert lines == ["sentence,token,tag", "1,in,O", "1,New,B-LOC", "1,York,I-LOC", '3,"a,""b""",O']
    lines = format_predictions(PREDICTIONS, LABELS, "csv", True).splitlines()
    assert lines[:2] == ["sentence,token,tag,probability", "1,in,O,0.9000"]
    long = Tagged(["x" * 200_000], quoted.decoded, [])
    assert format_predictions([long], LABELS, "csv").splitlines()[1] == f"1,{'x' * 200_000},O"


def test_words_with_line_breaks_and_tabs_stay_on_their_line() -> None:
    odd = Tagged(["a\tb\nc"], Decoded(["O"], [], [], [[0.9, 0.1, 0, 0, 0]]), [])
    assert format_predictions([odd], LABELS, "columns") == "a b c\tO\n\n"
    assert format_predictions([odd], LABELS, "text") == "a b c\n"
    assert json.loads(format_predictions([odd], LABELS, "jsonl"))["tokens"] == ["a\tb\nc"]


@pytest.mark.parametrize("suffix", ["jsonl", "conll"])
@pytest.mark.parametrize("probabilities", [False, True])
def test_what_is_written_can_be_read(tmp_path: Path, suffix: str, probabilities: bool) -> None:
    path = tmp_path / f"out.{suffix}"
    path.write_text(format_predictions(PREDICTIONS[:1], LABELS, format_of(path.name, FORMATS), probabilities))
    data = read_tagged(path)
    assert [(s.words, s.tags) for s in data.sentences] == [(("in", "New", "York"), ("O", "B-LOC", "E-LOC"))]
    assert read_sentences(str(path)) == [("in", "New", "York")]


def standard_input(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content))


def test_sentences_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.txt"
    path.write_text("Anna works.\n\nhere\n")
    assert read_sentences(str(path)) == ["Anna works.", "", "here"]
    monkeypatch.setattr("sys.stdin", standard_input(b"\xef\xbb\xbfAnna\r\n\nBob\xc2\x85b\n"))
    assert read_sentences("-") == ["Anna", "", "Bob\x85b"]
    monkeypatch.setattr("sys.stdin", standard_input(b"Anna\nB\xf6b\n"))
    with pytest.raises(CorpusError, match="^standard input, line 2: expected UTF-8, found byte 0xf6 at position 2"):
        read_sentences("-")


def test_sentences_as_json(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "Anna works."}\n{"words": ["a", "b"]}\n{"tokens": ["c"], "text": "c"}\n')
    assert read_sentences(str(path)) == ["Anna works.", ("a", "b"), ("c",)]
    path.write_text('{"title": "Anna"}\n')
    with pytest.raises(CorpusError, match="line 1: expected a field tokens or words, found title"):
        read_sentences(str(path))


def test_nothing_to_read(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("")
    with pytest.raises(CorpusError, match=r"in\.txt: expected sentences, found none"):
        read_sentences(str(path))

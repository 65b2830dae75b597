"""Texts with spans of characters as tagged sentences: every form, bad spans, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite import CorpusError, Tokenization
from tasks.ner import read_tagged
from tasks.tagging import read_tagged as read_any
from tasks.tagging.spans.alignment import tagged_sentences
from tasks.tagging.spans.document import CharSpan, Document
from tasks.tagging.spans.notes import Notes
from tasks.tagging.tags import entities_of

TEXT = "Anna Lee went to New York. She met Bob there."
ENTITIES = [(0, 8, "PER"), (17, 25, "LOC"), (35, 38, "PER")]
EXPECTED = [
    ("Anna Lee went to New York .".split(), [(0, 2, "PER"), (4, 6, "LOC")]),
    ("She met Bob there .".split(), [(2, 3, "PER")]),
]
RESULT = {"from_name": "ner", "to_name": "essay", "type": "labels"}


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def annotation(*results: Any, **more: Any) -> dict[str, Any]:
    return {"result": list(results), **more}


def values(spans: list[tuple[int, int, str]], text: str = TEXT) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "text": text[start:end], "labels": [kind]} for start, end, kind in spans]


def task(text: str, spans: list[tuple[int, int, str]], **more: Any) -> dict[str, Any]:
    done = annotation(
        *({**RESULT, "id": "x", "value": value} for value in values(spans, text)),
        {"type": "choices", "from_name": "kind", "to_name": "essay", "value": {"choices": ["good"]}},
    )
    return {"id": 1, "data": {"essay": text, "source": "a.txt"}, "annotations": [done], **more}


def label_studio_min(text: str, spans: list[tuple[int, int, str]]) -> dict[str, Any]:
    return {"text": text, "id": 3, "ner": values(spans, text), "annotator": 1, "created_at": "2026-11-02"}


def write_brat(folder: Path, name: str, text: str, lines: str) -> None:
    (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / f"{name}.ann").write_text(lines)


def ann(spans: list[tuple[int, int, str]], text: str = TEXT) -> str:
    return "".join(f"T{n}\t{t} {s} {e}\t{text[s:e]}\n" for n, (s, e, t) in enumerate(spans, 1))


def seen(source: Any, **more: Any) -> list[tuple[list[str], list[tuple[int, int, str]]]]:
    data = read_tagged(source, **more)
    return [(list(s.words), [tuple(entity) for entity in entities_of(s.tags)]) for s in data.sentences]


RECORDS: dict[str, tuple[str, Any]] = {
    "doccano": ("doccano, labels in 'label'", {"id": 1, "text": TEXT, "label": [list(e) for e in ENTITIES]}),
    "old doccano": ("doccano, labels in 'labels'", {"text": TEXT, "labels": [list(e) for e in ENTITIES]}),
    "relations": (
        "doccano with relations, labels in 'entities'",
        {
            "text": TEXT,
            "entities": [{"id": 7, "label": t, "start_offset": s, "end_offset": e} for s, e, t in ENTITIES],
            "relations": [{"from_id": 7, "to_id": 7, "type": "is"}],
        },
    ),
    "prodigy": (
        "spans of characters, labels in 'spans'",
        {
            "text": TEXT,
            "tokens": [{"text": "Anna", "start": 0, "end": 4, "id": 0}],
            "spans": [{"start": s, "end": e, "label": t, "token_start": 0} for s, e, t in ENTITIES],
            "answer": "accept",
        },
    ),
    "label studio": ("tasks of Label Studio", task(TEXT, ENTITIES)),
    "json-min": ("JSON-MIN of Label Studio, labels in 'ner'", label_studio_min(TEXT, ENTITIES)),
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_records(name: str, suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    described, row = RECORDS[name]
    path = tmp_path / f"data{suffix}"
    path.write_text(json.dumps([row], indent=1) if suffix == ".json" else json.dumps(row) + "\r\n")
    with caplog.at_level("INFO", logger="elmo_lite"):
        assert seen(path) == EXPECTED
    kind = "a JSON array" if suffix == ".json" else "JSON lines"
    said = f"{path}: read as {kind}, {described}; texts: 1; BIOES; 2 sentences, 12 words; entities: LOC 1, PER 2"
    assert caplog.messages == [said]
    assert seen(path) == [
        (list(s.words), [tuple(e) for e in entities_of(s.tags)]) for s in read_any(path, labels="auto").sentences
    ]


def test_brat_reads_a_directory_a_text_and_its_spans(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = "R1\tmet Arg1:T1 Arg2:T3\nE1\tPER:T1\nA1\tSure T1\n#1\tAnnotatorNotes T1\tTall\n*\tEquiv T1 T3\n"
    more += "T9\tX 0 4;9 13\tAnna went\n"
    (tmp_path / "part").mkdir()
    write_brat(tmp_path / "part", "b", TEXT, ann(ENTITIES) + more)
    write_brat(tmp_path, "a", "nobody\r\n\r\nAnna  Lee", "T1\tPER 10 19\tAnna  Lee\n")
    (tmp_path / "c.txt").write_text("not read yet")
    (tmp_path / "notes.md").write_text("other")
    with caplog.at_level("INFO", logger="elmo_lite"):
        data = read_tagged(tmp_path)
    assert [(s.source, s.line, s.document) for s in data.sentences] == [
        (str(tmp_path / "a.txt"), 1, 1),
        (str(tmp_path / "a.txt"), 3, 1),
        (str(tmp_path / "part" / "b.txt"), 1, 3),
        (str(tmp_path / "part" / "b.txt"), 1, 3),
    ]
    assert [(list(s.words), [tuple(e) for e in entities_of(s.tags)]) for s in data.sentences[2:]] == EXPECTED
    assert caplog.messages[:-1] == [
        f"{tmp_path}: texts that nobody has labelled, skipped: 1 ({tmp_path / 'c.txt'}, line 1)",
        f"{tmp_path}: spans in several parts, left out: 1 "
        f"({tmp_path / 'part' / 'b.ann'}, line 9 X 0 4;9 13 'Anna went')",
    ]
    assert seen(tmp_path / "part" / "b.txt") == seen(tmp_path / "part" / "b.ann") == EXPECTED


def test_brat_joins_the_parts_of_a_span_on_two_lines(tmp_path: Path) -> None:
    """The parts between line breaks are one span, whose sentences are joined; a byte order mark counts."""
    write_brat(tmp_path, "a", "\ufeffin New\nYork it\n", "T1\tLOC 4 7;8 12\tNew York\n")
    assert seen(tmp_path / "a.txt") == [("in New York it".split(), [(1, 3, "LOC")])]


def test_adjacent_entities_of_a_type_stay_two(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "Anna Bob left", "label": [[0, 4, "PER"], [5, 8, "PER"]]})
    assert seen(path) == [(["Anna", "Bob", "left"], [(0, 1, "PER"), (1, 2, "PER")])]


def test_what_words_cannot_express_is_counted_and_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"text": "in Berlinale", "label": [[3, 9, "LOC"]]},
        {"text": "New York Times", "label": [[4, 8, "LOC"], [0, 14, "ORG"], [0, 14, "ORG"], [0, 14, "WORK"]]},
        {"text": "a  b", "label": [[1, 3, "X"]]},
        {"text": "He met A. She left.", "label": [[7, 13, "PER"]]},
        *({"text": "Berlins", "label": [[0, 6, "LOC"]]} for _ in range(3)),
    ]
    path = jsonl(tmp_path / "a.jsonl", *rows)
    with caplog.at_level("WARNING", logger="elmo_lite"):
        found = seen(path)
    assert found[:4] == [
        (["in", "Berlinale"], [(1, 2, "LOC")]),
        (["New", "York", "Times"], [(0, 3, "ORG")]),
        (["a", "b"], []),
        ("He met A. She left .".split(), [(2, 4, "PER")]),
    ]
    inside = "spans that begin or end inside a word, extended to whole words: 4"
    shown = "line 1 'Berlin' to 'Berlinale'; line 5 'Berlin' to 'Berlins'; line 6 'Berlin' to 'Berlins'; ..."
    assert caplog.messages == [
        f"{path}: {inside} ({shown})",
        f"{path}: spans that overlap a longer one, left out: 2 "
        "(line 2 'New York Times' WORK with 'New York Times' ORG; line 2 'York' LOC with 'New York Times' ORG)",
        f"{path}: spans without a word, left out: 1 (line 3 '  ')",
        f"{path}: ends of sentences inside a span, which joins the sentences: 1 (line 4 'A. She')",
    ]


def test_a_span_joins_the_sentences_it_reaches_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "One day.\nNew\nYork won. The end.", "label": [[9, 17, "LOC"]]})
    with caplog.at_level("WARNING", logger="elmo_lite"):
        found = seen(path)
    assert [words for words, _ in found] == [["One", "day", "."], ["New", "York", "won", "."], ["The", "end", "."]]
    assert caplog.messages == [
        f"{path}: ends of sentences inside a span, which joins the sentences: 1 (line 1 'New\\nYork')"
    ]


def test_whose_labels_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Cancelled annotations and rejected records are no labels; of several annotators, the ground truth counts."""
    one, other = ({**RESULT, "value": value} for value in values(ENTITIES[:2]))
    rows = [
        {"data": {"text": TEXT}, "annotations": [annotation(one), annotation(other, ground_truth=True)]},
        {"data": {"text": "Not done"}, "annotations": []},
        {"data": {"text": "Skipped"}, "annotations": [annotation(was_cancelled=True)]},
        {"data": {"text": "Nobody"}, "annotations": [annotation()]},
    ]
    with caplog.at_level("WARNING", logger="elmo_lite"):
        found = seen(jsonl(tmp_path / "a.jsonl", *rows))
    assert found == [(EXPECTED[0][0], [(4, 6, "LOC")]), (EXPECTED[1][0], []), (["Nobody"], [])]
    assert [message.split(": ", 1)[1] for message in caplog.messages] == [
        "tasks with several annotations, of which the first or the ground truth is read: 1 (line 1)",
        "texts that nobody has labelled, skipped: 2 (line 2; line 3)",
    ]
    caplog.clear()
    rejected = {"text": "Anna", "spans": [], "answer": "reject"}
    path = jsonl(tmp_path / "b.jsonl", rejected, {"text": "Bo", "spans": [{"start": 0, "end": 2, "label": "PER"}]})
    assert seen(path) == [(["Bo"], [(0, 1, "PER")])]


BAD: list[tuple[Any, str]] = [
    ({"text": "Anna", "label": [[0, 5, "PER"]]}, r"expected a span in 0\.\.4, the length of its text .*, found 0\.\.5"),
    ({"text": "Anna", "label": [[2, 2, "PER"]]}, r"expected a span with 0 <= start < end, found 2\.\.2"),
    ({"text": "Anna", "label": [[3, 1, "PER"]]}, r"expected a span with 0 <= start < end, found 3\.\.1"),
    ({"text": "Anna", "label": [[-1, 1, "PER"]]}, r"expected a span with 0 <= start < end, found -1\.\.1"),
    ({"text": "Anna", "label": [[0, 4, " "]]}, r"expected a label of the span 0\.\.4, found ' '"),
    ({"text": "Anna", "label": [[0, 4, None]]}, r"expected a label of the span 0\.\.4, found None"),
    ({"text": "Anna", "label": [[0, 4]]}, r"expected a span \[start, end, label\], found \[0, 4\]"),
    ({"text": "Anna", "label": [["0", 4, "PER"]]}, "expected offsets that are whole numbers, found '0' and 4"),
    ({"text": "Anna", "label": [[True, 4, "PER"]]}, "expected offsets that are whole numbers, found True and 4"),
    ({"text": "Anna", "label": {"a": 1}}, "expected a list of spans in 'label', found {'a': 1}"),
    ({"text": "Anna"}, "expected a field label, found text"),
    ({"text": 3, "label": []}, "expected a text in 'text', found 3"),
    ({"label": []}, "expected a text in 'text', found label"),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_bad_spans(row: Any, message: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": TEXT, "label": [list(ENTITIES[0])]}, row)
    with pytest.raises(CorpusError, match=f"^{path}, line 2: {message}$"):
        read_tagged(path)


def test_bad_spans_of_other_forms(tmp_path: Path) -> None:
    spans = {"text": "Bo", "spans": [{"start": 0, "end": 2, "label": "PER"}]}
    path = jsonl(tmp_path / "a.jsonl", spans, {"text": "Bo", "spans": [{"start": 0, "label": "PER"}]})
    with pytest.raises(CorpusError, match="line 2: expected a span with start, end and label, found {'start'"):
        read_tagged(path)
    for value, message in [
        ({"start": 0, "end": 2}, r"expected labels of the span 0\.\.2, found None"),
        ({"start": 0, "end": 2, "labels": []}, r"expected labels of the span 0\.\.2, found \[\]"),
        (
            {"start": "/p[1]", "end": "/p[1]", "labels": ["A"]},
            r"expected offsets that are whole numbers, found '/p\[1\]'",
        ),
        ({"labels": ["A"]}, "expected a value with start, end and labels"),
    ]:
        row = {"data": {"text": "Bo"}, "annotations": [annotation({**RESULT, "value": value})]}
        with pytest.raises(CorpusError, match=f"line 1: {message}"):
            read_tagged(jsonl(path, row))
    row = {"data": {"a": "Bo", "b": "Al"}, "annotations": []}
    with pytest.raises(CorpusError, match="line 1: expected a text in 'text', or one string, in the data, found a, b"):
        read_tagged(jsonl(path, row))
    write_brat(tmp_path, "b", "Bo", "T1\tPER 0 2\tBo\nT2 PER 0 2 Bo\n")
    with pytest.raises(CorpusError, match=r"b\.ann, line 2: expected an id, a TAB, a label, offsets such as 0 5"):
        read_tagged(tmp_path / "b.txt")
    write_brat(tmp_path, "b", "Bo", "T1\tPER 0 3\tBo\n")
    with pytest.raises(CorpusError, match=r"b\.ann, line 1: expected a span in 0\.\.2"):
        read_tagged(tmp_path / "b.ann")
    (tmp_path / "b.txt").unlink()
    with pytest.raises(CorpusError, match=r"b\.ann: expected its text in .*b\.txt, found nothing there"):
        read_tagged(tmp_path / "b.ann")
    (tmp_path / "b.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError, match=r"b\.txt: expected UTF-8, found byte 0xe9 at position 4"):
        read_tagged(tmp_path / "b.ann")


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_nothing_labelled(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("[]" if suffix == ".json" else "")
    with pytest.raises(CorpusError, match="expected labelled sentences, found none"):
        read_tagged(path)
    row = {"data": {"text": "Bo"}, "annotations": []}
    path.write_text(json.dumps([row] if suffix == ".json" else row))
    with pytest.raises(CorpusError, match="expected labelled texts with words, found none"):
        read_tagged(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="expected a file, found a directory"):
        read_tagged(tmp_path / "empty")


@pytest.mark.parametrize(
    "row",
    [
        {"tokens": ["Anna", "left"], "ner_tags": ["B-PER", "O"], "text": "Anna left", "label": [[0, 4, "X"]]},
        {"words": ["Anna", "left"], "tags": ["B-PER", "O"], "text": "Anna left", "spans": []},
    ],
)
def test_records_with_tags_of_words_are_read_as_before(row: Any, tmp_path: Path) -> None:
    assert seen(jsonl(tmp_path / "a.jsonl", row)) == [(["Anna", "left"], [(0, 1, "PER")])]


def test_the_tokenisation_is_that_of_the_model(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "Anna-Lee left. So\nwhat", "label": [[0, 8, "PER"]]})
    blanks = Tokenization(kind="whitespace")
    assert seen(path, tokenization=blanks) == [(["Anna-Lee", "left.", "So"], [(0, 1, "PER")]), (["what"], [])]


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from("AB")), max_size=6)


@given(st.text(st.sampled_from("aB. \n\r-é\u0301👍🏽中"), min_size=1, max_size=40), SPANS)
@settings(deadline=None, max_examples=300)
def test_a_span_is_kept_extended_or_counted(text: str, given_spans: list[tuple[int, int, str]]) -> None:
    """No word is lost, and each span that is kept covers all of its characters that are no blanks."""
    spans = [CharSpan(start, min(start + size, len(text)), kind, "a, line 1") for start, size, kind in given_spans]
    spans = [span for span in spans if span.start < span.end]
    notes, tokenization = Notes(), Tokenization()
    document = Document(text, spans, "a", 1, None)
    found = tagged_sentences(document, tokenization, "code_points", notes)
    assert [word for sentence in found for word in sentence.words] == tokenization.words(text)
    words = tokenization.words_with_offsets(text)
    tags = [tag for sentence in found for tag in sentence.tags]
    kept = [(words[e.start][1], words[e.end - 1][2], e.type) for e in entities_of(tags)]
    left_out = sum(count for title, count in notes.counts.items() if title.endswith("left out"))
    assert len(kept) + left_out <= len(spans) and (len(kept) + left_out > 0) == bool(spans)
    for start, end, kind in kept:
        assert any(s.type == kind and s.start < end and start < s.end for s in spans)
    if not left_out:
        places = {place for start, end, _ in kept for place in range(start, end)}
        wanted = {place for span in spans for place in range(span.start, span.end) if not text[place].isspace()}
        assert wanted <= places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 60) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, inner in items for found in places_in(inner, (*place, key)))]


@given(st.data(), st.sampled_from(sorted(RECORDS)))
@settings(deadline=None, max_examples=100)
def test_damaged_records_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: Any, name: str) -> None:
    """Whatever stands in the place of a value, there are sentences or an error that names the file."""
    rows = json.loads(json.dumps([RECORDS[name][1]] * 2))
    *parents, last = data.draw(st.sampled_from(places_in(rows)[1:]))
    inner = rows
    for key in parents:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    path = tmp_path_factory.mktemp("damaged") / "a.json"
    path.write_text(json.dumps(rows))
    try:
        assert read_tagged(path).sentences
    except CorpusError as error:
        assert str(error).startswith(str(path))

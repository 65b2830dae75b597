"""Units of offsets: code points, units of UTF-16, and line ends of Windows as one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ner import read_tagged
from tasks.tagging.spans.offsets import UNITS, Unit, is_plain, to_code_point, unit_offsets
from tasks.tagging.tags import entities_of

EMOJI = "👍🏽 née\u0301e Anna met 👩‍👩‍👧 Bob"
NAMES = ("Anna", "Bob")


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(st.text(st.sampled_from("a\r\n é👍\U0001f3fd"), max_size=30))
@settings(deadline=None, max_examples=200)
def test_offsets_agree_with_encodings(text: str) -> None:
    for unit in UNITS:
        offsets = unit_offsets(text, unit)
        for place in range(len(text) + 1):
            before = text[:place].replace("\r\n", "\n") if unit.endswith("as_one") else text[:place]
            if unit.endswith("as_one") and text[place - 1 : place + 1] == "\r\n":
                continue  # between the two
            size = utf16(before) if unit.startswith("utf16") else len(before)
            assert offsets[place] == size
            assert to_code_point(size, offsets) == place
        assert to_code_point(offsets[-1] + 1, offsets) is None
        assert list(offsets) == list(range(len(text) + 1)) or not is_plain(text)
    assert to_code_point(1, unit_offsets("👍", "utf16")) is None


def spans_in(text: str, unit: Unit) -> list[tuple[int, int]]:
    offsets = unit_offsets(text, unit)
    return [(offsets[text.index(name)], offsets[text.index(name) + len(name)]) for name in NAMES]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("text", [EMOJI, "one\r\ntwo Anna\r\nsaw\r\nBob", "👍\r\nAnna\r\nBob 👍 x", "Anna and Bob"])
def test_the_unit_is_found(
    unit: Unit, repeats: bool, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the text that spans repeat, or by words; a text in which units agree has code points."""
    spans: list[dict[str, Any]] = [{"start": start, "end": end, "label": "PER"} for start, end in spans_in(text, unit)]
    for span, name in zip(spans, NAMES, strict=True):
        span |= {"text": name} if repeats else {}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": text, "spans": spans}) + "\n")
    with caplog.at_level("INFO", logger="elmo_lite"):
        data = read_tagged(path)
    found = [s.words[e.start] for s in data.sentences for e in entities_of(s.tags)]
    assert found == ["Anna", "Bob"]
    said = [message for message in caplog.messages if "offsets count" in message]
    assert bool(said) == (spans_in(text, unit) != spans_in(text, "code_points"))


def test_the_choice_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (start, end), _ = spans_in(EMOJI, "utf16")
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": EMOJI, "label": [[start, end, "PER"]]}) + "\n")
    with caplog.at_level("INFO", logger="elmo_lite"):
        read_tagged(path)
    said = f"{path}: offsets count units of UTF-16: 1 of 1 spans fit, in code points 0"
    assert caplog.messages[0] == said


def test_another_text_than_repeated_is_taken_by_its_offsets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "Anna left", "spans": [{"start": 0, "end": 4, "label": "X", "text": "nna"}]}))
    with caplog.at_level("WARNING", logger="elmo_lite"):
        assert read_tagged(path).sentences[0].tags == ("S-X", "O")
    said = "spans over another text than they repeat, taken by their offsets: 1 (line 1 'Anna')"
    assert caplog.messages == [f"{path}: {said}"]

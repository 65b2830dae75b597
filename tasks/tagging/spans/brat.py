"""brat's standoff files: NAME.txt with the text, NAME.ann beside it with a line for each span.

Spans are the lines that begin with T; relations, events, attributes and notes are not read. Where a span crosses a line
break, brat writes its parts, which are joined; other spans in several parts are left out and counted.

https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from elmo_lite import CorpusError
from elmo_lite.text import decoded_lines, not_utf8, open_content
from tasks.files import without_end
from tasks.tagging.prediction import Span
from tasks.tagging.spans.document import CharSpan, Document, char_span
from tasks.tagging.spans.offsets import UNITS, Unit, is_plain, is_same_text, to_code_point, unit_offsets

TEXTS, SPANS = ".txt", ".ann"
_SPAN = re.compile(r"T\S*\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?")
_LINE_BREAKS = re.compile(r"[\r\n]+")


def is_brat(path: Path) -> bool:
    """Whether a path is a directory with texts or spans, a file of spans, or a text with its spans beside it."""
    if path.is_dir():
        return any(file.suffix in (TEXTS, SPANS) for file in path.rglob("*"))
    return path.suffix == SPANS or (path.suffix == TEXTS and path.with_suffix(SPANS).is_file())


class Brat:
    """The texts of a directory, or one text."""

    description = "brat's standoff files"
    unit: Unit | None = None

    def __init__(self, name: str) -> None:
        """Take a directory or one of the two files of a text."""
        self.name = name
        path = Path(name)
        self.root = path if path.is_dir() else path.parent
        """Directory of the texts."""
        if not path.is_dir():
            self._stems = [path.with_suffix("")]
        else:
            found = {file.with_suffix("") for file in path.rglob("*") if file.suffix in (TEXTS, SPANS)}
            self._stems = sorted(found)

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts; one without an .ann file is not labelled.

        Raises:
            CorpusError: A text is missing or is not UTF-8, or a line of an .ann file is malformed.
        """
        for stem in self._stems:
            text_file, ann_file = (Path(f"{stem}{suffix}") for suffix in (TEXTS, SPANS))
            if not text_file.is_file():
                raise CorpusError(f"{ann_file}: expected its text in {text_file}, found nothing there")
            text = _text_of(text_file)
            is_labelled = ann_file.is_file()
            notes: list[tuple[str, str]] = []
            spans = list(_spans_of(ann_file, text, notes)) if is_labelled else []
            yield Document(text, spans, str(text_file), 1, text_file, is_labelled, notes=notes)


def _text_of(path: Path) -> str:
    """The text of a file as it is, line ends included; a byte order mark, which counts as a character, is a blank."""
    with open_content(path) as content:
        data = content.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(str(path), error, f" at position {error.start + 1}") from None
    return f" {text[1:]}" if data.startswith(codecs.BOM_UTF8) else text


def _spans_of(path: Path, text: str, notes: list[tuple[str, str]]) -> Iterator[CharSpan]:
    for number, raw in decoded_lines(path):
        line, place = without_end(raw), f"{path}, line {number}"
        if not line.startswith("T"):
            continue
        match = _SPAN.fullmatch(line)
        if match is None:
            expected = "an id, a TAB, a label, offsets such as 0 5, a TAB and the text"
            raise CorpusError(f"{place}: expected {expected}, found {line!r:.60}")
        parts = [[int(offset) for offset in part.split(" ")] for part in match[2].split(";")]
        if len(parts) > 1 and not _is_whole(text, parts[0][0], parts[-1][1], match[3] or ""):
            notes.append(("spans in several parts, left out", f"{place} {match[1]} {match[2]} {match[3] or ''!r:.40}"))
            continue
        yield char_span(parts[0][0], parts[-1][1], match[1], place, match[3])


def _is_whole(text: str, start: int, end: int, repeated: str) -> bool:
    """Whether parts have nothing but blanks between them: all from first to last is what the file repeats."""
    for unit in UNITS[:1] if is_plain(text) else UNITS:
        offsets = unit_offsets(text, unit)
        first, stop = to_code_point(start, offsets), to_code_point(end, offsets)
        if first is not None and stop is not None and is_same_text(text[first:stop], repeated):
            return True
    return False


def spans_file(text: str, spans: Sequence[Span], offsets: Sequence[int], with_scores: bool) -> str:
    """The content of an .ann file.

    Args:
        text: The text.
        spans: Spans, in characters of the text.
        offsets: Offset of each character in the unit of the file.
        with_scores: Whether each span has a note with its score.
    """
    lines = []
    for number, span in enumerate(spans, start=1):
        parts = _lines_of(text, span.start, span.end)
        places = ";".join(f"{offsets[start]} {offsets[end]}" for start, end in parts)
        repeated = " ".join(text[start:end] for start, end in parts)
        lines.append(f"T{number}\t{'_'.join(span.type.split())} {places}\t{repeated}\n")
        if with_scores:
            lines.append(f"#{number}\tAnnotatorNotes T{number}\tscore {span.score:.4f}\n")
    return "".join(lines)


def _lines_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The parts of a span on each line."""
    breaks = [match.span() for match in _LINE_BREAKS.finditer(text, start, end)]
    starts, ends = [start, *(after for _, after in breaks)], [*(before for before, _ in breaks), end]
    return list(zip(starts, ends, strict=True))

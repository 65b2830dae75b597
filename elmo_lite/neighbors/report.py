"""Neighbours as text for a screen, as a table and as JSON lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from elmo_lite.neighbors.concordance import concordance_line, num_columns, printable
from elmo_lite.neighbors.search import Neighbor, Query
from elmo_lite.neighbors.static_words import StaticNeighbor

Static = dict[str, list[StaticNeighbor]]
"""Nearest words of the token layer, by word."""
_SCREEN = (100, 24)
"""Columns and lines of a screen whose size is unknown."""
_MIN_CONTEXT = 16
"""Smallest number of characters of context on each side of a word."""
_COLUMNS = ("query", "kind", "rank", "similarity", "word", "position", "place", "sentence")


@dataclass(frozen=True)
class Answer:
    """A query and its neighbours."""

    query: Query
    neighbors: list[Neighbor]


def as_text(answers: Sequence[Answer], static: Static, heading: str, text: str, columns: int | None = None) -> str:
    """Neighbours as text for a screen.

    Args:
        answers: The queries and their neighbours.
        static: Nearest words of the token layer, by word.
        heading: First line.
        text: Name of the text, which is left out of places.
        columns: Width of the screen in characters. Defaults to that of the terminal, or 100 without one.
    """
    columns = columns or shutil.get_terminal_size(_SCREEN).columns
    lines = [heading]
    shown = [each.occurrence for answer in answers for each in answer.neighbors]
    longest = max(num_columns(each.word) for each in (*shown, *(answer.query.occurrence for answer in answers)))
    width = (columns - 12 - longest - max((num_columns(_short(each.place, text)) for each in shown), default=0)) // 2
    width = max(width, _MIN_CONTEXT)
    for answer in answers:
        lines += ["", *([f"  {answer.query.note}"] if answer.query.note else [])]
        lines.append(f"       {concordance_line(answer.query.occurrence, width)}")
        for each in answer.neighbors:
            line = f" {each.similarity:5.2f} {concordance_line(each.occurrence, width)}"
            padding = " " * (2 * width + longest + 12 - num_columns(line))
            lines.append(f"{line}{padding}{_short(each.occurrence.place, text)}")
    lines.append("")
    for word, found in static.items():
        named = ", ".join(f"{printable(each.word)} {each.similarity:.2f}" for each in found)
        lines.append(f"without context, nearest to {printable(word)!r} (token layer): {named or 'no other word'}")
    return "\n".join(lines)


def _short(place: str, text: str) -> str:
    """A place without the folder of its file, or without the file if that is the text."""
    return printable(PurePath(place.removeprefix(f"{text}, ")).name)


def as_tsv(answers: Sequence[Answer], static: Static) -> str:
    """Neighbours as a table: a header, and a row for each neighbour of each query and for each static one."""
    rows: list[Sequence[object]] = [_COLUMNS]
    for answer in answers:
        query = concordance_line(answer.query.occurrence, len(" ".join(answer.query.occurrence.words))).strip()
        for rank, each in enumerate(answer.neighbors, 1):
            found, similarity = each.occurrence, f"{each.similarity:.6f}"
            sentence = " ".join(found.words)
            rows.append((query, "context", rank, similarity, found.word, found.position, found.place, sentence))
    for word, neighbors in static.items():
        for rank, near in enumerate(neighbors, 1):
            rows.append((word, "static", rank, f"{near.similarity:.6f}", near.word, "", "", ""))
    return "".join("\t".join(printable(str(cell)) for cell in row) + "\n" for row in rows)


def as_jsonl(answers: Sequence[Answer], static: Static) -> str:
    """Neighbours as JSON lines: an object for each query."""
    lines = []
    for answer in answers:
        query = answer.query.occurrence
        row: dict[str, Any] = {
            **_fields(query.words, query.position, query.place),
            "note": answer.query.note,
            "neighbors": [
                {
                    "similarity": round(each.similarity, 6),
                    **_fields(each.occurrence.words, each.occurrence.position, each.occurrence.place),
                }
                for each in answer.neighbors
            ],
            "static": [
                {"word": word, "similarity": round(similarity, 6)} for word, similarity in static.get(query.word, [])
            ],
        }
        lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def _fields(words: list[str], position: int, place: str) -> dict[str, Any]:
    return {"word": words[position], "words": words, "position": position, "place": place}

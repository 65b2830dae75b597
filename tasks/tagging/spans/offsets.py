"""Units in which annotation tools count characters, and the one that a source has.

Python counts code points, and so do brat, Prodigy, spaCy and Label Studio today. Tools that run in a browser may count
the units of UTF-16 instead, two for an emoji: doccano, unless a project counts grapheme clusters, and early versions of
Label Studio. Some count CR LF as one character. Nothing in their files says which, so the spans decide: the
unit in which most of them cover the text that they repeat or, without it, begin and end with words.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal, get_args

from elmo_lite import Tokenization
from tasks.tagging.spans.document import CharSpan, Document

log = logging.getLogger("elmo_lite")

Unit = Literal["code_points", "utf16", "crlf_as_one", "utf16_crlf_as_one"]
UNITS: tuple[Unit, ...] = get_args(Unit)
"""All units. The first one counts where the spans leave a choice."""
NAME_OF_UNIT: dict[Unit, str] = {
    "code_points": "code points",
    "utf16": "units of UTF-16",
    "crlf_as_one": "code points, with CR LF as one",
    "utf16_crlf_as_one": "units of UTF-16, with CR LF as one",
}


def is_plain(text: str) -> bool:
    """Whether all units give the same offsets in a text."""
    return "\r\n" not in text and (text.isascii() or max(text) <= "\uffff")


def unit_offsets(text: str, unit: Unit) -> Sequence[int]:
    """The offset in units of each character of a text.

    Args:
        text: T characters.
        unit: The unit.

    Returns:
        (T + 1,): offsets that never fall; the last one is the length of the text in units.
    """
    if unit == "code_points" or is_plain(text):
        return range(len(text) + 1)
    sizes = [2 if unit.startswith("utf16") and character > "\uffff" else 1 for character in text]
    if unit.endswith("crlf_as_one"):
        for match in re.finditer("\r\n", text):
            sizes[match.start() + 1] = 0
    return list(accumulate(sizes, initial=0))


def to_code_point(offset: int, offsets: Sequence[int]) -> int | None:
    """The index of the character at an offset.

    Args:
        offset: Offset in units.
        offsets: Those of all characters, see ``unit_offsets``.

    Returns:
        The index; None beyond the end of the text and inside a character of two units.
    """
    if isinstance(offsets, range):
        return offset if offset < len(offsets) else None
    index = bisect_right(offsets, offset) - 1
    return index if offsets[index] == offset else None


def choose_unit(documents: Iterable[Document], tokenization: Tokenization, name: str) -> Unit:
    """The unit in which most spans fit, by all texts in which units differ.

    Args:
        documents: The texts with their spans.
        tokenization: What finds words.
        name: Name of the source; another unit than code points is logged.
    """
    fits: Counter[Unit] = Counter()
    total = 0
    for document in documents:
        if not document.spans or is_plain(document.text):
            continue
        total += len(document.spans)
        words = tokenization.words_with_offsets(document.text)
        edges = {start for _, start, _ in words}, {end for _, _, end in words}
        for unit in UNITS:
            offsets = unit_offsets(document.text, unit)
            fits[unit] += sum(_fits(span, document.text, offsets, *edges) for span in document.spans)
    chosen = max(UNITS, key=lambda unit: fits[unit])  # of equals, the first
    if chosen != UNITS[0]:
        evidence = f"{fits[chosen]:,} of {total:,} spans fit, in {NAME_OF_UNIT[UNITS[0]]} {fits[UNITS[0]]:,}"
        log.info("%s: offsets count %s: %s", name, NAME_OF_UNIT[chosen], evidence)
    return chosen


def _fits(span: CharSpan, text: str, offsets: Sequence[int], starts: set[int], ends: set[int]) -> bool:
    start, end = to_code_point(span.start, offsets), to_code_point(span.end, offsets)
    if start is None or end is None:
        return False
    return start in starts and end in ends if span.text is None else is_same_text(text[start:end], span.text)


def is_same_text(found: str, repeated: str) -> bool:
    r"""Whether a span has the text that its source repeats, in which a line break may be a blank or ``\n``."""
    return found == repeated or " ".join(found.split()) == " ".join(repeated.replace("\\n", " ").split())

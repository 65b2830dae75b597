"""Tags of named entities: their schemes, the entities that they spell, and what is legal in BIOES.

word    Anna   works  at  New    York   City   Berlin
IOB1    I-PER  O      O   I-LOC  I-LOC  I-LOC  B-LOC     B- only where an entity follows another of its type
IOB2    B-PER  O      O   B-LOC  I-LOC  I-LOC  B-LOC     B- at every beginning (also called BIO)
BIOES   S-PER  O      O   B-LOC  I-LOC  E-LOC  S-LOC     ends and single words marked too (BILOU: L for E, U for S)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Scheme = Literal["IOB1", "IOB2", "BIOES"]

OUTSIDE = "O"
_SAME_PREFIX = {"U": "S", "L": "E", "M": "I"}
"""Other names of BIOES' prefixes: BILOU's unit and last, BMES' middle."""
_PREFIXES = frozenset("BIES") | frozenset(_SAME_PREFIX)


class Entity(NamedTuple):
    """Words start..end - 1 of a sentence, and what they name."""

    start: int
    end: int
    type: str


def is_tag(text: str) -> bool:
    """Whether a string is a tag of one of the schemes: O, or a prefix, a hyphen and a type."""
    return text == OUTSIDE or (len(text) > 2 and text[1] == "-" and text[0] in _PREFIXES)


def split_tag(tag: str) -> tuple[str, str]:
    """Prefix (B, I, E or S) and type; ("O", "") outside.

    Raises:
        ValueError: no tag; the readers check before, and know file and line.
    """
    if not is_tag(tag):
        raise ValueError(f"expected O or B-, I-, E- or S- and a type, found {tag!r}")
    if tag == OUTSIDE:
        return OUTSIDE, ""
    return _SAME_PREFIX.get(tag[0], tag[0]), tag[2:]


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities that a sentence's tags spell, whichever scheme it is and however broken.

    Each scheme is a special case of one reading: B and S begin an entity; I and E go on with one of their type and
    begin one where there is none; E and S end it, and so does whatever cannot go on. Nothing is ever dropped.
    """
    found: list[Entity] = []
    start, open_type = 0, ""
    for position, tag in enumerate([*tags, OUTSIDE]):
        prefix, kind = split_tag(tag)
        goes_on = prefix in ("I", "E") and kind == open_type
        if open_type and not goes_on:
            found.append(Entity(start, position, open_type))
        if not goes_on:
            start, open_type = position, kind
        if prefix in ("E", "S"):
            found.append(Entity(start, position + 1, kind))
            open_type = ""
    return found


def spell(entities: Iterable[Entity], length: int, scheme: Scheme) -> list[str]:
    """The tags of a sentence of ``length`` words; entities are in order and do not overlap."""
    tags = [OUTSIDE] * length
    for start, end, kind in entities:
        touches = scheme != "IOB1" or (start > 0 and tags[start - 1].endswith(f"-{kind}"))
        prefixes = (["B"] if touches else ["I"]) + ["I"] * (end - start - 1)
        if scheme == "BIOES":
            prefixes[-1] = "E" if len(prefixes) > 1 else "S"
        tags[start:end] = [f"{prefix}-{kind}" for prefix in prefixes]
    return tags


def repairs(tags: Sequence[str], scheme: Scheme) -> int:
    """How many tags of a sentence differ from what its entities are in a scheme; 0 where it is well formed."""
    expected = spell(entities_of(tags), len(tags), scheme)
    return sum(split_tag(found) != split_tag(right) for found, right in zip(tags, expected, strict=True))


def detect_scheme(sentences: Sequence[Sequence[str]]) -> Scheme:
    """The scheme of some sentences: BIOES where one of its own prefixes occurs, else what needs fewer repairs.

    IOB2 where IOB1 needs as many, such as where there is no entity at all.
    """
    if any(split_tag(tag)[0] in ("E", "S") for tags in sentences for tag in set(tags)):
        return "BIOES"
    needed: dict[Scheme, int] = {name: sum(repairs(tags, name) for tags in sentences) for name in ("IOB2", "IOB1")}
    return min(needed, key=needed.__getitem__)


def bioes_labels(types: Iterable[str]) -> list[str]:
    """All tags of some types: O, then B, I, E and S of each type, the types sorted."""
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in "BIES")]


@dataclass(frozen=True)
class Legal:
    """What BIOES allows among N labels; ``follow[i][j]``: label j may stand after label i."""

    first: list[bool]
    follow: list[list[bool]]
    last: list[bool]


def legal_bioes(labels: Sequence[str]) -> Legal:
    """Which labels may begin a sentence, follow each other and end it, in well-formed BIOES."""
    parts = [split_tag(label) for label in labels]
    begins = [prefix in ("O", "B", "S") for prefix, _ in parts]
    opens = [prefix in ("B", "I") for prefix, _ in parts]
    # After an open entity only its own type goes on; after anything else only a beginning or O can stand.
    follows = [
        [kind == other and not begins[j] if opens[i] else begins[j] for j, (_, other) in enumerate(parts)]
        for i, (_, kind) in enumerate(parts)
    ]
    return Legal(first=begins, follow=follows, last=[not open_ for open_ in opens])

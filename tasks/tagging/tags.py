"""Named entity tags: schemes, conversion between tags and entities, and legal transitions in BIOES.

word    Anna   works  at  New    York   City   Berlin
IOB1    I-PER  O      O   I-LOC  I-LOC  I-LOC  B-LOC     B- only directly after an entity of the same type
IOB2    B-PER  O      O   B-LOC  I-LOC  I-LOC  B-LOC     B- at the first word of every entity (also called BIO)
BIOES   S-PER  O      O   B-LOC  I-LOC  E-LOC  S-LOC     E- at the last word, S- for a single word (BILOU: L, U)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from elmo_lite.text import is_tag

Scheme = Literal["IOB1", "IOB2", "BIOES"]

OUTSIDE = "O"
ENTITY_TYPE = "ENT"
"""Default type of tags without one: B, I and O."""
_SAME_PREFIX = {"U": "S", "L": "E", "M": "I"}
"""Prefixes of BILOU (unit, last) and BMES (middle), and their equivalents in BIOES."""


class Entity(NamedTuple):
    """A named entity: the words start..end - 1 of a sentence, and its type."""

    start: int
    end: int
    type: str


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix (B, I, E or S) and its type. O becomes ("O", "").

    Raises:
        ValueError: The string is not a tag. Readers check this first, to report the file and line.
    """
    if not is_tag(tag):
        raise ValueError(f"expected O or B-, I-, E- or S- and a type, found {tag!r:.80}")
    if tag == OUTSIDE:
        return OUTSIDE, ""
    return _SAME_PREFIX.get(tag[0], tag[0]), tag[2:]


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities encoded by the tags of a sentence, in any scheme and even if the tags are not well formed.

    One set of rules covers all schemes. B and S start an entity. I and E continue an entity of the same type, or start
    one if there is none. E and S end an entity, and so does any tag that does not continue it. No entity tag is
    discarded.
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
    """The tags of a sentence of ``length`` words. Entities must be sorted and must not overlap."""
    tags = [OUTSIDE] * length
    for start, end, kind in entities:
        touches = scheme != "IOB1" or (start > 0 and tags[start - 1].endswith(f"-{kind}"))
        prefixes = (["B"] if touches else ["I"]) + ["I"] * (end - start - 1)
        if scheme == "BIOES":
            prefixes[-1] = "E" if len(prefixes) > 1 else "S"
        tags[start:end] = [f"{prefix}-{kind}" for prefix in prefixes]
    return tags


def repairs(tags: Sequence[str], scheme: Scheme) -> int:
    """The number of tags that differ from the well-formed encoding of their entities in a scheme."""
    expected = spell(entities_of(tags), len(tags), scheme)
    return sum(split_tag(found) != split_tag(right) for found, right in zip(tags, expected, strict=True))


def detect_scheme(sentences: Sequence[Sequence[str]]) -> Scheme:
    """Detect the scheme of the tags of sentences.

    It is BIOES if E or S (or L or U) occurs, otherwise IOB2 or IOB1, whichever needs fewer repairs. A tie, as without
    entities, gives IOB2.
    """
    if any(split_tag(tag)[0] in ("E", "S") for tags in sentences for tag in set(tags)):
        return "BIOES"
    needed: dict[Scheme, int] = {name: sum(repairs(tags, name) for tags in sentences) for name in ("IOB2", "IOB1")}
    return min(needed, key=needed.__getitem__)


def bioes_labels(types: Iterable[str]) -> list[str]:
    """All BIOES tags: O, then B, I, E and S of each type, with the types sorted."""
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in "BIES")]


@dataclass(frozen=True)
class Legal:
    """The constraints of BIOES on sequences of N labels."""

    first: list[bool]
    """(N,): whether a label may start a sentence."""
    follow: list[list[bool]]
    """(N, N): whether label j may follow label i, at [i][j]."""
    last: list[bool]
    """(N,): whether a label may end a sentence."""


def legal_bioes(labels: Sequence[str]) -> Legal:
    """Which labels may start a sentence, follow each other and end a sentence in well-formed BIOES."""
    parts = [split_tag(label) for label in labels]
    begins = [prefix in ("O", "B", "S") for prefix, _ in parts]
    opens = [prefix in ("B", "I") for prefix, _ in parts]
    # An open entity is followed by I or E of its type; any other label by O, B or S.
    follows = [
        [kind == other and not begins[j] if opens[i] else begins[j] for j, (_, other) in enumerate(parts)]
        for i, (_, kind) in enumerate(parts)
    ]
    return Legal(first=begins, follow=follows, last=[not open_ for open_ in opens])

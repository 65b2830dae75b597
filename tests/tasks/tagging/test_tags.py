"""Tag schemes: what is read, what is repaired, what is legal."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.tagging.tags import (
    Entity,
    Scheme,
    bioes_labels,
    detect_scheme,
    entities_of,
    is_tag,
    legal_bioes,
    repairs,
    spell,
    split_tag,
)

SCHEMES: tuple[Scheme, ...] = ("IOB1", "IOB2", "BIOES")
SENTENCE = {
    "IOB1": "I-PER O O I-LOC I-LOC I-LOC B-LOC",
    "IOB2": "B-PER O O B-LOC I-LOC I-LOC B-LOC",
    "BIOES": "S-PER O O B-LOC I-LOC E-LOC S-LOC",
}
ENTITIES = [Entity(0, 1, "PER"), Entity(3, 6, "LOC"), Entity(6, 7, "LOC")]


@st.composite
def annotations(draw: st.DrawFn) -> tuple[int, list[Entity]]:
    """A length and entities in order that do not overlap."""
    entities, position = [], 0
    for gap, width, kind in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("XY")))):
        entities.append(Entity(position + gap, position + gap + width, kind))
        position += gap + width
    return position + draw(st.integers(0, 2)), entities


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_is_read_and_written(scheme: Scheme) -> None:
    tags = SENTENCE[scheme].split()
    assert entities_of(tags) == ENTITIES
    assert spell(ENTITIES, 7, scheme) == tags
    assert repairs(tags, scheme) == 0


@given(annotations())
def test_spelling_and_reading_are_inverse(annotation: tuple[int, list[Entity]]) -> None:
    length, entities = annotation
    for scheme in SCHEMES:
        tags = spell(entities, length, scheme)
        assert len(tags) == length
        assert entities_of(tags) == entities
        assert repairs(tags, scheme) == 0


def test_bilou_and_bmes_are_bioes() -> None:
    assert entities_of("U-PER O B-LOC I-LOC L-LOC".split()) == [Entity(0, 1, "PER"), Entity(2, 5, "LOC")]
    assert entities_of("B-LOC M-LOC E-LOC".split()) == [Entity(0, 3, "LOC")]
    assert repairs("U-PER O B-LOC I-LOC L-LOC".split(), "BIOES") == 0
    assert detect_scheme(["B-X L-X".split()]) == "BIOES"


@pytest.mark.parametrize(
    ("tags", "scheme", "entities", "count"),
    [
        ("O I-X I-X", "IOB2", [(1, 3, "X")], 1),
        ("B-X I-Y", "IOB2", [(0, 1, "X"), (1, 2, "Y")], 1),
        ("B-X O", "IOB1", [(0, 1, "X")], 1),
        ("I-X B-X", "IOB1", [(0, 1, "X"), (1, 2, "X")], 0),
        ("B-X I-X O", "BIOES", [(0, 2, "X")], 1),
        ("B-X O", "BIOES", [(0, 1, "X")], 1),
        ("E-X", "BIOES", [(0, 1, "X")], 1),
        ("I-X E-X", "BIOES", [(0, 2, "X")], 1),
        ("S-X I-X", "BIOES", [(0, 1, "X"), (1, 2, "X")], 1),
        ("B-X E-X I-X", "BIOES", [(0, 2, "X"), (2, 3, "X")], 1),
        ("B-X B-X E-X", "BIOES", [(0, 1, "X"), (1, 3, "X")], 1),
    ],
)
def test_repairs_are_counted(tags: str, scheme: Scheme, entities: list[tuple[int, int, str]], count: int) -> None:
    assert entities_of(tags.split()) == entities
    assert repairs(tags.split(), scheme) == count


def test_detection() -> None:
    for scheme in SCHEMES:
        assert detect_scheme([SENTENCE[scheme].split()]) == scheme
    assert detect_scheme([["O", "O"]]) == "IOB2"
    assert detect_scheme([]) == "IOB2"
    # One slip does not turn a file into another scheme.
    assert detect_scheme([["B-X", "O"], ["B-Y", "I-Y"], ["O", "I-X"]]) == "IOB2"
    assert detect_scheme([["I-X", "O"], ["I-Y", "I-Y"], ["O", "B-X"]]) == "IOB1"


def test_what_is_a_tag() -> None:
    assert all(map(is_tag, ["O", "B-PER", "I-creative-work", "S-X", "L-X", "U-X"]))
    assert not any(map(is_tag, ["", "PER", "B-", "B_PER", "X-PER", "o", "O-PER", "-"]))
    assert split_tag("L-creative-work") == ("E", "creative-work")
    with pytest.raises(ValueError, match="found 'B_PER'"):
        split_tag("B_PER")


def test_labels() -> None:
    assert bioes_labels(["Y", "X", "Y"]) == ["O", *(f"{p}-{t}" for t in "XY" for p in "BIES")]


def test_legal_sequences_are_those_that_need_no_repair() -> None:
    labels = bioes_labels("XY")
    legal = legal_bioes(labels)
    for length in (1, 2, 3):
        for path in itertools.product(range(len(labels)), repeat=length):
            steps = all(legal.follow[i][j] for i, j in itertools.pairwise(path))
            allowed = legal.first[path[0]] and steps and legal.last[path[-1]]
            assert allowed == (repairs([labels[k] for k in path], "BIOES") == 0), [labels[k] for k in path]

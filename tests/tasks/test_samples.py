"""The samples in the package: well formed, as the readers see them, and nothing of dev and test known from train."""

import csv
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from elmo_lite import Tokenization
from tasks.classification.data import read_labelled
from tasks.classification.readers import DataConfig
from tasks.ner.data import read_tagged

FOLDER = Path(str(files("tasks.samples")))
PARTS = ("train", "dev", "test")
HELD_OUT = ("dev", "test")
TAGS = {"O", *(f"{place}-{kind}" for place in "BI" for kind in ("PER", "ORG", "LOC"))}
FUNCTION_WORDS = {"of", "and", "for", "the", "de", "'", "-"}
"""What names have in common without being the same."""

Sentence = tuple[str, list[str], list[str]]
"""Text, words, tags."""


def tagged(part: str) -> list[Sentence]:
    """The sentences of a part, read here in the plainest way."""
    found: list[Sentence] = []
    for block in (FOLDER / f"ner_{part}.iob2").read_text(encoding="utf-8").rstrip("\n").split("\n\n"):
        comment, *lines = block.split("\n")
        rows = [line.split("\t") for line in lines]
        assert comment.startswith("# text = ")
        assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)], comment
        assert {len(row) for row in rows} == {3}, comment
        found.append((comment.removeprefix("# text = "), [row[1] for row in rows], [row[2] for row in rows]))
    return found


def labelled(part: str) -> list[list[str]]:
    """Text and label of a part's rows, without the header."""
    header, *rows = (FOLDER / f"sentiment_{part}.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert header == "text\tlabel"
    return [row.split("\t") for row in rows]


def words_in_names(part: str) -> set[str]:
    return {word for _, words, tags in tagged(part) for word, tag in zip(words, tags, strict=True) if tag != "O"}


def words_outside_names(part: str) -> set[str]:
    return {word for _, words, tags in tagged(part) for word, tag in zip(words, tags, strict=True) if tag == "O"}


@pytest.mark.parametrize("part", PARTS)
def test_ner_is_well_formed(part: str) -> None:
    for text, words, tags in tagged(part):
        assert set(tags) <= TAGS, text
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:], f"{text}: {tag} after {before}"
        # What is typed at `predict` is then split into the words that the head was trained on.
        assert Tokenization().line_sentences(text) == [words]


@pytest.mark.parametrize("part", PARTS)
def test_ner_reader_sees_the_same(part: str) -> None:
    data = read_tagged(FOLDER / f"ner_{part}.iob2")
    assert (data.scheme, data.repaired) == ("IOB2", 0)
    assert [list(sentence.words) for sentence in data.sentences] == [words for _, words, _ in tagged(part)]
    counted = Counter(tag[2:] for _, _, tags in tagged(part) for tag in tags if tag.startswith("B-"))
    assert data.types() == counted


@pytest.mark.parametrize(("part", "sentences", "of_each_type"), [("train", 220, 50), ("dev", 40, 10), ("test", 40, 10)])
def test_ner_has_enough(part: str, sentences: int, of_each_type: int) -> None:
    data = tagged(part)
    counts = Counter(tag[2:] for _, _, tags in data for tag in tags if tag.startswith("B-"))
    assert len(data) >= sentences
    assert set(counts) == {"PER", "ORG", "LOC"} and min(counts.values()) >= of_each_type
    without = sum(set(tags) == {"O"} for _, _, tags in data)
    assert 0.2 <= without / len(data) <= 0.5


@pytest.mark.parametrize("part", HELD_OUT)
def test_no_name_is_known_from_train(part: str) -> None:
    """Word by word: not in a name of train however it is spelled there, and nowhere in train as it is spelled here."""
    names = words_in_names(part) - FUNCTION_WORDS
    known = {word.casefold() for word in words_in_names("train")}
    assert not {word for word in names if word.casefold() in known}
    assert not names & words_outside_names("train")


def test_dev_and_test_share_no_name() -> None:
    assert words_in_names("dev") & words_in_names("test") <= FUNCTION_WORDS


@pytest.mark.parametrize(("part", "number"), [("train", 20), ("dev", 4), ("test", 4)])
def test_some_names_are_common_words_too(part: str, number: int) -> None:
    outside = words_outside_names(part)
    both = {word for word in words_in_names(part) - FUNCTION_WORDS if word.istitle() and word.lower() in outside}
    assert len(both) >= number


def test_ner_sentences_are_not_filled_in_patterns() -> None:
    """No two sentences, of any parts, are the same but for their names."""
    frames = Counter(
        " ".join(tag[2:] or word for word, tag in zip(words, tags, strict=True) if not tag.startswith("I-"))
        for part in PARTS
        for _, words, tags in tagged(part)
    )
    assert [frame for frame, count in frames.items() if count > 1] == []


@pytest.mark.parametrize(("part", "number"), [("train", 240), ("dev", 40), ("test", 40)])
def test_sentiment_is_well_formed_and_balanced(part: str, number: int) -> None:
    rows = labelled(part)
    assert len(rows) >= number
    assert all(len(row) == 2 and row[0] == row[0].strip() != "" for row in rows)
    counts = Counter(label for _, label in rows)
    assert counts == {"negative": len(rows) // 2, "positive": len(rows) // 2}


@pytest.mark.parametrize("part", PARTS)
def test_sentiment_readers_see_the_same(part: str) -> None:
    path = FOLDER / f"sentiment_{part}.tsv"
    assert [[e.text, e.label] for e in read_labelled(path, DataConfig(), Tokenization().words)] == labelled(part)
    with open(path, encoding="utf-8", newline="") as file:  # nor does a reader that knows quotes see anything else
        assert list(csv.reader(file, delimiter="\t"))[1:] == labelled(part)


def test_sentiment_texts_differ() -> None:
    texts = Counter(re.sub(r"\W+", " ", text).strip().lower() for part in PARTS for text, _ in labelled(part))
    assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("label", ["negative", "positive"])
def test_sentiment_is_not_in_one_word(part: str, label: str) -> None:
    """Both labels have negation and contrast, so that counting `not` and `but` decides nothing."""
    texts = [text.lower() for text, found in labelled(part) if found == label]
    assert sum(bool(re.search(r"\b(not|no|never|nothing|nobody|cannot|without|n't)\b", text)) for text in texts) >= 2
    if part == "train":
        assert sum(bool(re.search(r"\b(but|yet|although|though|despite)\b", text)) for text in texts) >= 8

"""Classes to predict: order, special ones, files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.errors import CheckpointError
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary


def test_classes_come_by_count_after_the_special_ones() -> None:
    """0 and 1 are fixed; a literal <unk> is the unknown class and takes no other."""
    vocabulary = Vocabulary.from_counts(["the", "<unk>", "of", "a", "an"], 5)
    assert list(vocabulary) == ["</S>", "<unk>", "the", "of", "a"]
    assert len(vocabulary) == 5
    assert [vocabulary.class_of(word) for word in ("the", "a", "<unk>", "an", "")] == [2, 4, 1, 1, 1]
    assert len(Vocabulary.from_counts(["a"], 100)) == 3


def test_a_word_spelled_like_the_boundary_is_not_the_boundary() -> None:
    """The boundary is no word: text cannot produce its class."""
    assert Vocabulary(["a"]).class_of("</S>") == UNKNOWN_CLASS
    assert Vocabulary(["</S>"]).class_of("</S>") == 2 != BOUNDARY_CLASS


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1), unique=True, max_size=8))
@settings(deadline=None)
def test_files_give_back_the_classes(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    """Whatever is in a word but a line feed: carriage returns and Unicode line separators too."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    vocabulary = Vocabulary([word for word in words if word != "<unk>"])
    vocabulary.save(path)
    assert Vocabulary.load(path).entries == vocabulary.entries


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the\nof\n", "expected lines </S> and <unk> first"),
        (b"</S>\n<unk>\nthe", "expected lines </S> and <unk> first"),
        (b"</S>\n<unk>\n\xff\n", "expected a vocabulary in UTF-8"),
        (b"</S>\n<unk>\nthe\nthe\n", "found a word twice"),
        (None, "expected a vocabulary in UTF-8"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Foreign, truncated, repeated, missing."""
    path = tmp_path / "vocabulary.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.load(path)


def test_repr_is_one_line() -> None:
    assert repr(Vocabulary(["the", "cat"])) == "Vocabulary(4 classes: '</S>', '<unk>', 'the', 'cat')"
    many = Vocabulary([f"w{number}" for number in range(1500)])
    assert repr(many) == "Vocabulary(1,502 classes: '</S>', '<unk>', 'w0', 'w1', 'w2', ...)"

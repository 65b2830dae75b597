"""The text that every CPython carries."""

import sys
from pathlib import Path

import pytest

from elmo_lite.errors import CorpusError
from elmo_lite.text import python_prose
from elmo_lite.text.python_prose import is_prose, prose_paragraphs, write_python_prose


@pytest.fixture(scope="module")
def documents() -> list[list[str]]:
    return python_prose.python_prose()


def test_is_large_and_has_documents(documents: list[list[str]]) -> None:
    assert len(documents) > 200
    assert sum(len(paragraph.split()) for document in documents for paragraph in document) > 100_000


def test_paragraphs_are_distinct_lines(documents: list[list[str]]) -> None:
    paragraphs = [paragraph for document in documents for paragraph in document]
    assert len(set(paragraphs)) == len(paragraphs)
    assert not any("\n" in paragraph or "\x00" in paragraph or ">>>" in paragraph for paragraph in paragraphs)


def test_imports_nothing(documents: list[list[str]]) -> None:
    assert "turtle" not in sys.modules and "tkinter" not in sys.modules


def test_same_text_every_time(documents: list[list[str]]) -> None:
    assert python_prose.python_prose() == documents


def test_code_and_tables_are_left_out() -> None:
    text = """Return the sum of the numbers in the list.

    >>> add([1, 2])
    3

    +------+-----+
    | name | use |

        x = [y for y in range(3)]

    Args:
        numbers: The numbers that are to be added to the sum.

    The following values are possible:

    * This one is used when there is nothing
      else to be done.

    * short one

    See :class:`list` and ``tuple`` for the types that can be used.
    """
    assert list(prose_paragraphs([text])) == [
        "Return the sum of the numbers in the list.",
        "This one is used when there is nothing else to be done.",
        "See list and tuple for the types that can be used.",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "get(key, default=None) -> value",
        "the lower case begin of something that is not a sentence.",
        "Too short.",
        "There is no end to this line that is not a sentence at all",
    ],
)
def test_what_is_no_sentence(line: str) -> None:
    assert not is_prose(line)


def test_writes_documents_between_blank_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_prose, "python_prose", lambda: [["One two.", "Three."], ["Four."]])
    assert write_python_prose(tmp_path / "prose.txt") == (2, 4)
    assert (tmp_path / "prose.txt").read_bytes() == b"One two.\nThree.\n\nFour.\n"
    monkeypatch.setattr(python_prose, "python_prose", lambda: [])
    with pytest.raises(CorpusError, match="found no docstring"):
        write_python_prose(tmp_path / "none.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prose.txt"]

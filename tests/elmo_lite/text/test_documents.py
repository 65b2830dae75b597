"""Which field of a record is read."""

import pytest

from elmo_lite.errors import CorpusError
from elmo_lite.text.documents import choose_field, field_of


@pytest.mark.parametrize("name", ["text", "words", "tokens"])
def test_the_only_field_that_can_be_meant(name: str) -> None:
    assert choose_field(["id", name, "ner_tags"], None, "a.jsonl, line 1") == name
    assert field_of({"id": 3, name: ["a", "b"]}, None, "a.jsonl, line 1") == ["a", "b"]


def test_a_field_by_name() -> None:
    assert field_of({"text": "a b", "tokens": ["a", "b"]}, "tokens", "a.jsonl, line 1") == ["a", "b"]


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        ({"text": "a", "tokens": ["a"]}, None, "expected one field of text, words, tokens, found text, tokens (choose"),
        ({"body": "a"}, None, "expected one field of text, words, tokens, found body (choose with --text_field)"),
        ({}, None, "expected one field of text, words, tokens, found none"),
        ({"text": "a"}, "body", "expected a field 'body', found text (choose with --text_field)"),
        (["a"], None, "expected a JSON object, found list"),
        ({"text": 3}, None, "expected text or words in 'text', found int"),
    ],
)
def test_a_field_that_is_not_clear(row: object, field: str | None, message: str) -> None:
    with pytest.raises(CorpusError) as error:
        field_of(row, field, "a.jsonl, line 1")
    assert str(error.value).startswith(f"a.jsonl, line 1: {message}")

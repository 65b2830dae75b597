"""Data sets of the hub: how they are asked for, and one line for every way in which the hub fails."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from elmo_lite import CorpusError
from elmo_lite.text import open_data_set


class Rows:
    """Stands in for a data set whose connection breaks after the first record."""

    features = {"text": "string"}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield {"text": "one"}
        raise TimeoutError("read\ntimed out")


def test_it_is_asked_for_by_repository_configuration_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    fake = SimpleNamespace(load_dataset=lambda *name, **options: asked.append((name, options)) or Rows())
    monkeypatch.setitem(sys.modules, "datasets", fake)
    records, features = open_data_set("owner/name:en:test", streaming=True)
    assert asked == [(("owner/name", "en"), {"split": "test", "streaming": True})]
    assert next(records) == {"text": "one"} and features == {"text": "string"}
    with pytest.raises(CorpusError, match="^owner/name:en:test: the hub data set cannot be read: read timed out$"):
        next(records)


def test_features_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=lambda *_, **__: []))
    records, features = open_data_set("owner/name")
    assert list(records) == [] and features == {}

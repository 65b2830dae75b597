"""Stand-ins for the packages that find words, which tests need not install: each word is two characters."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from threading import get_ident
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from elmo_lite.text.segmentation import chunk_lookup
from elmo_lite.text.segmenters import load_segmenter

MODULES = ("jieba", "sudachipy", "sudachidict_core", "pythainlp", "icu")
INSTALLED = {
    "jieba": ["jieba"],
    "sudachi": ["sudachipy", "sudachidict_core"],
    "pythainlp": ["pythainlp"],
    "icu": ["icu"],
}


def pairs(text: str) -> list[str]:
    return [text[start : start + 2] for start in range(0, len(text), 2)]


class Jieba:
    """``jieba.Tokenizer``, without the method that reads and writes the cache."""

    initialized = False

    def get_dict_file(self) -> str:
        return "dictionary"

    def gen_pfdict(self, file: str) -> tuple[dict[str, int], int]:
        assert file == "dictionary"
        return {"中文": 3}, 3

    def cut(self, text: str) -> Iterator[str]:
        assert self.initialized
        yield from pairs(text)


class SudachiTokenizer:
    """It works in the thread that made it alone."""

    def __init__(self, mode: str) -> None:
        assert mode == "A"
        self.thread = get_ident()

    def tokenize(self, text: str) -> list[Any]:
        assert self.thread == get_ident()
        # As of one character that stands for several words: the others have no characters.
        return [SimpleNamespace(surface=lambda word=word: word) for word in [*pairs(text), ""]]


class BreakIterator:
    """It counts units of UTF-16 in the thread that made it alone."""

    @classmethod
    def createWordInstance(cls, locale: str) -> "BreakIterator":
        assert locale == "root"
        return cls()

    def __init__(self) -> None:
        self.thread, self.text = get_ident(), ""

    def setText(self, text: str) -> None:
        assert self.thread == get_ident()
        self.text = text

    def __iter__(self) -> Iterator[int]:
        end = 0
        for word in pairs(self.text):
            end += len(word.encode("utf-16-le")) // 2
            yield end


def word_tokenize(text: str, engine: str) -> list[str]:
    assert engine == "newmm"
    return pairs(text)


def fake_modules() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        "jieba": {"Tokenizer": Jieba},
        "sudachipy": {
            "Dictionary": lambda dict: SimpleNamespace(tokenizer=SudachiTokenizer),
            "SplitMode": SimpleNamespace(A="A"),
        },
        "sudachidict_core": {},
        "pythainlp": {},
        "pythainlp.tokenize": {"word_tokenize": word_tokenize},
        "icu": {
            "BreakIterator": BreakIterator,
            "Locale": SimpleNamespace(getRoot=lambda: "root"),
            "UnicodeString": str,
        },
    }
    modules = {}
    for name, content in contents.items():
        modules[name] = ModuleType(name)
        modules[name].__spec__ = ModuleSpec(name, None)
        vars(modules[name]).update(content)
    return modules


class Segmenters:
    """Which packages can be imported; none to begin with, whatever is installed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.forget()
        for name in MODULES:
            monkeypatch.setitem(sys.modules, name, None)

    @staticmethod
    def forget() -> None:
        load_segmenter.cache_clear()
        chunk_lookup.cache_clear()

    def install(self, *segmenters: str) -> None:
        for name, module in fake_modules().items():
            if any(name.partition(".")[0] in INSTALLED[segmenter] for segmenter in segmenters):
                self.monkeypatch.setitem(sys.modules, name, module)

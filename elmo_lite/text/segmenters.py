"""Packages that find the words of text without spaces. Each is an extra, imported when the first such text is split.

A model needs the segmenter of its tokenisation wherever raw text is split. Another version of a package, or of its
dictionary, may find other words.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, get_args

from elmo_lite.extras import named_extra

Segmenter = Literal["jieba", "sudachi", "pythainlp", "icu"]
"""Name of a segmenter, as ``Tokenization`` has it."""
SEGMENTERS: tuple[Segmenter, ...] = get_args(Segmenter)

Split = Callable[[str], list[str]]
"""Function from a text of one script to its words."""


def _jieba() -> Split:
    """Chinese by jieba, whose hidden Markov model also finds words outside the dictionary, such as names.

    The dictionary is read from the package. jieba's own way to load it reads a cache, without any check, from the
    directory for temporary files, where other users of the machine may put one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on escapes in its patterns, and on a deprecated import
        import jieba
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return lambda text: list(tokenizer.cut(text))


def _sudachi() -> Split:
    """Japanese by Sudachi with its dictionary "core": the shortest units (mode A), as in treebanks."""
    import sudachidict_core  # noqa: F401  # its absence is reported by name
    import sudachipy

    dictionary = sudachipy.Dictionary(dict="core")
    make = _one_a_thread(lambda: dictionary.tokenizer(sudachipy.SplitMode.A))
    return lambda text: [morpheme.surface() for morpheme in make().tokenize(text)]


def _pythainlp() -> Split:
    """Thai by PyThaiNLP: the longest words of its dictionary (newmm)."""
    from pythainlp.tokenize import word_tokenize

    return lambda text: list(word_tokenize(text, engine="newmm"))


def _icu() -> Split:
    """All scripts without spaces by the dictionaries of ICU."""
    import icu

    make = _one_a_thread(lambda: icu.BreakIterator.createWordInstance(icu.Locale.getRoot()))

    def split(text: str) -> list[str]:
        units = text.encode("utf-16-le")  # ICU counts in units of UTF-16
        iterator, given = make(), icu.UnicodeString(text)
        iterator.setText(given)
        ends = [0, *iterator]
        return [units[2 * start : 2 * end].decode("utf-16-le") for start, end in zip(ends[:-1], ends[1:], strict=True)]

    return split


def _one_a_thread(make: Callable[[], Any]) -> Callable[[], Any]:
    """A function that makes an object once in each thread, as the object itself may be used by one alone."""
    local = threading.local()

    def get() -> Any:
        if not hasattr(local, "made"):
            local.made = make()
        return local.made

    return get


class _Package(NamedTuple):
    load: Callable[[], Split]
    modules: tuple[str, ...]


_PACKAGES: dict[Segmenter, _Package] = {
    "jieba": _Package(_jieba, ("jieba",)),
    "sudachi": _Package(_sudachi, ("sudachipy", "sudachidict_core")),
    "pythainlp": _Package(_pythainlp, ("pythainlp",)),
    "icu": _Package(_icu, ("icu",)),
}


def is_installed(segmenter: Segmenter) -> bool:
    """Whether the packages of a segmenter are there. They are not imported."""
    return all(find_spec(module) is not None for module in _PACKAGES[segmenter].modules)


@cache
def load_segmenter(segmenter: Segmenter) -> Split:
    """Import a segmenter and load its dictionary, which takes up to a second.

    Args:
        segmenter: Its name.

    Returns:
        A function that splits text of the segmenter's scripts, for use in any thread.

    Raises:
        ModuleNotFoundError: Its package is not installed. The message names the extra that installs it.
    """
    with named_extra(f"tokenization.segmenter {segmenter}"):
        return _PACKAGES[segmenter].load()

"""English prose that comes with CPython: language topics (``help("if")``) and docstrings of the standard library.

It needs no network, is part of any installation, and is large enough (about 200,000 words) to train a small model.
"""

from __future__ import annotations

import ast
import inspect
import re
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from elmo_lite.errors import CorpusError
from elmo_lite.files import write_text

PROSE, TRAIN, HELD_OUT = "python_prose.txt", "train.txt", "held_out.txt"
"""Names of the files of ``write_parts``."""
HELD_OUT_EVERY = 12
EXCLUDED_FOLDERS = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}
MIN_WORDS = 6
FUNCTION_WORDS = frozenset(
    "a an and any are as at be been but by can does each for from has have if in into is it its may must no not of on "
    "or other should such than that the their then there these they this to used was when where which will "
    "with you".split()
)
MIN_FUNCTION_WORDS = 0.2
"""Minimum fraction of function words in a paragraph: about 0.4 in English text, near 0 in signatures and tables."""
MAX_SYMBOLS = 0.04
"""Maximum fraction of symbols in a paragraph's characters; code has more."""
_SYMBOLS = re.compile(r"[=<>{}\[\]|\\_#@^~+$%&/*]")
_CODE_LINE = re.compile(r"^\s*(>>>|\.\.\. |\.\. \w|\$ |#|\||\+-|[-=*~^]{3,}|:\w+[^:]*:|@\w+)|::=")
_ARGUMENT_LIST = re.compile(r"^\s*(Args|Arguments|Attributes|Keyword arguments|Parameters)\b.*:?\s*$", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[*\-o•]|\(?\d+[.)]|\(?[a-z]\))\s+")
_MARKUP = re.compile(r":\w+:`([^`]*)`|``([^`]*)``|`([^`']*)[`']")


def python_prose() -> list[list[str]]:
    """Collect documents, one per language topic or module, as lists of paragraphs of one line each.

    The order and the text depend on the Python version alone. A repeated paragraph is kept once, so that no held-out
    text is a copy of training text.
    """
    seen: set[str] = set()
    documents = []
    for texts in (*_topics(), *_modules()):
        paragraphs = []
        for paragraph in prose_paragraphs(texts):
            key = re.sub(r"\W+", " ", paragraph).lower()
            if key not in seen:
                seen.add(key)
                paragraphs.append(paragraph)
        if paragraphs:
            documents.append(paragraphs)
    return documents


def write_python_prose(path: Path) -> tuple[int, int]:
    """Write all documents to one file, one paragraph per line, with a blank line between documents.

    Returns:
        Number of documents, and number of words separated by whitespace.

    Raises:
        CorpusError: This Python has neither the sources of the standard library nor language topics.
    """
    documents = python_prose()
    if not documents:
        raise CorpusError(
            f"{sysconfig.get_path('stdlib')}: expected the standard library's sources, found no docstring"
        )
    text = "\n".join("".join(f"{paragraph}\n" for paragraph in document) for document in documents)
    write_text(path, text)
    return len(documents), len(text.split())


def write_parts(folder: Path) -> dict[str, tuple[int, int]]:
    """Write the prose, and its parts to train on and to measure perplexity on, to a folder.

    Whole documents are held out, so that perplexity is measured on text of other modules.

    Returns:
        Number of documents and of words separated by whitespace, by name of the part: ``TRAIN`` and ``HELD_OUT``.

    Raises:
        CorpusError: This Python has neither the sources of the standard library nor language topics.
    """
    write_python_prose(folder / PROSE)
    documents = (folder / PROSE).read_text(encoding="utf-8").strip("\n").split("\n\n")
    places = range(HELD_OUT_EVERY // 2, len(documents), HELD_OUT_EVERY)
    parts = {
        TRAIN: [document for place, document in enumerate(documents) if place not in places],
        HELD_OUT: [documents[place] for place in places],
    }
    sizes = {}
    for name, part in parts.items():
        text = "\n\n".join(part) + "\n"
        write_text(folder / name, text)
        sizes[name] = len(part), len(text.split())
    return sizes


def _topics() -> Iterator[list[str]]:
    """Iterate over the texts of ``help("topics")``, which some minimal installations lack."""
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ModuleNotFoundError:
        return
    for name in sorted(topics):
        yield [topics[name]]


def _modules() -> Iterator[list[str]]:
    """Iterate over modules, each a list of docstrings, read from the source without imports."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        if EXCLUDED_FOLDERS.isdisjoint(path.relative_to(root).parts):
            yield list(_docstrings(path))


def _docstrings(path: Path) -> Iterator[str]:
    """Iterate over the docstrings of a source file in order; there are none if it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    documented = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for node in sorted(documented, key=lambda node: getattr(node, "lineno", 0)):
        docstring = ast.get_docstring(node, clean=False)
        if docstring:
            yield docstring


def prose_paragraphs(texts: Iterable[str]) -> Iterator[str]:
    """Iterate over paragraphs of English sentences, each joined to one line.

    Code, doctests, signatures and tables are left out.
    """
    for text in texts:
        for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
            for item in _items(block.splitlines()):
                paragraph = _plain(" ".join(" ".join(item).split()))
                if is_prose(paragraph):
                    yield paragraph


def _items(lines: list[str]) -> Iterator[list[str]]:
    """Split a block at its bullets; lists of arguments and blocks with code or tables are skipped."""
    if not lines or _ARGUMENT_LIST.match(lines[0]) or any(_CODE_LINE.search(line) for line in lines):
        return
    item: list[str] = []
    for line in lines:
        if _BULLET.match(line):
            yield item
            item = [_BULLET.sub("", line)]
        else:
            item.append(line)
    yield item


def _plain(paragraph: str) -> str:
    """The text without reStructuredText markup."""
    return _MARKUP.sub(lambda match: next(part for part in match.groups() if part is not None), paragraph)


def is_prose(paragraph: str) -> bool:
    """Whether a line looks like English sentences: enough words and function words, few symbols, final punctuation."""
    words = re.findall(r"[A-Za-z']+", paragraph)
    if (
        len(words) < MIN_WORDS
        or not re.match(r"[\"'(]?[A-Z]", paragraph)
        or not re.search(r"[.!?:][\"')]*$", paragraph)
    ):
        return False
    common = sum(word.lower() in FUNCTION_WORDS for word in words)
    symbols = len(_SYMBOLS.findall(paragraph))
    return common >= MIN_FUNCTION_WORDS * len(words) and symbols <= MAX_SYMBOLS * len(paragraph)

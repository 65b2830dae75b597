r"""Labelled trees in the format of the Stanford Sentiment Treebank (Socher et al. 2013), one per line.

    (3 (2 It) (4 (4 (2 's) (3 lovely)) (2 .)))

Every bracket is a phrase with a label from 0 (very negative) to 4 (very positive). The outermost bracket is the
sentence. Words have the escapes of treebanks: ``-LRB-`` for a bracket, ``\/`` for a slash, two grave accents for an
opening quote. They are replaced by the original characters, which encoders are trained on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from elmo_lite import CorpusError
from elmo_lite.text import decoded_lines

LABELS = ("very negative", "negative", "neutral", "positive", "very positive")
"""Names of the labels 0 to 4."""

_TREE = re.compile(r"\s*\([0-4] (\(|[^ ()]+\)\s*$)")
_TOKEN = re.compile(r"[()]|[^ \t\r\n()]+")  # no-break spaces are part of words
_MAX_PHRASE_WORDS = 250_000
"""Maximum number of words in all phrases of a tree, whose number is quadratic in a degenerate one."""
_ESCAPES = {
    "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}", "``": '"', "''": '"',
}  # fmt: skip


def holds_trees(path: Path) -> bool:
    """Whether most of the first ten lines of a file that are not blank are trees. Then all lines must be trees.

    A file where only some lines look like a tree of one word, such as ``(2 stars)``, is text.
    """
    lines = list(islice((text for _, text in decoded_lines(path) if text.strip()), 10))
    found = [match[1] for text in lines if (match := _TREE.match(text))]
    return 2 * len(found) > len(lines) and ("(" in found or len(found) == len(lines) > 1)


class Phrase(NamedTuple):
    """A phrase of a tree, which is one pair of brackets."""

    label: int
    """Label, from 0 to 4."""
    start: int
    """Index of the first word."""
    end: int
    """Index after the last word."""


@dataclass(frozen=True)
class Tree:
    """A sentence with its labelled phrases."""

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    """Phrases in post-order. The last one is the sentence."""
    where: str = ""
    """File and line, for errors."""


def parse_tree(line: str, where: str) -> Tree:
    """Parse a tree.

    Args:
        line: Tree in brackets.
        where: File and line, for errors.

    Raises:
        CorpusError: The brackets are not balanced, a label is not in 0..4, or a bracket is empty or has both words and
            brackets.
    """
    words: list[str] = []
    phrases: list[Phrase] = []
    is_open: list[tuple[int, int]] = []  # label and first word of each open bracket
    tokens = list(_TOKEN.finditer(line))
    position = 0
    while position < len(tokens):
        token, column = tokens[position].group(), tokens[position].start() + 1
        if phrases and not is_open:
            raise CorpusError(f"{where}: expected the end of the tree, found {token!r} in column {column}")
        if token == "(":
            is_open.append((_label(tokens, position + 1, where), len(words)))
            position += 1
        elif not is_open:
            raise CorpusError(f"{where}: expected a tree such as (3 (2 It) (4 works)), found {line.strip()[:40]!r}")
        elif token == ")":
            label, start = is_open.pop()
            if start == len(words):
                raise CorpusError(f"{where}: expected words in every bracket, found none before column {column}")
            phrases.append(Phrase(label, start, len(words)))
        else:
            after = tokens[position + 1].group() if position + 1 < len(tokens) else ")"
            if tokens[position - 2].group() != "(" or after != ")":
                raise CorpusError(f"{where}: expected a bracket around each word, found {token!r} in column {column}")
            words.append(unescape(token))
        position += 1
    if is_open or not phrases:
        raise CorpusError(f"{where}: expected balanced brackets, found {len(is_open)} left open at the end of the line")
    return Tree(tuple(words), tuple(phrases), where)


def _label(tokens: list[re.Match[str]], position: int, where: str) -> int:
    found = tokens[position].group() if position < len(tokens) else "the end of the line"
    if found not in ("0", "1", "2", "3", "4"):
        raise CorpusError(f"{where}: expected a label 0 to 4 after '(', found {found!r}")
    return int(found)


def unescape(word: str) -> str:
    """Replace the treebank escapes in a word by the original characters."""
    return _ESCAPES.get(word, word.replace("\\/", "/").replace("\\*", "*"))


def class_name(label: int, classes: int) -> str | None:
    """The class name of a label, or None for neutral with 2 classes.

    Args:
        label: Label, from 0 to 4.
        classes: Number of classes: 5, or 2 for negative (0, 1) and positive (3, 4).
    """
    if classes == 5:
        return LABELS[label]
    return None if label == 2 else LABELS[1] if label < 2 else LABELS[3]


def labelled_phrases(tree: Tree, classes: int, all_phrases: bool) -> list[tuple[Phrase, str]]:
    """The sentence, or all phrases including it, with their class names. Those without a class are omitted.

    Raises:
        CorpusError: The phrases have more than 250,000 words in all, as in a tree that is nested thousands deep.
    """
    chosen = tree.phrases if all_phrases else tree.phrases[-1:]
    num_words = sum(phrase.end - phrase.start for phrase in chosen)
    if all_phrases and num_words > _MAX_PHRASE_WORDS:
        expected = f"a tree whose phrases have at most {_MAX_PHRASE_WORDS:,} words in all"
        raise CorpusError(f"{tree.where}: expected {expected}, found {num_words:,} (or train without phrases)")
    named = [(phrase, class_name(phrase.label, classes)) for phrase in chosen]
    return [(phrase, name) for phrase, name in named if name is not None]

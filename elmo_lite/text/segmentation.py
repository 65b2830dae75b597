"""Rules that find words and sentences in raw text of any language.

Words come from a pre-tokeniser of Hugging Face ``tokenizers`` (one regular expression over Unicode classes), close to
the tokenisation of English treebanks. Punctuation marks are words of their own. Numbers (1,000 3.14 10:30 1/2/2003),
abbreviations (U.S. Dr.), addresses and emoji stay whole. Hyphens separate words, and contractions are split (do n't,
it 's). Combining marks and joiners stay with their letter, as Hindi and Arabic need. Scripts without spaces between
words (Han, Hiragana, Thai, Lao, Khmer, Burmese) give one word per character, since whole clauses would be outside any
vocabulary and longer than the maximum number of characters; with a segmenter (``unspaced``) they give its words.

Sentences end at a line break and, inside a line, where ``sentence_ends`` says.

The rules are made for speed. On the development part of UD English EWT, paragraphs of web text
(``benchmarks/corpus.py --treebank``), they find sentence ends with precision 0.985 and recall 0.74. pysbd 0.3.4 reaches
0.933 and 0.79 at a tenth of the speed, even on such short texts. On Wikipedia the rules read about a million words per
second and core. Words agree with those of the treebank at F1 0.98.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from typing import NamedTuple

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from elmo_lite.text.normalization import to_nfc
from elmo_lite.text.segmenters import Segmenter
from elmo_lite.text.sentence_ends import ABBREVIATIONS, MARKS, NONE, TITLES, Marks, end_of, ends_inside, start_of
from elmo_lite.text.unspaced import merge_pieces, unspaced_with

RULES_VERSION = 2
"""Version of the rules, incremented when they give other words or sentences. Stored with every corpus and model.

Version 2 knows the final marks of more scripts; its words are those of version 1.
"""

_FLAG_LETTER = r"[\x{1F1E6}-\x{1F1FF}]"
_CLITIC = r"['’](?i:s|m|d|re|ve|ll)(?!\p{L})"


def _pattern(unspaced: str) -> str:
    """The regular expression of all kinds of words, given the scripts whose characters are words of their own."""
    letter = rf"[\p{{L}}&&[^{unspaced}]]"
    inside = rf"[[\p{{L}}\p{{N}}\p{{M}}_\x{{200C}}\x{{200D}}\x{{00AD}}\x{{2060}}]&&[^{unspaced}]]"
    return "|".join(
        [
            r"<unk>",
            r"(?:https?://|www\.)[^\s<>\"]*[\p{L}\p{N}/]",
            # The bounds avoid a quadratic search in a chunk of a million bytes without spaces.
            r"[\p{L}\p{N}_.+\-]{1,64}@(?:[\p{L}\p{N}\-]{1,64}\.)+\p{L}{2,20}",
            r"[@#]\p{L}[\p{L}\p{M}\p{N}_]*",
            rf"[{unspaced}]\p{{M}}*",
            rf"(?:{'|'.join(word.replace('.', chr(92) + '.') for word in TITLES + ABBREVIATIONS)})\."
            r"(?![\p{L}.])",
            r"(?:\p{L}\.){2,}",
            r"(?!I)\p{Lu}\.(?![\p{L}\p{N}.])",
            r"[A-Za-z]{2,6}?(?=[nN]['’][tT](?!\p{L}))",
            r"[nN]['’][tT](?!\p{L})",
            _CLITIC,
            rf"{letter}{inside}*(?:(?!{_CLITIC})['’·]{letter}{inside}*)*",
            rf"\p{{N}}+(?:[.,:/]\p{{N}}+)*{inside}*",
            r"(?<![\p{L}\p{N}])[:;=]['\-]?[()DPpO/|](?![\p{L}\p{N}])",
            r"\.{2,}|-{2,}|[!?]{2,}|={2,}|\*{2,}|_{2,}|'{2}|`{2}",
            # A flag and its marks, as \X finds them. In a row of flags, \X would count them from the first for each.
            rf"{_FLAG_LETTER}{{1,2}}(?:(?!{_FLAG_LETTER})\Y\O)*",
            r"\X",
        ]
    )


_MAX_CACHED_LENGTH = 64


class Chunk(NamedTuple):
    """Analysis of a chunk: the text between two spaces."""

    words: tuple[str, ...]
    breaks: tuple[int, ...]  # numbers of words after which a sentence always ends
    start: int  # NONE, CAPITAL or OPENER of ``sentence_ends``
    end: int  # minimum start of the next chunk for a sentence to end here, or NONE if it never does


_SURROGATE = re.compile("[\ud800-\udfff]")


@cache
def _rules(segmenter: Segmenter | None) -> Split:
    """The pre-tokeniser that finds the pieces which a segmenter merges."""
    return Split(Regex(_pattern(unspaced_with(segmenter))), behavior="isolated")


def pieces(chunk: str, segmenter: Segmenter | None = None) -> list[tuple[str, int, int]]:
    """Words of a chunk without spaces, as (word, start, end).

    Args:
        chunk: The chunk.
        segmenter: What finds words in scripts without spaces. Defaults to one word per character.

    Raises:
        ModuleNotFoundError: The chunk needs the segmenter, which is not installed.
    """
    if chunk.isascii() and chunk.isalpha():  # most English text; the pattern gives the same result
        return [(chunk, 0, len(chunk))]
    rules, text = _rules(segmenter), chunk
    try:
        found = rules.pre_tokenize_str(text)
    except UnicodeEncodeError:  # a lone surrogate is a word of its own, like any unknown character
        text = _SURROGATE.sub("\ufffd", chunk)
        found = rules.pre_tokenize_str(text)
    if segmenter is None or text.isascii():
        return [(chunk[start:end], start, end) for _, (start, end) in found]
    spans = merge_pieces(text, [span for _, span in found], segmenter)
    return [(chunk[start:end], start, end) for start, end in spans]


def _analyse(chunk: str, nfc: bool, segmenter: Segmenter | None, marks: Marks) -> Chunk:
    """Split a chunk without spaces into words and classify its beginning and end."""
    spelled = [word for word, _, _ in pieces(chunk, segmenter)]
    words = tuple(map(to_nfc, spelled)) if nfc else tuple(spelled)
    return Chunk(words, ends_inside(words, marks), start_of(words), end_of(words, marks))


@cache
def chunk_lookup(nfc: bool, segmenter: Segmenter | None = None, rules: int = RULES_VERSION) -> Callable[[str], Chunk]:
    """A function that analyses a chunk. Short chunks are cached, since most of them are frequent."""
    analyse = partial(_analyse, nfc=nfc, segmenter=segmenter, marks=MARKS[rules])
    cached = lru_cache(maxsize=1 << 17)(analyse)
    return lambda chunk: (cached if len(chunk) <= _MAX_CACHED_LENGTH else analyse)(chunk)


def split_line(line: str, lookup: Callable[[str], Chunk]) -> Iterator[list[str]]:
    """Yield the sentences of a line of raw text."""
    sentence: list[str] = []
    needed = NONE
    for chunk in line.split():
        words, breaks, start, end = lookup(chunk)
        if needed and start >= needed:
            yield sentence
            sentence = []
        needed = end
        position = 0
        for stop in breaks:
            sentence += words[position:stop]
            yield sentence
            sentence = []
            position = stop
        sentence += words[position:] if position else words
    if sentence:
        yield sentence

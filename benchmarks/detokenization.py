"""How well words become the text that they came from: prose of the library, and sacremoses if it is installed.

Sentences of raw text are split into words and put together again. A gap between two words is wrong where the text has a
blank and the result none, or the other way round.

    python benchmarks/detokenization.py TEXT [--lines 4000]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice

from elmo_lite.lm.detokenization import prose
from elmo_lite.text.lines import decoded_lines
from elmo_lite.text.tokenization import Tokenization


def pairs(path: str, num_lines: int) -> Iterator[tuple[str, list[str]]]:
    """Sentences of raw text as they are, and as words."""
    tokenization = Tokenization()
    lines = (" ".join(line.split()) for _, line in decoded_lines(path))
    for line in islice(filter(None, lines), num_lines):
        text = tokenization.normalize(line)
        words = tokenization.words_with_offsets(text)
        position = 0
        for sentence in tokenization.sentences(text):
            part = words[position : position + len(sentence)]
            position += len(sentence)
            yield text[part[0][1] : part[-1][2]], [word for word, _, _ in part]


def blanks(text: str) -> set[int]:
    """Places of the blanks, counted in characters that are none."""
    found: set[int] = set()
    place = 0
    for character in text:
        if character == " ":
            found.add(place)
        else:
            place += 1
    return found


def main() -> None:
    """Print a table, and its numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="Raw text, plain or compressed.")
    parser.add_argument("--lines", type=int, default=4000, help="Number of lines to read.")
    arguments = parser.parse_args()
    methods: dict[str, Callable[[list[str]], str]] = {"elmo_lite": lambda words: prose([words])}
    if find_spec("sacremoses"):
        from sacremoses import MosesDetokenizer

        moses = MosesDetokenizer("en")
        methods["sacremoses"] = lambda words: moses.detokenize(words, unescape=False)
    sentences = list(pairs(arguments.text, arguments.lines))
    gaps = sum(len(words) - 1 for _, words in sentences)
    result: dict[str, object] = {"text": arguments.text, "sentences": len(sentences), "gaps": gaps}
    print(f"{len(sentences):,} sentences, {gaps:,} gaps between words")
    for name, method in methods.items():
        found = [(text, method(words)) for text, words in sentences]
        wrong = sum(len(blanks(text) ^ blanks(made)) for text, made in found) / gaps
        whole = sum(text == made for text, made in found) / len(found)
        print(f"{name:12} {100 * wrong:6.2f} % of gaps wrong {100 * whole:6.1f} % of sentences whole")
        result[name] = {"wrong_gaps": wrong, "whole_sentences": whole}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

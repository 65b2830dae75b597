"""Labelled English data sets of several tasks, in files that every command and the benchmarks read.

    python benchmarks/labelled_sets.py DATA OUT

DATA holds the data sets as published: ``software-ner`` (Stack Overflow NER, Tabassum et al. 2020), ``srl`` (PropBank's
English Web Treebank), ``sick`` (Marelli et al. 2014) and ``film/imdb`` (Maas et al. 2011, the labelled training part).
OUT gets ``train``, ``dev`` and ``test`` of each, and of ``stackoverflow-types``, where the labels of a sentence are the
types of the entities in it; ``imdb`` has the stars of a review beside its label, and what they say. Two have no test
part here: of ``srl``, every fifth sentence of train is dev, and what is published as dev is test; ``imdb`` is split at
random, 22,000, 500 and 2,500 reviews, equally many of each label. Its dev part is small, since it is scored after every
epoch.
"""

from __future__ import annotations

import argparse
import lzma
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

PARTS = ("train", "dev", "test")
_QUESTION = ("Question_ID", "Question_URL")
"""First words of the lines that name a question, which no one wrote as text."""


def read(path: Path) -> str:
    """Text of a compressed file."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return file.read()


def write(path: Path, text: str) -> None:
    """Write a file in a directory that may not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def blocks_of(text: str) -> list[list[str]]:
    """Lines of the sentences of a column file, which lines without a column separate."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def joined(blocks: Iterable[Sequence[str]]) -> str:
    """A column file."""
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks)


def stack_overflow(data: Path, out: Path) -> None:
    """Words and tags of sentences, without the lines that name a question."""
    for part in PARTS:
        blocks = blocks_of(read(data / "software-ner" / "StackOverflow" / f"{part}.txt.xz"))
        kept = ([line.split("\t")[:2] for line in block] for block in blocks if not block[0].startswith(_QUESTION))
        sentences = [list(map(tuple, block)) for block in kept]
        write(out / "stackoverflow" / f"{part}.tsv", joined(map("\t".join, sentence) for sentence in sentences))
        types = [(sorted({tag[2:] for _, tag in sentence} - {""}), sentence) for sentence in sentences]
        rows = (f"{','.join(labels)}\t{' '.join(word for word, _ in sentence)}\n" for labels, sentence in types)
        write(out / "stackoverflow-types" / f"{part}.tsv", "label\ttext\n" + "".join(rows))


def semantic_roles(data: Path, out: Path) -> None:
    """PropBank's columns as they are."""
    blocks = blocks_of(read(data / "srl" / "train.conll.xz"))
    write(out / "srl" / "train.conll", joined(block for number, block in enumerate(blocks) if number % 5 != 4))
    write(out / "srl" / "dev.conll", joined(blocks[4::5]))
    write(out / "srl" / "test.conll", joined(blocks_of(read(data / "srl" / "dev.conll.xz"))))


def sick(data: Path, out: Path) -> None:
    """Pairs of sentences as they are."""
    for part, name in zip(PARTS, ("train", "trial", "test_annotated"), strict=True):
        write(out / "sick" / f"{part}.tsv", read(data / "sick" / f"SICK_{name}.txt.xz"))


def imdb(data: Path, out: Path) -> None:
    """Reviews in random order, with their labels, stars, and what the stars say: any of "liked" and "extreme"."""
    rows = [line.split("\t") for line in read(data / "film" / "imdb" / "train.tsv.xz").splitlines()]
    parts: dict[str, list[tuple[str, ...]]] = {part: [] for part in PARTS}
    chance = random.Random(0)
    for label in sorted({row[1] for row in rows}):
        found = [(label, row[2], marks(int(row[2])), row[3]) for row in rows if row[1] == label]
        chance.shuffle(found)
        for part, chosen in zip(PARTS, (found[:11_000], found[11_000:11_250], found[11_250:]), strict=True):
            parts[part] += chosen
    for part, examples in parts.items():
        chance.shuffle(examples)
        lines = ["\t".join(row) + "\n" for row in [("label", "stars", "marks", "text"), *examples]]
        write(out / "imdb" / f"{part}.tsv", "".join(lines))


def marks(stars: int) -> str:
    """Several labels of a review: liked from 7 stars on, extreme with 1 or 10."""
    return ",".join(["liked"] * (stars >= 7) + ["extreme"] * (stars in (1, 10)))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for prepare in (stack_overflow, semantic_roles, sick, imdb):
        prepare(arguments.data, arguments.out)
    for path in sorted(path for name in PARTS for path in arguments.out.glob(f"*/{name}.*")):
        print(f"{path.relative_to(arguments.out)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""Text and labelled data of languages and domains without a published model, in files that every command reads.

    python benchmarks/own_text.py DATA OUT

DATA holds the data sets as published: ``hun`` (novels of ELTeC, NYTK-NerKor, HuSST), ``srp`` (novels of ELTeC,
Universal NER SET), ``deu-legal`` (statutes, court decisions, Legal-Entity-Recognition) and ``bio`` (MedQuAD,
NCBI-disease, BC5CDR). OUT gets, for each, ``text.txt`` with its text, and ``train``, ``dev`` and ``test`` of each
labelled set, which ``transfer.py`` and ``transfer_baselines.py`` read with ``--data OUT``.

Test parts that are kept apart by whoever publishes them are not read: ``test`` is what is published for development,
and ``dev`` a part of the training data that is chosen here, always in the same way.
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

Sentence = list[tuple[str, str]]
"""Words with their tags."""

_TAGS = ("B-", "I-")
_LETTERS = (
    "а a б b в v г g д d ђ đ е e ж ž з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t ћ ć у u ф f х h ц c "
    "ч č џ dž ш š"
).split()
_CYRILLIC = dict(zip(_LETTERS[::2], _LETTERS[1::2], strict=True))
LATIN = str.maketrans(_CYRILLIC | {key.upper(): value.capitalize() for key, value in _CYRILLIC.items()})
"""Serbian Cyrillic to Latin, letter by letter, which loses nothing; the labelled sentences are in Latin script."""


def lines_of(path: Path) -> Iterator[str]:
    """Lines of a compressed file."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def column_sentences(path: Path, word: int, tag: int, separator: str | None) -> Iterator[tuple[str, Sentence]]:
    """Sentences of a column file with the last "# file" before each, the file of a collection that it is from."""
    source, sentence = "", Sentence()
    for line in [*lines_of(path), ""]:
        if line.startswith("# ") or line == "#":
            source = line.partition("# file = ")[2] or source
        elif line.strip():
            fields = line.split(separator)
            named = fields[tag] if fields[tag].startswith(_TAGS) else "O"  # one row has another column's value
            sentence.append((fields[word], named))
        elif sentence:
            yield source, sentence
            sentence = Sentence()


def without(sentence: Sentence, label: str) -> Sentence:
    """A sentence without the entities of one type."""
    return [(word, "O" if tag.endswith(f"-{label}") else tag) for word, tag in sentence]


def write_tagged(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write one word and its tag on a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences)
    path.write_text("\n".join(blocks), encoding="utf-8")


def every_tenth(number: int) -> tuple[list[int], list[int]]:
    """Numbers 0..number - 1 for training, and each tenth of them for dev."""
    return [k for k in range(number) if k % 10 != 9], [k for k in range(number) if k % 10 == 9]


def hungarian(data: Path, out: Path) -> None:
    """NerKor, where dev is every tenth file of each genre, and HuSST, where it is a tenth of each label."""
    tagged = list(column_sentences(data / "nerkor" / "train.conllup.xz", 0, 5, "\t"))
    files = list(dict.fromkeys(source for source, _ in tagged))
    held_out: set[str] = set()
    for genre in {file.partition("/")[0] for file in files}:
        of_genre = [file for file in files if file.partition("/")[0] == genre]
        held_out.update(of_genre[k] for k in every_tenth(len(of_genre))[1])
    write_tagged(out / "nerkor" / "train.tsv", (words for source, words in tagged if source not in held_out))
    write_tagged(out / "nerkor" / "dev.tsv", (words for source, words in tagged if source in held_out))
    test = column_sentences(data / "nerkor" / "devel.conllup.xz", 0, 5, "\t")
    write_tagged(out / "nerkor" / "test.tsv", (words for _, words in test))

    rows, test_rows = (
        json.loads((data / "husst" / f"sst_{part}.json").read_text("utf-8")) for part in ("train", "dev")
    )
    dev = {row["id"] for label in ("positive", "neutral", "negative") for row in _tenth_of(rows, label)}
    write_labelled(out / "husst" / "train.tsv", [row for row in rows if row["id"] not in dev])
    write_labelled(out / "husst" / "dev.tsv", [row for row in rows if row["id"] in dev])
    write_labelled(out / "husst" / "test.tsv", test_rows)


def _tenth_of(rows: Sequence[dict[str, str]], label: str) -> list[dict[str, str]]:
    of_label = [row for row in rows if row["label"] == label]
    return [of_label[k] for k in every_tenth(len(of_label))[1]]


def write_labelled(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write texts with their labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{row['label']}\t{' '.join(row['Sent'].split())}\n" for row in rows)
    path.write_text("label\ttext\n" + "".join(lines), encoding="utf-8")


def serbian(data: Path, out: Path) -> None:
    """Universal NER without the type OTH."""
    for part in ("train", "dev", "test"):
        found = column_sentences(data / "uner-set" / f"sr_set-ud-{part}.iob2.xz", 1, 2, "\t")
        write_tagged(out / "uner-sr" / f"{part}.tsv", (without(words, "OTH") for _, words in found))


def german_law(data: Path, out: Path) -> None:
    """Three parts of the one that is published, whose sentences are shuffled: 60, 20 and 20 %."""
    found = [words for _, words in column_sentences(data / "ler" / "ler_dev.conll.xz", 0, 1, None)]
    first, second = round(0.6 * len(found)), round(0.8 * len(found))
    for part, chosen in (("train", found[:first]), ("dev", found[first:second]), ("test", found[second:])):
        write_tagged(out / "ler" / f"{part}.tsv", chosen)


def biomedical(data: Path, out: Path) -> None:
    """Diseases; diseases and chemicals. Every tenth sentence is dev."""
    for name, folder in (("ncbi", "NCBI-disease-IOB"), ("bc5cdr", "BC5CDR-IOB")):
        found = [words for _, words in column_sentences(data / folder / "train.tsv.xz", 0, 1, "\t")]
        for part, numbers in zip(("train", "dev"), every_tenth(len(found)), strict=True):
            write_tagged(out / name / f"{part}.tsv", (found[k] for k in numbers))
        test = column_sentences(data / folder / "devel.tsv.xz", 0, 1, "\t")
        write_tagged(out / name / "test.tsv", (words for _, words in test))


LANGUAGES = {"hun": hungarian, "srp": serbian, "deu-legal": german_law, "bio": biomedical}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for name, prepare in LANGUAGES.items():
        out = arguments.out / name
        out.mkdir(parents=True, exist_ok=True)
        with (out / "text.txt").open("w", encoding="utf-8") as file:
            for path in sorted((arguments.data / name / "text").glob("*.txt.xz")):
                for line in lines_of(path):
                    file.write((line.translate(LATIN) if name == "srp" else line) + "\n")
                file.write("\n")
        prepare(arguments.data / name, out)
        print(
            f"{name}: {', '.join(sorted(str(path.relative_to(out)) for path in out.rglob('*.t*') if path.is_file()))}"
        )


if __name__ == "__main__":
    main()

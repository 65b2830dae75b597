"""One table of all finished rows of a data set: those of ``transfer.py`` and those of ``peers/``.

    python benchmarks/own_text_table.py OUT SET [--against fasttext]

Both leave OUT/SET/ROW/POINT/seed-N/dev.json and test.json. Of each row the point with test scores counts, which was the
better one on dev with seed 0. Differences are those of test means, in points and in their own standard errors, and as
the share of the errors of the other row that is gone.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from transfer import ROWS, read, shown, standard_errors

PEERS = {
    "spacy": "spaCy, tok2vec from nothing",
    "spacy-pretrained": "spaCy, tok2vec after `spacy pretrain`",
    "flair": "flair, character language model",
    "flair-fasttext": "flair, fastText + character language model",
}


@dataclass(frozen=True)
class Cell:
    """The scores of a row, in percent, one for each seed."""

    row: str
    dev: list[float]
    test: list[float]


def cells(directory: Path) -> Iterator[Cell]:
    """The rows of a data set that have test scores, worst first."""
    found = []
    for row in filter(Path.is_dir, directory.iterdir()):
        for point in filter(Path.is_dir, row.iterdir()):
            runs = sorted(path.parent for path in point.glob("seed-*/test.json"))
            if runs:
                dev, test = ([float(read(run / f"{part}.json")["score"]) for run in runs] for part in ("dev", "test"))
                found.append(Cell(row.name, dev, test))
    yield from sorted(found, key=lambda cell: statistics.fmean(cell.test))


def lines(directory: Path, against: str) -> Iterator[str]:
    """Rows in Markdown."""
    found = list(cells(directory))
    rival = next((cell for cell in found if cell.row == against), None)
    yield f"| row | seeds | dev | test | over `{against}` |"
    yield "|---|---|---|---|---|"
    for cell in found:
        title = ROWS[cell.row].title if cell.row in ROWS else PEERS.get(cell.row, cell.row)
        difference = "" if rival is None or rival is cell else compared(cell.test, rival.test)
        yield f"| {title} | {len(cell.test)} | {shown(cell.dev)} | {shown(cell.test)} | {difference} |"


def compared(ours: list[float], theirs: list[float]) -> str:
    """The difference of two means in points, in standard errors, and as a share of their errors."""
    mean, other = statistics.fmean(ours), statistics.fmean(theirs)
    errors = f"{standard_errors(ours, theirs):+.1f} SE, " if min(len(ours), len(theirs)) > 1 else ""
    return f"{mean - other:+.1f} ({errors}{(other - mean) / (100 - other):+.0%} errors)"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("set")
    parser.add_argument("--against", default="fasttext", help="row to compare with")
    arguments = parser.parse_args()
    for line in lines(arguments.out / arguments.set, arguments.against):
        print(line)


if __name__ == "__main__":
    main()

"""Data sets of the benchmarks of heads: their files below a directory, and how they are read.

``uner``, ``wnut17``, ``sst2``, ``sst5`` and ``upos`` are read as published, from ``ner/uner-en-ewt``, ``ner/wnut17``,
``sentiment/sst`` and ``pos/ud-en-ewt``; the files of the others are made by ``own_text.py`` and ``labelled_sets.py``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tasks.classification.readers import DataConfig


@dataclass(frozen=True)
class DataSet:
    """Three files and what is asked of them."""

    task: Literal["ner", "sentiment", "tag", "classify"]
    folder: str
    files: tuple[str, str, str]
    """Train, dev and test."""
    data: DataConfig = DataConfig()
    """How trees are read."""
    training: Mapping[str, int] = field(default_factory=dict)
    """Settings of the training that are not the default ones."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the task that are not the default ones."""

    def paths(self, data: Path) -> list[Path]:
        """The three files below a directory."""
        return [data / self.folder / name for name in self.files]

    def train_file(self, data: Path, out: Path, limit: int | None) -> Path:
        """The training file, or a random part of it, written to OUT; a smaller part is in every larger one."""
        path = self.paths(data)[0]
        if limit is None:
            return path
        part = out / f"train-{limit}{path.suffix}"
        if not part.exists():
            head, examples, gap = examples_of(path, self)
            chosen = sorted(random.Random(0).sample(range(len(examples)), len(examples))[:limit])
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(head + gap.join(examples[number] for number in chosen), encoding="utf-8")
        return part

    @property
    def has_trees(self) -> bool:
        """Whether the files hold trees, whose words are split already."""
        return self.files == TREES


TREES = ("train.txt", "dev.txt", "test.txt")
TABLES = ("train.tsv", "dev.tsv", "test.tsv")
ROLES = ("train.conll", "dev.conll", "test.conll")
RELATEDNESS = {"pair": True, "regression": True, "label_column": "relatedness_score"}
PHRASES = {"max_epochs": 2, "batch_size": 128}
"""Phrases are short and many."""
SETS = {
    "uner": DataSet("ner", "ner/uner-en-ewt", ("train.iob2", "dev.iob2", "test.iob2")),
    "wnut17": DataSet("ner", "ner/wnut17", ("train.conll", "dev.conll", "test.conll")),
    "sst2": DataSet("sentiment", "sentiment/sst", TREES, DataConfig(classes=2, phrases=True), PHRASES),
    "sst5": DataSet("sentiment", "sentiment/sst", TREES, DataConfig(classes=5, phrases=True), PHRASES),
    "sst2-sentences": DataSet("sentiment", "sentiment/sst", TREES, DataConfig(classes=2)),
    "sst5-sentences": DataSet("sentiment", "sentiment/sst", TREES),
    "upos": DataSet("tag", "pos/ud-en-ewt", ("train.conllu", "dev.conllu", "test.conllu")),
    "nerkor": DataSet("ner", "hun/nerkor", TABLES),
    "husst": DataSet("sentiment", "hun/husst", TABLES),
    "uner-sr": DataSet("ner", "srp/uner-sr", TABLES),
    "ler": DataSet("ner", "deu-legal/ler", TABLES),
    "ncbi": DataSet("ner", "bio/ncbi", TABLES),
    "bc5cdr": DataSet("ner", "bio/bc5cdr", TABLES),
    "stackoverflow": DataSet("ner", "stackoverflow", TABLES),
    "srl": DataSet("tag", "srl", ROLES, settings={"word_column": 2, "predicate_column": 6}),
    "stackoverflow-types": DataSet("classify", "stackoverflow-types", TABLES, settings={"multi_label": True}),
    "imdb": DataSet("classify", "imdb", TABLES),
    "imdb-marks": DataSet("classify", "imdb", TABLES, settings={"multi_label": True, "label_column": "marks"}),
    "imdb-stars": DataSet("classify", "imdb", TABLES, settings={"regression": True, "label_column": "stars"}),
    "sick": DataSet("classify", "sick", TABLES, settings={"pair": True, "label_column": "entailment_judgment"}),
    "sick-relatedness": DataSet("classify", "sick", TABLES, settings=RELATEDNESS),
}
ENGLISH = ["uner", "wnut17", "sst2", "sst5"]


def examples_of(path: Path, dataset: DataSet) -> tuple[str, list[str], str]:
    """Head of a file, its examples (blocks of tagged words, lines of a table or trees), and what separates them.

    Trees without a label, which are the neutral ones where there are two classes, are no examples.
    """
    text = path.read_text(encoding="utf-8")
    if dataset.task in ("ner", "tag"):
        return "", [f"{block}\n" for block in re.split(r"\n(?:[^\S\n]*\n)+", text.strip())], "\n"
    lines = text.splitlines(keepends=True)
    if dataset.has_trees:
        return "", [line for line in lines if dataset.data.classes == 5 or not line.startswith("(2 ")], ""
    return lines[0], lines[1:], ""

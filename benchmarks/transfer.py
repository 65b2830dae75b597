"""Scores of taggers and classifiers with and without pretrained layers, over data sets, word inputs and seeds.

    python benchmarks/transfer.py OUT --encoder MODEL --vectors FILE --data DIR [--sets ...] [--rows ...] [--seeds 5]

For every data set and row, the points of one small grid are trained with seed 0. The point with the best dev score is
trained with the other seeds, and only the runs of this point are scored on test, once. Finished runs are kept in OUT
and are not repeated. Two processes with different sets or rows can fill one table. DIR contains
what the sets of ``data_sets.py`` name. Baselines without pretraining are in ``transfer_baselines.py``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_sets import ENGLISH, SETS, DataSet

from tasks.classification.classifier import Classifier
from tasks.classification.config import ClassifierConfig
from tasks.classification.training import train as train_texts
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner.config import NerConfig
from tasks.ner.tagger import NerTagger
from tasks.ner.training import train as train_tagger
from tasks.sentiment.classifier import SentimentClassifier
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.training import train as train_classifier
from tasks.tagging.config import TaggerConfig
from tasks.tagging.tagger import Tagger
from tasks.tagging.training import train as train_words
from tasks.training.config import FinetuneConfig

Scores = dict[str, float]
Config = NerConfig | SentimentConfig | TaggerConfig | ClassifierConfig
CONFIGS: dict[str, type[NerConfig | TaggerConfig | ClassifierConfig]] = {
    "ner": NerConfig,
    "tag": TaggerConfig,
    "classify": ClassifierConfig,
}


@dataclass(frozen=True)
class Row:
    """Which vectors a word has, besides those of its characters."""

    title: str
    has_vectors: bool
    layers: str | None
    """None without an encoder."""


ROWS = {
    "words": Row("trainable words + characters", False, None),
    "fasttext": Row("fastText + characters", True, None),
    "layers": Row("trainable words + characters + ELMo", False, "auto"),
    "top": Row("fastText + characters + ELMo, top layer", True, "top"),
    "mix": Row("fastText + characters + ELMo, mix", True, "mix"),
}
GRID = {"learning_rate": (1e-3, 3e-3)}
"""The same points for every row."""


@dataclass(frozen=True)
class Table:
    """Everything that runs share."""

    out: Path
    data: Path
    encoder: str
    vectors: str
    cache_dir: str
    limit: int | None = None
    """Number of training examples. Defaults to all."""

    def train_file(self, name: str) -> Path:
        """The training file, or a random part of it."""
        return SETS[name].train_file(self.data, self.out / name, self.limit)

    def config(self, dataset: DataSet, row: Row, point: Mapping[str, Any], seed: int) -> Config:
        """Settings of a run."""
        parts: dict[str, Any] = {
            "inputs": WordInputConfig(words=self.vectors if row.has_vectors else "trainable"),
            "representation": EncoderConfig(encoder=self.encoder if row.layers else "none", layers=row.layers or "mix"),
            "finetune": FinetuneConfig(
                **dataset.training, learning_rate=point["learning_rate"], seed=seed, cache_dir=self.cache_dir,
                pictures=False,
            ),
            "encoder_inside": False,
        }  # fmt: skip
        parts.update(dataset.settings)
        if dataset.task == "sentiment":
            return SentimentConfig(**parts, data=dataset.data)
        return CONFIGS[dataset.task](**parts)

    def dev_score(self, name: str, row: str, point: Mapping[str, Any], seed: int) -> float:
        """Train, unless it was done before, and give the score on dev."""
        directory = self.directory(name, row, point, seed)
        finished = directory / "dev.json"
        if not finished.exists():
            dataset = SETS[name]
            config = self.config(dataset, ROWS[row], point, seed)
            train_file, dev_file = self.train_file(name), dataset.paths(self.data)[1]
            print(f"# {directory}", file=sys.stderr, flush=True)
            facts = train_head(config, train_file, dev_file, directory)
            kept = ("best_epoch", "seconds_per_epoch", "training_words_per_second")
            write(finished, {"score": main_score(facts["dev"]), **{key: facts.get(key) for key in kept}})
        return float(read(finished)["score"])

    def test_score(self, name: str, row: str, point: Mapping[str, Any], seed: int) -> float:
        """Score a finished run on test, unless it was done before."""
        directory = self.directory(name, row, point, seed)
        finished = directory / "test.json"
        if not finished.exists():
            dataset = SETS[name]
            test_file = dataset.paths(self.data)[2]
            encoder = self.encoder if ROWS[row].layers else None
            facts = score_head(dataset, directory, encoder, test_file)
            write(finished, {"score": main_score(facts), "words_per_second": facts["words_per_second"]})
        return float(read(finished)["score"])

    def directory(self, name: str, row: str, point: Mapping[str, Any], seed: int) -> Path:
        """Of one run."""
        return self.out / name / row / "-".join(f"{key}={value}" for key, value in point.items()) / f"seed-{seed}"


def train_head(config: Config, train: Path, dev: Path, out: Path) -> dict[str, Any]:
    """Train in a directory, in place of what is there; the facts of the training."""
    if isinstance(config, NerConfig):
        facts = train_tagger(config, train, dev, out, overwrite=True)
    elif isinstance(config, TaggerConfig):
        facts = train_words(config, train, dev, out, overwrite=True)
    elif isinstance(config, ClassifierConfig):
        facts = train_texts(config, train, dev, out, overwrite=True)
    else:
        facts = train_classifier(config, train, dev, out, overwrite=True)
    if facts["interrupted"]:  # by Ctrl-C or SIGTERM: this is no run to count
        raise KeyboardInterrupt
    return facts


def score_head(dataset: DataSet, directory: Path, encoder: str | None, file: Path) -> dict[str, Any]:
    """Scores of a saved model on a file."""
    models = {"ner": NerTagger, "tag": Tagger, "sentiment": SentimentClassifier, "classify": Classifier}
    return models[dataset.task].from_pretrained(directory, encoder=encoder).evaluate(file)


def main_score(facts: Mapping[str, Any]) -> float:
    """Entity F1, accuracy, Pearson's correlation or micro-F1, in percent."""
    return float(next(facts[key] for key in ("f1", "accuracy", "pearson", "micro_f1") if key in facts))


def read(path: Path) -> dict[str, Any]:
    """A JSON object."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(path: Path, facts: Mapping[str, Any]) -> None:
    """A JSON object."""
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def points() -> list[dict[str, Any]]:
    """All points of the grid."""
    return [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]


def fill(table: Table, name: str, row: str, seeds: int, with_test: bool) -> dict[str, Any]:
    """Train what is missing of one cell; its scores."""
    tried = [(table.dev_score(name, row, point, 0), point) for point in points()]
    _, best = max(tried, key=lambda pair: pair[0])
    dev = [table.dev_score(name, row, best, seed) for seed in range(seeds)]
    test = [table.test_score(name, row, best, seed) for seed in range(seeds)] if with_test else []
    return {"set": name, "row": row, "point": best, "grid": [score for score, _ in tried], "dev": dev, "test": test}


def shown(scores: list[float]) -> str:
    """Mean and deviation of the sample."""
    if not scores:
        return "-"
    return f"{statistics.fmean(scores):.1f}" + (f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else "")


def standard_errors(better: list[float], worse: list[float]) -> float:
    """The difference of two means in its own standard errors (Welch)."""
    variance = statistics.variance(better) / len(better) + statistics.variance(worse) / len(worse)
    difference = statistics.fmean(better) - statistics.fmean(worse)
    return difference / math.sqrt(variance) if variance else math.copysign(math.inf, difference)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--vectors", default="", help="word vectors (fastText, GloVe), for the rows that have them")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=ENGLISH)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no_test", action="store_true", help="dev only")
    parser.add_argument("--cache_dir", default="")
    parser.add_argument("--limit", type=int, help="number of training examples, chosen at random")
    arguments = parser.parse_args()
    given = (arguments.data, arguments.encoder, arguments.vectors, arguments.cache_dir, arguments.limit)
    table = Table(arguments.out, *given)
    for name in arguments.sets:
        cells = {row: fill(table, name, row, arguments.seeds, not arguments.no_test) for row in arguments.rows}
        for row, cell in cells.items():
            part = "test" if cell["test"] else "dev"
            against = ", ".join(
                f"{standard_errors(cell[part], other[part]):+.1f} SE over {rival}"
                for rival, other in cells.items()
                if row == "mix" and rival != "mix" and len(cell[part]) > 1
            )
            print(
                f"{name:<7} {ROWS[row].title:<42} dev {shown(cell['dev']):<12} test {shown(cell['test']):<12} "
                f"{cell['point']} {against}",
                flush=True,
            )


if __name__ == "__main__":
    main()

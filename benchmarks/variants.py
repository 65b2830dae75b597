"""Variants of the default head, compared on dev over data sets and seeds, paired by seed.

    python benchmarks/variants.py OUT --encoder MODEL --data DIR [--vectors FILE] [--variants ...] [--seeds ...]

A variant is a way to combine the layers of the encoder, or other settings of the head; ``top+wide`` is both. Each is
trained on each set with each seed, at the default learning rate of its task. A difference is that of the same seed and
set; its standard error is that of the mean over the seeds. Finished runs are kept in OUT and are not repeated, so
screen with two seeds, then give a few variants five others: ``--seeds 2 3 4 5 6``. Several processes with different
sets or variants can fill one table; ``--show`` prints what is finished, without training. ``--with_test`` scores the
runs on test too, once, after all choices; without it, test data are never read. The data sets are those of
``data_sets.py``; with ``--vectors`` the words have fastText vectors, without it vectors that are trained.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_sets import ENGLISH, SETS, DataSet
from paired import print_table, table_of
from transfer import Config, Row, Table, write

from tasks.classification.bcn import BCNConfig
from tasks.classification.config import HeadConfig
from tasks.classification.pooled_head import PooledConfig
from tasks.inputs.representation import EncoderConfig
from tasks.ner.config import NerConfig


@dataclass(frozen=True)
class Variant:
    """Settings that differ from the default ones."""

    representation: Mapping[str, Any] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)
    """Of a tagger, or of the pooled head of a classifier: a variant is for the task whose settings it names."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    finetune: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 1
    """The learning rate, as a multiple of the default."""
    mix_rate: float | None = None
    """The learning rate of the layer weights, as a multiple of that of the head."""
    classifier: Mapping[str, Any] = field(default_factory=dict)
    """Of a classifier, outside these groups: its head, its n-grams."""

    def __add__(self, other: Variant) -> Variant:
        """The settings of both; those of the other where they differ."""
        pairs = zip(self.settings, other.settings, strict=True)
        rate = self.mix_rate if other.mix_rate is None else other.mix_rate
        joined = ({**one, **two} for one, two in pairs)
        return Variant(*joined, self.rate * other.rate, rate, {**self.classifier, **other.classifier})

    @property
    def settings(self) -> tuple[Mapping[str, Any], ...]:
        """Settings of each part."""
        return self.representation, self.head, self.inputs, self.finetune


LAYERS = {
    "mix": Variant({"layers": "mix"}),
    "top": Variant({"layers": "top"}),
    "mix-10x": Variant({"layers": "mix"}, mix_rate=10),
    "mix-30x": Variant({"layers": "mix"}, mix_rate=30),
    "mix-from-top": Variant({"layers": "mix", "mix_start": "top"}),
    "mix-from-top-10x": Variant({"layers": "mix", "mix_start": "top"}, mix_rate=10),
    "upper": Variant({"layers": "1,2"}),
    "upper-10x": Variant({"layers": "1,2"}, mix_rate=10),
    "concat": Variant({"layers": "concat"}),
    "concat-upper": Variant({"layers": "concat:1,2"}),
    "concat-projected": Variant({"layers": "concat", "projection": 256}),
    "function": Variant({"layers": "function"}),
    "random": Variant({"layers": "random"}),
    "mix-norm": Variant({"layers": "mix", "layer_norm": True}),
    "mix-dropout": Variant({"layers": "mix", "mix_dropout": 0.1}),
    "output-mix": Variant({"layers": "mix", "output_mix": True}),
}
"""Ways to combine the layers."""
HEADS = {
    "batch-16": Variant(finetune={"batch_size": 16}),
    "batch-32": Variant(finetune={"batch_size": 32}),
    "batch-64": Variant(finetune={"batch_size": 64}),
    "batch-64-1.5x": Variant(finetune={"batch_size": 64}, rate=1.5),
    "batch-64-2x": Variant(finetune={"batch_size": 64}, rate=2),
    "rate-0.5x": Variant(rate=0.5),
    "rate-2x": Variant(rate=2),
    "longer": Variant(finetune={"max_epochs": 30}),
    "decay": Variant(finetune={"weight_decay": 0.1}),
    "no-spelling": Variant(inputs={"spelling": False}),
    "no-chars": Variant(inputs={"chars": False}),
    "more-chars": Variant(inputs={"char_filters": 128}),
    "inputs-dropout-0.3": Variant(inputs={"dropout": 0.3}),
    "layers-dropout-0.3": Variant({"dropout": 0.3}),
    "layers-dropout-0.1": Variant({"dropout": 0.1}),
    "narrow": Variant(head={"lstm_dim": 64}),
    "wide": Variant(head={"lstm_dim": 256}),
    "deep": Variant(head={"lstm_layers": 2}),
    "dropout-0.3": Variant(head={"dropout": 0.3, "lstm_layers": 1}),
    "pooled-narrow": Variant(head={"hidden_dim": 100}),
    "pooled-wide": Variant(head={"hidden_dim": 400}),
    "pooled-dropout-0.5": Variant(head={"dropout": 0.5, "hidden_dim": 200}),
    "no-ngrams": Variant(classifier={"ngrams": False}),
    "bcn": Variant(classifier={"head": "bcn"}),
    "bcn-small": Variant(
        head={"feed_forward_dim": 75, "lstm_dim": 75, "maxout_dims": (150, 75)}, classifier={"head": "bcn"}
    ),
}
"""Other settings, with the default combination of layers."""
VARIANTS = {"default": Variant(), **LAYERS, **HEADS}
OF_TEXTS = ("sentiment", "classify")
"""Tasks of classifiers; the others are those of taggers."""
ROW_OF_WORDS = {False: "layers", True: "mix"}
"""Rows of ``transfer.py`` by whether there are word vectors of a file; only their words matter here."""


def variant_of(name: str) -> Variant:
    """A variant, or several joined by ``+``.

    Raises:
        argparse.ArgumentTypeError: There is no such variant.
    """
    parts = name.split("+")
    unknown = sorted(set(parts) - set(VARIANTS))
    if unknown:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(VARIANTS)}, or some joined by +, found {name}")
    return functools.reduce(Variant.__add__, (VARIANTS[part] for part in parts))


def known(name: str) -> str:
    """The name of a variant, which is checked."""
    variant_of(name)
    return name


@dataclass(frozen=True)
class Variants(Table):
    """The runs of all variants, each in ``OUT/SET/ROW/variant=NAME/seed-N``."""

    def config(self, dataset: DataSet, row: Row, point: Mapping[str, Any], seed: int) -> Config:
        """Settings of a run."""
        variant = variant_of(point["variant"])
        rate = default_rate(dataset) * variant.rate
        config = super().config(dataset, row, {"learning_rate": rate}, seed)
        mix_rate = None if variant.mix_rate is None else variant.mix_rate * rate
        layers = {"layers": EncoderConfig().layers, **variant.representation}
        head: Mapping[str, Any] = variant.head
        if isinstance(config, HeadConfig):
            network = variant.classifier.get("head", config.head)
            head = {**variant.classifier, network: dataclasses.replace(getattr(config, network), **head)}
        return dataclasses.replace(
            config,
            **head,
            inputs=dataclasses.replace(config.inputs, **variant.inputs),
            representation=dataclasses.replace(config.representation, **layers),
            finetune=dataclasses.replace(config.finetune, **{"mix_learning_rate": mix_rate, **variant.finetune}),
        )

    def scores(
        self, name: str, row: str, point: Mapping[str, Any], seeds: Sequence[int], train: bool, part: str
    ) -> dict[int, float]:
        """Scores on a part, "dev" or "test", by seed, of all seeds, or only of those that are finished."""
        score = self.dev_score if part == "dev" else self.test_score
        done = {seed: self.directory(name, row, point, seed) / f"{part}.json" for seed in seeds}
        return {seed: score(name, row, point, seed) for seed, path in done.items() if train or path.exists()}


def default_rate(dataset: DataSet) -> float:
    """The default learning rate of a task."""
    return (HeadConfig() if dataset.task in OF_TEXTS else NerConfig()).finetune.learning_rate


def fits(name: str, dataset: DataSet) -> bool:
    """Whether a head has the settings of a variant; the pooled head has no RNN for a second mix."""
    variant = variant_of(name)
    if dataset.task not in OF_TEXTS:
        return not variant.classifier and set(variant.head) <= fields_of(NerConfig)
    is_pooled = "head" not in variant.classifier
    if is_pooled and variant.representation.get("output_mix"):
        return False
    return set(variant.head) <= fields_of(PooledConfig if is_pooled else BCNConfig)


def fields_of(config: Any) -> set[str]:
    """Names of the settings of a class."""
    return {field.name for field in dataclasses.fields(config)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", default="", help="word vectors (fastText, GloVe); trained ones without it")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=ENGLISH)
    parser.add_argument("--variants", nargs="+", type=known, default=list(LAYERS))
    parser.add_argument("--against", nargs="+", type=known, default=["mix", "top"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--cache_dir", default="")
    parser.add_argument("--limit", type=int, help="number of training examples, chosen at random")
    parser.add_argument("--show", action="store_true", help="print what is finished, without training")
    parser.add_argument("--with_test", action="store_true", help="score on test too")
    arguments = parser.parse_args()
    given = (arguments.data, arguments.encoder, arguments.vectors, arguments.cache_dir, arguments.limit)
    table = Variants(arguments.out, *given)
    row = ROW_OF_WORDS[bool(arguments.vectors)]
    facts = {**vars(arguments), "out": str(arguments.out), "data": str(arguments.data)}
    for part in ("dev", "test")[: 1 + arguments.with_test]:
        scores: dict[str, dict[str, dict[int, float]]] = {name: {} for name in arguments.sets}
        for name, variant in itertools.product(arguments.sets, arguments.variants):
            if fits(variant, SETS[name]):
                point = {"variant": variant}
                scores[name][variant] = table.scores(name, row, point, arguments.seeds, not arguments.show, part)
        print_table(table_of(scores, arguments.against, part))
        facts[f"scores on {part}"] = scores
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / f"variants-{row}.json", facts)


if __name__ == "__main__":
    main()

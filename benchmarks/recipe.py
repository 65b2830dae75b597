"""Short pretraining runs of equal time that differ from a base in one setting each, to choose a recipe.

    python benchmarks/recipe.py measure CORPUS OUT [VARIANT...]
    python benchmarks/recipe.py run CORPUS OUT [VARIANT...] [--minutes 8]
    python benchmarks/recipe.py table OUT --corpus CORPUS --pos TRAIN DEV --ner TRAIN DEV --trees TRAIN DEV

``measure`` times each variant right after the base, in turns, and keeps the speeds in OUT. The machine must be idle.

``run`` trains each variant for the number of steps that fit into the minutes at its own speed, so other work on the
machine does not affect the result. If two processes of one thread each are faster together than one process of two
threads, give each of them a part of the variants.

``table`` scores every finished run once and keeps the scores: held-out perplexity of the full softmax, the same over
the 15,000 most frequent classes, which variants of the vocabulary share, and probes of the layers.

CORPUS is a directory that ``elmo-lite corpus`` made.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import yaml
from adaptation import held_out_sample
from objectives import Averaged, BagOfNextWords, Cloze
from polarity import accuracies, read_trees
from probe import Task, probe_model, read_conllu, read_iob2, select

from elmo_lite import load_model
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.lm.shared_classes import shared_score
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig, PretrainConfig
from elmo_lite.pretraining.optimizers import CombinedOptimizer
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.schedule import Schedule
from elmo_lite.pretraining.speed import measure
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.text.vocabulary import Vocabulary

SPEEDS = "speeds.json"
COMMON_CLASSES = 15_000
TURNS = 3


# What is no setting of the library: these take the place of a function of it.


def adagrad(encoder: Any, table: Any, **_: Any) -> CombinedOptimizer:
    """The published training's optimiser: rate 0.2, sums of squares begun at 1 for a loss of 20 steps, so 1 / 400."""
    start = {"lr": 0.2, "initial_accumulator_value": 1 / 400}
    trained = [value for value in encoder.parameters() if value.requires_grad]
    return CombinedOptimizer([torch.optim.Adagrad(trained, **start), torch.optim.Adagrad(table, **start)])


def schedule(factor: Callable[[float], float]) -> type[Schedule]:
    """A warm-up as the library's, then ``factor`` of the share of the run that is over."""

    class Other(Schedule):
        def factor(self, step: int) -> float:
            if step < self.warmup:
                return (step + 1) / self.warmup
            return factor((step - self.warmup) / (self.max_steps - self.warmup))

    return Other


@dataclasses.dataclass(frozen=True)
class Variant:
    """What differs from the settings that all share."""

    settings: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """By section; "" is the run itself."""
    functions: dict[str, Any] = dataclasses.field(default_factory=dict)
    """By the name that they replace."""
    classes: int | None = None
    """Size of the vocabulary, where it is not the corpus's."""
    own_speed: bool = True
    """Whether a step may cost other than the base's; where not, the two are timed as one."""

    def config(self) -> PretrainConfig:
        """All settings of the run."""
        sections = {
            "model": BiLMConfig(dropout=0.0),
            "head": HeadConfig(num_samples=2048),
            "data": DataConfig(batch_words=4096, max_length=64),
            "optimizer": OptimizerConfig(name="muon", learning_rate=4e-3, table_learning_rate=4e-3, warmup_steps=200),
        }
        changed = {
            key: dataclasses.replace(value, **self.settings.get(key, {}))  # type: ignore[type-var]
            for key, value in sections.items()
        }
        return PretrainConfig(**changed, epochs=1, validations=4, patience=100, **self.settings.get("", {}))

    def corpus(self, directory: Path) -> Corpus:
        """The corpus with the classes asked for; its words come by falling count."""
        corpus = Corpus.open(directory)
        if self.classes is not None:
            corpus.vocabulary = Vocabulary.from_counts(corpus.words, self.classes)
        return corpus


def optimizer(name: str, rate: float) -> Variant:
    """A variant of the optimiser and of both its learning rates."""
    settings = {"name": name, "learning_rate": rate, "table_learning_rate": rate}
    return Variant({"optimizer": settings}, own_speed=name != "muon")


def scheduled(factor: Callable[[float], float]) -> Variant:
    """A variant of the schedule."""
    return Variant(functions={"elmo_lite.pretraining.training_module.Schedule": schedule(factor)}, own_speed=False)


def objective(module: type[LanguageModel], own_speed: bool = True) -> Variant:
    """A variant of the module that is trained."""
    return Variant(functions={"elmo_lite.pretraining.initial_model.LanguageModel": module}, own_speed=own_speed)


SAME_SPEED = (
    "seed",
    "optimizer.learning_rate",
    "optimizer.table_learning_rate",
    "optimizer.weight_decay",
    "head.start",
)
"""Settings that do not change what a step costs."""
VARIANTS = {
    "base": Variant(own_speed=False),
    "seed 1": Variant({"": {"seed": 1}}, own_speed=False),
    "seed 2": Variant({"": {"seed": 2}}, own_speed=False),
    "width 128": Variant({"model": {"dim": 128, "lstm_dim": 128}}),
    "width 384": Variant({"model": {"dim": 384, "lstm_dim": 384}}),
    "depth 1": Variant({"model": {"num_layers": 1}}),
    "depth 3": Variant({"model": {"num_layers": 3}}),
    "dropout 0.1": Variant({"model": {"dropout": 0.1, "variational_dropout": False}}),
    "512 samples": Variant({"head": {"num_samples": 512}}),
    "8,192 samples": Variant({"head": {"num_samples": 8192}}),
    "batch 2,048": Variant({"data": {"batch_words": 2048}}),
    "batch 8,192": Variant({"data": {"batch_words": 8192}}),
    "batch 16,384": Variant({"data": {"batch_words": 16384}}),
    "windows, carried states": Variant({"data": {"batching": "windows"}}),
    "15,000 classes": Variant(classes=15_000, own_speed=False),
    "60,000 classes": Variant(classes=60_000, own_speed=False),
    "rate 2e-3": optimizer("muon", 2e-3),
    "rate 8e-3": optimizer("muon", 8e-3),
    "AdamW, rate 6e-3": optimizer("adamw", 6e-3),
    "Adagrad": Variant(functions={"elmo_lite.pretraining.training_module.make_optimizer": adagrad}),
    "cosine": scheduled(lambda x: (1 + math.cos(math.pi * min(x, 1.0))) / 2),
    "constant, last fifth down": scheduled(lambda x: min(1.0, max(0.0, (1 - x) * 5))),
    "averaging": objective(Averaged, own_speed=False),
    "average 0.99": Variant(own_speed=False),
    "average 0.998": Variant(own_speed=False),
    "cloze": objective(Cloze),
    "bag of next words": objective(BagOfNextWords),
    "table from word2vec": Variant({"head": {"start": "word2vec"}}, own_speed=False),
}


def variant(name: str) -> Variant:
    """A variant by its name, or by settings that differ from the base's, such as "model.dropout=0.3 seed=1".

    Raises:
        KeyError: It is neither.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    settings: dict[str, dict[str, Any]] = {}
    for word in name.split():
        key, equals, value = word.partition("=")
        if not equals:
            raise KeyError(name)
        section, _, field = key.rpartition(".")
        settings.setdefault(section, {})[field] = yaml.safe_load(value)
    same_speed = all(word.partition("=")[0] in SAME_SPEED for word in name.split())
    return Variant(settings, own_speed=not same_speed)


def measure_all(directory: Path, out: Path, names: list[str]) -> None:
    """Seconds per step, by turns: every variant right after the base, whose median its median ratio multiplies.

    What precedes the first step, such as training word2vec, is not in it.
    """
    bases: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in names if variant(name).own_speed}
    for _ in range(TURNS):
        bases.append(seconds_per_step(VARIANTS["base"], directory))  # also where nothing else is timed
        for name, found in ratios.items():
            bases.append(seconds_per_step(VARIANTS["base"], directory))
            found.append(seconds_per_step(variant(name), directory) / bases[-1])
            print(f"base: {bases[-1]:.3f} s; {name}: {found[-1]:.3f} times that", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    base = statistics.median(bases)
    speeds = {name: base * statistics.median(ratios.get(name, [1.0])) for name in names}
    (out / SPEEDS).write_text(json.dumps(speeds, indent=2) + "\n", encoding="utf-8")


def seconds_per_step(variant: Variant, directory: Path) -> float:
    """Median over some seconds."""
    with replaced(variant):
        return measure(variant.config(), variant.corpus(directory), 4.0).seconds_per_step


def replaced(variant: Variant) -> ExitStack:
    """The variant's functions in place."""
    stack = ExitStack()
    for name, function in variant.functions.items():
        stack.enter_context(patch(name, function))
    return stack


def run(directory: Path, out: Path, names: list[str], minutes: float) -> None:
    """Train what is measured and not trained yet."""
    kept = out / SPEEDS
    speeds = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if missing := [name for name in names if name not in speeds]:
        raise SystemExit(f"{kept}: expected the speed of {missing[0]!r} (measure), found none")
    for name in names:
        if (out / name / "run_facts.json").exists():
            continue
        chosen = variant(name)
        steps = max(20, round(60 * minutes / speeds[name]))
        corpus = chosen.corpus(directory)
        print(f"{name}: {steps:,} steps of {speeds[name]:.3f} s", flush=True)
        with replaced(chosen), patch("elmo_lite.pretraining.pretrain.Corpus.open", lambda _, corpus=corpus: corpus):
            begun = time.perf_counter()
            facts = pretrain(chosen.config(), directory, out / name, max_steps=steps)
        facts |= {"seconds_per_step": speeds[name], "all_seconds": time.perf_counter() - begun}
        (out / name / "run_facts.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def figures(model: str, text: Any, tasks: list[Task], trees: Any, probing: argparse.Namespace) -> dict[str, Any]:
    """Everything that the table says of a model."""
    saved = load_model(model, with_head=True)
    assert saved.vocabulary is not None
    words = saved.vocabulary.entries[2:]
    counts = {"own": len(words), "common": COMMON_CLASSES - 2}
    scores = {name: shared_score(saved, words[:n], *text) for name, n in counts.items()}
    found: dict[str, Any] = {
        name: {"forward": value.forward_perplexity, "backward": value.backward_perplexity}
        for name, value in scores.items()
    }
    for row in probe_model(Path(model), "", tasks, probing):
        for kind, values in row["scores"].items():
            found.setdefault(kind, []).append(values["main"])
    return found | {"sst2": list(accuracies(model, *trees).values())[:-1]}


def table(out: Path, arguments: argparse.Namespace) -> Iterator[str]:
    """Rows in Markdown, those of ``VARIANTS`` in order."""
    text = held_out_sample(arguments.corpus)
    readers = (("pos", read_conllu, arguments.pos), ("ner", read_iob2, arguments.ner))
    tasks = [Task(kind, select(read(train), 4000), read(dev)) for kind, read, (train, dev) in readers]  # type: ignore[arg-type]
    trees = tuple(map(read_trees, arguments.trees))
    probing = argparse.Namespace(combine=[], l2=1e-4, max_iterations=40)
    yield "| run | steps | words | perplexity | over 15,000 classes | UPOS | UNER | SST-2 |"
    yield "|" + 8 * "---|"
    for name in VARIANTS:
        kept = out / name / "figures.json"
        trained = out / ("averaging" if name.startswith("average ") else name) / "run_facts.json"
        if not trained.exists() or not (out / name).exists():
            continue
        if not kept.exists():
            found = figures(str(out / name / "model"), text, tasks, trees, probing)
            kept.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        found, facts = (json.loads(path.read_text(encoding="utf-8")) for path in (kept, trained))
        cells = [name, f"{facts['steps']:,}", f"{facts['words_seen'] / 1e6:.1f} M"]
        cells += [f"{found[key]['forward']:.1f} / {found[key]['backward']:.1f}" for key in ("own", "common")]
        cells += [" / ".join(f"{value:.1f}" for value in found[key]) for key in ("pos", "ner", "sst2")]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="time the steps of all variants named")
    training = commands.add_parser("run", help="train")
    for command in (measuring, training):
        command.add_argument("corpus", type=Path)
        command.add_argument("out", type=Path)
        command.add_argument("variants", nargs="*", metavar="VARIANT", help=", ".join(VARIANTS))
    training.add_argument("--minutes", type=float, default=8.0)
    scoring = commands.add_parser("table", help="score what is there")
    scoring.add_argument("out", type=Path)
    scoring.add_argument("--corpus", type=Path, required=True)
    for name in ("--pos", "--ner", "--trees"):
        scoring.add_argument(name, nargs=2, type=Path, metavar=("TRAIN", "DEV"), required=True)
    arguments = parser.parse_args()
    if arguments.command == "table":
        for row in table(arguments.out, arguments):
            print(row, flush=True)
        return
    for name in arguments.variants:
        try:
            variant(name).config()
        except (KeyError, TypeError) as error:
            parser.error(f"expected settings or one of {', '.join(VARIANTS)}, found {name!r}: {error}")
    keep_freed_memory()
    names = arguments.variants or [*VARIANTS]
    if arguments.command == "measure":
        measure_all(arguments.corpus, arguments.out, names)
    else:
        run(arguments.corpus, arguments.out, names, arguments.minutes)


if __name__ == "__main__":
    main()

"""Heads with few labels: 100 and 300 training sentences, against models without anything pretrained.

    python benchmarks/few_labels.py OUT --encoder MODEL --data DIR [--vectors FILE] [--preset none few] [--sets ...]

For each data set and size, random samples of the training data are drawn; a smaller sample is a part of the larger one.
On each sample a feature CRF, or TF-IDF with logistic regression, and the head with the settings that ``elmo-lite ner
train`` or ``sentiment train`` has without any flag, or with a preset, are trained. A difference is that on the same
sample; its standard error is that of the mean over the samples. A sample has one seed, so the deviation is that of
samples and seeds together.

Epochs and penalties are chosen on the dev data of the set, or with ``--held_out`` on a tenth of the sample, as by
someone who has no other labels. ``--part dev`` never reads test data; ``--part test`` scores each run on them once.
Finished runs are kept in OUT and are not repeated; several processes with different sets can fill one table, and
``--show`` prints what is finished. The data sets are those of ``data_sets.py``.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_sets import ENGLISH, SETS, DataSet, examples_of
from paired import paired, print_table
from transfer import main_score, read, score_head, shown, train_head, write
from transfer_baselines import fitted

from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser
from tasks.ner.config import NerConfig
from tasks.ner.training import train_command as train_tagger
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.training import train_command as train_classifier

BASELINE = "baseline"
TITLES = {"ner": "feature CRF", "sentiment": "TF-IDF"}
"""Titles of the baseline by task."""


@dataclass(frozen=True)
class Runs:
    """Everything that runs share. A run is in ``OUT/SET/SIZE/MODEL/sample-N``, its data in ``OUT/SET/SIZE/data``."""

    out: Path
    data: Path
    encoder: str
    vectors: str
    held_out: bool
    cache_dir: str

    def model(self, preset: str) -> str:
        """Name of the head with a preset, from all that its scores depend on."""
        return "-".join(
            [
                "head",
                preset.replace("none", "default"),
                Path(self.encoder).name,
                *([Path(self.vectors).name] if self.vectors else []),
            ]
        )

    def sample(self, name: str, size: int, number: int) -> tuple[Path, Path]:
        """Files to train on and to choose by. A sample is written once, so that all models have the same."""
        dataset = SETS[name]
        train, dev, _ = dataset.paths(self.data)
        folder = self.out / name / str(size) / "data"
        files = {part: folder / f"{part}-{number}{train.suffix}" for part in ("all", "train", "held-out")}
        if not all(path.exists() for path in files.values()):
            folder.mkdir(parents=True, exist_ok=True)
            head, examples, gap = examples_of(train, dataset)
            if len(examples) < size:
                raise SystemExit(f"{train}: expected {size:,} sentences or more, found {len(examples):,}")
            order = random.Random(number).sample(range(len(examples)), len(examples))
            for part, chosen in zip(files, (order[:size], order[size // 10 : size], order[: size // 10]), strict=True):
                text = head + gap.join(examples[place] for place in sorted(chosen))
                files[part].write_text(text, encoding="utf-8")
        return (files["train"], files["held-out"]) if self.held_out else (files["all"], dev)

    def config(self, dataset: DataSet, preset: str, seed: int) -> NerConfig | SentimentConfig:
        """The settings of the command without flags, or with a preset."""
        command = train_tagger if dataset.task == "ner" else train_classifier
        flags = [] if preset == "none" else ["--config", preset]
        flags += ["--encoder", self.encoder, *(["--words", self.vectors] if self.vectors else [])]
        flags += ["--finetune.seed", f"{seed}", "--finetune.pictures", "false", "--encoder_inside", "false"]
        flags += ["--finetune.cache_dir", self.cache_dir] if self.cache_dir else []
        flags += ["--data.classes", f"{dataset.data.classes}"] if dataset.has_trees else []
        parser = function_parser(command, f"{dataset.task} train", ())
        arguments = parse(parser, [*flags, "--train", "-", "--out", "-"], dataset.task)
        config_type = NerConfig if dataset.task == "ner" else SentimentConfig
        return config_type(**{field.name: arguments[field.name] for field in dataclasses.fields(config_type)})

    def directory(self, name: str, size: int, model: str, number: int) -> Path:
        """Of one run."""
        return self.out / name / str(size) / (model + "-held-out" * self.held_out) / f"sample-{number}"

    def score(self, name: str, size: int, preset: str, number: int, part: str) -> float:
        """Entity F1 or accuracy on a part, in percent, from what is finished or by training.

        Args:
            name: Data set.
            size: Number of labelled sentences.
            preset: "none" or a preset of the head, or ``BASELINE``.
            number: Number of the sample, which is the seed too.
            part: "dev" or "test".
        """
        model = BASELINE if preset == BASELINE else self.model(preset)
        directory = self.directory(name, size, model, number)
        finished = directory / f"{part}.json"
        if not finished.exists():
            print(f"# {directory}, {part}", file=sys.stderr, flush=True)
            dataset, files = SETS[name], self.sample(name, size, number)
            scored = dataset.paths(self.data)[("dev", "test").index(part) + 1]
            directory.mkdir(parents=True, exist_ok=True)
            if preset == BASELINE:
                baseline = fitted(dataset, *files)
                facts: dict[str, Any] = {"score": baseline.score(scored), "point": baseline.point}
            else:
                trained = directory / "trained.json"
                if not trained.exists():
                    found = train_head(self.config(dataset, preset, number), *files, directory)
                    write(trained, {key: found.get(key) for key in ("best_epoch", "seconds_per_epoch")})
                encoder = None if self.encoder == "none" else self.encoder
                facts = {"score": main_score(score_head(dataset, directory, encoder, scored)), **read(trained)}
            write(finished, facts)
        return float(read(finished)["score"])

    def scores(
        self, name: str, size: int, preset: str, samples: Sequence[int], part: str, train: bool
    ) -> dict[int, float]:
        """Scores by sample, of all samples, or only of those that are finished."""
        model = BASELINE if preset == BASELINE else self.model(preset)
        done = {number: self.directory(name, size, model, number) / f"{part}.json" for number in samples}
        return {
            number: self.score(name, size, preset, number, part)
            for number, path in done.items()
            if train or path.exists()
        }


def over(pair: tuple[float, float] | None) -> list[str]:
    """A difference with its standard error, and the difference in standard errors; ? for those of one sample."""
    if pair is None:
        return ["-", "-"]
    difference, error = pair
    if not error > 0:  # one sample, or equal differences
        return [f"{difference:+.1f} ± ?", "?"]
    return [f"{difference:+.1f} ± {error:.1f}", f"{difference / error:+.1f}"]


Scores = Mapping[str, Mapping[int, Mapping[str, Mapping[int, float]]]]
"""Score by data set, size, model and sample."""


def table_of(scores: Scores, part: str) -> list[list[str]]:
    """Rows of cells: one per data set, size and model."""
    rows = [["set", "sentences", "model", "samples", part, "over baseline", "in SE"]]
    for name, sizes in scores.items():
        for size, models in sizes.items():
            for model, found in models.items():
                if not found:
                    continue
                title = TITLES[SETS[name].task] if model == BASELINE else model
                against = ["", ""] if model == BASELINE else over(paired(found, models.get(BASELINE, {})))
                rows.append([name, str(size), title, str(len(found)), shown(list(found.values())), *against])
    return rows


def summary_of(scores: Scores) -> list[dict[str, Any]]:
    """What the table says, for JSON."""
    found: list[dict[str, Any]] = []
    for name, sizes in scores.items():
        for size, models in sizes.items():
            for model, by_sample in models.items():
                pair = paired(by_sample, models.get(BASELINE, {})) if model != BASELINE else None
                found.append(
                    {
                        "set": name,
                        "sentences": size,
                        "model": TITLES[SETS[name].task] if model == BASELINE else model,
                        "scores": dict(by_sample),
                        "mean": statistics.fmean(by_sample.values()) if by_sample else None,
                        "difference": pair[0] if pair else None,
                        "standard_error": pair[1] if pair and pair[1] == pair[1] else None,
                    }
                )
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", required=True, help="none for a head without an encoder")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", default="", help="word vectors (fastText, GloVe); trained ones without it")
    parser.add_argument("--preset", nargs="+", default=["none"], help="none (the defaults), few, ...")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=ENGLISH)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 300])
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--first_sample", type=int, default=0, help="number of the first sample, for fresh ones")
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    parser.add_argument("--held_out", action="store_true", help="choose epochs and penalties on a tenth of the sample")
    parser.add_argument("--cache_dir", default="")
    parser.add_argument("--show", action="store_true", help="print what is finished, without training")
    arguments = parser.parse_args()
    if min(arguments.sizes) < 20:
        parser.error(f"--sizes: expected 20 or more, found {min(arguments.sizes)}")
    runs = Runs(
        arguments.out, arguments.data, arguments.encoder, arguments.vectors, arguments.held_out, arguments.cache_dir
    )
    samples = range(arguments.first_sample, arguments.first_sample + arguments.samples)
    scores: dict[str, dict[int, dict[str, dict[int, float]]]] = {}
    for name in arguments.sets:
        for size in arguments.sizes:
            of_size = scores.setdefault(name, {}).setdefault(size, {})
            for preset in (BASELINE, *arguments.preset):
                model = BASELINE if preset == BASELINE else runs.model(preset)
                of_size[model] = runs.scores(name, size, preset, samples, arguments.part, not arguments.show)
    print_table(table_of(scores, arguments.part))
    arguments.out.mkdir(parents=True, exist_ok=True)
    facts = {**vars(arguments), "out": str(arguments.out), "data": str(arguments.data), "table": summary_of(scores)}
    write(arguments.out / f"few-labels-{arguments.part}{'-held-out' * arguments.held_out}.json", facts)


if __name__ == "__main__":
    main()

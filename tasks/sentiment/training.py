"""Labelled texts and settings in, a saved classifier out (``elmo-lite sentiment train``)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from elmo_lite import Elmo
from elmo_lite.files import write_json
from tasks.inputs.encoder_hash import encoder_hash
from tasks.saved_task.network import check_out, tokenization_of
from tasks.sentiment.classifier import SentimentClassifier, new_classifier
from tasks.sentiment.commands import evaluate
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.data import LabelledText, check_labels, label_set, read_labelled
from tasks.sentiment.scoring import score_labels
from tasks.training.finetune import METRICS, finetune
from tasks.training.pictures import draw_confusion
from tasks.training.seeds import run_seeds

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True)
class _Data:
    """What all seeds share."""

    train: list[LabelledText]
    parts: dict[str, list[LabelledText]]
    """"dev", and "test" where there is one."""
    labels: list[str]
    elmo: Elmo | None
    """A frozen encoder; one that is trained is loaded anew for each seed."""
    elmo_hash: str


def train(
    config: SentimentConfig,
    train: str | Path,
    dev: str | Path,
    out: str | Path,
    *,
    test: str | Path | None = None,
    seeds: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Train a classifier: the model of the best epoch on dev, ``metrics.json`` and pictures in ``out``.

    Args:
        config: settings.
        train: labelled texts to learn from: trees, ``.tsv``, ``.csv``, ``.jsonl``, or a hub data set.
        dev: labelled texts to choose the epoch by.
        out: directory to write. With several seeds each has its own, ``out/seed-0`` and so on; runs that are complete
            are not repeated.
        test: labelled texts that are scored once at the end.
        seeds: how many classifiers, with seeds 0, 1, ...; one has the seed of ``config.finetune``.
        overwrite: replace a classifier that is there.

    Returns:
        One seed: "dev" and "test", as ``scoring.report`` gives them, "best_epoch" and speeds. Several: "mean" and
        "deviation" of all these numbers, and "runs".

    Raises:
        CorpusError: a file cannot be read, has nothing in it, or has labels that the training data have not.
        ConfigError: a setting is impossible, or there is a model in ``out`` already.
        CheckpointError: the encoder cannot be loaded.
        KeyboardInterrupt: interrupted before anything could be kept, or with several seeds.
    """
    out = Path(out)
    check_out(out, "sentiment", overwrite)
    data = _read(config, train, dev, test)
    if seeds == 1:
        return _train_one(config, data, config.finetune.seed, out)
    settings = {**config.to_dict(), "encoder_hash": data.elmo_hash, "data_hash": _data_hash(data)}
    return run_seeds(partial(_train_one, config, data), seeds, out, settings)


def _read(config: SentimentConfig, train: str | Path, dev: str | Path, test: str | Path | None) -> _Data:
    elmo = _load_encoder(config)
    split_words = tokenization_of(config, elmo).words
    learned = read_labelled(train, config.data, split_words, training=True)
    labels = label_set(learned)
    parts = {
        name: read_labelled(source, config.data, split_words)
        for name, source in (("dev", dev), ("test", test))
        if source is not None
    }
    for examples in parts.values():
        check_labels(examples, labels)
    sizes = ", ".join(f"{len(examples):,} {name}" for name, examples in {"train": learned, **parts}.items())
    log.info("texts: %s; labels: %s", sizes, ", ".join(labels[:20]))
    return _Data(learned, parts, labels, elmo, encoder_hash(elmo) if elmo is not None else "")


def _load_encoder(config: SentimentConfig) -> Elmo | None:
    use = config.representation
    return Elmo.from_pretrained(use.encoder, requires_grad=not use.freeze) if use.has_encoder else None


def _data_hash(data: _Data) -> str:
    """Of all words and labels: runs on other data are other runs, whatever the files are called."""
    digest = hashlib.sha256()
    for examples in (data.train, *data.parts.values()):
        digest.update(json.dumps([(example.words, example.label) for example in examples]).encode())
    return digest.hexdigest()


def _train_one(config: SentimentConfig, data: _Data, seed: int, out: Path) -> dict[str, Any]:
    """Train with one seed, score, save."""
    torch.manual_seed(seed)
    config = dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, seed=seed))
    is_frozen = config.representation.freeze
    elmo = data.elmo if is_frozen else _load_encoder(config)
    others = [example.words for examples in data.parts.values() for example in examples]
    classifier = new_classifier(config, data.labels, elmo, [example.words for example in data.train], others)
    number = {label: index for index, label in enumerate(data.labels)}
    result = finetune(
        classifier.model,
        data.train,
        data.parts["dev"],
        targets=lambda example: number[example.label],
        score=lambda examples, predicted: score_labels([e.label for e in examples], predicted, data.labels),
        config=config.finetune,
        out=out,
        elmo=elmo if is_frozen else None,
        model_hash=data.elmo_hash if is_frozen else "",
    )
    classifier = SentimentClassifier(classifier.model, config, classifier.tokenization)
    reports = {name: evaluate(classifier, examples) for name, examples in data.parts.items()}
    scores = {
        **reports,
        "best_epoch": result.best_epoch,
        "seconds_per_epoch": result.seconds_per_epoch,
        "training_words_per_second": result.words_per_second,
        "interrupted": result.interrupted,
    }
    classifier.save(out, _card_scores(reports), encoder_path=config.representation.encoder, overwrite=True)
    facts = json.loads((out / METRICS).read_text(encoding="utf-8"))
    write_json(out / METRICS, {**facts, **scores}, allow_nan=True)
    if config.finetune.pictures:
        for name, found in reports.items():
            draw_confusion(found["confusion"], found["labels"], out / f"confusion-{name}.png")
    return scores


def _card_scores(reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What a model card says."""
    return {name: {key: found[key] for key in ("accuracy", "macro_f1", "sentences")} for name, found in reports.items()}


def train_command(
    config: SentimentConfig,
    *,
    train: str,
    dev: str,
    out: str,
    test: str | None = None,
    seeds: int = 1,
    overwrite: bool = False,
) -> None:
    """Train a sentiment classifier.

    Args:
        config: Settings.
        train: Labelled texts to learn from: trees, .tsv, .csv, .jsonl, or a hub data set.
        dev: Labelled texts to choose the epoch by.
        out: Directory to write: the classifier, metrics.json, pictures.
        test: Labelled texts that are scored once at the end.
        seeds: Train that many, and give mean and deviation.
        overwrite: Replace a classifier that is there.
    """
    found = _train(config, train, dev, out, test=test, seeds=seeds, overwrite=overwrite)
    for name in ("dev", "test"):
        if seeds == 1 and name in found:
            print(f"{name:<5} accuracy {found[name]['accuracy']:.2f}  macro-F1 {found[name]['macro_f1']:.2f}")
        elif f"{name}.accuracy" in found.get("mean", {}):
            accuracy, macro_f1 = (
                f"{found['mean'][key]:.2f} +- {found['deviation'][key]:.2f}"
                for key in (f"{name}.accuracy", f"{name}.macro_f1")
            )
            print(f"{name:<5} accuracy {accuracy}  macro-F1 {macro_f1}  ({seeds} seeds: mean, deviation)")
    print(f"model {out if seeds == 1 else Path(out) / 'seed-0'}")


_train = train  # the command has a parameter of that name

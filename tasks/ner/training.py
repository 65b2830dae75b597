"""Training of a tagger, with one seed or several (``elmo-lite ner train``)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from elmo_lite import ConfigError, CorpusError, Elmo
from elmo_lite.files import write_json
from tasks.inputs.encoder_hash import encoder_hash
from tasks.ner.commands import evaluate, warn_of_unseen
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSentence, read_tagged
from tasks.ner.scoring import score_tags
from tasks.ner.tagger import new_tagger
from tasks.ner.tags import OUTSIDE
from tasks.saved_task.network import check_out
from tasks.training.finetune import METRICS, finetune
from tasks.training.pictures import CONFUSION, draw_confusion
from tasks.training.seeds import run_seeds


@dataclass(frozen=True)
class DataSets:
    """What a tagger is trained with and scored on."""

    train: TaggedData
    scored: dict[str, TaggedData]
    """"dev", and "test" where there is one."""

    def fingerprint(self) -> str:
        """SHA-256 of all words and tags: other data are other runs."""
        parts = [self.train, *self.scored.values()]
        digest = hashlib.sha256()
        for sentence in (sentence for part in parts for sentence in part.sentences):
            digest.update(json.dumps([sentence.words, sentence.tags]).encode())
        return digest.hexdigest()


def train(
    config: NerConfig,
    train: str | Path,
    dev: str | Path,
    out: str | Path,
    *,
    test: str | Path | None = None,
    seeds: int = 1,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a tagger: the best by entity F1 on dev in ``out``; with several seeds each in ``out/seed-k``.

    Args:
        config: settings.
        train: labelled sentences to learn from, see ``read_tagged``.
        dev: labelled sentences to choose the epoch by.
        out: directory to write; with several seeds runs that are complete there are not repeated.
        test: labelled sentences to score at the end.
        seeds: how many taggers, with seeds 0, 1, ...; a single one takes that of ``config.finetune``.
        overwrite: replace a tagger that is in ``out``.
        progress: show a bar and a line an epoch on standard error.

    Returns:
        Of one: "dev" and "test", as ``evaluate`` gives them, "best_epoch", "num_epochs", "seconds_per_epoch",
        "training_words_per_second" and "interrupted". Of several: "mean" and "deviation" of each number by its dotted
        key, and "runs".

    Raises:
        CorpusError: data that cannot be used.
        ConfigError: settings that cannot be, or ``out`` is in use.
        CheckpointError: no such encoder.
    """
    import seqeval.metrics  # noqa: F401  (missing: better now than after the training)

    out = Path(out)
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    check_out(out, "ner", overwrite)
    data = _read(config, train, dev, test)
    encoder = _Encoder(config)
    if seeds == 1:
        return _train_one(config, data, encoder, out, progress)

    def train_one(seed: int, directory: Path) -> dict[str, Any]:
        changed = dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, seed=seed))
        return _train_one(changed, data, encoder, directory, progress)

    settings = {
        "config": dataclasses.asdict(config),
        "data": data.fingerprint(),
        "encoder_hash": encoder.fingerprint(),
    }
    return run_seeds(train_one, seeds, out, settings)


def _read(config: NerConfig, train: str | Path, dev: str | Path, test: str | Path | None) -> DataSets:
    columns = config.word_column, config.tag_column
    named = {"dev": dev, **({"test": test} if test is not None else {})}
    data = DataSets(read_tagged(train, *columns), {name: read_tagged(path, *columns) for name, path in named.items()})
    if not data.train.types():
        raise CorpusError(f"{train}: expected entities to learn from, found {OUTSIDE} alone")
    for name, part in data.scored.items():
        warn_of_unseen(str(named[name]), part, list(data.train.types()))
    return data


class _Encoder:
    """The pretrained model of a run: a frozen one is loaded once for all seeds, one that is trained for each anew."""

    def __init__(self, config: NerConfig) -> None:
        self.config = config.representation
        self._frozen: Elmo | None = None
        self.hash = ""

    def load(self) -> Elmo | None:
        if not self.config.has_encoder:
            return None
        if not self.config.freeze:
            return Elmo.from_pretrained(self.config.encoder, requires_grad=True)
        if self._frozen is None:
            self._frozen = Elmo.from_pretrained(self.config.encoder)
            self.hash = encoder_hash(self._frozen)
        return self._frozen

    def fingerprint(self) -> str:
        """What tells it from another model at the same place; empty without one."""
        elmo = self.load()
        return "" if elmo is None else encoder_hash(elmo)


def _train_one(config: NerConfig, data: DataSets, encoder: _Encoder, out: Path, progress: bool) -> dict[str, Any]:
    """Train with the seed of ``config.finetune``, score, save."""
    torch.manual_seed(config.finetune.seed)
    elmo = encoder.load()
    sentences = [sentence.words for sentence in data.train.sentences]
    others = [sentence.words for part in data.scored.values() for sentence in part.sentences]
    tagger = new_tagger(config, data.train.types(), elmo, sentences, others)
    number = {label: index for index, label in enumerate(tagger.labels)}
    result = finetune(
        tagger.model,
        data.train.sentences,
        data.scored["dev"].sentences,
        targets=lambda sentence: [number[tag] for tag in sentence.tags],
        score=_dev_score,
        config=config.finetune,
        out=out,
        elmo=elmo,
        model_hash=encoder.hash,
        progress=progress,
    )
    tagger.device = next(tagger.model.parameters()).device
    scores = {name: evaluate(tagger, part) for name, part in data.scored.items()}
    facts = {
        **scores,
        "best_epoch": result.best_epoch,
        "num_epochs": len(result.epochs),
        "seconds_per_epoch": result.seconds_per_epoch,
        "training_words_per_second": result.words_per_second,
        "interrupted": result.interrupted,
    }
    tagger.save(out, _card_scores(scores), encoder_path=config.representation.encoder, overwrite=True)
    write_json(out / METRICS, {**json.loads((out / METRICS).read_text(encoding="utf-8")), **facts}, allow_nan=True)
    if config.finetune.pictures:
        confusion = scores["dev"]["confusion"]
        draw_confusion(confusion["matrix"], confusion["labels"], out / CONFUSION)
    return facts


def _card_scores(scores: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What a model card says."""
    names = ("f1", "precision", "recall", "sentences")
    return {part: {name: found[name] for name in names} for part, found in scores.items()}


def _dev_score(sentences: Sequence[TaggedSentence], predictions: list[list[str]]) -> dict[str, float]:
    scores = score_tags([sentence.tags for sentence in sentences], predictions)
    return {name: scores[name] for name in ("main", "precision", "recall")}


def train_command(
    config: NerConfig,
    *,
    train: str,
    dev: str,
    out: str,
    test: str | None = None,
    seeds: int = 1,
    overwrite: bool = False,
) -> None:
    """Train a tagger of named entities.

    Args:
        config: Settings of the tagger.
        train: Labelled sentences to learn from: a column file, JSONL or a hub data set.
        dev: Labelled sentences to choose the best epoch by.
        out: Directory to write.
        test: Labelled sentences to score at the end.
        seeds: Taggers to train, with seeds 0, 1, ...; mean and deviation of their scores are reported.
        overwrite: Replace a tagger that is in --out.
    """
    facts = _train(config, train, dev, out, test=test, seeds=seeds, overwrite=overwrite)
    for name in ("dev", "test"):
        if seeds == 1 and name in facts:
            shown = [f"{title} {facts[name][key]:.2f}" for title, key in _SHOWN.items()]
            print(f"{name:<5} {'  '.join(shown)}")
        elif f"{name}.f1" in facts.get("mean", {}):
            mean, deviation = facts["mean"], facts["deviation"]
            shown = [
                f"{title} {mean[f'{name}.{key}']:.2f} +- {deviation[f'{name}.{key}']:.2f}"
                for title, key in _SHOWN.items()
            ]
            print(f"{name:<5} {'  '.join(shown)}  ({seeds} seeds)")
    print(f"model {out if seeds == 1 else Path(out) / 'seed-0'}")


_SHOWN = {"F1": "f1", "precision": "precision", "recall": "recall"}
_train = train
"""``train_command`` has an argument of that name."""

"""Training and scoring of taggers, and the commands ``elmo-lite ner train | evaluate | predict``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from elmo_lite import ConfigError, CorpusError, Elmo
from tasks.encoder_hash import encoder_hash
from tasks.finetune import METRICS, FinetuneResult, finetune, run_seeds
from tasks.json_files import write_json
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSentence, read_tagged, unseen_types
from tasks.ner.files import write_text
from tasks.ner.predictions import format_of, format_predictions, read_sentences
from tasks.ner.scoring import score_tags
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.ner.tags import OUTSIDE

log = logging.getLogger("elmo_lite")


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
        Of one: "dev" and "test" scores (see ``score_tags``), "epochs", "seconds_per_epoch", "words_per_second",
        "interrupted". Of several: "mean" and "deviation" of each number by its dotted key, and "runs".

    Raises:
        CorpusError: data that cannot be used.
        ConfigError: settings that cannot be, or ``out`` is in use.
        CheckpointError: no such encoder.
    """
    import seqeval.metrics  # noqa: F401  (missing: better now than after the training)

    out = Path(out)
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    if (out / "config.json").exists() and not overwrite:
        raise ConfigError(f"{out}: expected no model there, found config.json; --overwrite replaces it")
    data = _read(config, train, dev, test)
    encoder = _Encoder(config)
    if seeds == 1:
        out.mkdir(parents=True, exist_ok=True)
        return _train_one(config, data, encoder, out, progress)

    def train_one(seed: int, directory: Path) -> dict[str, Any]:
        changed = dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, seed=seed))
        return _train_one(changed, data, encoder, directory, progress)

    settings = {"config": dataclasses.asdict(config), "data": data.fingerprint()}
    return run_seeds(train_one, seeds, out, settings)


def _read(config: NerConfig, train: str | Path, dev: str | Path, test: str | Path | None) -> DataSets:
    columns = config.word_column, config.tag_column
    named = {"dev": dev, **({"test": test} if test is not None else {})}
    data = DataSets(read_tagged(train, *columns), {name: read_tagged(path, *columns) for name, path in named.items()})
    if not data.train.types():
        raise CorpusError(f"{train}: expected entities to learn from, found {OUTSIDE} alone")
    for name, part in data.scored.items():
        _warn_of_unseen(str(named[name]), part, list(data.train.types()))
    return data


def _warn_of_unseen(name: str, data: TaggedData, known: Sequence[str]) -> None:
    unseen = unseen_types(data, known)
    if unseen:
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(unseen.items()))
        log.warning("%s: types that training never had count as wrong: %s", name, listed)


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
        "epochs": len(result.epochs),
        "seconds_per_epoch": result.seconds_per_epoch,
        "words_per_second": result.words_per_second,
        "interrupted": result.interrupted,
    }
    tagger.save(out, metrics=facts, encoder_path=config.representation.encoder, overwrite=True)
    _add_to_metrics(out, scores, result)
    return facts


def _dev_score(sentences: Sequence[TaggedSentence], predictions: list[list[str]]) -> dict[str, float]:
    scores = score_tags([sentence.tags for sentence in sentences], predictions)
    return {name: scores[name] for name in ("main", "precision", "recall")}


def _add_to_metrics(out: Path, scores: dict[str, Any], result: FinetuneResult) -> None:
    """Scores of the best weights, by type, beside what ``finetune`` wrote."""
    metrics = json.loads((out / METRICS).read_text(encoding="utf-8"))
    write_json(out / METRICS, {**metrics, "scores": scores})


def evaluate(tagger: NerTagger, data: TaggedData) -> dict[str, Any]:
    """Entity scores of a tagger on labelled sentences.

    Returns:
        What ``score_tags`` does, and "sentences", "words", "scheme", "repaired" (tags of the data that were not well
        formed), "unseen_types" (entities by type that the tagger cannot find, scored as wrong) and "words_per_second",
        the encoder included.
    """
    gold = [sentence.tags for sentence in data.sentences]
    begun = time.perf_counter()
    predicted = [tagged.decoded.tags for tagged in tagger.tag([sentence.words for sentence in data.sentences])]
    seconds = time.perf_counter() - begun
    num_words = sum(map(len, gold))
    known = {label[2:] for label in tagger.labels if label != OUTSIDE}
    return {
        **score_tags(gold, predicted),
        "sentences": len(gold),
        "words": num_words,
        "scheme": data.scheme,
        "repaired": data.repaired,
        "unseen_types": dict(unseen_types(data, known)),
        "words_per_second": num_words / seconds,
    }


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
    names = ["dev"] + ["test"] * (test is not None)
    if seeds > 1:
        print(f"models    {Path(out) / 'seed-*'}")
        for name in names:
            mean, deviation = facts["mean"][f"{name}.main"], facts["deviation"][f"{name}.main"]
            print(f"{name:<8}  F1 {mean:.2f} +- {deviation:.2f} ({seeds} seeds)")
        return
    print(f"model     {out}")
    print(
        f"trained   {facts['epochs']} epochs, the best {facts['best_epoch']}, {facts['seconds_per_epoch']:.1f} s each, "
        f"{facts['words_per_second']:,.0f} words/s"
    )
    for name in names:
        scores = facts[name]
        print(
            f"{name:<8}  F1 {scores['f1']:.2f}, precision {scores['precision']:.2f}, recall {scores['recall']:.2f} "
            f"({scores['words']:,} words, {scores['words_per_second']:,.0f} words/s)"
        )


_train = train
"""``train_command`` has an argument of that name."""


def evaluate_command(
    directory: str,
    file: str,
    *,
    word_column: int | None = None,
    tag_column: int | None = None,
    encoder: str | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
) -> None:
    """Print the entity scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: What "elmo-lite ner train" wrote.
        file: Labelled sentences: a column file, JSONL or a hub data set.
        word_column: Column of the words, from 0; detected where not given.
        tag_column: Column of the tags, likewise.
        encoder: Where an encoder that is not inside lies now.
        device: Where to run.
    """
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    labelled = read_tagged(file, word_column, tag_column)
    _warn_of_unseen(file, labelled, [label[2:] for label in tagger.labels if label != OUTSIDE])
    print(json.dumps({"model": directory, "data": file, **evaluate(tagger, labelled)}, indent=2, ensure_ascii=False))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    word_column: int | None = None,
    encoder: str | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    overwrite: bool = False,
) -> None:
    """Find the entities of sentences.

    Args:
        directory: What "elmo-lite ner train" wrote.
        paths: INPUT [OUTPUT]. INPUT is text with a sentence a line (- for standard input), JSONL or a column file;
            OUTPUT is JSONL, columns or text by its name, and text on standard output where it is not given.
        probabilities: Add the marginal probabilities.
        word_column: Column of the words in a column file, from 0; detected where not given.
        encoder: Where an encoder that is not inside lies now.
        device: Where to run.
        overwrite: Replace OUTPUT if it is there.
    """
    if len(paths) > 2:
        raise ConfigError(f"expected INPUT and OUTPUT, found {len(paths)} paths: {' '.join(paths)}")
    output = paths[1] if len(paths) == 2 else None
    if output is not None and Path(output).exists() and not overwrite:
        raise ConfigError(f"{output}: expected no such file (or --overwrite), found one")
    sentences = read_sentences(paths[0], word_column)
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    begun = time.perf_counter()
    tagged = tagger.tag(sentences)
    seconds = time.perf_counter() - begun
    kind = format_of(output) if output is not None else "text"
    text = format_predictions(tagged, tagger.labels, kind, probabilities)
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
    words = sum(len(sentence.words) for sentence in tagged)
    log.info("%s words in %.1f s: %s words/s", f"{words:,}", seconds, f"{words / max(seconds, 1e-9):,.0f}")

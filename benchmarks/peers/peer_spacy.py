"""spaCy on the data of ``own_text.py``: its default tok2vec from nothing, and after ``spacy pretrain``.

    python -m venv spacy-env && spacy-env/bin/pip install spacy==3.8.*
    spacy-env/bin/python benchmarks/peers/peer_spacy.py pretrain DATA/srp/text.txt OUT/pretrained --minutes 120
    spacy-env/bin/python benchmarks/peers/peer_spacy.py train OUT DATA/srp/uner-sr [--pretrained OUT/pretrained]

``pretrain`` stops when its process has used the minutes of CPU time. ``train`` follows spaCy's CPU recipe
(``spacy_ner.cfg``, ``spacy_textcat.cfg``) until dev does not improve for 1,600 steps, with each of two learning rates
and seed 0, and with five seeds and the better one; these are scored on test, once.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import spacy
from results import column_sentences, cpu_seconds, fill, has_labels, labelled_texts
from spacy.cli.init_config import fill_config
from spacy.cli.train import train as spacy_train
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin
from spacy.training import Example, iob_to_biluo

HERE = Path(__file__).parent
POINTS = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
SAVE_EVERY_STEPS = 100


def documents(path: Path, with_labels: bool) -> Iterator[Doc]:
    """Sentences or texts of a file with their annotation."""
    nlp = spacy.blank("xx")
    if with_labels:
        rows = list(labelled_texts(path))
        labels = sorted({label for label, _ in rows})
        for label, text in rows:
            doc = nlp.make_doc(text)
            doc.cats = {name: float(name == label) for name in labels}
            yield doc
        return
    for words, tags in column_sentences(path):
        yield Doc(nlp.vocab, words=words, ents=_valid(tags))


def _valid(tags: list[str]) -> list[str]:
    """IOB2 tags; an entity that begins with an I- gets a B-."""
    found: list[str] = []
    for place, tag in enumerate(tags):
        before = tags[place - 1] if place else "O"
        found.append(f"B-{tag[2:]}" if tag.startswith("I-") and before[2:] != tag[2:] else tag)
    iob_to_biluo(found)
    return found


def settings(with_labels: bool) -> Path:
    """The recipe."""
    return HERE / ("spacy_textcat.cfg" if with_labels else "spacy_ner.cfg")


def filled(recipe: Path, out: Path) -> Path:
    """A complete configuration file, with the section of pretraining, which every recipe begins."""
    fill_config(out, recipe, pretraining=True, silent=True)
    return out


def pretrain(text: Path, out: Path, minutes: float) -> None:
    """Train the tok2vec to predict the characters of words."""
    out.mkdir(parents=True)
    raw = out / "text.jsonl"
    with text.open(encoding="utf-8") as lines, raw.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": line.strip()}) + "\n" for line in lines if line.strip())
    config = filled(settings(False), out / "config.cfg")
    command = [sys.executable, "-m", "spacy", "pretrain", str(config), str(out / "models")]
    command += ["--paths.raw_text", str(raw), "--pretraining.n_save_every", str(SAVE_EVERY_STEPS)]
    with (
        (out / "log.txt").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        while process.poll() is None and cpu_seconds(process.pid) < 60 * minutes:
            time.sleep(1)
            for old in sorted((out / "models").glob("*.bin"), key=lambda path: path.stat().st_mtime)[:-2]:
                old.unlink()  # one every 100 steps
        process.send_signal(signal.SIGTERM)
    newest = max((out / "models").glob("*.bin"), key=lambda path: path.stat().st_mtime)
    newest.rename(out / "tok2vec.bin")
    raw.unlink()


def train_one(folder: Path, pretrained: Path | None, point: dict[str, Any], seed: int, run: Path) -> float:
    """A model in ``run``, and its score on dev."""
    with_labels = has_labels(folder)
    for part in ("train", "dev"):
        DocBin(docs=documents(folder / f"{part}.tsv", with_labels), store_user_data=True).to_disk(run / f"{part}.spacy")
    config = filled(settings(with_labels), run / "config.cfg")
    overrides: dict[str, Any] = {
        "paths.train": str(run / "train.spacy"),
        "paths.dev": str(run / "dev.spacy"),
        "system.seed": seed,
        "training.seed": seed,
        "training.optimizer.learn_rate": point["learning_rate"],
    }
    if pretrained is not None:
        overrides["paths.init_tok2vec"] = str(pretrained / "tok2vec.bin")
    spacy_train(config, run, overrides=overrides)
    return score(folder, "dev", run)


def score(folder: Path, part: str, run: Path) -> float:
    """Entity F1 or accuracy, in percent, of the best model in ``run``."""
    nlp = spacy.load(run / "model-best")
    with_labels = has_labels(folder)
    gold = list(documents(folder / f"{part}.tsv", with_labels))
    if with_labels:
        found = [max(doc.cats, key=lambda name: doc.cats[name]) for doc in nlp.pipe([doc.text for doc in gold])]
        right = [doc.cats.get(label, 0.0) == 1.0 for doc, label in zip(gold, found, strict=True)]
        return 100 * sum(right) / len(right)
    blank = [Doc(nlp.vocab, words=[token.text for token in doc]) for doc in gold]
    examples = [Example(doc, reference) for doc, reference in zip(nlp.pipe(blank), gold, strict=True)]
    return 100 * float(Scorer.score_spans(examples, "ents")["ents_f"] or 0.0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    pretraining = commands.add_parser("pretrain")
    pretraining.add_argument("text", type=Path)
    pretraining.add_argument("out", type=Path)
    pretraining.add_argument("--minutes", type=float, required=True, help="CPU time")
    training = commands.add_parser("train")
    training.add_argument("out", type=Path)
    training.add_argument("folder", type=Path)
    training.add_argument("--pretrained", type=Path)
    training.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if given.command == "pretrain":
        pretrain(given.text, given.out, given.minutes)
        return
    row = "spacy-pretrained" if given.pretrained else "spacy"
    train = partial(train_one, given.folder, given.pretrained)
    test = partial(score, given.folder, "test")
    print(row, json.dumps(fill(given.out / given.folder.name / row, POINTS, given.seeds, train, test)))


if __name__ == "__main__":
    main()

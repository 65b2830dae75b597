"""flair on the data of ``own_text.py``: character language models of both directions under its tagger or classifier.

    python -m venv flair-env && flair-env/bin/pip install flair==0.15.* gensim
    flair-env/bin/python benchmarks/peers/peer_flair.py pretrain DATA/srp/text.txt OUT/lm --minutes 120
    flair-env/bin/python benchmarks/peers/peer_flair.py train OUT DATA/srp/uner-sr --lm OUT/lm [--vectors FILE.vec]

``pretrain`` gives each direction half of the minutes of CPU time and keeps the model with the lowest loss on held-out
lines (every hundredth). ``train`` is flair's recipe: SGD from 0.1, halved when dev has not improved for some epochs;
with one rate more, as every row of ``transfer.py`` has two.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import flair
from flair.data import Corpus, Dictionary, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import DocumentRNNEmbeddings, FlairEmbeddings, StackedEmbeddings, WordEmbeddings
from flair.models import LanguageModel, SequenceTagger, TextClassifier
from flair.trainers import ModelTrainer
from flair.trainers.language_model_trainer import LanguageModelTrainer, TextCorpus
from gensim.models import KeyedVectors
from results import column_sentences, fill, has_labels, labelled_texts

POINTS = ({"learning_rate": 0.1}, {"learning_rate": 0.2})
SPLITS = 20
MAX_EPOCHS = 40
PATIENCE = 2
RARE = 5


class TimedTrainer(LanguageModelTrainer):
    """Ends, as Ctrl-C does, at the first validation after the process has used some CPU time."""

    def end_at(self, seconds: float, best: Path) -> None:
        """Set CPU time of the process, and where the best model is kept."""
        self.seconds, self.best, self.lowest, self.ended = seconds, best, float("inf"), False

    def evaluate(self, *arguments: Any) -> Any:
        """Score, and look at the clock."""
        loss = super().evaluate(*arguments)
        if time.process_time() > self.seconds and not self.ended:
            self.ended = True
            if loss < self.lowest:
                self.model.save(self.best)
            raise KeyboardInterrupt
        self.lowest = min(self.lowest, loss)
        return loss


def split_text(text: Path, out: Path) -> None:
    """Files as flair reads them: parts for training, and held-out lines."""
    (out / "train").mkdir(parents=True, exist_ok=True)
    lines = [line for line in text.read_text(encoding="utf-8").splitlines() if line.strip()]
    kept = [line for number, line in enumerate(lines) if number % 100 != 99]
    for part in range(SPLITS):
        (out / "train" / f"{part:02}.txt").write_text("\n".join(kept[part::SPLITS]) + "\n", encoding="utf-8")
    for name in ("valid.txt", "test.txt"):
        (out / name).write_text("\n".join(lines[99::100]) + "\n", encoding="utf-8")


def characters(text: Path) -> Dictionary:
    """All characters that occur a few times."""
    dictionary = Dictionary()
    counts = Counter(text.read_text(encoding="utf-8"))
    for character, count in counts.most_common():
        if count >= RARE:
            dictionary.add_item(character)
    return dictionary


def pretrain(text: Path, out: Path, minutes: float, hidden_size: int) -> None:
    """Both directions, one after the other."""
    split_text(text, out / "text")
    for direction in ("forward", "backward"):
        begun = time.process_time()
        flair.set_seed(0)
        dictionary = characters(text)
        corpus = TextCorpus(out / "text", dictionary, direction == "forward", character_level=True)
        model = LanguageModel(dictionary, direction == "forward", hidden_size=hidden_size, nlayers=1)
        trainer = TimedTrainer(model, corpus)
        trainer.end_at(begun + 30 * minutes, out / direction / "best-lm.pt")
        trainer.train(out / direction, sequence_length=250, mini_batch_size=100, max_epochs=1000, num_workers=0)


def sentences(path: Path, with_labels: bool) -> list[Sentence]:
    """Annotated sentences or texts."""
    found = []
    if with_labels:
        for label, text in labelled_texts(path):
            sentence = Sentence(text)
            sentence.add_label("label", label)
            found.append(sentence)
        return found
    for words, tags in column_sentences(path):
        sentence = Sentence(words)
        begun: int | None = None
        for place, tag in enumerate([*tags, "O"]):
            before = tags[place - 1] if place else "O"
            if begun is not None and (not tag.startswith("I-") or tag[2:] != before[2:]):
                sentence[begun:place].add_label("ner", before[2:])
                begun = None
            if tag != "O" and begun is None:
                begun = place
        found.append(sentence)
    return found


def model(folder: Path, corpus: Corpus, lm: Path, vectors: Path | None) -> Any:
    """The tagger or the classifier of flair's recipe."""
    embeddings: list[Any] = [FlairEmbeddings(lm / way / "best-lm.pt") for way in ("forward", "backward")]
    if vectors is not None:
        binary = lm / "vectors.gensim"
        if not binary.exists():
            KeyedVectors.load_word2vec_format(str(vectors)).save(str(binary))
        embeddings.insert(0, WordEmbeddings(str(binary)))
    if has_labels(folder):
        labels = corpus.make_label_dictionary(label_type="label")
        return TextClassifier(DocumentRNNEmbeddings(embeddings, hidden_size=256), "label", label_dictionary=labels)
    tags = corpus.make_label_dictionary(label_type="ner", add_unk=False)
    return SequenceTagger(StackedEmbeddings(embeddings), tags, "ner", hidden_size=256, use_crf=True)


def train_one(folder: Path, lm: Path, vectors: Path | None, point: dict[str, Any], seed: int, run: Path) -> float:
    """A model in ``run``, and its score on dev."""
    flair.set_seed(seed)
    with_labels = has_labels(folder)
    train, dev = (FlairDatapointDataset(sentences(folder / f"{part}.tsv", with_labels)) for part in ("train", "dev"))
    corpus: Any = Corpus(train=train, dev=dev, sample_missing_splits=False)
    trainer = ModelTrainer(model(folder, corpus, lm, vectors), corpus)
    recipe = {"mini_batch_size": 32, "max_epochs": MAX_EPOCHS, "patience": PATIENCE, "save_final_model": False}
    trainer.train(run, learning_rate=point["learning_rate"], **recipe)
    return score(folder, "dev", run)


def score(folder: Path, part: str, run: Path) -> float:
    """Entity F1 or accuracy, in percent, of the best model in ``run``."""
    best = run / "best-model.pt"
    if not best.exists():  # no epoch was above 0 on dev
        return 0.0
    kind, label = (TextClassifier, "label") if has_labels(folder) else (SequenceTagger, "ner")
    found = kind.load(best)
    result = found.evaluate(sentences(folder / f"{part}.tsv", has_labels(folder)), label, mini_batch_size=64)
    return 100 * float(result.main_score)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    pretraining = commands.add_parser("pretrain")
    pretraining.add_argument("text", type=Path)
    pretraining.add_argument("out", type=Path)
    pretraining.add_argument("--minutes", type=float, required=True, help="CPU time of both directions")
    pretraining.add_argument("--hidden_size", type=int, default=512)
    training = commands.add_parser("train")
    training.add_argument("out", type=Path)
    training.add_argument("folder", type=Path)
    training.add_argument("--lm", type=Path, required=True)
    training.add_argument("--vectors", type=Path)
    training.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if given.command == "pretrain":
        pretrain(given.text, given.out, given.minutes, given.hidden_size)
        return
    row = "flair-fasttext" if given.vectors else "flair"
    train = partial(train_one, given.folder, given.lm, given.vectors)
    test = partial(score, given.folder, "test")
    print(row, json.dumps(fill(given.out / given.folder.name / row, POINTS, given.seeds, train, test)))


if __name__ == "__main__":
    main()

"""Baselines without pretraining, on the data of ``transfer.py``: a feature CRF; TF-IDF with a linear model.

    python benchmarks/transfer_baselines.py --data DIR [--sets ...] [--limit N] [--no_test]

Strengths of the penalties are chosen on dev; only the chosen model is scored on test. No model has a seed. Semantic
roles have none: a feature CRF is slow to learn their many labels.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sklearn_crfsuite
from data_sets import ENGLISH, SETS, DataSet
from scipy.sparse import csr_matrix, hstack
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from elmo_lite.text.tokenization import Tokenization
from tasks.classification.config import ClassifierConfig
from tasks.classification.data import read_labelled
from tasks.classification.readers import DataConfig, LabelledText, SplitWords
from tasks.ner.data import read_tagged
from tasks.tagging.data import read_tagged as read_labels
from tasks.tagging.sentences import TaggedSentence
from tasks.tagging.span_scores import score_tags

CRF_GRID = ((0.1, 0.01), (0.1, 0.1))
"""L1 and L2."""
TFIDF_GRID = (1.0, 2.0, 4.0)
"""Inverse strengths of the L2 penalty."""
NEIGHBOURS = (-2, -1, 1, 2)


def shape(word: str) -> str:
    """Kinds of characters, repeated kinds once: ``Xx``, ``d-d``."""
    kinds = re.sub(r"[A-Z]", "X", re.sub(r"[a-z]", "x", re.sub(r"\d", "d", word)))
    return re.sub(r"(.)\1+", r"\1", kinds)


def features(words: Sequence[str], position: int) -> dict[str, Any]:
    """Spelling of a word and of two on either side."""
    word = words[position]
    found: dict[str, Any] = {"bias": 1.0, "lower": word.lower(), "word": word, "shape": shape(word)}
    for size in (1, 2, 3, 4):
        found[f"prefix{size}"], found[f"suffix{size}"] = word[:size], word[-size:]
    for step in NEIGHBOURS:
        near = position + step
        inside = 0 <= near < len(words)
        found[f"{step}:lower"] = words[near].lower() if inside else "<end>"
        found[f"{step}:shape"] = shape(words[near]) if inside else "<end>"
    return found


def tagged_features(sentences: Sequence[TaggedSentence]) -> tuple[list[list[dict[str, Any]]], list[list[str]]]:
    """Features and tags of the CRF."""
    described = [[features(sentence.words, place) for place in range(len(sentence.words))] for sentence in sentences]
    return described, [list(sentence.tags) for sentence in sentences]


@dataclass(frozen=True)
class Baseline:
    """A fitted model: the strength of its penalty that is best on dev, with its score there, and its scorer."""

    point: Any
    dev: float
    score: Callable[[Path], float]
    """Function from a file to a score in percent."""


def best_of(grid: Sequence[Any], fit: Callable[[Any], Any], score: Callable[[Any, Path], float], dev: Path) -> Baseline:
    """The model with the best score on dev."""
    tried = [(score(model, dev), point, model) for point, model in ((point, fit(point)) for point in grid)]
    found, point, best = max(tried, key=lambda trial: trial[0])
    return Baseline(point, found, lambda path: score(best, path))


def fit_crf(train: Path, dev: Path, dataset: DataSet) -> Baseline:
    """Feature CRF, scored by entity F1, or by accuracy where every word has a label."""

    def read(path: Path) -> tuple[list[list[dict[str, Any]]], list[list[str]]]:
        tagged = read_labels(path) if dataset.task == "tag" else read_tagged(path)
        return tagged_features(tagged.sentences)

    examples = read(train)

    def fit(point: tuple[float, float]) -> sklearn_crfsuite.CRF:
        c1, c2 = point
        return sklearn_crfsuite.CRF(algorithm="lbfgs", c1=c1, c2=c2, max_iterations=100).fit(*examples)

    def score(model: sklearn_crfsuite.CRF, path: Path) -> float:
        described, gold = read(path)
        predicted = model.predict(described)
        if dataset.task == "tag":
            return 100 * float(accuracy_score(list(chain(*gold)), list(chain(*predicted))))
        return float(score_tags(gold, predicted)["main"])

    return best_of(CRF_GRID, fit, score, dev)


def fit_tfidf(train: Path, dev: Path, data: DataConfig, split: SplitWords) -> Baseline:
    """Linear model over unigrams and bigrams: logistic regression, scored by accuracy, or ridge regression of numbers.

    Several labels have a logistic regression each, scored by micro-F1.

    Args:
        train: Texts, or pairs of texts, to learn from.
        dev: Texts to choose the strength by.
        data: How files are read; with the phrases of trees or without.
        split: Tokenisation.
    """
    kind = data.columns().kind

    def read(path: Path, training: bool = False) -> tuple[list[LabelledText], list[Any]]:
        examples = read_labelled(path, data, split, training=training)
        if kind == "several":
            return examples, [example.labels for example in examples]
        return examples, [float(example.label) if kind == "number" else example.label for example in examples]

    examples, labels = read(train, training=True)
    vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    vectorizer.fit([" ".join(text) for example in examples for text in example.texts])
    inputs = tfidf_features(vectorizer, examples)
    several = MultiLabelBinarizer().fit(labels) if kind == "several" else None

    def fit(strength: float) -> Any:
        if kind == "number":
            return Ridge(alpha=1 / strength).fit(inputs, labels)
        model = LogisticRegression(C=strength, max_iter=1000)
        return (
            model.fit(inputs, labels)
            if several is None
            else OneVsRestClassifier(model).fit(inputs, several.transform(labels))
        )

    def score(model: Any, path: Path) -> float:
        read_examples, gold = read(path)
        predicted = model.predict(tfidf_features(vectorizer, read_examples))
        if kind == "number":
            return 100 * float(pearsonr(gold, predicted).statistic)
        if several is not None:
            return 100 * float(f1_score(several.transform(gold), predicted, average="micro"))
        return 100 * float(accuracy_score(gold, predicted))

    return best_of(TFIDF_GRID, fit, score, dev)


def tfidf_features(vectorizer: TfidfVectorizer, examples: Sequence[LabelledText]) -> csr_matrix:
    """TF-IDF of texts; of pairs u, v, what they share and what they do not, [u * v; |u - v|]."""
    columns = zip(*(example.texts for example in examples), strict=True)
    sides = [vectorizer.transform([" ".join(text) for text in texts]) for texts in columns]
    if len(sides) == 1:
        return sides[0]
    first, second = sides
    return hstack([first.multiply(second), abs(first - second)]).tocsr()


def fitted(dataset: DataSet, train: Path, dev: Path, with_phrases: bool = False) -> Baseline:
    """The baseline of a data set, fitted to files like those of the set."""
    if dataset.task in ("ner", "tag"):
        return fit_crf(train, dev, dataset)
    split = str.split if dataset.has_trees else Tokenization().words
    if dataset.task == "classify":
        return fit_tfidf(train, dev, ClassifierConfig(**dataset.settings).reading, split)
    return fit_tfidf(train, dev, dataclasses.replace(dataset.data, phrases=with_phrases), split)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=[name for name in SETS if name != "srl"], default=ENGLISH)
    parser.add_argument("--no_test", action="store_true", help="dev only")
    parser.add_argument("--limit", type=int, help="number of training examples, chosen at random")
    arguments = parser.parse_args()
    for name in arguments.sets:
        dataset = SETS[name]
        dev, test = dataset.paths(arguments.data)[1:]
        for with_phrases in (False, True) if dataset.data.phrases else (False,):
            title = "feature CRF" if dataset.task in ("ner", "tag") else "TF-IDF" + ", phrases" * with_phrases
            with TemporaryDirectory() as directory:
                train = dataset.train_file(arguments.data, Path(directory), arguments.limit)
                found = fitted(dataset, train, dev, with_phrases)
            scores = f"dev {found.dev:.1f}" + ("" if arguments.no_test else f"  test {found.score(test):.1f}")
            print(f"{name:<16} {title:<18} {scores}  {found.point}", flush=True)


if __name__ == "__main__":
    main()

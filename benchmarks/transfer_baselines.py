"""Baselines without pretraining, on the data of ``transfer.py``: a feature CRF; TF-IDF with logistic regression.

    python benchmarks/transfer_baselines.py --data DIR [--sets ...] [--no_test]

Strengths of the penalties are chosen on dev; only the chosen model is scored on test. Neither model has a seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sklearn_crfsuite
from data_sets import ENGLISH, SETS, DataSet
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from elmo_lite.text.tokenization import Tokenization
from tasks.classification.data import read_labelled
from tasks.classification.readers import DataConfig, LabelledText, SplitWords
from tasks.ner.data import read_tagged
from tasks.ner.readers import TaggedSentence
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


def fit_crf(train: Path, dev: Path) -> Baseline:
    """Feature CRF, scored by entity F1."""
    parts = [tagged_features(read_tagged(path).sentences) for path in (train, dev)]
    tried = []
    for c1, c2 in CRF_GRID:
        model = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=c1, c2=c2, max_iterations=100)
        model.fit(*parts[0])
        tried.append((f1_of(model, *parts[1]), (c1, c2), model))
    score, point, best = max(tried, key=lambda trial: trial[0])
    return Baseline(point, score, lambda path: f1_of(best, *tagged_features(read_tagged(path).sentences)))


def f1_of(model: sklearn_crfsuite.CRF, described: Sequence[Any], gold: Sequence[Sequence[str]]) -> float:
    """Entity F1 of a CRF."""
    return float(score_tags(gold, model.predict(described))["main"])


def texts_and_labels(examples: Sequence[LabelledText]) -> tuple[list[str], list[str]]:
    """Texts and labels of the classifier."""
    return [" ".join(example.words) for example in examples], [example.label for example in examples]


def fit_tfidf(train: Path, dev: Path, data: DataConfig, split: SplitWords) -> Baseline:
    """Logistic regression over unigrams and bigrams, scored by accuracy.

    Args:
        train: Texts to learn from.
        dev: Texts to choose the strength by.
        data: How files are read; with the phrases of trees or without.
        split: Tokenisation.
    """

    def read(path: Path, training: bool = False) -> tuple[list[str], list[str]]:
        return texts_and_labels(read_labelled(path, data, split, training=training))

    examples, chosen_by = read(train, training=True), read(dev)
    tried = []
    for strength in TFIDF_GRID:
        vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        model = make_pipeline(vectorizer, LogisticRegression(C=strength, max_iter=1000)).fit(*examples)
        tried.append((100 * float(model.score(*chosen_by)), strength, model))
    score, point, best = max(tried, key=lambda trial: trial[0])
    return Baseline(point, score, lambda path: 100 * float(best.score(*read(path))))


def fitted(dataset: DataSet, train: Path, dev: Path, with_phrases: bool = False) -> Baseline:
    """The baseline of a data set, fitted to files like those of the set."""
    if dataset.task == "ner":
        return fit_crf(train, dev)
    split = str.split if dataset.has_trees else Tokenization().words
    return fit_tfidf(train, dev, dataclasses.replace(dataset.data, phrases=with_phrases), split)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=ENGLISH)
    parser.add_argument("--no_test", action="store_true", help="dev only")
    arguments = parser.parse_args()
    for name in arguments.sets:
        dataset = SETS[name]
        train, dev, test = dataset.paths(arguments.data)
        for with_phrases in (False, True) if dataset.data.phrases else (False,):
            title = "feature CRF" if dataset.task == "ner" else f"TF-IDF, {'phrases' if with_phrases else 'sentences'}"
            found = fitted(dataset, train, dev, with_phrases)
            scores = f"dev {found.dev:.1f}" + ("" if arguments.no_test else f"  test {found.score(test):.1f}")
            print(f"{name:<7} {title:<18} {scores}  {found.point}", flush=True)


if __name__ == "__main__":
    main()

"""Baselines without pretraining, on the data of ``transfer.py``: a feature CRF; TF-IDF with logistic regression.

    python benchmarks/transfer_baselines.py --data DIR [--sets ...] [--no_test]

Strengths of the penalties are chosen on dev; only the chosen model is scored on test. Neither model has a seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sklearn_crfsuite
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from transfer import ENGLISH, SETS, TREES, DataSet

from elmo_lite.text.tokenization import Tokenization
from tasks.classification.data import read_labelled
from tasks.classification.readers import LabelledText
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


def crf(dataset: DataSet, data: Path, with_test: bool) -> dict[str, Any]:
    """Entity F1 of the feature CRF."""
    train, dev, test = (tagged_features(read_tagged(path).sentences) for path in dataset.paths(data))
    tried = []
    for c1, c2 in CRF_GRID:
        model = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=c1, c2=c2, max_iterations=100)
        model.fit(*train)
        tried.append((score_tags(dev[1], model.predict(dev[0]))["main"], (c1, c2), model))
    score, point, best = max(tried, key=lambda trial: trial[0])
    found = {"model": "feature CRF", "point": point, "dev": score}
    return {**found, "test": score_tags(test[1], best.predict(test[0]))["main"]} if with_test else found


def texts_and_labels(examples: Sequence[LabelledText]) -> tuple[list[str], list[str]]:
    """Texts and labels of the classifier."""
    return [" ".join(example.words) for example in examples], [example.label for example in examples]


def tfidf(dataset: DataSet, data: Path, with_phrases: bool, with_test: bool) -> dict[str, Any]:
    """Accuracy of logistic regression over unigrams and bigrams."""
    train_file, *scored = dataset.paths(data)
    split = str.split if dataset.files == TREES else Tokenization().words
    dev, test = (texts_and_labels(read_labelled(path, dataset.data, split)) for path in scored)
    config = dataclasses.replace(dataset.data, phrases=with_phrases)
    train = texts_and_labels(read_labelled(train_file, config, split, training=True))
    tried = []
    for strength in TFIDF_GRID:
        vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        model = make_pipeline(vectorizer, LogisticRegression(C=strength, max_iter=1000)).fit(*train)
        tried.append((100 * float(model.score(*dev)), strength, model))
    score, point, best = max(tried, key=lambda trial: trial[0])
    found = {"model": f"TF-IDF, {'phrases' if with_phrases else 'sentences'}", "point": point, "dev": score}
    return {**found, "test": 100 * float(best.score(*test))} if with_test else found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=ENGLISH)
    parser.add_argument("--no_test", action="store_true", help="dev only")
    arguments = parser.parse_args()
    for name in arguments.sets:
        given = SETS[name], arguments.data
        with_phrases = (False, True) if SETS[name].data.phrases else (False,)
        classifiers = [partial(tfidf, with_phrases=phrases) for phrases in with_phrases]
        for measure in [crf] if SETS[name].task == "ner" else classifiers:
            found = measure(*given, with_test=not arguments.no_test)
            scores = "  ".join(f"{part} {found[part]:.1f}" for part in ("dev", "test") if part in found)
            print(f"{name:<7} {found['model']:<18} {scores}  {found['point']}", flush=True)


if __name__ == "__main__":
    main()

"""Sentence polarity from frozen layers: mean-pooled vectors and a logistic regression, on SST-2's dev part.

    python benchmarks/polarity.py MODEL... --trees TRAIN.txt DEV.txt [--json FILE]

TRAIN and DEV have one labelled tree per line, in the format of the Stanford Sentiment Treebank. The label of the root
is used: 0 and 1 are negative, 3 and 4 positive, and 2 (neutral) is excluded. The strength of the penalty is chosen by
five-fold cross-validation on the training part. The error is the binomial standard error over the dev sentences.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elmo_lite import Elmo
from elmo_lite.errors import CorpusError

LEAF = re.compile(r"\(\d ([^()\s]+)\)")
ESCAPES = {"-LRB-": "(", "-RRB-": ")"}
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)


def read_trees(path: Path) -> tuple[list[list[str]], list[int]]:
    """Words of the sentences that are not neutral, and whether each is positive."""
    sentences, labels = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = LEAF.findall(line)
        if not re.match(r"\([0-4] ", line) or not words:
            raise CorpusError(f"{path}:{number}: expected a labelled tree, found {line[:40]!r}")
        if line[1] != "2":
            sentences.append([ESCAPES.get(word, word.replace("\\", "")) for word in words])
            labels.append(int(line[1] > "2"))
    return sentences, labels


def pooled(elmo: Elmo, sentences: list[list[str]]) -> np.ndarray:
    """Mean over the words, for every layer and for the mean of the layers: (L + 1, N, 2D)."""
    layers = np.stack([vectors.mean(axis=1) for vectors in elmo.embed_iter(sentences)], axis=1)
    return np.concatenate([layers, layers.mean(axis=0, keepdims=True)])


def accuracies(model: str, train: tuple[list[list[str]], list[int]], dev: tuple[list[list[str]], list[int]]) -> Any:
    """Accuracy in percent by layer."""
    elmo = Elmo.from_pretrained(model)
    names = [*map(str, range(elmo.num_layers)), "mean"]
    found = {}
    for name, learned, held_out in zip(names, pooled(elmo, train[0]), pooled(elmo, dev[0]), strict=True):
        regression = LogisticRegressionCV(
            Cs=STRENGTHS, cv=5, max_iter=500, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False
        )
        classifier = make_pipeline(StandardScaler(), regression).fit(learned, train[1])
        found[name] = 100 * float(classifier.score(held_out, dev[1]))
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--trees", nargs=2, type=Path, metavar=("TRAIN", "DEV"), required=True)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    train, dev = map(read_trees, arguments.trees)
    error = 100 * math.sqrt(0.25 / len(dev[1]))
    print(f"{len(train[1])} training and {len(dev[1])} dev sentences; one standard error is {error:.1f} at most")
    results = {model: accuracies(model, train, dev) for model in arguments.models}
    for model, found in results.items():
        print(model + "".join(f"  {name} {value:.2f}" for name, value in found.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

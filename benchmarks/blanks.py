"""How well the word in a blank is found: by each direction, by their product, and with its frequency divided out.

    python benchmarks/blanks.py en CORPUS [--blanks 1000] [--seed 0] [--json FILE]

In held-out sentences of 5 to 50 words of a corpus directory, one word of the vocabulary is left out. The probability of
the unigram is that of the counts of the corpus, or the softmax of the biases of the head, which a saved model has.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.lm.predictor import Predictor
from elmo_lite.nn.bilm import DIRECTIONS
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS


def sentences(corpus: Corpus) -> list[list[str]]:
    """Held-out sentences."""
    ids = np.asarray(corpus.held_out)
    pieces = np.split(ids, np.flatnonzero(ids == 0))
    found = [[corpus.words[number - 1] for number in piece[1:]] for piece in pieces]
    return [sentence for sentence in found if 5 <= len(sentence) <= 50]


def log_unigram(corpus: Corpus, num_classes: int) -> Tensor:
    """Log probabilities of the classes by the counts of the corpus, (V,)."""
    counts = np.full(num_classes, 0.5)
    np.add.at(counts, np.asarray(corpus.class_of_word), np.asarray(corpus.counts))
    return torch.from_numpy(np.log(counts / counts.sum()))


@torch.inference_mode()
def expected(predictors: list[Predictor], before: list[str], after: list[str]) -> list[Tensor]:
    """Log probabilities of both directions, (V,) each."""
    logits = [one.read([words])[0][0] for one, words in zip(predictors, (before, after), strict=True)]
    return [row.double().log_softmax(dim=0) for row in logits]


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="Saved model.")
    parser.add_argument("corpus", type=Path, help="Corpus directory, with the vocabulary of the model.")
    parser.add_argument("--blanks", type=int, default=1000, help="Number of blanks.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    parser.add_argument("--json", type=Path, help="File to write.")
    arguments = parser.parse_args()
    lm, corpus = LanguageModel.from_pretrained(arguments.model), Corpus.open(arguments.corpus)
    vectors = WordVectors(lm.bilm)
    predictors = [Predictor(lm.bilm, lm.head, vectors, direction) for direction in DIRECTIONS]
    generator = np.random.default_rng(arguments.seed)
    counts, bias = log_unigram(corpus, len(lm.vocabulary)), lm.head.bias.double().log_softmax(dim=0)
    results: dict[str, list[tuple[float, int]]] = {}
    texts = sentences(corpus)
    num_blanks = 0
    while num_blanks < arguments.blanks:
        words = texts[generator.integers(len(texts))]
        place = int(generator.integers(len(words)))
        target = lm.vocabulary.class_of(words[place])
        if target == UNKNOWN_CLASS:
            continue
        num_blanks += 1
        forward, backward = expected(predictors, words[:place], words[place + 1 :])
        rows = {"forward": forward, "backward": backward, "product": forward + backward}
        rows |= {"product / counts": forward + backward - counts, "product / biases": forward + backward - bias}
        for name, row in rows.items():
            row = row.clone()
            row[BOUNDARY_CLASS] = -torch.inf
            row = row.log_softmax(dim=0)
            results.setdefault(name, []).append((-float(row[target]), int((row > row[target]).sum()) + 1))
    shared = np.corrcoef(counts[2:].numpy(), bias[2:].numpy())[0, 1]
    print(f"{num_blanks:,} blanks; correlation of the biases with the log counts of the words {shared:.4f}")
    print(f"{'':18} {'perplexity':>10} {'first':>8} {'in the first ten':>17}")
    table = {}
    for name, found in results.items():
        nats, ranks = np.array(found).T
        table[name] = [float(np.exp(nats.mean())), float((ranks == 1).mean()), float((ranks <= 10).mean())]
        print(f"{name:18} {table[name][0]:>10.1f} {100 * table[name][1]:>6.1f} % {100 * table[name][2]:>15.1f} %")
    if arguments.json:
        arguments.json.write_text(json.dumps({"blanks": num_blanks, "correlation": shared, "rows": table}) + "\n")


if __name__ == "__main__":
    main()

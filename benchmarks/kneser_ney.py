"""Perplexity of an interpolated modified Kneser-Ney n-gram model, the baseline of the forward language model.

Trains on the train stream of a corpus directory and scores its held-out stream; see elmo_lite/ladder/kneser_ney.py.

    python benchmarks/kneser_ney.py CORPUS [--order 5] [--across_sentences] [--max_train_words N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder.kneser_ney import Ints, KneserNey, history_lengths, perplexity
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS


def sums_to_one(model: KneserNey, stream: Ints, across_sentences: bool, samples: int = 20) -> float:
    """Largest distance from 1 of the sum over all classes, after some histories of a stream."""
    lengths = history_lengths(stream, len(model.orders) - 1, across_sentences)
    places = np.random.default_rng(0).integers(1, len(stream), samples)
    return max(abs(float(model.distribution(stream[t - lengths[t] : t].tolist()).sum()) - 1) for t in places)


def evaluate(train: Ints, held_out: Ints, num_classes: int, order: int, across_sentences: bool) -> dict[str, Any]:
    """Train, score, and collect the figures: times in seconds, memory in GiB."""
    start = time.perf_counter()
    model = KneserNey.fit(train, num_classes, order, across_sentences)
    trained = time.perf_counter()
    p = model.stream_probabilities(held_out, across_sentences)
    num_words = int(np.count_nonzero(held_out != BOUNDARY_CLASS))
    unknown = held_out[1:] == UNKNOWN_CLASS
    return {
        "order": order,
        "across_sentences": across_sentences,
        "classes": num_classes,
        "train_words": int(np.count_nonzero(train != BOUNDARY_CLASS)),
        "predictions": len(p),
        "perplexity": perplexity(p),
        "nats": -float(np.log(p).mean()),
        "perplexity_of_known_classes": perplexity(p[~unknown]),
        "out_of_vocabulary_share": int(np.count_nonzero(unknown)) / max(num_words, 1),
        "ngrams": [len(o.keys) for o in model.orders],
        "discounts": [[round(float(d), 4) for d in o.discounts[1:]] for o in model.orders],
        "sum_error": sums_to_one(model, held_out, across_sentences),
        "train_seconds": trained - start,
        "score_seconds": time.perf_counter() - trained,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status, 0 on success."""
    parser = argparse.ArgumentParser(description="Interpolated modified Kneser-Ney perplexity of a corpus directory.")
    parser.add_argument("corpus", type=Path, help="directory written by `elmo-lite corpus`")
    parser.add_argument("--order", type=int, default=5, help="longest n-gram (default 5)")
    parser.add_argument("--across_sentences", action="store_true", help="let the history run over sentence boundaries")
    parser.add_argument("--max_train_words", type=int, help="train on the first so many words and boundaries only")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    if options.order < 1:
        parser.error(f"--order: expected 1 or more, found {options.order}")
    corpus = Corpus.open(options.corpus)
    classes = np.asarray(corpus.class_of_word, dtype=np.int64)
    train = classes[corpus.train][: None if options.max_train_words is None else options.max_train_words + 1]
    figures: dict[str, Any] = {"corpus": str(options.corpus)}
    figures |= evaluate(
        train, classes[corpus.held_out], len(corpus.vocabulary), options.order, options.across_sentences
    )
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {f'{value:,.4f}' if isinstance(value, float) else value}")
    print(json.dumps(figures))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""fastText vectors of a corpus, the static baseline of the layers: skip-gram with subwords (Bojanowski et al. 2017).

    python benchmarks/fasttext_vectors.py CORPUS OUT.vec --words FILE... [--dim 100] [--max_words N]

Trains with gensim on the train part of a corpus directory, or on a random sample of about N words, and writes a vector
for every word of the data files (column files of entities, labelled trees). Vectors of words unseen in training come
from their subwords.
The file is in word2vec's text format, for ``--words`` of ``elmo-lite ner train`` and ``elmo-lite sentiment train``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gensim.models import FastText

from elmo_lite.corpus.corpus import BOUNDARY_ID, Corpus
from tasks.classification.data import read_labelled
from tasks.classification.readers import DataConfig
from tasks.ner import read_tagged

TREES = ".txt"


def sentences(corpus: Corpus, max_words: int | None) -> Iterator[list[str]]:
    """Sentences of the train part: all, or a random choice of about ``max_words`` words."""
    stream = corpus.train
    ends = np.flatnonzero(stream == BOUNDARY_ID)
    share = 1.0 if max_words is None else max_words / max(1, len(stream) - len(ends))
    chosen = np.random.default_rng(0).random(len(ends) - 1) < share
    words = corpus.words
    for start, end in zip(ends[:-1][chosen] + 1, ends[1:][chosen], strict=True):
        yield [words[number - 1] for number in stream[start:end]]


def data_words(path: Path) -> Iterator[str]:
    """Every word of a labelled file."""
    if path.suffix == TREES:
        for text in read_labelled(path, DataConfig(), str.split):
            yield from text.words
    else:
        for sentence in read_tagged(path).sentences:
            yield from sentence.words


def train(corpus: Corpus, dim: int, epochs: int, max_words: int | None, workers: int) -> FastText:
    """Skip-gram with 5 negative samples, window 5, words with at least 5 occurrences, subwords of 3 to 6 letters."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        counts: Counter[str] = Counter()
        with text.open("w", encoding="utf-8") as file:
            for sentence in sentences(corpus, max_words):
                file.write(" ".join(sentence) + "\n")
                counts.update(sentence)
        model = FastText(sg=1, vector_size=dim, window=5, min_count=5, negative=5, workers=workers, seed=0)
        model.build_vocab_from_freq(counts)
        begun = time.perf_counter()
        total = counts.total()
        model.train(corpus_file=str(text), total_words=total, total_examples=total, epochs=epochs)
        seconds = time.perf_counter() - begun
    print(f"{total:,} words, {epochs} passes, {seconds:,.0f} s, {epochs * total / seconds:,.0f} words/s")
    return model


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--words", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--max_words", type=int)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    wanted = list(dict.fromkeys(word for path in arguments.words for word in data_words(path)))
    corpus = Corpus.open(arguments.corpus)
    model = train(corpus, arguments.dim, arguments.epochs, arguments.max_words, arguments.workers)
    seen = sum(word in model.wv.key_to_index for word in wanted)
    with arguments.out.open("w", encoding="utf-8") as file:
        file.write(f"{len(wanted)} {arguments.dim}\n")
        for word in wanted:
            file.write(f"{word} {' '.join(f'{value:.5f}' for value in model.wv[word])}\n")
    print(f"{arguments.out}: {len(wanted):,} words, {seen:,} of them seen in training, the others from subwords")


if __name__ == "__main__":
    main()

"""Class vectors that start from word2vec, so that similar words are near each other from the first step."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from elmo_lite.corpus.corpus import BOUNDARY_ID, Corpus
from elmo_lite.extras import named_extra
from elmo_lite.text.vocabulary import BOUNDARY_CLASS

log = logging.getLogger("elmo_lite")

NUM_WORDS = 5_000_000
"""Maximum number of running words that are read, in one pass; more did not lower perplexity after six minutes."""


def start_from_word2vec(weight: Tensor, corpus: Corpus, seed: int) -> None:
    """Replace the rows of the classes that the beginning of the training part has, by vectors of length 1.

    The vectors are those of a continuous bag of words (CBOW, Mikolov et al. 2013, arXiv 1301.3781), by gensim in one
    thread, so that the same seed gives the same vectors.

    Args:
        weight: Class vectors (V, D), changed in place.
        corpus: The corpus; its first ``NUM_WORDS`` words are read.
        seed: Random seed.

    Raises:
        ModuleNotFoundError: gensim is not installed.
    """
    with named_extra("head.start word2vec"):
        from gensim.models import Word2Vec
    begun = time.perf_counter()
    sentences = list(_sentences(corpus))
    found = Word2Vec(sentences, vector_size=weight.shape[1], epochs=1, min_count=1, workers=1, seed=seed % 2**32).wv
    classes = torch.tensor([int(name) for name in found.index_to_key])
    vectors = torch.from_numpy(found.get_normed_vectors())
    with torch.no_grad():
        weight[classes] = vectors.to(weight)
    log.info("head: word2vec of %s classes in %.0f s", f"{len(classes):,}", time.perf_counter() - begun)


def _sentences(corpus: Corpus) -> Iterator[list[str]]:
    """Classes of the words of each sentence, as gensim wants them."""
    ids = corpus.train[1 : NUM_WORDS + 1]
    classes = corpus.class_of_word[ids]
    for part in np.split(classes, np.flatnonzero(ids == BOUNDARY_ID)):
        words = part[part != BOUNDARY_CLASS]
        if len(words):
            yield list(map(str, words.tolist()))

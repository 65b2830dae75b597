"""Perplexity of a stream of words with the full softmax, see ``stream_scorer``."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.embedding.eval_mode import EvalMode
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.errors import CorpusError
from elmo_lite.lm.stream_scorer import BATCH_POSITIONS, EncodedStream, Head, StreamScorer
from elmo_lite.nn.bilm import DIRECTIONS, BiLM
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

MAX_TABLE = 2**27
"""Maximum number of values in the table of token vectors: half a gigabyte."""


@dataclass(frozen=True)
class LMScore:
    """Cross-entropy and perplexity of both directions on a text."""

    forward_nats: float
    """Cross-entropy of the forward model in nats per prediction."""
    backward_nats: float
    """Cross-entropy of the backward model in nats per prediction."""
    num_predictions: int
    """Number of predictions of one direction."""
    known: LMScore | None = None
    """The same over the predictions whose target is not the unknown word."""

    @property
    def forward_perplexity(self) -> float:
        """Exp of ``forward_nats``."""
        return _exp(self.forward_nats)

    @property
    def backward_perplexity(self) -> float:
        """Exp of ``backward_nats``."""
        return _exp(self.backward_nats)

    @property
    def mean_nats(self) -> float:
        """Mean cross-entropy of both directions, which pretraining minimises."""
        return (self.forward_nats + self.backward_nats) / 2

    @property
    def mean_perplexity(self) -> float:
        """Exp of ``mean_nats``: the geometric mean of both perplexities."""
        return _exp(self.mean_nats)

    def to_dict(self) -> dict[str, float]:
        """Perplexities and cross-entropies by name."""
        names = ("forward_perplexity", "backward_perplexity", "mean_perplexity", "forward_nats", "backward_nats")
        return {name: getattr(self, name) for name in names}


def stream_perplexity(
    bilm: BiLM,
    head: Head,
    stream: npt.NDArray[np.int32],
    char_ids: npt.NDArray[np.int16],
    class_of_word: npt.NDArray[np.integer[Any]],
    *,
    stateful: bool,
    batch_positions: int = BATCH_POSITIONS,
    progress: bool = False,
) -> LMScore:
    """Score a stream in both directions, with the full softmax over all classes.

    Args:
        bilm: The encoder. It runs on its device in evaluation mode; its training mode is restored afterwards.
        head: The softmax: an ``LMHead``, or another with its ``log_probabilities``.
        stream: (S,) word ids. The first and the last one are the boundary id 0.
        char_ids: (num_words, C) character ids of word id k in row k - 1.
        class_of_word: (num_words + 1,) class of each word id; that of the boundary token for id 0.
        stateful: Whether to carry states over sentences: forward from the first to the last, backward from the last to
            the first. Otherwise each sentence is scored on its own.
        batch_positions: Number of predictions made at a time. It limits memory and does not change the result.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Raises:
        CorpusError: The stream has no sentence.
    """
    text = EncodedStream(stream, char_ids, class_of_word)
    starts, ends = text.sentences
    if not len(starts):
        raise CorpusError(f"text to score: expected at least one sentence, found {max(0, len(stream) - 1)} words")
    if stateful:
        starts, ends = starts[:1], ends[-1:]
    predictions = int((ends - starts).sum())
    is_known = text.classes != UNKNOWN_CLASS
    bar = tqdm(total=2 * predictions, unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    nats = []
    with EvalMode(bilm).entered(), torch.inference_mode(), bar:
        scorer = StreamScorer(bilm, head, _word_vectors(bilm, text))
        for direction in DIRECTIONS:
            total = np.zeros(2)  # of all targets, and of those that are not the unknown word
            for positions, scores in scorer.scores(direction, text, starts, ends, batch_positions):
                total += (scores.sum(), scores[is_known[positions]].sum())
                bar.update(len(scores))
            nats.append((-total).tolist())
    known = predictions - int((~is_known).sum())
    (forward, known_forward), (backward, known_backward) = nats
    of_known = LMScore(known_forward / known, known_backward / known, known)
    return LMScore(forward / predictions, backward / predictions, predictions, of_known)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf


def _word_vectors(bilm: BiLM, text: EncodedStream) -> WordVectors:
    """A table of token vectors for a stream, filled at once, in full blocks, if all its words have room."""
    distinct = np.unique(text.ids)
    distinct = distinct[distinct != BOUNDARY_ID]
    capacity = max(1, min(len(distinct), MAX_TABLE // bilm.config.dim))
    words = WordVectors(bilm, capacity)
    if len(distinct) <= capacity:
        words.rows(text.char_ids[distinct - 1])
    return words

"""Log probability of every word of sentences, by both directions, sentence by sentence in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from elmo_lite.corpus.blocks import Numbering
from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.errors import CheckpointError
from elmo_lite.lm.perplexity import LMScore
from elmo_lite.lm.spelling_shares import SpellingShares
from elmo_lite.lm.stream_scorer import BATCH_POSITIONS, EncodedStream, Nats, StreamScorer
from elmo_lite.nn.bilm import DIRECTIONS
from elmo_lite.text.characters import encode_words
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary

OOV = Literal["unk", "skip", "spread"]
Surprise = Literal["both", "forward", "backward"]
ScoredAs = Literal["word", "unknown", "skipped", "spelling", "unseen"]

OOV_MEANS: dict[OOV, str] = {
    "unk": "words outside of the vocabulary are scored as the unknown class, which stands for all of them",
    "skip": "words outside of the vocabulary are read but not scored, and are in no total",
    "spread": (
        "words outside of the vocabulary are scored by their shares of the unknown class, which their counts in the "
        "corpus give; spellings that the corpus lacks have one share together"
    ),
}
"""What the score of a word outside of the vocabulary says, in words."""
WINDOW_POSITIONS = 4 * BATCH_POSITIONS
"""Number of predictions that are read before they are sorted by length."""


@dataclass(frozen=True, eq=False)
class SentenceScore:
    """A sentence and the log probability of each of its words in nats, by both directions."""

    words: list[str]
    """The n words."""
    scored_as: list[ScoredAs]
    """What was scored in the place of each word: the "word" itself; the "unknown" class; nothing, if "skipped"; the
    share of the unknown class of its "spelling", or of all "unseen" spellings."""
    forward: Nats
    """(n + 1,): log probability of each word after those before it, and of the end after all. NaN if skipped."""
    backward: Nats
    """(n + 1,): log probability of each word before those after it, and of the beginning before all. NaN if skipped."""

    @property
    def sum(self) -> Nats:
        """(n + 1,): ``forward`` + ``backward``. It ranks surprise and is no probability: the directions share words."""
        return self.forward + self.backward

    def bits(self, of: Surprise = "both") -> Nats:
        """(n + 1,): surprise, the negative log probability in bits by one direction, or its mean over both."""
        nats = self.sum / 2 if of == "both" else self.forward if of == "forward" else self.backward
        bits: Nats = -nats / np.log(2)
        return bits

    @property
    def score(self) -> LMScore:
        """Cross-entropy and perplexity of the sentence over what was scored, the boundary included."""
        number = int((~np.isnan(self.forward)).sum())
        return LMScore(-float(np.nansum(self.forward)) / number, -float(np.nansum(self.backward)) / number, number)


class TextScore:
    """Totals over sentences."""

    def __init__(self) -> None:
        """Start without sentences."""
        self.num_sentences = self.num_words = self.num_unknown = self.num_predictions = 0
        self.forward = self.backward = 0.0

    def add(self, sentence: SentenceScore) -> None:
        """Add a sentence."""
        self.num_sentences += 1
        self.num_words += len(sentence.words)
        self.num_unknown += sum(kind != "word" for kind in sentence.scored_as)
        self.num_predictions += int((~np.isnan(sentence.forward)).sum())
        self.forward += float(np.nansum(sentence.forward))
        self.backward += float(np.nansum(sentence.backward))

    @property
    def score(self) -> LMScore:
        """Cross-entropy and perplexity of all sentences, of which there is at least one."""
        number = self.num_predictions
        return LMScore(-self.forward / number, -self.backward / number, number)

    def to_dict(self) -> dict[str, Any]:
        """The figures of ``elmo-lite evaluate`` by the same names; totals in nats."""
        return {
            **self.score.to_dict(),
            "forward_total": self.forward,
            "backward_total": self.backward,
            "predictions": self.num_predictions,
            "words": self.num_words,
            "sentences": self.num_sentences,
            "out_of_vocabulary_share": self.num_unknown / self.num_words if self.num_words else 0.0,
        }


def score_sentences(
    scorer: StreamScorer,
    vocabulary: Vocabulary,
    sentences: Iterable[list[str]],
    *,
    oov: OOV = "unk",
    shares: SpellingShares | None = None,
    on_progress: Callable[[int], object] = lambda number: None,
) -> Iterator[SentenceScore]:
    """Score sentences lazily, in order, each from zero states.

    Memory is bounded by a window of sentences (``WINDOW_POSITIONS``), the longest sentence and the token vectors.

    Args:
        scorer: Scores streams; its encoder is in evaluation mode.
        vocabulary: Classes of its softmax.
        sentences: Lists of words. An empty one has one prediction, the boundary.
        oov: What to score in the place of words outside of the vocabulary, see ``OOV_MEANS``.
        shares: Shares of the unknown class, for "spread" alone.
        on_progress: Called with the numbers of predictions made. Defaults to nothing.

    Raises:
        CheckpointError: The log probabilities are not finite.
    """
    window: list[list[str]] = []
    size = 0
    for sentence in sentences:
        window.append(sentence)
        size += len(sentence) + 1
        if size >= WINDOW_POSITIONS:
            yield from _score_window(scorer, vocabulary, window, oov, shares, on_progress)
            window, size = [], 0
    if window:
        yield from _score_window(scorer, vocabulary, window, oov, shares, on_progress)


def _score_window(
    scorer: StreamScorer,
    vocabulary: Vocabulary,
    sentences: list[list[str]],
    oov: OOV,
    shares: SpellingShares | None,
    on_progress: Callable[[int], object],
) -> Iterator[SentenceScore]:
    """Score the sentences of a window in batches of similar length."""
    numbers = Numbering()
    ids = [BOUNDARY_ID]
    for sentence in sentences:
        ids.extend(map(numbers.__getitem__, sentence))
        ids.append(BOUNDARY_ID)
    words = list(numbers)
    classes = [vocabulary.class_of(word) for word in words]
    char_ids = encode_words(words, scorer.bilm.config.char_cnn.max_characters)
    stream = EncodedStream(np.array(ids, dtype=np.int32), char_ids, np.array([BOUNDARY_CLASS, *classes]))
    starts, ends = stream.sentences
    found = {direction: np.zeros(len(ids)) for direction in DIRECTIONS}
    with torch.inference_mode():
        for direction, log_probabilities in found.items():
            for positions, scores in scorer.scores(direction, stream, starts, ends, BATCH_POSITIONS):
                log_probabilities[positions] = scores
                on_progress(len(scores))
    if not all(np.isfinite(log_probabilities).all() for log_probabilities in found.values()):
        raise CheckpointError("language model: expected finite weights, found infinite ones or NaN")
    kinds, log_shares = _as_scored(words, classes, oov, shares)
    added = np.array([0.0, *log_shares])[stream.ids]
    forward, backward = found["forward"] + added, found["backward"] + added
    for sentence, start, end in zip(sentences, starts.tolist(), ends.tolist(), strict=True):
        yield SentenceScore(
            sentence,
            [kinds[number - 1] for number in ids[start + 1 : end]],
            forward[start + 1 : end + 1],
            np.append(backward[start + 1 : end], backward[start]),
        )


def _as_scored(
    words: list[str], classes: list[int], oov: OOV, shares: SpellingShares | None
) -> tuple[list[ScoredAs], list[float]]:
    """What is scored in the place of each word, and what is added to the log probability of its class."""
    kinds: list[ScoredAs] = []
    added: list[float] = []
    for word, number in zip(words, classes, strict=True):
        kind: ScoredAs = "word"
        share = 0.0
        if number == UNKNOWN_CLASS:
            if oov == "spread":
                assert shares is not None
                kind, share = shares.of(word)
            else:
                kind, share = ("unknown", 0.0) if oov == "unk" else ("skipped", np.nan)
        kinds.append(kind)
        added.append(share)
    return kinds, added

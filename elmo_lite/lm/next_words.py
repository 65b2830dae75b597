"""The most probable words at a place of a text: after it, before it, or in a blank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from elmo_lite.errors import ConfigError
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, Vocabulary

_BLANK_LENGTH = 3


class Candidate(NamedTuple):
    """A class and its probability."""

    word: str
    """The word; ``</S>`` is the end (backward: the beginning) of the sentence, ``<unk>`` any word without a class."""
    probability: float
    """In [0, 1]."""


def is_blank(word: str) -> bool:
    """Whether a word is a blank to fill: three or more underscores."""
    return len(word) >= _BLANK_LENGTH and not word.strip("_")


def around_blank(sentences: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[str]]:
    """The words before and after the blank in the sentence that has one.

    Raises:
        ConfigError: There is no blank, or more than one.
    """
    found = [(sentence, place) for sentence in sentences for place, word in enumerate(sentence) if is_blank(word)]
    if len(found) != 1:
        raise ConfigError(f"text: expected one blank, the word ___, found {len(found)}")
    sentence, place = found[0]
    return sentence[:place], sentence[place + 1 :]


def most_probable(log_probabilities: Tensor, vocabulary: Vocabulary, top_k: int | None) -> list[Candidate]:
    """The most probable classes, in descending order of probability.

    Args:
        log_probabilities: (V,) in nats.
        vocabulary: The classes.
        top_k: Number of classes, 1 or more. None means all.
    """
    number = len(log_probabilities) if top_k is None else min(top_k, len(log_probabilities))
    values, classes = log_probabilities.topk(number)
    probabilities = values.exp().tolist()
    return [Candidate(vocabulary.entries[c], p) for c, p in zip(classes.tolist(), probabilities, strict=True)]


def filler_log_probabilities(forward: Tensor, backward: Tensor, bias: Tensor) -> Tensor:
    """Log probabilities of the words in a blank, from what both directions expect there.

    By Bayes' rule, if the words before and those after the blank are independent of each other given the word w in it,

        p(w | before, after) = p(w | before) p(w | after) / p(w) / z,

    where z normalises over all classes but the boundary, which cannot be in a blank. The softmax of the biases of the
    head is taken for p(w): they start at the log frequencies of the classes, and training moves them little. A head
    whose biases are all equal gives the plain product.

    Args:
        forward: Logits or log probabilities after the words before the blank, (V,).
        backward: The same before the words after the blank, (V,).
        bias: Biases of the head, (V,).

    Returns:
        (V,) in nats, float64; minus infinity for the boundary.
    """
    ahead, back, prior = (values.cpu().double() for values in (forward, backward, bias))  # not all GPUs have float64
    scores = ahead + back - prior
    scores[BOUNDARY_CLASS] = -torch.inf
    return scores.log_softmax(dim=0)

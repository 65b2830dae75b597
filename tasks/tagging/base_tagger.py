"""What taggers of all kinds of labels have in common: loading and saving, sentences in, labels out, scores."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from elmo_lite import CorpusError, Tokenization
from elmo_lite.errors import require
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.in_memory import items_of
from tasks.saved_task.model import TrainedModel
from tasks.saved_task.scores import words_per_second
from tasks.tagging.certainty import certainty
from tasks.tagging.config import TaggerSettings
from tasks.tagging.data import TaggedData, unseen_labels, unseen_types
from tasks.tagging.model import Decoded, TaggingModel
from tasks.tagging.prediction import Marked, Sentence, Tagged, tagged_sentence
from tasks.tagging.span_scores import confusion_of, score_tags
from tasks.tagging.tags import split_tag
from tasks.tagging.word_scores import report

ConfigT = TypeVar("ConfigT", bound=TaggerSettings)


class BaseTagger(TrainedModel[TaggingModel, ConfigT]):
    """A tagging network with its settings and the tokenisation of strings."""

    reads_predicates = False
    """Whether sentences need a marked predicate."""

    def __init__(
        self, model: TaggingModel, config: ConfigT, tokenization: Tokenization, device: str | torch.device = "cpu"
    ) -> None:
        """Wrap a network, see ``TrainedModel``."""
        super().__init__(model, config, tokenization, device)
        self.training_words: Collection[str] = _trainable_words(self.model)
        """Words of the training data, by which words are known or unseen; empty if they are not kept."""

    @property
    @abstractmethod
    def has_spans(self) -> bool:
        """Whether the labels are those of spans, such as entities."""

    @property
    def types(self) -> list[str]:
        """Entity types of the tagger, or its labels if they are not those of spans, sorted."""
        return sorted({split_tag(label)[1] for label in self.labels} - {""} if self.has_spans else self.labels)

    def tag(self, sentences: Iterable[Sentence], min_score: float = 0.0, *, probabilities: bool = True) -> list[Tagged]:
        """Tag sentences: words, labels, entities and their probabilities.

        Args:
            sentences: Strings or lists of words.
            min_score: Probability in 0..1; entities below it are left out. Defaults to 0, which leaves none out, and is
                all that labels of words can have.
            probabilities: Keep the probabilities of all labels at each word, ``Decoded.probabilities``. Defaults to
                True.

        Raises:
            CorpusError: A sentence is neither a string nor a list of words, or ``sentences`` is one string, a
                dictionary or a table.
            CheckpointError: The weights are not finite.
            ConfigError: ``min_score`` is out of range.
        """
        self.check_min_score(min_score)
        given = items_of(sentences, "sentences", "sentence")
        split = [self._split(sentence, number) for number, sentence in enumerate(given)]
        marked = [self._marked(sentence, number) for number, sentence in enumerate(given)]
        words = [[word for word, _, _ in pieces] for pieces in split]
        decoded = self._decode(words, marked=marked, probabilities=probabilities)
        sure = (found.surer_than(min_score) for found in decoded) if min_score else decoded
        return [tagged_sentence(*row) for row in zip(given, split, sure, strict=True)]

    def check_min_score(self, min_score: float) -> None:
        """Check the probability below which entities are left out.

        Raises:
            ConfigError: It is out of range, or the labels are not those of spans and it is not 0.
        """
        least = "a probability in 0..1" if self.has_spans else "0 for labels of words"
        require(0 <= min_score <= self.has_spans, "min_score", least, min_score)

    def predict_proba(self, sentences: Iterable[Sentence]) -> list[npt.NDArray[np.float64]]:
        """Compute the marginal probability of every label at each word.

        Args:
            sentences: Strings or lists of words, as for ``predict``.

        Returns:
            (T, N) float64 for each sentence of T words, with the N labels in the order of ``labels`` and ``classes_``.
            Each row sums to 1. T is 0 for a sentence without words.

        Raises:
            CorpusError: As for ``predict``.
        """
        rows = (tagged.decoded.probabilities for tagged in self.tag(sentences))
        return [np.array(row, dtype=np.float64).reshape(len(row), len(self.labels)) for row in rows]

    def judge(self, data: TaggedData) -> tuple[dict[str, Any], list[Tagged]]:
        """Score the tagger on labelled sentences that were read: what ``evaluate`` returns, and the predictions."""
        gold, words = ([getattr(sentence, name) for sentence in data.sentences] for name in ("tags", "words"))
        num_words = sum(map(len, gold))
        begun = time.perf_counter()
        marked = [sentence.marked for sentence in data.sentences]
        decoded = self._decode(words, gold, marked=marked, probabilities=False)
        speed = words_per_second(num_words, begun)
        predicted = [found.tags for found in decoded]
        size = {**certainty(gold, decoded), "sentences": len(gold), "words": num_words}
        if self.has_spans:
            scores = {
                **score_tags(gold, predicted),
                "confusion": confusion_of(gold, predicted),
                **size,
                "scheme": data.scheme,
                "repaired": data.repaired,
                "unseen_types": dict(unseen_types(data, self.types)),
            }
        else:
            unseen = dict(unseen_labels(data, self.labels))
            scores = {**report(gold, predicted, words, self.training_words), **size, "unseen_labels": unseen}
        split = [[(word, place, place + 1) for place, word in enumerate(sentence)] for sentence in words]
        given = [Marked(*pair) if pair[1] else pair[0] for pair in zip(words, marked, strict=True)]
        tagged = [tagged_sentence(*row) for row in zip(given, split, decoded, strict=True)]
        return {**scores, "words_per_second": speed}, tagged

    def _split(self, sentence: Sentence, number: int) -> list[tuple[str, int, int]]:
        """(word, start, end) of each word: offsets in characters of a string, or in words of a list."""
        if isinstance(sentence, Marked):
            sentence = list(sentence.words)
        if isinstance(sentence, str):
            return self.tokenization.words_with_offsets(sentence)
        is_list = isinstance(sentence, Sequence) and not isinstance(sentence, bytes | bytearray)
        words = list(sentence) if is_list else [None]
        if not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"sentence {number}: expected a string or a list of words, found {sentence!r:.80}")
        return [(str(word), position, position + 1) for position, word in enumerate(words)]

    def _marked(self, sentence: Sentence, number: int) -> Sequence[int]:
        """The indices of the marked words of a sentence."""
        marked = sentence.marked if isinstance(sentence, Marked) else ()
        if isinstance(sentence, Marked) and not all(0 <= place < len(sentence.words) for place in marked):
            expected = f"marked words in 0..{len(sentence.words) - 1}"
            raise CorpusError(f"sentence {number}: expected {expected}, found {list(marked)!r:.60}")
        if self.reads_predicates and not marked:
            raise CorpusError(f"sentence {number}: expected Marked words, one a predicate, found {sentence!r:.60}")
        return marked

    def _decode(
        self,
        sentences: Sequence[Sequence[str]],
        gold: Sequence[Sequence[str]] | None = None,
        *,
        marked: Sequence[Sequence[int]] | None = None,
        probabilities: bool = True,
    ) -> list[Decoded]:
        """Decode sentences, batched by length to reduce padding. Results are in the order of ``sentences``."""
        number = {} if gold is None else {label: index for index, label in enumerate(self.labels)}
        found = [Decoded([], [], [], [], has_spans=self.has_spans)] * len(sentences)
        for indices in batches_by_length([len(sentence) for sentence in sentences], BATCH_WORDS):
            targets = None if gold is None else [[number.get(tag, -1) for tag in gold[index]] for index in indices]
            marks = None if marked is None else [marked[index] for index in indices]
            batch = collate([sentences[index] for index in indices], targets, marks=marks).to(self.device)
            with torch.no_grad(), self.in_precision():
                rows = self.model.decode(batch, probabilities=probabilities)
            for index, row in zip(indices, rows, strict=True):
                found[index] = row
        return found


def _trainable_words(model: Any) -> Collection[str]:
    """The words that have a vector learned in training, which are all of the training data."""
    inputs = getattr(getattr(model, "representation", None), "word_inputs", None)
    return frozenset(inputs.words) if inputs is not None and inputs.config.words == "trainable" else frozenset()

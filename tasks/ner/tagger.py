"""A trained tagger that finds the entities of sentences."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from elmo_lite import CorpusError, Tokenization
from elmo_lite.errors import require_range
from elmo_lite.hardware import choose_device
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.encoders import Encoder
from tasks.inputs.in_memory import items_of
from tasks.inputs.representation import Representation
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSource, read_tagged, unseen_types
from tasks.ner.model import Decoded, NerModel
from tasks.ner.prediction import Sentence, Span, Tagged, tagged_sentence
from tasks.ner.scoring import confusion_of, score_tags
from tasks.ner.tags import bioes_labels, split_tag
from tasks.saved_task.description import describe
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of
from tasks.saved_task.scores import words_per_second

__all__ = ["NerTagger", "Span", "Tagged", "new_tagger"]

MAX_LABELS = 4 * 1024 + 1
"""Number of labels of 1,024 entity types; the CRF compares each pair of labels."""
NOTHING = Decoded([], [], [], [])


class NerTagger:
    """A tagging network with its settings and the tokenisation of strings."""

    def __init__(
        self, model: NerModel, config: NerConfig, tokenization: Tokenization, device: str | torch.device = "cpu"
    ) -> None:
        """Wrap a network, without a copy.

        Args:
            model: The network.
            config: Settings that it was built and trained with.
            tokenization: Tokenisation of strings.
            device: Device to run on, "auto" for a GPU if there is one. Defaults to "cpu".
        """
        self.device = choose_device(device)
        self.model = model.to(self.device).eval()
        self.config = config
        self.tokenization = tokenization

    @classmethod
    def from_pretrained(
        cls, directory: str | os.PathLike[str], device: str = "cpu", encoder: str | None = None
    ) -> NerTagger:
        """Load a tagger.

        Args:
            directory: Directory written by ``save`` or ``elmo-lite ner train``.
            device: Device to run on, "auto" for a GPU if there is one. Defaults to "cpu".
            encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.

        Raises:
            CheckpointError: The directory has no model, the model is damaged, or it is for another task.
        """
        found = load_network(directory, "ner", NerConfig.from_dict, _network, device=device, encoder=encoder)
        return cls(*found, device)

    def save(
        self,
        directory: str | os.PathLike[str],
        metrics: Mapping[str, Any] | None = None,
        encoder_path: str = "",
        overwrite: bool = False,
    ) -> None:
        """Save the tagger to a directory that ``from_pretrained`` loads.

        Args:
            directory: Directory to write to, created if missing. Other files in it are kept.
            metrics: Scores for the model card, as JSON values.
            encoder_path: Path or name that the encoder was loaded from. Required if it is not kept with the tagger.
            overwrite: Replace a model that is in the directory.

        Raises:
            CheckpointError: The directory has a model and ``overwrite`` is False, the path is a file or has another
                config.json, or the encoder cannot be saved.
        """
        given = self.model, self.config, self.tokenization
        save_network(directory, "ner", *given, metrics=metrics, encoder_path=encoder_path, overwrite=overwrite)

    @property
    def labels(self) -> list[str]:
        """All N BIOES tags, in the order of ``Decoded.probabilities``."""
        return self.model.labels

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels as an array, (N,), under scikit-learn's name: the columns of ``predict_proba``."""
        return np.array(self.labels)

    @property
    def types(self) -> list[str]:
        """Entity types of the tagger, sorted."""
        return sorted({split_tag(label)[1] for label in self.labels} - {""})

    def predict(self, sentences: Iterable[Sentence]) -> list[list[Span]]:
        """Find the entities of sentences.

        Args:
            sentences: Strings or lists of words.

        Returns:
            The entities of each sentence. The list is empty if a sentence has no entities or no words.

        Raises:
            CorpusError: A sentence is neither a string nor a list of words, or ``sentences`` is one string, a
                dictionary or a table.
            CheckpointError: The weights are not finite.
        """
        return [tagged.spans for tagged in self.tag(sentences)]

    def tag(self, sentences: Iterable[Sentence]) -> list[Tagged]:
        """Tag sentences. Like ``predict``, but with words, tags and probabilities."""
        given = items_of(sentences, "sentences", "sentence")
        split = [self._split(sentence, number) for number, sentence in enumerate(given)]
        decoded = self._decode([[word for word, _, _ in pieces] for pieces in split])
        return [tagged_sentence(*row) for row in zip(given, split, decoded, strict=True)]

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

    def evaluate(
        self, source: TaggedSource, *, word_column: int | None = None, tag_column: int | None = None
    ) -> dict[str, Any]:
        """Score the tagger on labelled sentences, as ``elmo-lite ner evaluate`` does.

        Args:
            source: A path, the name of a hub data set or data in memory, see ``read_tagged``.
            word_column: Column of the words in a column file, from 0. Detected by default.
            tag_column: Column of the tags, from 0; -1 for the last. Detected by default.

        Returns:
            The scores of ``score_tags``; "confusion", see ``confusion_of``; "sentences" and "words", the size of the
            data; "scheme" and "repaired", see ``TaggedData``; "unseen_types", the number of entities of each type that
            the tagger does not know, which count as errors; "words_per_second", the speed of prediction including the
            encoder.

        Raises:
            CorpusError: The data cannot be used, see ``read_tagged``.
            ModuleNotFoundError: seqeval is not installed.
        """
        return self.judge(read_tagged(source, word_column, tag_column))[0]

    def judge(self, data: TaggedData) -> tuple[dict[str, Any], list[Tagged]]:
        """Score the tagger on labelled sentences that were read: what ``evaluate`` returns, and the predictions."""
        gold = [sentence.tags for sentence in data.sentences]
        num_words = sum(map(len, gold))
        begun = time.perf_counter()
        tagged = self.tag(sentence.words for sentence in data.sentences)
        speed = words_per_second(num_words, begun)
        predicted = [found.decoded.tags for found in tagged]
        scores = {
            **score_tags(gold, predicted),
            "confusion": confusion_of(gold, predicted),
            "sentences": len(gold),
            "words": num_words,
            "scheme": data.scheme,
            "repaired": data.repaired,
            "unseen_types": dict(unseen_types(data, self.types)),
            "words_per_second": speed,
        }
        return scores, tagged

    def __repr__(self) -> str:
        """One line: entity types, encoder, word vectors, sizes, tokenisation and device."""
        sizes = {"lstm_dim": self.config.lstm_dim, "lstm_layers": self.config.lstm_layers}
        return f"NerTagger({describe(self.model, self.tokenization, self.device, {'types': self.types}, **sizes)})"

    def _split(self, sentence: Sentence, number: int) -> list[tuple[str, int, int]]:
        """(word, start, end) of each word: offsets in characters of a string, or in words of a list."""
        if isinstance(sentence, str):
            return self.tokenization.words_with_offsets(sentence)
        words = list(sentence) if isinstance(sentence, Sequence) else [None]
        if not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"sentence {number}: expected a string or a list of words, found {sentence!r:.80}")
        return [(str(word), position, position + 1) for position, word in enumerate(words)]

    def _decode(self, sentences: list[list[str]]) -> list[Decoded]:
        """Decode sentences, batched by length to reduce padding. Results are in the order of ``sentences``."""
        found = [NOTHING] * len(sentences)
        for batch in batches_by_length([len(sentence) for sentence in sentences], BATCH_WORDS):
            with torch.no_grad():
                rows = self.model.decode(collate([sentences[index] for index in batch]).to(self.device))
            for index, row in zip(batch, rows, strict=True):
                found[index] = row
        return found


def new_tagger(
    config: NerConfig,
    types: Iterable[str],
    elmo: Encoder | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> NerTagger:
    """Create an untrained tagger.

    Args:
        config: Settings.
        types: Entity types to predict.
        elmo: The encoder, which is not copied. None for a tagger without one.
        train: Sentences to train on, the words of which get trainable vectors.
        others: Sentences to score. Vectors of their words are kept from a vector file. Defaults to none.
    """
    model = new_network(config, _network, bioes_labels(types), elmo, train, others)
    return NerTagger(model, config, tokenization_of(config, elmo))


def _network(config: NerConfig, labels: Sequence[str], representation: Representation) -> NerModel:
    require_range(len(labels), "number of labels", 1, MAX_LABELS)
    return NerModel(representation, labels, config.lstm_dim, config.lstm_layers, config.dropout)

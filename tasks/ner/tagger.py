"""A trained tagger that finds the entities of sentences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from elmo_lite import CorpusError, Elmo, Tokenization
from elmo_lite.hardware import choose_device
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.representation import Representation
from tasks.ner.config import NerConfig
from tasks.ner.model import Decoded, NerModel
from tasks.ner.tags import bioes_labels, split_tag
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of

Sentence = str | Sequence[str]
"""A string, which is split by the tagger's tokenisation, or a list of words, which are not split."""
NOTHING = Decoded([], [], [], [])


@dataclass(frozen=True)
class Span:
    """A predicted entity."""

    text: str
    """Text of the entity. If the sentence is a list of words, those of the entity joined by blanks."""
    type: str
    """Type of the entity, such as PER."""
    start: int
    """Index of the first character. If the sentence is a list of words, that of the first word."""
    end: int
    """Index after the last character or word."""
    start_word: int
    """Index of the first word."""
    end_word: int
    """Index after the last word."""
    score: float
    """Marginal probability of the entity with exactly this start, end and type, in 0..1."""


@dataclass(frozen=True)
class Tagged:
    """The words of a sentence with their predictions."""

    words: list[str]
    decoded: Decoded
    spans: list[Span]


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
            CorpusError: A sentence is neither a string nor a list of words, or ``sentences`` is one string.
        """
        return [tagged.spans for tagged in self.tag(sentences)]

    def tag(self, sentences: Iterable[Sentence]) -> list[Tagged]:
        """Tag sentences. Like ``predict``, but with words, tags and probabilities."""
        if isinstance(sentences, str):
            raise CorpusError("sentences: expected a list of sentences, found one string: put it in a list")
        given = list(sentences)
        split = [self._split(sentence, number) for number, sentence in enumerate(given)]
        decoded = self._decode([[word for word, _, _ in pieces] for pieces in split])
        return [_tagged(*row) for row in zip(given, split, decoded, strict=True)]

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
    elmo: Elmo | None,
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
    return NerModel(representation, labels, config.lstm_dim, config.lstm_layers, config.dropout)


def _tagged(sentence: Sentence, pieces: list[tuple[str, int, int]], decoded: Decoded) -> Tagged:
    words = [word for word, _, _ in pieces]
    spans = []
    for (first, stop, kind), score in zip(decoded.entities, decoded.scores, strict=True):
        start, end = pieces[first][1], pieces[stop - 1][2]
        text = sentence[start:end] if isinstance(sentence, str) else " ".join(words[first:stop])
        spans.append(Span(text, kind, start, end, first, stop, score))
    return Tagged(words, decoded, spans)

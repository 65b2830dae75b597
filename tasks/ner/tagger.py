"""A trained tagger as one object: sentences in, entities out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from elmo_lite import CorpusError, Elmo, Tokenization
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.representation import Representation
from tasks.ner.config import NerConfig
from tasks.ner.model import Decoded, NerModel
from tasks.ner.tags import bioes_labels, split_tag
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of

Sentence = str | Sequence[str]
"""Words, never split again; a plain ``str`` is split by the tagger's tokenisation."""
NOTHING = Decoded([], [], [], [])


@dataclass(frozen=True)
class Span:
    """An entity that was found."""

    text: str
    """As the sentence has it; its words between blanks where the sentence came as words."""
    type: str
    start: int
    """First character in the given string; first word where the sentence came as words."""
    end: int
    """One behind the last, likewise."""
    start_word: int
    end_word: int
    score: float
    """Probability in 0..1 of exactly this entity, both ends and type, whatever the rest of the sentence is."""


@dataclass(frozen=True)
class Tagged:
    """All that is known of one sentence."""

    words: list[str]
    decoded: Decoded
    spans: list[Span]


class NerTagger:
    """A network with its settings and the tokenisation for plain strings."""

    def __init__(
        self, model: NerModel, config: NerConfig, tokenization: Tokenization, device: str | torch.device = "cpu"
    ) -> None:
        """Wrap a network; it is used, not copied.

        Args:
            model: the network.
            config: what it was built and trained with.
            tokenization: how plain strings become words.
            device: where to run it.
        """
        self.model = model.to(device).eval()
        self.config = config
        self.tokenization = tokenization
        self.device = torch.device(device)

    @classmethod
    def from_pretrained(
        cls, directory: str | os.PathLike[str], device: str = "cpu", encoder: str | None = None
    ) -> NerTagger:
        """Load a tagger.

        Args:
            directory: what ``save`` or ``elmo-lite ner train`` wrote.
            device: where to run it.
            encoder: where an encoder that is not inside lies now; where it was when None.

        Raises:
            CheckpointError: there is no such model, it is damaged, or is one for another task.
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
        """Write the directory that ``from_pretrained`` reads.

        Args:
            directory: made if need be; other files in it stay.
            metrics: scores of JSON types, for the model card.
            encoder_path: where the encoder was loaded from; needed where it is not kept inside.
            overwrite: replace a tagger that is already there.

        Raises:
            CheckpointError: something else lies there.
        """
        given = self.model, self.config, self.tokenization
        save_network(directory, "ner", *given, metrics=metrics, encoder_path=encoder_path, overwrite=overwrite)

    @property
    def labels(self) -> list[str]:
        """All N tags, in the order of ``Decoded.probabilities``."""
        return self.model.labels

    @property
    def types(self) -> list[str]:
        """Types of entities that it can find."""
        return sorted({split_tag(label)[1] for label in self.labels} - {""})

    def predict(self, sentences: Iterable[Sentence]) -> list[list[Span]]:
        """Entities of sentences.

        Args:
            sentences: strings, or lists of words.

        Returns:
            One list a sentence, in order; empty where there is no entity or no word.

        Raises:
            CorpusError: a sentence that is neither.
        """
        return [tagged.spans for tagged in self.tag(sentences)]

    def tag(self, sentences: Iterable[Sentence]) -> list[Tagged]:
        """What ``predict`` does, with words, tags and probabilities."""
        if isinstance(sentences, str):
            raise CorpusError("sentences: expected a list of sentences, found one string: put it in a list")
        given = list(sentences)
        split = [self._split(sentence, number) for number, sentence in enumerate(given)]
        decoded = self._decode([[word for word, _, _ in pieces] for pieces in split])
        return [_tagged(*row) for row in zip(given, split, decoded, strict=True)]

    def _split(self, sentence: Sentence, number: int) -> list[tuple[str, int, int]]:
        """(word, start, end) of a sentence: characters of a string, numbers of words otherwise."""
        if isinstance(sentence, str):
            return self.tokenization.words_with_offsets(sentence)
        words = list(sentence) if isinstance(sentence, Sequence) else [None]
        if not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"sentence {number}: expected a string or a list of words, found {sentence!r:.80}")
        return [(str(word), position, position + 1) for position, word in enumerate(words)]

    def _decode(self, sentences: list[list[str]]) -> list[Decoded]:
        """Sorted by length, so that batches have little padding, and back in order."""
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
    """An untrained tagger.

    Args:
        config: settings.
        types: of entities that it shall find.
        elmo: the encoder, if any; used, not copied.
        train: sentences whose words get trainable vectors.
        others: sentences that will be scored; what a file of vectors knows of their words is kept too.
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

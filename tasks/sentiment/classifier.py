"""A trained classifier as one object: texts in, labels with probabilities out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elmo_lite import CorpusError, Elmo, Tokenization
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.representation import Representation
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.model import SentimentModel

Text = str | Sequence[str]
"""Words, never split again; a plain ``str`` is split by the classifier's tokenisation."""


@dataclass(frozen=True)
class Prediction:
    """What the classifier says of one text."""

    label: str
    """The most probable one."""
    score: float
    """Its probability, 0 to 1."""
    probabilities: dict[str, float]
    """Of every label, in the classifier's order; they sum to 1."""


class SentimentClassifier:
    """A network with its settings and the tokenisation for plain strings."""

    def __init__(
        self,
        model: SentimentModel,
        config: SentimentConfig,
        tokenization: Tokenization,
        device: str | torch.device = "cpu",
    ) -> None:
        """Wrap a network; it is used, not copied.

        Args:
            model: the network.
            config: what it was built and trained with.
            tokenization: how texts become words.
            device: where to run it.
        """
        self.model = model.to(device).eval()
        self.config = config
        self.tokenization = tokenization
        self.device = torch.device(device)

    @classmethod
    def from_pretrained(
        cls, directory: str | os.PathLike[str], device: str = "cpu", encoder: str | None = None
    ) -> SentimentClassifier:
        """Load a classifier.

        Args:
            directory: what ``save`` or ``elmo-lite sentiment train`` wrote.
            device: where to run it.
            encoder: where an encoder that is not inside lies now; where it was when None.

        Raises:
            CheckpointError: there is no such model, it is damaged, or is one for another task.
        """
        found = load_network(
            directory, "sentiment", SentimentConfig.from_dict, _network, device=device, encoder=encoder
        )
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
            overwrite: replace a classifier that is already there.

        Raises:
            CheckpointError: something else lies there.
        """
        given = self.model, self.config, self.tokenization
        save_network(directory, "sentiment", *given, metrics=metrics, encoder_path=encoder_path, overwrite=overwrite)

    @property
    def labels(self) -> list[str]:
        """All labels, in their natural order."""
        return self.model.labels

    def predict(self, texts: Iterable[Text]) -> list[Prediction]:
        """Labels of texts.

        Args:
            texts: strings, or lists of words.

        Returns:
            One prediction a text, in order.

        Raises:
            CorpusError: a text without words, or something that is no text.
        """
        if isinstance(texts, str | bytes):
            raise CorpusError("texts: expected a list of texts, found one string: put it in a list")
        rows = self._probabilities([self._words(text, number) for number, text in enumerate(texts)])
        return [self._prediction(row) for row in rows.tolist()]

    def _words(self, text: Text, number: int) -> list[str]:
        if isinstance(text, str):
            words = self.tokenization.words(text)
        else:
            words = list(text) if isinstance(text, Sequence) and not isinstance(text, bytes) else []
        if not words or not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"text {number}: expected a text or a list of words, found {text!r:.80}")
        return words

    def _probabilities(self, sentences: list[list[str]]) -> Tensor:
        """(N, K), computed sorted by length, so that batches have little padding."""
        found = torch.zeros(len(sentences), len(self.labels))
        for batch in batches_by_length([len(sentence) for sentence in sentences], BATCH_WORDS):
            with torch.inference_mode():
                inputs = collate([sentences[index] for index in batch]).to(self.device)
                found[batch] = self.model.probabilities(inputs).cpu()
        return found

    def _prediction(self, probabilities: list[float]) -> Prediction:
        of_label = dict(zip(self.labels, probabilities, strict=True))
        label = max(of_label, key=of_label.__getitem__)
        return Prediction(label, of_label[label], of_label)


def new_classifier(
    config: SentimentConfig,
    labels: Sequence[str],
    elmo: Elmo | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> SentimentClassifier:
    """An untrained classifier.

    Args:
        config: settings.
        labels: in the order of the outputs.
        elmo: the encoder, if any; used, not copied.
        train: sentences whose words get trainable vectors.
        others: sentences that will be scored; what a file of vectors knows of their words is kept too.
    """
    model = new_network(config, _network, labels, elmo, train, others)
    return SentimentClassifier(model, config, tokenization_of(config, elmo))


def _network(config: SentimentConfig, labels: Sequence[str], representation: Representation) -> SentimentModel:
    return SentimentModel(representation, labels, config.head_config)

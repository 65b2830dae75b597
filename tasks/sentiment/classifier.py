"""A trained classifier that predicts the labels of texts with their probabilities."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elmo_lite import CorpusError, Elmo, Tokenization
from elmo_lite.hardware import choose_device
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.representation import Representation
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.model import SentimentModel

Text = str | Sequence[str]
"""A string, which is split by the classifier's tokenisation, or a list of words, which are not split."""


@dataclass(frozen=True)
class Prediction:
    """The prediction of one text."""

    label: str
    """Most probable label."""
    score: float
    """Probability of the label, in 0..1."""
    probabilities: dict[str, float]
    """Probability of every label, in the order of the classifier's labels. They sum to 1."""


class SentimentClassifier:
    """A classification network with its settings and the tokenisation of strings."""

    def __init__(
        self,
        model: SentimentModel,
        config: SentimentConfig,
        tokenization: Tokenization,
        device: str | torch.device = "cpu",
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
    ) -> SentimentClassifier:
        """Load a classifier.

        Args:
            directory: Directory written by ``save`` or ``elmo-lite sentiment train``.
            device: Device to run on, "auto" for a GPU if there is one. Defaults to "cpu".
            encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in
                training.

        Raises:
            CheckpointError: The directory has no model, the model is damaged, or it is for another task.
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
        """Save the classifier to a directory that ``from_pretrained`` loads.

        Args:
            directory: Directory to write to, created if missing. Other files in it are kept.
            metrics: Scores for the model card, as JSON values.
            encoder_path: Path or name that the encoder was loaded from. Required if it is not kept with the classifier.
            overwrite: Replace a model that is in the directory.

        Raises:
            CheckpointError: The directory has a model and ``overwrite`` is False, the path is a file or has another
                config.json, or the encoder cannot be saved.
        """
        given = self.model, self.config, self.tokenization
        save_network(directory, "sentiment", *given, metrics=metrics, encoder_path=encoder_path, overwrite=overwrite)

    @property
    def labels(self) -> list[str]:
        """All labels, in the order of the outputs, see ``label_set``."""
        return self.model.labels

    def predict(self, texts: Iterable[Text]) -> list[Prediction]:
        """Predict the labels of texts.

        Args:
            texts: Strings or lists of words.

        Returns:
            The prediction of each text.

        Raises:
            CorpusError: A text has no words, or is neither a string nor a list of words, or ``texts`` is one string.
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
        """The probabilities of K classes for N sentences, (N, K), computed in batches by length to reduce padding."""
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
    """Create an untrained classifier.

    Args:
        config: Settings.
        labels: Labels in the order of the outputs.
        elmo: The encoder, which is not copied. None for a classifier without one.
        train: Sentences to train on, the words of which get trainable vectors.
        others: Sentences to score. Vectors of their words are kept from a vector file. Defaults to none.
    """
    model = new_network(config, _network, labels, elmo, train, others)
    return SentimentClassifier(model, config, tokenization_of(config, elmo))


def _network(config: SentimentConfig, labels: Sequence[str], representation: Representation) -> SentimentModel:
    return SentimentModel(representation, labels, config.head_config)

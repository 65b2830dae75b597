"""A trained classifier as one object: texts in, labels with probabilities out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elmo_lite import CheckpointError, ConfigError, CorpusError, Elmo, Tokenization, batches_by_length
from tasks.batch import BATCH_WORDS, collate
from tasks.representation import Representation
from tasks.saved_task import load_task, own_tensors, save_task
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.model import SentimentModel
from tasks.word_inputs import WordInputs

Text = str | Sequence[str]
"""Words, never split again; a plain ``str`` is split by the classifier's tokenisation."""
ENCODER_TENSORS = "representation.elmo."
"""Names of a trained encoder's weights, which are saved as a model of their own."""


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
        saved = load_task(directory, "sentiment", device=device, encoder=encoder)
        try:
            config = SentimentConfig.from_dict(saved.config["config"])
            tokenization = Tokenization.from_dict(saved.config["tokenization"])
            settings = saved.config["word_inputs"]
        except (ConfigError, KeyError) as error:
            raise CheckpointError(f"{Path(directory) / 'config.json'}: {error}") from None
        inputs = None if settings is None else WordInputs.from_files(settings, saved.words)
        representation = Representation(inputs, saved.encoder, config.representation)
        model = SentimentModel(representation, saved.labels, config.head_config)
        saved.fill(model, without=ENCODER_TENSORS)
        return cls(model, config, tokenization, device)

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
        inputs = self.model.representation.word_inputs
        save_task(
            directory,
            "sentiment",
            config={
                "config": self.config.to_dict(),
                "tokenization": self.tokenization.to_dict(),
                "word_inputs": None if inputs is None else inputs.to_files()[0],
            },
            labels=self.labels,
            tensors=own_tensors(self.model, ENCODER_TENSORS),
            words=() if inputs is None else inputs.words,
            encoder=self.model.representation.elmo,
            encoder_path=encoder_path,
            encoder_inside=self.config.encoder_inside,
            metrics=metrics,
            overwrite=overwrite,
        )

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
    inputs = WordInputs.build(config.inputs, train, others)
    representation = Representation(inputs if inputs.dim else None, elmo, config.representation)
    return SentimentClassifier(
        SentimentModel(representation, labels, config.head_config), config, tokenization_of(config, elmo)
    )


def tokenization_of(config: SentimentConfig, elmo: Elmo | None) -> Tokenization:
    """How texts become words."""
    if config.tokenizer != "auto":
        return Tokenization(kind=config.tokenizer)
    return elmo.tokenization if elmo is not None else Tokenization(kind="words")

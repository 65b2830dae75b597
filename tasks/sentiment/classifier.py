"""A trained classifier that predicts the labels of texts with their probabilities."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite import CorpusError, Tokenization
from elmo_lite.errors import require
from elmo_lite.hardware import choose_device
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS, collate
from tasks.inputs.encoders import Encoder
from tasks.inputs.in_memory import items_of
from tasks.inputs.representation import Representation
from tasks.saved_task.description import describe
from tasks.saved_task.network import load_network, new_network, save_network, tokenization_of
from tasks.saved_task.scores import words_per_second
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.data import LabelledSource, check_labels, read_labelled
from tasks.sentiment.model import SentimentModel
from tasks.sentiment.prediction import Prediction, Text
from tasks.sentiment.readers import DataConfig, LabelledText
from tasks.sentiment.scoring import scored

__all__ = ["Prediction", "SentimentClassifier", "new_classifier"]


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

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels as an array, (K,), under scikit-learn's name: the columns of ``predict_proba``."""
        return np.array(self.labels)

    def predict(self, texts: Iterable[Text], min_score: float = 0.0) -> list[Prediction]:
        """Predict the labels of texts.

        Args:
            texts: Strings or lists of words.
            min_score: Probability in 0..1; a label below it is left empty, its score is kept. Defaults to 0.

        Returns:
            The prediction of each text. The label is empty and its score 0 if a text has no words.

        Raises:
            CorpusError: A text is neither a string nor a list of words, or ``texts`` is one string, a dictionary or a
                table.
            CheckpointError: The weights are not finite.
            ConfigError: ``min_score`` is out of range.
        """
        require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
        sentences = self._sentences(texts)
        rows = self._probabilities(sentences).tolist()
        found = [self._prediction(row, bool(words)) for row, words in zip(rows, sentences, strict=True)]
        return [each if each.score >= min_score else dataclasses.replace(each, label="") for each in found]

    def predict_proba(self, texts: Iterable[Text]) -> npt.NDArray[np.float64]:
        """Compute the probability of every label.

        Args:
            texts: N strings or lists of words, as for ``predict``.

        Returns:
            (N, K) float64, with the K labels in the order of ``labels`` and ``classes_``. Each row sums to 1. All
            labels are equally probable for a text without words.

        Raises:
            CorpusError, CheckpointError: As for ``predict``.
        """
        found: npt.NDArray[np.float64] = self._probabilities(self._sentences(texts)).double().numpy()
        return found

    def evaluate(
        self, source: LabelledSource, *, text_column: str | None = None, label_column: str | None = None
    ) -> dict[str, Any]:
        """Score the classifier on labelled texts, as ``elmo-lite sentiment evaluate`` does.

        Args:
            source: A path, the name of a hub data set or data in memory, see ``read_labelled``.
            text_column: Column of the text. Defaults to that of the training.
            label_column: Column of the label. Defaults to that of the training.

        Returns:
            The scores of ``scoring.scored``, and "words_per_second", the speed of prediction including the encoder.

        Raises:
            CorpusError: The data cannot be used, see ``read_labelled``, or the classifier does not have one of the
                labels.
            ModuleNotFoundError: scikit-learn is not installed.
        """
        data = self.data_config(text_column, label_column)
        examples = read_labelled(source, data, self.tokenization.words)
        check_labels(examples, self.labels)
        return self.judge(examples)[0]

    def judge(self, examples: Sequence[LabelledText]) -> tuple[dict[str, Any], list[Prediction]]:
        """Score the classifier on labelled texts that were read and checked: what ``evaluate`` returns, predictions."""
        begun = time.perf_counter()
        predictions = self.predict(example.words for example in examples)
        speed = words_per_second(sum(len(example.words) for example in examples), begun)
        scores = scored([example.label for example in examples], predictions, self.labels)
        return {**scores, "words_per_second": speed}, predictions

    def data_config(self, text_column: str | None = None, label_column: str | None = None) -> DataConfig:
        """The settings for reading data: those of the training, with other columns if given."""
        data = self.config.data
        return dataclasses.replace(
            data, text_column=text_column or data.text_column, label_column=label_column or data.label_column
        )

    def __repr__(self) -> str:
        """One line: labels, encoder, word vectors, head, sizes, tokenisation and device."""
        described = describe(self.model, self.tokenization, self.device, {"labels": self.labels}, head=self.config.head)
        return f"SentimentClassifier({described})"

    def _sentences(self, texts: Iterable[Text]) -> list[list[str]]:
        """The words of each text."""
        return [self._words(text, number) for number, text in enumerate(items_of(texts, "texts", "text"))]

    def _words(self, text: Text, number: int) -> list[str]:
        if isinstance(text, str):
            return self.tokenization.words(text)
        words = list(text) if isinstance(text, Sequence) and not isinstance(text, bytes) else [None]
        if not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"text {number}: expected a text or a list of words, found {text!r:.80}")
        return list(map(str, words))

    def _probabilities(self, sentences: list[list[str]]) -> Tensor:
        """The probabilities of K classes for N sentences, (N, K), computed in batches by length to reduce padding.

        They are equal for a sentence without words.
        """
        found = torch.full((len(sentences), len(self.labels)), 1 / len(self.labels))
        for batch in batches_by_length([len(sentence) for sentence in sentences], BATCH_WORDS):
            with torch.inference_mode():
                inputs = collate([sentences[index] for index in batch]).to(self.device)
                found[batch] = self.model.probabilities(inputs).cpu()
        return found

    def _prediction(self, probabilities: list[float], has_words: bool) -> Prediction:
        of_label = dict(zip(self.labels, probabilities, strict=True))
        if not has_words:
            return Prediction("", 0.0, of_label)
        label = max(of_label, key=of_label.__getitem__)
        return Prediction(label, of_label[label], of_label)


def new_classifier(
    config: SentimentConfig,
    labels: Sequence[str],
    elmo: Encoder | None,
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

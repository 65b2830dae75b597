"""A trained classifier that predicts the labels of texts or pairs of texts with their probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite import ConfigError, Tokenization
from elmo_lite.text import batches_by_length
from tasks.classification.config import ClassifierConfig, HeadConfig
from tasks.classification.data import LabelledSource, read_labelled
from tasks.classification.documents import batch_of
from tasks.classification.judging import judge
from tasks.classification.model import ClassificationModel, make_network
from tasks.classification.prediction import Text, TextPair, check_min_score, sure
from tasks.classification.readers import DataConfig, LabelledText
from tasks.classification.text_words import Texts, words_of_texts
from tasks.files import CHUNK, in_chunks
from tasks.inputs.batch import BATCH_WORDS
from tasks.inputs.encoders import Encoder
from tasks.saved_task.description import describe
from tasks.saved_task.model import TrainedModel
from tasks.saved_task.network import new_network, tokenization_of
from tasks.saved_task.settings import Kind

AT_ONCE = 1 << 20
"""Maximum number of probabilities that are held at a time where predictions are not kept."""


class Classifier(TrainedModel[ClassificationModel, HeadConfig]):
    """A classification network with its settings and the tokenisation of strings."""

    kind: ClassVar[Kind] = "classify"
    """Name of the task in saved models."""
    config_type: ClassVar[type[HeadConfig]] = ClassifierConfig
    network = staticmethod(make_network)

    def __init__(
        self,
        model: ClassificationModel,
        config: HeadConfig,
        tokenization: Tokenization,
        device: str | torch.device = "cpu",
    ) -> None:
        """Wrap a network, see ``TrainedModel``."""
        super().__init__(model, config, tokenization, device)
        self._columns = config.reading.columns()

    @classmethod
    def untrained(
        cls,
        config: HeadConfig,
        labels: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]] = (),
    ) -> Self:
        """Create an untrained classifier.

        Args:
            config: Settings.
            labels: Labels in the order of the outputs.
            elmo: The encoder, which is not copied. None for a classifier without one.
            train: Texts to train on, the words of which get trainable vectors.
            others: Texts to score. Vectors of their words are kept from a vector file. Defaults to none.
        """
        model = new_network(config, make_network, labels, elmo, train, others)
        return cls(model, config, tokenization_of(config, elmo))

    def predict(self, texts: Iterable[Text | TextPair], min_score: float = 0.0) -> list[Any]:
        """Predict the labels of texts.

        Args:
            texts: Strings or lists of words; of a classifier of pairs, tuples of two of them.
            min_score: Probability in 0..1; of a classifier with one label for each text, a label below it is left
                empty, its score is kept. Defaults to 0.

        Returns:
            The prediction of each text: a ``Prediction``, a ``LabelsPrediction`` or a ``ValuePrediction``. The label is
            empty and its score 0 if a text has no words, or one of a pair has none.

        Raises:
            CorpusError: A text is neither a string nor a list of words, or ``texts`` is one string, a dictionary or a
                table.
            CheckpointError: The weights are not finite.
            ConfigError: ``min_score`` is out of range, or the classifier is not one of one label for each text.
        """
        check_min_score(min_score, self._columns.kind)
        return list(sure(self._predictions(self._words(texts)), min_score))

    def predict_proba(self, texts: Iterable[Text | TextPair]) -> npt.NDArray[np.float64]:
        """Compute the probability of every label.

        Args:
            texts: N texts, as for ``predict``.

        Returns:
            (N, K) float64, with the K labels in the order of ``labels`` and ``classes_``. Each row sums to 1, unless
            there may be several labels. All labels are equally probable for a text without words.

        Raises:
            ConfigError: The classifier predicts numbers.
            CorpusError, CheckpointError: As for ``predict``.
        """
        if self._columns.kind == "number":
            raise ConfigError("predict_proba: expected a classifier of labels, found one of numbers (use predict)")
        found: npt.NDArray[np.float64] = self._probabilities(self._words(texts)).double().numpy()
        return found

    def evaluate(
        self,
        source: LabelledSource,
        *,
        text_column: str | None = None,
        label_column: str | None = None,
        text_pair_column: str | None = None,
    ) -> dict[str, Any]:
        """Score the classifier on labelled texts, as the command ``evaluate`` does.

        Args:
            source: A path, the name of a hub data set or data in memory, see ``read_labelled``.
            text_column: Column of the text. Defaults to that of the training, as the others do.
            label_column: Column of the label.
            text_pair_column: Column of the second text of a pair.

        Returns:
            The scores of ``LabelHandling.report``, and "words_per_second", the speed including the encoder.

        Raises:
            CorpusError: The data cannot be used, see ``read_labelled``, or a label is unknown to the classifier.
            ModuleNotFoundError: scikit-learn is not installed.
        """
        data = self.data_config(text_column, label_column, text_pair_column)
        examples = read_labelled(source, data, self.tokenization.words)
        self.config.labels_as.check(examples, self.labels)
        return judge(self, self.config.labels_as, examples)[0]

    def rows_of(self, examples: Iterable[LabelledText]) -> Iterator[list[float]]:
        """The activated outputs of texts that were read, a bounded number at a time, in order."""
        for chunk in self._chunks(examples):
            yield from self._probabilities([example.texts for example in chunk]).tolist()

    def predictions_of(self, examples: Iterable[LabelledText]) -> Iterator[Any]:
        """Predict texts that were read, a bounded number at a time, in order."""
        for chunk in self._chunks(examples):
            yield from self._predictions([example.texts for example in chunk])

    def _chunks(self, examples: Iterable[LabelledText]) -> Iterator[list[LabelledText]]:
        most = max(32, min(CHUNK, AT_ONCE // len(self.labels)))
        return in_chunks(examples, lambda example: len(example.words), most)

    def data_config(
        self, text_column: str | None = None, label_column: str | None = None, text_pair_column: str | None = None
    ) -> DataConfig:
        """The settings for reading data: those of the training, with other columns if given."""
        columns = {"text_column": text_column, "label_column": label_column, "text_pair_column": text_pair_column}
        return self.config.reading.with_columns(**columns)

    def __repr__(self) -> str:
        """One line: labels, encoder, word vectors, head, sizes, tokenisation and device."""
        described = describe(self.model, self.tokenization, self.device, {"labels": self.labels}, head=self.config.head)
        return f"{type(self).__name__}({described})"

    def _words(self, texts: Iterable[Text | TextPair]) -> list[Texts]:
        return words_of_texts(texts, self.tokenization, self._columns.pairs)

    def _predictions(self, texts: Sequence[Texts]) -> Iterator[Any]:
        handling = self.config.labels_as
        for words, row in zip(texts, self._probabilities(texts).tolist(), strict=True):
            yield handling.prediction(self.model.outputs, row, self.labels, all(words))

    def _probabilities(self, texts: Sequence[Texts]) -> Tensor:
        """The activated outputs of N texts, (N, K), computed in batches by length to reduce padding.

        Those of a text without words are those of no knowledge.
        """
        lengths = [sum(map(len, words)) if all(words) else 0 for words in texts]
        unknown = 1 / len(self.labels) if self._columns.kind == "one" else 0.0
        found = torch.full((len(texts), len(self.labels)), unknown)
        for batch in batches_by_length(lengths, BATCH_WORDS):
            with torch.inference_mode(), self.in_precision():
                inputs = batch_of([texts[index] for index in batch], self.config.piece_limit).to(self.device)
                found[batch] = self.model.probabilities(inputs).cpu()
        return found

"""A trained tagger of any kind of labels."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from elmo_lite.errors import ConfigError, require_range
from tasks.inputs.encoders import Encoder
from tasks.inputs.representation import Representation
from tasks.saved_task.description import describe
from tasks.saved_task.network import new_network, tokenization_of
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.config import TaggerConfig
from tasks.tagging.data import LabelKind, TaggedData, TaggedSource, read_tagged
from tasks.tagging.model import OutputLayer, TaggingModel
from tasks.tagging.prediction import Sentence, Span, Tagged
from tasks.tagging.sentences import Column
from tasks.tagging.tags import bioes_labels

__all__ = ["Span", "Tagged", "Tagger", "new_tagger"]

log = logging.getLogger("elmo_lite")

MAX_LABELS = 1 << 20
"""Number of labels of a softmax."""
MAX_CRF_LABELS = 512
"""Number of labels of a CRF, which compares each pair of them at each word."""


class Tagger(BaseTagger[TaggerConfig]):
    """A tagging network with its settings and the tokenisation of strings."""

    kind = "tag"
    config_type = TaggerConfig

    @staticmethod
    def network(config: TaggerConfig, labels: Sequence[str], representation: Representation) -> TaggingModel:
        """Build the network from its settings."""
        require_range(len(labels), "number of labels", 1, MAX_LABELS)
        sizes = config.lstm_dim, config.lstm_layers, config.dropout
        layer = choose_output_layer(config, len(labels))
        mark_dim = 0 if config.predicate_column is None else config.mark_dim
        has_spans = config.labels != "tokens"
        return TaggingModel(representation, labels, *sizes, has_spans=has_spans, output_layer=layer, mark_dim=mark_dim)

    @property
    def has_spans(self) -> bool:
        """Whether the labels are those of spans."""
        return self.config.labels != "tokens"

    @property
    def reads_predicates(self) -> bool:  # type: ignore[override]
        """Whether sentences need a marked predicate."""
        return self.config.predicate_column is not None

    def predict(self, sentences: Iterable[Sentence]) -> list[list[str]]:
        """Find the label of each word.

        Args:
            sentences: Strings or lists of words. ``tag`` returns the words of strings too.

        Returns:
            The labels of each sentence; tags of spans in IOB2. The list is empty if a sentence has no words.

        Raises:
            CorpusError: A sentence is neither a string nor a list of words, or ``sentences`` is one string, a
                dictionary or a table.
            CheckpointError: The weights are not finite.
        """
        return [tagged.tags for tagged in self.tag(sentences, probabilities=False)]

    def evaluate(
        self,
        source: TaggedSource,
        *,
        column: Column = None,
        word_column: Column = None,
        predicate_column: Column = None,
    ) -> dict[str, Any]:
        """Score the tagger on labelled sentences, as ``elmo-lite tag evaluate`` does.

        Args:
            source: A path, the name of a hub data set or data in memory, see ``read_tagged``.
            column: Column of the labels, by name or number. Defaults to that of the training.
            word_column: Column of the words, by name or number. Defaults to that of the training.
            predicate_column: Column or field that marks predicates. Defaults to that of the training.

        Returns:
            The scores of ``word_scores.report`` or, of spans, of ``score_tags`` with their "confusion"; "sentences" and
            "words", the size of the data; "unseen_labels" or "unseen_types", the number of words of each label, or of
            spans of each type, that the tagger does not know, which count as errors; "words_per_second", the speed of
            prediction including the encoder.

        Raises:
            CorpusError: The data cannot be used, see ``read_tagged``.
            ModuleNotFoundError: seqeval is not installed, which scores of spans need.
        """
        return self.judge(self.read(source, column, word_column, predicate_column))[0]

    def read(
        self,
        source: TaggedSource,
        column: Column = None,
        word_column: Column = None,
        predicate_column: Column = None,
    ) -> TaggedData:
        """Read labelled sentences as those of the training were; see ``evaluate`` and ``read_tagged``."""
        columns = self.columns(column, word_column, predicate_column)
        kind: LabelKind = "spans" if self.has_spans else "tokens"
        more: dict[str, Any] = {"entity_type": self.config.entity_type, "tokenization": self.tokenization}
        return read_tagged(source, *columns, labels=kind, **more)

    def columns(self, column: Column, word_column: Column, predicate_column: Column) -> tuple[Column, Column, Column]:
        """Columns that are given, or else those of the training."""
        config = self.config
        return (
            config.column if column is None else column,
            config.word_column if word_column is None else word_column,
            config.predicate_column if predicate_column is None else predicate_column,
        )

    def __repr__(self) -> str:
        """One line: labels, encoder, word vectors, sizes, tokenisation and device."""
        title = "types" if self.has_spans else "labels"
        sizes = {"lstm_dim": self.config.lstm_dim, "lstm_layers": self.config.lstm_layers}
        return f"Tagger({describe(self.model, self.tokenization, self.device, {title: self.types}, **sizes)})"


def new_tagger(
    config: TaggerConfig,
    classes: Iterable[str],
    elmo: Encoder | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> Tagger:
    """Create an untrained tagger.

    Args:
        config: Settings. The kind of labels "auto" is that of tokens.
        classes: Labels to predict, or types of spans.
        elmo: The encoder, which is not copied. None for a tagger without one.
        train: Sentences to train on, the words of which get trainable vectors.
        others: Sentences to score. Vectors of their words are kept from a vector file. Defaults to none.

    Raises:
        ConfigError: There are too many labels for the chosen output layer.
    """
    kind: LabelKind = "tokens" if config.labels == "auto" else config.labels
    labels = bioes_labels(classes) if kind == "spans" else list(classes)
    config = dataclasses.replace(config, labels=kind)
    layer = choose_output_layer(config, len(labels))
    if layer == "softmax" and kind == "spans" and config.output_layer == "auto":
        log.warning("%s labels: too many for a CRF (%s), so that a softmax is used", f"{len(labels):,}", MAX_CRF_LABELS)
    config = dataclasses.replace(config, output_layer=layer)
    train = list(train)
    tagger = Tagger(
        new_network(config, Tagger.network, labels, elmo, train, others), config, tokenization_of(config, elmo)
    )
    tagger.training_words = frozenset(word for sentence in train for word in sentence)
    return tagger


def choose_output_layer(config: TaggerConfig, num_labels: int) -> OutputLayer:
    """The output layer of the settings; "auto" is a CRF for spans, unless there are too many labels, else a softmax.

    Raises:
        ConfigError: A CRF is asked for, but there are too many labels.
    """
    if config.output_layer == "auto":
        return "crf" if config.labels == "spans" and num_labels <= MAX_CRF_LABELS else "softmax"
    if config.output_layer == "crf" and num_labels > MAX_CRF_LABELS:
        expected = f"softmax or auto for {num_labels:,} labels (a CRF compares each pair, at most {MAX_CRF_LABELS})"
        raise ConfigError(f"output_layer: expected {expected}, found crf")
    return config.output_layer

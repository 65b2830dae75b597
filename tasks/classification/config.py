"""Settings of a classifier and its training. Every field is a flag of ``elmo-lite classify train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from elmo_lite.errors import require
from tasks.classification.bcn import BCNConfig
from tasks.classification.label_handling import LabelHandling
from tasks.classification.one_label import OneLabel
from tasks.classification.pooled_head import PooledConfig
from tasks.classification.readers import DataConfig, ReadingConfig
from tasks.classification.several_labels import SeveralLabels
from tasks.classification.value_labels import Values
from tasks.training.config import FinetuneConfig
from tasks.training.task_config import TaskConfig


@dataclass(frozen=True, kw_only=True)
class HeadConfig(TaskConfig):
    """Settings that every classifier has, whatever its labels are."""

    head: Literal["pooled", "bcn"] = "pooled"
    """Network. pooled is a hidden layer at each word, pooled over the words; bcn is the biattentive classification
    network."""
    pooled: PooledConfig = field(default_factory=PooledConfig)
    """Sizes of the pooled head."""
    bcn: BCNConfig = field(default_factory=BCNConfig)
    """Sizes of the biattentive classification network."""
    ngrams: bool = True
    """Put a linear model of words and pairs of neighbouring words (TF-IDF) beside the network; what it weighs is fitted
    on dev with --finetune.calibrate."""
    # The best learning rate of the pooled head is a third of the tagger's.
    finetune: FinetuneConfig = field(default_factory=lambda: FinetuneConfig(learning_rate=1e-3))
    """Training."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        super().__post_init__()
        require(self.head in ("pooled", "bcn"), "head", "one of pooled, bcn", self.head)
        has_output_mix = self.representation.output_mix and self.head == "pooled"
        expected = "false for the pooled head, which has no RNN (or the head bcn)"
        require(not has_output_mix, "representation.output_mix", expected, True)

    @property
    def head_config(self) -> PooledConfig | BCNConfig:
        """Sizes of the chosen head."""
        return self.bcn if self.head == "bcn" else self.pooled

    @property
    def reading(self) -> DataConfig:
        """Settings of the reading of data."""
        return DataConfig()

    @property
    def labels_as(self) -> LabelHandling:
        """What labels are: one label for each text."""
        return OneLabel()

    @property
    def measure(self) -> str | None:
        """Key of the score that chooses the best epoch; None for the choice by how even the classes are."""
        return next(iter(self.labels_as.titles.values()))

    @property
    def is_balanced(self) -> bool:
        """Whether all classes have the same weight in the loss."""
        return False

    @property
    def piece_limit(self) -> int | None:
        """Maximum number of words of a piece of a text; None for whole texts."""
        return None


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(HeadConfig):
    """Settings of a classifier of texts or pairs of texts."""

    multi_label: bool = False
    """A text has any number of labels: a list in JSON, or text with --label_separator."""
    regression: bool = False
    """Labels are numbers to predict."""
    pair: bool = False
    """Classify pairs of texts, which two columns hold."""
    text_column: str | None = None
    """Column of the text, or of the first text of a pair; a number from 1 if the file has no header. Detected by
    default."""
    text_pair_column: str | None = None
    """Column of the second text of a pair, given in the same way. Detected by default."""
    label_column: str | None = None
    """Column of the label, given in the same way. Detected by default."""
    label_separator: str = ","
    """Separator of several labels in one cell of a table."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the classes in the loss. balanced lets rare and frequent labels weigh the same, which finds more of
    the rare ones; probabilities are then too high for them."""
    choose_by: Literal["auto", "accuracy", "micro_f1", "macro_f1"] = "auto"
    """Score on dev that chooses the best epoch. auto is accuracy, micro-F1 of several labels, or macro-F1 if one label
    has at least 1.5 times as many training texts as another; numbers are always chosen by Pearson's correlation."""
    threshold: float | None = None
    """Least probability, in (0, 1), of a label that is predicted where there may be several. Defaults to that with the
    highest score on dev."""
    piece_words: int = 200
    """Longer texts are read in pieces of at most this many words, cut at the ends of sentences where there are any."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        super().__post_init__()
        require(not (self.multi_label and self.regression), "regression", "false with --multi_label", True)
        require(self.piece_words >= 1, "piece_words", "1 or more", self.piece_words)
        if self.threshold is not None:
            require(0 < self.threshold < 1, "threshold", "a probability in (0, 1)", self.threshold)
        require(bool(self.label_separator), "label_separator", "one or more characters", self.label_separator)
        weights = ("none", "balanced")
        require(self.class_weights in weights, "class_weights", f"one of {', '.join(weights)}", self.class_weights)
        is_weighted = self.regression and self.class_weights != "none"
        require(not is_weighted, "class_weights", "none with --regression", self.class_weights)
        known = [
            "auto",
            *(key for key in self.labels_as.titles.values() if key in ("accuracy", "micro_f1", "macro_f1")),
        ]
        require(self.choose_by in known, "choose_by", f"one of {', '.join(known)}", self.choose_by)
        has_pair = self.pair or self.text_pair_column is None
        require(has_pair, "text_pair_column", "none without --pair", self.text_pair_column)

    @property
    def reading(self) -> ReadingConfig:
        """Settings of the reading of data."""
        return ReadingConfig(
            text_column=self.text_column,
            label_column=self.label_column,
            text_pair_column=self.text_pair_column,
            pairs=self.pair,
            kind="several" if self.multi_label else "number" if self.regression else "one",
            separator=self.label_separator,
        )

    @property
    def labels_as(self) -> LabelHandling:
        """What labels are: one label for each text, several, or a number."""
        return SeveralLabels(self.threshold) if self.multi_label else Values() if self.regression else OneLabel()

    @property
    def measure(self) -> str | None:
        """Key of the score that chooses the best epoch; None for the choice by how even the classes are."""
        if self.regression:
            return "pearson"
        return None if self.choose_by == "auto" else self.choose_by

    @property
    def is_balanced(self) -> bool:
        """Whether all classes have the same weight in the loss."""
        return self.class_weights == "balanced"

    @property
    def piece_limit(self) -> int | None:
        """Maximum number of words of a piece of a text."""
        return self.piece_words

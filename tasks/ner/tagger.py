"""A trained tagger that finds the entities of sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elmo_lite.errors import require_range
from tasks.inputs.encoders import Encoder
from tasks.inputs.representation import Representation
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedSource, read_tagged
from tasks.saved_task.description import describe
from tasks.saved_task.network import new_network, tokenization_of
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.model import TaggingModel
from tasks.tagging.prediction import Sentence, Span, Tagged
from tasks.tagging.spans.prediction import tag_texts
from tasks.tagging.tags import bioes_labels

__all__ = ["NerTagger", "Span", "Tagged", "new_tagger"]

MAX_LABELS = 4 * 1024 + 1
"""Number of labels of 1,024 entity types; the CRF compares each pair of labels."""


class NerTagger(BaseTagger[NerConfig]):
    """A tagging network with its settings and the tokenisation of strings."""

    kind = "ner"
    config_type = NerConfig
    has_spans = True

    @staticmethod
    def network(config: NerConfig, labels: Sequence[str], representation: Representation) -> TaggingModel:
        """Build the network from its settings."""
        require_range(len(labels), "number of labels", 1, MAX_LABELS)
        return TaggingModel(representation, labels, config.lstm_dim, config.lstm_layers, config.dropout)

    def predict(self, sentences: Iterable[Sentence], min_score: float = 0.0) -> list[list[Span]]:
        """Find the entities of sentences.

        Args:
            sentences: Strings or lists of words.
            min_score: Probability in 0..1; entities below it are left out. Defaults to 0, which leaves none out.

        Returns:
            The entities of each sentence. The list is empty if a sentence has no entities or no words.

        Raises:
            CorpusError: A sentence is neither a string nor a list of words, or ``sentences`` is one string, a
                dictionary or a table.
            CheckpointError: The weights are not finite.
        """
        return [tagged.spans for tagged in self.tag(sentences, min_score, probabilities=False)]

    def predict_texts(self, texts: Iterable[str], min_score: float = 0.0) -> list[list[Span]]:
        """Find the entities of whole texts, which are split into sentences first.

        Args:
            texts: Texts with any number of sentences and lines.
            min_score: Probability in 0..1; entities below it are left out. Defaults to 0, which leaves none out.

        Returns:
            The entities of each text; ``start`` and ``end`` count its characters: ``text[span.start : span.end]`` is
            ``span.text``.

        Raises:
            CorpusError: A text is not a string, or ``texts`` is one string.
            CheckpointError: The weights are not finite.
        """
        return [tagged.spans for tagged in tag_texts(self, texts, min_score)]

    def evaluate(
        self, source: TaggedSource, *, word_column: int | None = None, tag_column: int | None = None
    ) -> dict[str, Any]:
        """Score the tagger on labelled sentences, as ``elmo-lite ner evaluate`` does.

        Args:
            source: A path, the name of a hub data set or data in memory, see ``read_tagged``.
            word_column: Column of the words in a column file, from 0. Detected by default.
            tag_column: Column of the tags, from 0; -1 for the last. Detected by default.

        Returns:
            The scores of ``score_tags``; "interval" and "calibration", see ``certainty``; "confusion", see
            ``confusion_of``; "sentences" and "words", the size of the data; "scheme" and "repaired", see
            ``TaggedData``; "unseen_types", the number of entities of each type that the tagger does not know, which
            count as errors; "words_per_second", the speed of prediction including the encoder.

        Raises:
            CorpusError: The data cannot be used, see ``read_tagged``.
            ModuleNotFoundError: seqeval is not installed.
        """
        return self.judge(read_tagged(source, word_column, tag_column, tokenization=self.tokenization))[0]

    def __repr__(self) -> str:
        """One line: entity types, encoder, word vectors, sizes, tokenisation and device."""
        sizes = {"lstm_dim": self.config.lstm_dim, "lstm_layers": self.config.lstm_layers}
        return f"NerTagger({describe(self.model, self.tokenization, self.device, {'types': self.types}, **sizes)})"


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
    model = new_network(config, NerTagger.network, bioes_labels(types), elmo, train, others)
    return NerTagger(model, config, tokenization_of(config, elmo))

"""Prediction in bulk: sentences are read, tagged and written some thousand at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from elmo_lite.outputs import open_output
from tasks.files import in_chunks
from tasks.saved_task.scores import words_per_second
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.output_formats import Format, format_predictions
from tasks.tagging.prediction import Marked, Sentence, Tagged

log = logging.getLogger("elmo_lite")

OtherT = TypeVar("OtherT")
"""What a row has beside its sentence."""
TextOf = Callable[[list[Tagged], Sequence[OtherT], int], str]
"""Function from predictions, what belongs to each, and the number of the first one, from 1, to text."""


def predict_rows(
    tagger: BaseTagger[Any],
    rows: Iterable[tuple[Sentence, OtherT]],
    output: str | None,
    text_of: TextOf[OtherT],
    *,
    min_score: float = 0.0,
    probabilities: bool = False,
) -> None:
    """Tag sentences and write them to OUTPUT, in order, in bounded memory.

    Args:
        tagger: The tagger.
        rows: Sentences, each with what belongs to it, such as the other fields of its record.
        output: OUTPUT; None for standard output.
        text_of: Function from predictions and what belongs to each to text.
        min_score: Probability in 0..1 below which entities are left out. Defaults to 0.
        probabilities: Keep the probabilities of all labels at each word. Defaults to False.

    Raises:
        CorpusError: The rows cannot be read. A file is not written then.
        ConfigError: ``min_score`` is out of range.
    """
    tagger.check_min_score(min_score)
    per_word = len(tagger.labels) if probabilities else 1
    begun, number, num_words = time.perf_counter(), 0, 0
    with open_output(output) as file:
        for chunk in in_chunks(rows, lambda row: per_word * _size(row[0])):
            sentences = (sentence for sentence, _ in chunk)
            tagged = tagger.tag(sentences, min_score, probabilities=probabilities)
            file.write(text_of(tagged, [other for _, other in chunk], number + 1))
            number, num_words = number + len(tagged), num_words + sum(len(found.words) for found in tagged)
    speed = words_per_second(num_words, begun)
    log.info("%s sentences, %s words/s, encoder included", f"{number:,}", f"{speed:,.0f}")


def text_in(tagger: BaseTagger[Any], kind: Format, probabilities: bool) -> TextOf[Mapping[str, Any]]:
    """Function that writes predictions, with the other fields of their records, in a format of ``FORMATS``."""

    def text_of(tagged: list[Tagged], others: Sequence[Mapping[str, Any]], first: int) -> str:
        return format_predictions(tagged, tagger.labels, kind, probabilities, first=first, others=others)

    return text_of


def _size(sentence: Sentence) -> int:
    """Number of characters of a string, or of words of a list."""
    return len(sentence.words) if isinstance(sentence, Marked) else len(sentence)

"""Scores of sentences as the lines of an output, in one of four formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from elmo_lite.lm.score_formats import TSV_HEADER, json_line, text_lines, tsv_rows
from elmo_lite.lm.score_page import page_begin, page_end, page_sentence
from elmo_lite.lm.surprise import legend
from elmo_lite.lm.word_scores import OOV, SentenceScore, Surprise, TextScore

ScoreFormat = Literal["text", "tsv", "jsonl", "html"]
SCORE_FORMATS: dict[str, ScoreFormat] = {".tsv": "tsv", ".jsonl": "jsonl", ".html": "html", ".txt": "text"}
"""Format of each suffix."""
NO_PROBABILITY = (
    "Log probabilities are natural logarithms. Each direction is a language model of its own: the sum of both is the "
    "log of no probability, as every word is predicted twice."
)


@dataclass(frozen=True, kw_only=True)
class ScoreWriter:
    """What an output says beside the scores."""

    kind: ScoreFormat
    title: str
    """Heading of a page."""
    oov: OOV
    oov_means: str
    """What the score of a word outside of the vocabulary says."""
    surprise: Surprise = "both"
    """Direction whose surprise colours the words."""
    colour: bool = False
    """Whether text has the colours of terminals."""

    def lines(self, scores: Iterable[SentenceScore], total: TextScore) -> Iterator[str]:
        """The lines of the output, without their ends. The scores are added to ``total`` as they are read."""
        notes = [NO_PROBABILITY, f"{self.oov_means[0].upper()}{self.oov_means[1:]}."]
        for number, sentence in enumerate(scores, 1):
            if number == 1:  # not before: the text may be unreadable
                yield from self._begin(notes)
            total.add(sentence)
            if self.kind == "tsv":
                yield from tsv_rows(number, sentence)
            elif self.kind == "jsonl":
                yield json_line(number, sentence, self.oov)
            elif self.kind == "html":
                yield page_sentence(sentence, self.surprise)
            else:
                yield text_lines(sentence, self.surprise, self.colour)
        if self.kind == "html":
            yield page_end(summary(total))
        elif self.kind == "text":
            yield from (summary(total), notes[1])

    def _begin(self, notes: list[str]) -> Iterator[str]:
        if self.kind == "tsv":
            yield "\t".join(TSV_HEADER)
        elif self.kind == "html":
            yield page_begin(self.title, self.surprise, notes)
        elif self.kind == "text" and self.colour:
            yield legend()


def summary(total: TextScore) -> str:
    """The figures of a whole text on one line."""
    score = total.score
    return (
        f"{total.num_sentences:,} sentences, {total.num_words:,} words, {total.num_unknown:,} outside of the "
        f"vocabulary: perplexity {score.forward_perplexity:,.2f} forward, {score.backward_perplexity:,.2f} backward"
    )

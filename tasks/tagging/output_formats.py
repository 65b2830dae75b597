"""Predictions as text, JSONL, columns or CSV. The suffix of a file decides its format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, repeat
from typing import Any, Literal

from elmo_lite.text import JSONL_SUFFIXES
from tasks.files import csv_row, on_one_line
from tasks.tagging.prediction import PREDICATE, Tagged

Format = Literal["text", "jsonl", "columns", "csv"]

COLUMNS = (".conll", ".iob", ".iob2", ".bio", ".tsv")
FORMATS: dict[str, Format] = {
    ".txt": "text",
    **dict.fromkeys(JSONL_SUFFIXES, "jsonl"),
    **dict.fromkeys(COLUMNS, "columns"),
    ".csv": "csv",
}
"""Format of each suffix of OUTPUT."""
TagFormat = Literal["text", "jsonl", "columns", "csv", "conllu"]
TAG_FORMATS: dict[str, TagFormat] = {**FORMATS, ".conllu": "conllu", ".conllup": "conllu"}
"""Those of ``tag predict``, which fills a column of CoNLL-U."""


def format_predictions(
    sentences: Iterable[Tagged],
    labels: Sequence[str],
    kind: Format,
    probabilities: bool = False,
    *,
    first: int = 1,
    others: Iterable[Mapping[str, Any]] = (),
) -> str:
    """Format predictions as the content of a file.

    Args:
        sentences: Predictions of the tagger.
        labels: Labels of the tagger, in the order of the probabilities.
        kind: "text" is ``[PER Anna] works at [ORG Siemens] .`` or, where labels are not those of spans,
            ``Anna/PROPN works/VERB``; "jsonl" is one object per sentence with words, labels, and entities or the
            probabilities of the labels; "columns" is a word, a TAB and a label per line; "csv" is a table with a header
            and a row per word: number of the sentence, from 1, word and label. Tags of spans are IOB2;
            a marked predicate is the span V.
        probabilities: Add marginal probabilities: of the entities or labels in text, of all labels at each word in
            JSONL, and of the predicted label in another column.
        first: Number of the first sentence; a table has its header before sentence 1. Defaults to 1.
        others: Other fields of each sentence for JSONL; one with a name that is taken has ``input_`` before it.
            Defaults to none.
    """
    if kind == "text":
        return "".join(_text(tagged, probabilities) + "\n" for tagged in sentences)
    if kind == "jsonl":
        pairs = zip(sentences, chain(others, repeat({})), strict=False)
        return "".join(_json(tagged, labels, probabilities, more) + "\n" for tagged, more in pairs)
    if kind == "csv":
        header = csv_row(["sentence", "token", "tag", *(["probability"] if probabilities else [])])
        rows = (
            csv_row([str(number), *row])
            for number, tagged in enumerate(sentences, start=first)
            for row in _word_rows(tagged, labels, probabilities)
        )
        return (header if first == 1 else "") + "".join(rows)
    return "".join(_columns(tagged, labels, probabilities) + "\n" for tagged in sentences)


def _text(tagged: Tagged, probabilities: bool) -> str:
    words = list(map(on_one_line, tagged.words))
    if not tagged.decoded.has_spans:
        scores = [f"({score:.2f})" if probabilities else "" for score in tagged.decoded.scores]
        rows = zip(words, tagged.tags, scores, strict=True)
        return " ".join(f"{word}/{on_one_line(label)}{score}" for word, label, score in rows)
    for place in tagged.marked:
        if tagged.tags[place] == f"B-{PREDICATE}":
            words[place] = f"[{PREDICATE} {words[place]}]"
    for span in tagged.spans:
        score = f" {span.score:.2f}" if probabilities else ""
        words[span.start_word] = f"[{span.type}{score} {words[span.start_word]}"
        words[span.end_word - 1] += "]"
    return " ".join(words)


def _json(tagged: Tagged, labels: Sequence[str], probabilities: bool, others: Mapping[str, Any]) -> str:
    row: dict[str, Any] = {"tokens": tagged.words, "tags": tagged.tags}
    if tagged.marked:
        row["predicate"] = list(tagged.marked)
    if tagged.decoded.has_spans:
        row["entities"] = [{**asdict(span), "score": round(span.score, 6)} for span in tagged.spans]
    else:
        row["scores"] = [round(score, 6) for score in tagged.decoded.scores]
    if probabilities:
        row["probabilities"] = [
            {label: round(number, 6) for label, number in zip(labels, numbers, strict=True)}
            for numbers in tagged.decoded.probabilities
        ]
    kept = {f"input_{name}" if name in row else name: storable(value) for name, value in others.items()}
    return json.dumps({**kept, **row}, ensure_ascii=False, allow_nan=False)


def storable(value: Any) -> Any:
    """A value of JSON types; others, such as dates and infinite numbers, as text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _columns(tagged: Tagged, labels: Sequence[str], probabilities: bool) -> str:
    """One line per word. The caller adds the blank line after the sentence."""
    return "".join("\t".join(map(on_one_line, row)) + "\n" for row in _word_rows(tagged, labels, probabilities))


def _word_rows(tagged: Tagged, labels: Sequence[str], probabilities: bool) -> Iterator[list[str]]:
    """The word, label and, on demand, its probability of each word."""
    scores = _label_scores(tagged, labels) if probabilities else [0.0] * len(tagged.words)
    for word, tag, score in zip(tagged.words, tagged.tags, scores, strict=True):
        yield [word, tag, *([f"{score:.4f}"] if probabilities else [])]


def _label_scores(tagged: Tagged, labels: Sequence[str]) -> list[float]:
    """The probability of the predicted label of each word."""
    found = tagged.decoded
    if not found.has_spans:
        return found.scores
    return [row[labels.index(tag)] for row, tag in zip(found.probabilities, found.tags, strict=True)]

"""Scores of words as lines of text, TSV or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from elmo_lite.lm.surprise import coloured, dim
from elmo_lite.lm.word_scores import SentenceScore, Surprise
from elmo_lite.text.vocabulary import BOUNDARY

TSV_HEADER = (
    "sentence", "position", "word", "scored_as", "forward", "backward", "sum", "forward_perplexity",
    "backward_perplexity",
)  # fmt: skip


def tsv_rows(number: int, sentence: SentenceScore) -> list[str]:
    """A row for each word of a sentence, one for the boundary and one for the whole.

    Args:
        number: Number of the sentence, from 1.
        sentence: Its scores.

    Returns:
        Lines in the order of ``TSV_HEADER``. Cells are empty where nothing was scored. In the row of the whole, word is
        empty, position is the number of words, and the scores are totals.
    """
    words = [*(" ".join(word.split()) for word in sentence.words), BOUNDARY]  # blanks and TABs stay inside of the cell
    kinds = [*sentence.scored_as, "boundary"]
    columns = (sentence.forward.tolist(), sentence.backward.tolist(), sentence.sum.tolist())
    rows = [
        _line(number, place, word, kind, *map(_cell, values), "", "")
        for place, (word, kind, *values) in enumerate(zip(words, kinds, *columns, strict=True), 1)
    ]
    total, score = _totals(sentence), sentence.score
    perplexities = (f"{score.forward_perplexity:.4f}", f"{score.backward_perplexity:.4f}")
    rows.append(_line(number, len(sentence.words), "", "sentence", *map(_cell, total.values()), *perplexities))
    return rows


def json_line(number: int, sentence: SentenceScore, oov: str) -> str:
    """A sentence as an object on one line; null where nothing was scored."""
    score = sentence.score
    content: dict[str, Any] = {
        "sentence": number,
        "words": sentence.words,
        "scored_as": sentence.scored_as,
        **{name: _numbers(getattr(sentence, name)[:-1]) for name in ("forward", "backward", "sum")},
        "boundary": {"forward": float(sentence.forward[-1]), "backward": float(sentence.backward[-1])},
        "total": _totals(sentence),
        "perplexity": {"forward": _number(score.forward_perplexity), "backward": _number(score.backward_perplexity)},
        "oov": oov,
    }
    return json.dumps(content, ensure_ascii=False)


def text_lines(sentence: SentenceScore, surprise: Surprise, colour: bool) -> str:
    """The words, coloured by surprise or followed by it in bits, and a line of totals."""
    shown = []
    for word, kind, bits in zip(sentence.words, sentence.scored_as, sentence.bits(surprise)[:-1].tolist(), strict=True):
        plain = f"{word}/{'-' if math.isnan(bits) else f'{bits:.1f}'}"
        shown.append(coloured(word, bits, kind == "word") if colour else plain)
    score = sentence.score
    facts = f"  perplexity {score.forward_perplexity:,.1f} forward, {score.backward_perplexity:,.1f} backward"
    return f"{' '.join(shown)}\n{dim(facts) if colour else facts}"


def _totals(sentence: SentenceScore) -> dict[str, float]:
    score = sentence.score
    number = score.num_predictions
    forward, backward = -score.forward_nats * number, -score.backward_nats * number
    return {"forward": forward, "backward": backward, "sum": forward + backward}


def _line(*cells: object) -> str:
    return "\t".join(map(str, cells))


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [_number(float(value)) for value in values]

"""Scores of words as a page of HTML that needs no other file."""

from __future__ import annotations

import html
import math

from elmo_lite.lm.surprise import BANDS, COLOURS, band_of
from elmo_lite.lm.word_scores import SentenceScore, Surprise

_STYLE = """
  :root { color-scheme: light dark; }
  body { font: 1rem/1.9 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.3rem; line-height: 1.3; }
  p { margin: 0.7rem 0; overflow-wrap: anywhere; }
  small, .note { opacity: 0.75; line-height: 1.4; }
  small { display: block; }
  .skipped { opacity: 0.5; }
  .unknown, .spelling, .unseen { text-decoration: underline dotted; }
  .b1, .b2, .b3, .b4 { color: #000; border-radius: 0.2em; padding: 0.05em 0.15em; }
""" + "".join(f"  .b{number} {{ background: {colour}; }}\n" for number, colour in enumerate(COLOURS, 1))


def page_begin(title: str, surprise: Surprise, notes: list[str]) -> str:
    """The page up to the first sentence.

    Args:
        title: Heading.
        surprise: Direction whose surprise colours the words.
        notes: Sentences of text about the scores.
    """
    legend = " ".join(f'<span class="b{number}">from {least:g}</span>' for number, least in enumerate(BANDS, 1))
    of = "mean of both directions" if surprise == "both" else surprise
    paragraphs = "".join(f'<p class="note">{html.escape(note)}</p>\n' for note in notes)
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f'<p>Bits of surprise, {of}: {legend}; <span class="unknown">outside of the vocabulary</span></p>\n{paragraphs}'
    )


def page_sentence(sentence: SentenceScore, surprise: Surprise) -> str:
    """A sentence; pointing at a word shows its scores."""
    columns = (sentence.forward[:-1], sentence.backward[:-1], sentence.bits(surprise)[:-1])
    cells = zip(sentence.words, sentence.scored_as, *(column.tolist() for column in columns), strict=True)
    words = " ".join(_word(*cell) for cell in cells)
    score = sentence.score
    facts = f"perplexity {score.forward_perplexity:,.1f} forward, {score.backward_perplexity:,.1f} backward"
    return f"<p>{words}<small>{facts}</small></p>"


def page_end(facts: str) -> str:
    """The rest of the page, with the figures of the whole text."""
    return f"<hr>\n<p>{html.escape(facts)}</p>\n</body>\n</html>"


def _word(word: str, kind: str, forward: float, backward: float, bits: float) -> str:
    classes = [] if kind == "word" else [kind]
    title = "not scored"
    if not math.isnan(bits):
        band = band_of(bits)
        classes += [f"b{band}"] * bool(band)
        title = f"log probability {forward:.2f} forward, {backward:.2f} backward; {bits:.1f} bits"
        title += "" if kind == "word" else f" ({kind})"
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return f'<span{attribute} title="{title}">{html.escape(word)}</span>'

"""The tagged sentences of a source whose labels are spans of characters."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from elmo_lite import CorpusError, Tokenization
from tasks.tagging.sentences import TaggedSentence
from tasks.tagging.spans.alignment import tagged_sentences
from tasks.tagging.spans.forms import Form
from tasks.tagging.spans.notes import Notes
from tasks.tagging.spans.offsets import Unit, choose_unit


def read_spans(form: Form, tokenization: Tokenization | None = None) -> tuple[list[TaggedSentence], str]:
    """The sentences of a source with BIOES tags, and what it was read as.

    Args:
        form: The source.
        tokenization: What finds sentences and words. Defaults to that of raw text.

    Raises:
        CorpusError: The source is malformed, a span lies outside of its text, or nothing is labelled.
    """
    tokenization = tokenization or Tokenization(kind="words")
    unit = unit_of(form, tokenization)
    notes = Notes()
    sentences: list[TaggedSentence] = []
    number = 0
    for number, document in enumerate(form.documents(), start=1):
        if document.is_labelled:
            sentences += tagged_sentences(document, tokenization, unit, notes, number)
        else:
            notes.add("texts that nobody has labelled, skipped", document.place_of(0))
    notes.report(form.name)
    if number and not sentences:
        raise CorpusError(f"{form.name}: expected labelled texts with words, found none")
    if sentences and max(Counter(sentence.document for sentence in sentences).values()) == 1:
        sentences = [replace(sentence, document=0) for sentence in sentences]  # each text is a sentence
    return sentences, f"{form.description}; texts: {number:,}"


def unit_of(form: Form, tokenization: Tokenization) -> Unit:
    """The unit of the offsets of a source."""
    if form.unit is not None:
        return form.unit
    return choose_unit(form.documents(needs_labels=False), tokenization, form.name)

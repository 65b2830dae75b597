"""Sentences in, entities out."""

from typing import Any

import pytest
import torch

from elmo_lite import CorpusError, Tokenization
from tasks.inputs.batch import Batch
from tasks.ner import tagger as module
from tasks.ner.config import NerConfig
from tasks.ner.model import Decoded
from tasks.ner.tagger import NerTagger, Span
from tasks.ner.tags import entities_of


class Capitals(torch.nn.Module):
    """Stands for the network: runs of capitalised words are entities."""

    labels = ["O", "B-X", "I-X", "E-X", "S-X"]

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[str]] = []

    def decode(self, batch: Batch) -> list[Decoded]:
        self.seen += batch.words
        found = []
        for words in batch.words:
            entities = entities_of(["I-X" if word[0].isupper() else "O" for word in words])
            probabilities = [[0.0] * len(self.labels) for _ in words]
            found.append(
                Decoded(["O"] * len(words), entities, [0.5 + end / 100 for _, end, _ in entities], probabilities)
            )
        return found


@pytest.fixture
def tagger() -> NerTagger:
    return NerTagger(Capitals(), NerConfig(), Tokenization(kind="words"))  # type: ignore[arg-type]


def test_strings_give_characters(tagger: NerTagger) -> None:
    text = "we saw  New  York's Anna."
    (spans,) = tagger.predict([text])
    assert spans == [
        Span("New  York", "X", 8, 17, 2, 4, 0.54),
        Span("Anna", "X", 20, 24, 5, 6, 0.56),
    ]
    assert all(text[span.start : span.end] == span.text for span in spans)


def test_words_give_numbers_of_words(tagger: NerTagger) -> None:
    expected = [Span("New York", "X", 1, 3, 1, 3, 0.53)]
    assert tagger.predict([["saw", "New", "York"], ("saw", "New", "York")]) == [expected, expected]


def test_order_and_empty_sentences(tagger: NerTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 6)
    sentences: list[Any] = ["", "a b c D", [], "A", "   ", "x Y", "b", "a b c d e f g h i J"]
    found = tagger.predict(iter(sentences))
    assert [[span.text for span in spans] for spans in found] == [[], ["D"], [], ["A"], [], ["Y"], [], ["J"]]
    assert [tagged.words for tagged in tagger.tag(["", "a b"])] == [[], ["a", "b"]]
    assert tagger.predict([]) == []


def test_batches_are_bounded(tagger: NerTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 9)
    shapes: list[tuple[int, ...]] = []
    decode = tagger.model.decode
    monkeypatch.setattr(tagger.model, "decode", lambda batch: shapes.append(batch.mask.shape) or decode(batch))
    tagger.predict([["a"] * length for length in (2, 9, 0, 1, 3, 2)])
    assert shapes == [(3, 2), (1, 3), (1, 9)]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("Anna works", "expected a list of sentences, found one string"),
        (["Anna", 3], "sentence 1: expected a string or a list of words, found 3"),
        ([["Anna", ""]], "sentence 0: expected a string or a list of words"),
        ([["Anna", None]], "sentence 0: expected a string or a list of words"),
    ],
)
def test_wrong_sentences(tagger: NerTagger, sentences: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        tagger.predict(sentences)

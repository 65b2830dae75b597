"""Sentences with a word, their places and counts, in texts and in corpus directories."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CorpusError
from elmo_lite.neighbors import contexts as module
from elmo_lite.neighbors.contexts import corpus_contexts, text_contexts
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.neighbors.conftest import LINES

WHITESPACE = Tokenization(kind="whitespace")


def test_sentences_of_words_with_their_lines(text: Path) -> None:
    with text_contexts(str(text), WHITESPACE, ["plays", "game"]) as found:
        assert [(" ".join(words), place) for words, place in found] == [
            (LINES[0], f"{text}, line 1"),
            (LINES[4], f"{text}, line 5"),
            (LINES[6], f"{text}, line 7"),
        ]
        assert found.counts["play"] == 6 and found.counts["plays"] == 1 and found.counts["missing"] == 0
        assert len(list(found)) == 3, "they can be read again"


def test_running_text_is_split_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("He can't play. They play well.\n\nPlay on!\n")
    with text_contexts(str(path), Tokenization(), ["play"]) as found:
        assert [(words, place) for words, place in found] == [
            (["He", "ca", "n't", "play", "."], f"{path}, line 1"),
            (["They", "play", "well", "."], f"{path}, line 1"),
        ]


def test_records_of_words_are_not_split(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    path.write_text(json.dumps({"words": ["New York", "play"]}) + "\n\n" + json.dumps(["a", "play"]) + "\n")
    with text_contexts(str(path), Tokenization(), ["play"]) as found:
        assert [(words, place) for words, place in found] == [
            (["New York", "play"], f"{path}, line 1"),
            (["a", "play"], f"{path}, line 3"),
        ]


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_text_without_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(content)
    with pytest.raises(CorpusError, match=r"text.txt: expected (text, found an empty file|words, found none)"):
        with text_contexts(str(path), WHITESPACE):
            pass


def test_corpus_directory_has_the_same_sentences(text: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("the last play\n")
    build_corpus([str(text)], tmp_path / "corpus", CorpusSettings(tokenization=WHITESPACE), held_out=[str(held_out)])
    with corpus_contexts(Corpus.open(tmp_path / "corpus"), ["play"]) as found:
        places = [(" ".join(words), place) for words, place in found]
        assert found.counts["play"] == 7 and found.counts["last"] == 1
    wanted = [line for line in LINES if "play" in line.split()]
    assert [line for line, _ in places] == [*wanted, "the last play"]
    assert places[-2:] == [(LINES[6], "train, sentence 6"), ("the last play", "held out, sentence 1")]
    with corpus_contexts(Corpus.open(tmp_path / "corpus")) as found:
        assert len(list(found)) == 7


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(1, 5), max_size=6), max_size=12), st.integers(2, 9), st.sets(st.integers(1, 5)))
def test_spans_do_not_depend_on_the_block(sentences: list[list[int]], block: int, wanted: set[int]) -> None:
    stream = np.array([0, *(number for sentence in sentences for number in (*sentence, 0))], dtype=np.int32)
    is_wanted = np.zeros(6, dtype=bool)
    is_wanted[list(wanted)] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STREAM_BLOCK", block)
        found = [(number, stream[start:end].tolist()) for number, start, end in module._spans(stream, is_wanted)]
    assert found == [(number, words) for number, words in enumerate(sentences, 1) if wanted & set(words)]

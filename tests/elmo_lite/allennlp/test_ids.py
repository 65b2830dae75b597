"""Character ids of batches as AllenNLP made them, and the boundaries put round sentences."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite.allennlp import batch_to_ids
from elmo_lite.allennlp.ids import enclose, lengths_of
from elmo_lite.errors import CorpusError
from elmo_lite.text.characters import begin_sentence_row, encode_words, end_sentence_row
from tests.elmo_lite.published.reference import PublishedModel, random_model

WORDS = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda word: word not in ("<S>", "</S>"))


@given(st.lists(st.lists(WORDS), min_size=1))
def test_ids_of_words(batch: list[list[str]]) -> None:
    ids = batch_to_ids(batch)
    assert ids.dtype == torch.int64
    assert ids.shape == (len(batch), max(map(len, batch)), 50)
    for row, words in zip(ids.numpy(), batch, strict=True):
        assert (row[: len(words)] == encode_words(words)).all()
        assert (row[len(words) :] == 0).all()


def test_boundary_spellings() -> None:
    ids = batch_to_ids([["<S>", "</S>", "<s>"]])[0].numpy()
    assert (ids[0] == begin_sentence_row()).all()
    assert (ids[1] == end_sentence_row()).all()
    assert (ids[2] == encode_words(["<s>"])[0]).all()


def test_ids_agree_with_the_witness(tmp_path: Path) -> None:
    sentence = ["The", "naïve", "🙂", "a" * 70, "é" * 30, ""]
    expected = PublishedModel(*random_model(tmp_path)).encode(sentence)[1:-1]
    assert (batch_to_ids([sentence])[0].numpy() == expected).all()


def test_lone_surrogates_are_left_out() -> None:
    assert torch.equal(batch_to_ids([["a\ud800b"]]), batch_to_ids([["ab"]]))


def test_nothing() -> None:
    assert batch_to_ids([]).shape == (0, 0, 50)
    assert batch_to_ids([[]]).shape == (1, 0, 50)


@pytest.mark.parametrize("sentence", ["a string", b"bytes", ["a", 3], [["a"]]])
def test_no_list_of_words(sentence: Any) -> None:
    with pytest.raises(CorpusError, match="^sentence 1: expected a list of words, found (str|bytes|list) "):
        batch_to_ids([["fine"], sentence])


def test_enclosed() -> None:
    tokens = torch.tensor([[[1], [2]], [[3], [0]], [[0], [0]]])
    enclosed, mask = enclose(tokens, torch.tensor([2, 1, 0]), torch.tensor([8]), torch.tensor([9]))
    assert enclosed[:, :, 0].tolist() == [[8, 1, 2, 9], [8, 3, 9, 0], [8, 9, 0, 0]]
    assert torch.equal(mask, enclosed[:, :, 0] > 0)


def test_lengths() -> None:
    assert lengths_of(torch.tensor([[True, True], [True, False], [False, False]]), "inputs").tolist() == [2, 1, 0]
    with pytest.raises(CorpusError, match="^inputs: sentence 1: expected padding at its end only, found it at word 1$"):
        lengths_of(torch.tensor([[True, True, False], [True, False, True]]), "inputs")

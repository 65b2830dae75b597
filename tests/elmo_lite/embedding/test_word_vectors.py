"""Vectors are remembered by word or by character ids, and forgotten when they must be."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.text.characters import PADDING, encode_words

WORDS = ["The", "naïve", "🙂", "antidisestablishmentarianism", "", "The"]


@pytest.fixture
def bilm() -> BiLM:
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 12)), max_characters=24)
    return BiLM(BiLMConfig(char_cnn=cnn, dim=12, lstm_dim=12)).requires_grad_(False).eval()


def vectors(words: WordVectors, asked: list[str] | np.ndarray) -> Tensor:
    rows = torch.from_numpy(words.rows(asked))
    return words.table[rows]


def test_ids_and_words_have_the_same_vectors(bilm: BiLM) -> None:
    ids = encode_words(WORDS, 24)
    by_word, by_ids = WordVectors(bilm), WordVectors(bilm)
    assert torch.equal(vectors(by_ids, ids), vectors(by_word, WORDS))
    assert len(by_ids) == len(by_word) == 5
    torch.testing.assert_close(vectors(by_ids, ids), bilm.token_vectors(torch.from_numpy(ids)))


def test_ids_that_no_word_has(bilm: BiLM) -> None:
    rows = [np.zeros(24), np.full(24, PADDING), np.full(24, 5), bilm.boundary_char_ids[0].numpy()]
    ids = np.stack(rows).astype(np.int16)
    words = WordVectors(bilm)
    torch.testing.assert_close(vectors(words, ids), bilm.token_vectors(torch.from_numpy(ids)))
    torch.testing.assert_close(vectors(words, ids)[3], words.table[BEGIN_ROW])
    assert not torch.allclose(words.table[BEGIN_ROW], words.table[END_ROW])


@pytest.mark.parametrize("by_ids", [False, True])
def test_room_is_made_for_new_words(bilm: BiLM, by_ids: bool) -> None:
    words = WordVectors(bilm, capacity=8)
    for start in range(0, 60, 3):
        asked = [f"w{number}" for number in range(start, start + 6)]
        ids = encode_words(asked, 24)
        found = vectors(words, ids if by_ids else asked)
        torch.testing.assert_close(found, bilm.token_vectors(torch.from_numpy(ids)))
        assert len(words) <= 8


def test_changed_weights(bilm: BiLM) -> None:
    words = WordVectors(bilm)
    before = vectors(words, WORDS).clone()
    bilm.char_cnn.projection.weight.mul_(2)
    assert not torch.allclose(vectors(words, WORDS), before)


def test_a_copy_starts_empty(bilm: BiLM) -> None:
    words = WordVectors(bilm, capacity=100)
    expected = vectors(words, WORDS)
    other = copy.deepcopy(words)
    assert (len(words), len(other), other.capacity) == (5, 0, 100)
    assert other.bilm is not bilm
    assert torch.equal(vectors(other, WORDS), expected)


def test_precision_is_that_of_the_weights(bilm: BiLM) -> None:
    expected = vectors(WordVectors(bilm), WORDS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(vectors(WordVectors(bilm), WORDS), expected)


def test_an_interrupt_leaves_no_word_without_a_vector(bilm: BiLM, monkeypatch: pytest.MonkeyPatch) -> None:
    words = WordVectors(bilm, capacity=8)
    words.rows(WORDS[:2])

    def interrupted(self: WordVectors, char_ids: Tensor) -> Tensor:
        raise KeyboardInterrupt

    def unset(shape: tuple[int, ...], **options: Any) -> Tensor:
        return torch.full(shape, torch.nan, **options)

    for asked in (["new"], [f"more{number}" for number in range(20)]):  # within the table, and more than it holds
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(WordVectors, "_compute", interrupted)
            patch.setattr(torch, "empty", unset)
            words.rows(asked)
        torch.testing.assert_close(words.table[:2], WordVectors(bilm).table[:2])
        torch.testing.assert_close(vectors(words, asked), vectors(WordVectors(bilm), asked))
        torch.testing.assert_close(vectors(words, WORDS), vectors(WordVectors(bilm), WORDS))


def test_widths_without_words_cost_nothing(bilm: BiLM, monkeypatch: pytest.MonkeyPatch) -> None:
    words = WordVectors(bilm)
    words.rows(["a"])
    blocks: list[int] = []
    compute = bilm.token_vectors
    monkeypatch.setattr(bilm, "token_vectors", lambda ids, longest: (blocks.append(len(ids)), compute(ids, longest))[1])
    words.rows(["b"])
    assert len(blocks) == 1

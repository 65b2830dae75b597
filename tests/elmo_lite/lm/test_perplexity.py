"""Perplexity against a plain loop over words."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.errors import CorpusError
from elmo_lite.lm.perplexity import LMScore, stream_perplexity
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.text.characters import encode_words
from elmo_lite.text.vocabulary import Vocabulary

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=10),
    dim=12,
    lstm_dim=12,
    dropout=0.5,
)
WORDS = ["the", "cat", "sat", "on", "mat", "longer-word-than-fits", "."]
VOCABULARY = Vocabulary(["the", "cat", "."])
CLASSES = np.array([0, *map(VOCABULARY.class_of, WORDS)])
CHAR_IDS = encode_words(WORDS, 10)


def make() -> tuple[BiLM, LMHead]:
    torch.manual_seed(0)
    bilm, head = BiLM(CONFIG), LMHead(len(VOCABULARY), CONFIG.dim)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            parameter.normal_(std=0.5)
    return bilm.eval(), head


def stream_of(sentences: list[list[int]]) -> np.ndarray:
    return np.array([0, *(i for sentence in sentences for i in [*sentence, 0])], dtype=np.int32)


@torch.no_grad()
def plain(bilm: BiLM, head: LMHead, stream: list[int], stateful: bool) -> tuple[float, float, int]:
    """One word at a time, each log probability from a softmax of its own."""
    totals, count = [], 0
    for direction, boundary in (("forward", 0), ("backward", 1)):
        ids = list(stream) if direction == "forward" else list(stream)[::-1]
        total, state, count = 0.0, None, 0
        for word, following in zip(ids[:-1], ids[1:], strict=True):
            if word == 0 and not stateful:
                state = None
            row = bilm.boundary_char_ids[boundary] if word == 0 else torch.from_numpy(CHAR_IDS[word - 1])
            outputs, state = bilm.run_direction(direction, bilm.token_vectors(row[None])[None], state)  # type: ignore[arg-type]
            logits = outputs[-1][0, 0] @ head.weight.T + head.bias
            total -= float(torch.log_softmax(logits, dim=0)[CLASSES[following]])
            count += 1
        totals.append(total / count)
    return totals[0], totals[1], count


SENTENCES = st.lists(st.lists(st.integers(1, len(WORDS)), max_size=9), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(SENTENCES, st.booleans(), st.integers(1, 40))
def test_score_is_the_plain_loop(sentences: list[list[int]], stateful: bool, batch_positions: int) -> None:
    bilm, head = make()
    stream = stream_of(sentences)
    score = stream_perplexity(bilm, head, stream, CHAR_IDS, CLASSES, stateful=stateful, batch_positions=batch_positions)
    forward, backward, count = plain(bilm, head, stream.tolist(), stateful)
    assert score.num_predictions == count == sum(len(sentence) + 1 for sentence in sentences)
    assert score.forward_nats == pytest.approx(forward, abs=1e-5)
    assert score.backward_nats == pytest.approx(backward, abs=1e-5)
    assert score.forward_perplexity == pytest.approx(math.exp(forward), rel=1e-4)


LONG = stream_of([[1, 2, 3, 4, 1, 5, 7], [], [6], [2, 2, 7], [1, 5, 3, 7]] * 9)


def score_long(**options: Any) -> LMScore:
    return stream_perplexity(*make(), LONG, CHAR_IDS, CLASSES, **options)


def test_mode_is_kept_and_dropout_is_off() -> None:
    bilm, head = make()
    bilm.train()
    first = stream_perplexity(bilm, head, LONG, CHAR_IDS, CLASSES, stateful=False)
    assert bilm.training and first == score_long(stateful=False)


def test_words_beyond_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [score_long(stateful=stateful) for stateful in (False, True)]
    monkeypatch.setattr("elmo_lite.lm.perplexity.MAX_TABLE", 3 * CONFIG.dim)  # three words
    for stateful, one in zip((False, True), expected, strict=True):
        found = score_long(stateful=stateful)
        assert found.forward_nats == pytest.approx(one.forward_nats, abs=1e-6)
        assert found.backward_nats == pytest.approx(one.backward_nats, abs=1e-6)


def test_no_sentence() -> None:
    with pytest.raises(CorpusError, match="expected at least one sentence, found 0 words"):
        stream_perplexity(*make(), np.zeros(1, dtype=np.int32), CHAR_IDS, CLASSES, stateful=False)


def test_mean_and_overflow() -> None:
    score = LMScore(2.0, 4.0, 7)
    assert score.mean_nats == 3 and score.mean_perplexity == pytest.approx(math.exp(3))
    assert LMScore(1e4, 1.0, 1).forward_perplexity == math.inf

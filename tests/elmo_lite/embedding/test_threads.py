"""One model in several threads: each sentence has the vectors that it has in one thread."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from elmo_lite.embedding.word_vectors import WordVectors

NUM_THREADS = 8
InThreads = Callable[[Callable[[int], Any]], list[Any]]
CHAR_CNN = CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 12)), max_characters=16)
PLAIN = BiLMConfig(char_cnn=CHAR_CNN, dim=12, lstm_dim=12, dropout=0.5)
PROJECTED = BiLMConfig(char_cnn=CHAR_CNN, dim=12, lstm_dim=20, cell_clip=3.0, projection_clip=3.0, dropout=0.5)


def sentences(seed: int, number: int = 40) -> list[list[str]]:
    """Sentences of words that other seeds share in part."""
    generator = np.random.default_rng(seed)
    return [[f"word{n}" for n in generator.integers(0, 2000, generator.integers(1, 12))] for _ in range(number)]


def make(config: BiLMConfig, dtype: torch.dtype = torch.float32, cache_words: int = 65536) -> Elmo:
    torch.manual_seed(0)
    bilm = BiLM(config).to(dtype).requires_grad_(False)
    return Elmo(bilm, cache_words=cache_words).eval()


@pytest.mark.parametrize("config", [PLAIN, PROJECTED], ids=["plain", "projected"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("cache_words", [65536, 300], ids=["cold cache", "evictions"])
def test_threads_get_the_vectors_of_one_thread(
    in_threads: InThreads, config: BiLMConfig, dtype: torch.dtype, cache_words: int
) -> None:
    expected = [make(config, dtype).embed(sentences(seed)) for seed in range(NUM_THREADS)]
    for _ in range(3):
        elmo = make(config, dtype, cache_words)
        found = in_threads(lambda seed: elmo.embed(sentences(seed), batch_tokens=200))  # noqa: B023
        for right, arrays in zip(expected, found, strict=True):
            for one, other in zip(right, arrays, strict=True):
                np.testing.assert_allclose(other, one, rtol=0, atol=1e-5 if dtype == torch.float32 else 0.02)


def test_tensors_in_threads(in_threads: InThreads) -> None:
    expected = [make(PLAIN)(sentences(seed)).layers for seed in range(NUM_THREADS)]
    elmo = make(PLAIN)
    found = in_threads(lambda seed: elmo(sentences(seed)).layers)
    for right, layers in zip(expected, found, strict=True):
        torch.testing.assert_close(layers, right, rtol=0, atol=1e-5)


def test_a_model_in_training_mode_is_left_in_it(in_threads: InThreads) -> None:
    """Dropout is off for all threads until the last one has finished, and on again after that."""
    expected = [make(PLAIN).embed(sentences(seed)) for seed in range(NUM_THREADS)]
    elmo = make(PLAIN)
    elmo.bilm.train()
    found = in_threads(lambda seed: elmo.embed(sentences(seed), batch_tokens=50))
    assert elmo.bilm.training
    for right, arrays in zip(expected, found, strict=True):
        for one, other in zip(right, arrays, strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-5)


def test_precisions_in_threads(in_threads: InThreads) -> None:
    """Packed weights of one precision are never used for another."""
    elmo = make(PROJECTED)
    expected = elmo.embed(sentences(0))

    def task(number: int) -> list[Any]:
        with torch.autocast("cpu", torch.bfloat16, enabled=number % 2 == 0):
            return [elmo.embed(sentences(0)) for _ in range(5)]

    for number, runs in enumerate(in_threads(task)):
        for arrays in runs:
            for one, other in zip(expected, arrays, strict=True):
                np.testing.assert_allclose(other, one, rtol=0, atol=0.05 if number % 2 == 0 else 1e-5)


def test_a_table_in_threads(in_threads: InThreads) -> None:
    bilm = make(PLAIN).bilm
    spelling = [f"word{n}" for n in range(500)]
    table = WordVectors(bilm)
    expected = {word: table.gather(lambda word=word: table.rows([word]))[0] for word in spelling}
    shared = WordVectors(bilm, capacity=64)

    def task(seed: int) -> list[tuple[str, torch.Tensor]]:
        found = []
        for word in np.random.default_rng(seed).permutation(spelling).tolist():
            found.append((word, shared.gather(lambda word=word: shared.rows([word]))[0]))
        return found

    for pairs in in_threads(task):
        for word, vector in pairs:
            assert torch.equal(vector, expected[word])


def test_the_drop_in_in_threads(in_threads: InThreads) -> None:
    """The token layer gives each thread its own vectors; batches with states come one after the other."""
    from elmo_lite.allennlp import batch_to_ids
    from elmo_lite.allennlp.layers import CharacterEncoder, StatefulLSTM

    bilm = make(PROJECTED).bilm
    batches = [batch_to_ids(sentences(seed, 4), CHAR_CNN.max_characters) for seed in range(NUM_THREADS)]
    encoded = [CharacterEncoder(bilm)(batch) for batch in batches]
    encoder = CharacterEncoder(bilm)
    for right, found in zip(encoded, in_threads(lambda n: encoder(batches[n])["token_embedding"]), strict=True):
        assert torch.equal(found, right["token_embedding"])
    lstm = copy.deepcopy(StatefulLSTM(bilm))
    lstm.stateful = False
    expected = [lstm(batch["token_embedding"], batch["mask"]) for batch in encoded]
    found = in_threads(lambda n: lstm(encoded[n]["token_embedding"], encoded[n]["mask"]))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    # With states, batches come one after the other: together the threads get what as many calls in a row give.
    one = encoded[0]
    lstm.stateful = True
    in_a_row = [lstm(one["token_embedding"], one["mask"]) for _ in range(NUM_THREADS)]
    lstm.reset_states()
    found = in_threads(lambda _: lstm(one["token_embedding"], one["mask"]))
    left = list(in_a_row)
    for layers in found:
        matches = [index for index, other in enumerate(left) if torch.equal(layers, other)]
        assert matches, "states of two threads were mixed"
        left.pop(matches[0])

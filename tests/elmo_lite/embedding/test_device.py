"""Vectors, drop-in modules and language models on a GPU, pretended or real: the values of the CPU."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import Elmo
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.lm.perplexity import stream_perplexity
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.text.characters import encode_sentences, encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.pretend_gpu import DEVICES, WrongDeviceError, bfloat16, gpu

CNN = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), num_highway=1)
PLAIN = BiLMConfig(char_cnn=CNN, dim=8, lstm_dim=8, num_layers=2)
CONFIGS = {"plain": PLAIN, "projected": dataclasses.replace(PLAIN, lstm_dim=16, cell_clip=3.0, projection_clip=3.0)}
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "a-word-of-more-than-eighteen-characters"]
SENTENCES = [["the", "cat", "sat"], ["a", "mat"], [], WORDS, ["and"] * 9]


def make(engine: str) -> BiLM:
    torch.manual_seed(0)
    return BiLM(CONFIGS[engine]).eval().requires_grad_(False)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", CONFIGS)
def test_vectors_are_those_of_the_cpu(engine: str, device: str) -> None:
    expected, there = Elmo(make(engine)), Elmo(make(engine))
    arrays = expected.embed(SENTENCES, batch_tokens=16)  # long sentences run in chunks
    with gpu(device):
        found = there.to("cuda").embed(SENTENCES, batch_tokens=16)
        layers = there(SENTENCES).layers.cpu().numpy()
    for one, other in zip(found, arrays, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    for row, array in enumerate(arrays):
        np.testing.assert_allclose(layers[:, row, : array.shape[1]], array, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", CONFIGS)
def test_vectors_in_bfloat16_are_near(engine: str, device: str) -> None:
    arrays, there = Elmo(make(engine)).embed(SENTENCES), Elmo(make(engine))
    with gpu(device):
        found = there.to("cuda", torch.bfloat16).embed(SENTENCES)
    for one, other in zip(found, arrays, strict=True):
        np.testing.assert_allclose(one, other, atol=0.05)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", CONFIGS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_of_a_trained_encoder(engine: str, precision: str, device: str) -> None:
    bilm = make(engine).requires_grad_(True)
    there, char_ids = copy.deepcopy(bilm), torch.from_numpy(encode_sentences(SENTENCES, 50))
    bilm(char_ids).layers.square().mean().backward()
    with gpu(device) as mode:
        mode.host(char_ids)
        there.to("cuda")
        with bfloat16(device) if precision == "bfloat16" else torch.enable_grad():
            output = there(char_ids.to("cuda"))
        output.layers.float().square().mean().backward()
        found = [parameter.grad.cpu() for parameter in there.parameters() if parameter.grad is not None]
    expected = [parameter.grad for parameter in bilm.parameters() if parameter.grad is not None]
    assert len(found) == len(expected)
    tolerance = {"rtol": 1e-3, "atol": 1e-5} if precision == "float32" else {"rtol": 0.1, "atol": 0.01}
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.float(), other, **tolerance)


def language_model(engine: str) -> LanguageModel:
    vocabulary, bilm = Vocabulary(WORDS), make(engine)
    head = LMHead(len(vocabulary), 8).requires_grad_(False)
    return LanguageModel(bilm, head, vocabulary, Tokenization(kind="whitespace"))


def moved(lm: LanguageModel) -> LanguageModel:
    lm.bilm.to("cuda")
    lm.head.to("cuda")
    return lm


def answers(lm: LanguageModel) -> dict[str, Any]:
    """What a language model says, as numbers."""
    scores = lm.score(SENTENCES)
    ids = np.array([0, 1, 2, 3, 0, 5, 6, 0], dtype=np.int32)
    classes = np.array([0, *range(2, 2 + len(WORDS))])
    stream = stream_perplexity(lm.bilm, lm.head, ids, encode_words(WORDS, 50), classes, stateful=False)
    return {
        "scores": np.concatenate([np.concatenate([score.forward, score.backward]) for score in scores]),
        "next": [candidate.probability for candidate in lm.next_words("the cat", top_k=None)],
        "blank": [candidate.probability for candidate in lm.fill("the ___ sat", top_k=None)],
        "perplexity": list(stream.to_dict().values()),
    }


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", CONFIGS)
def test_a_language_model_is_that_of_the_cpu(engine: str, device: str) -> None:
    expected, there = answers(language_model(engine)), language_model(engine)
    with gpu(device):
        found = answers(moved(there))
        text = there.generate("the cat", 5, num_samples=2, seed=1, top_p=0.9)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5)
    assert len(text) == 2


@pytest.mark.parametrize("engine", CONFIGS)
def test_no_float64_on_a_gpu_that_lacks_it(engine: str) -> None:
    expected, there = answers(language_model(engine)), language_model(engine)
    elmo, arrays = Elmo(make(engine)), Elmo(make(engine)).embed(SENTENCES)
    with gpu(kind="mps"):
        found, vectors = answers(there), elmo.embed(SENTENCES)
        there.generate("the cat", 5, seed=1, temperature=0.8, top_k=3)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5)
    for one, other in zip(vectors, arrays, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_tensor_left_on_the_cpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    arange = torch.arange
    with gpu(), pytest.raises(WrongDeviceError, match="tensors of cuda and cpu"):
        elmo, char_ids = make("plain"), torch.zeros(2, 3, 50, dtype=torch.int16, device="cuda")
        monkeypatch.setattr(torch, "arange", lambda *numbers, **_: arange(*numbers))
        elmo.to("cuda")(char_ids)

"""Heads on a GPU, pretended or real: losses, gradients and answers of the CPU, and what is waited for."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from elmo_lite import Elmo
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from tasks.classification.bcn import BCNConfig
from tasks.classification.documents import batch_of
from tasks.classification.model import ClassificationModel
from tasks.classification.ngrams import NgramModel
from tasks.classification.outputs import OneLabelOutputs, SeveralLabelsOutputs, ValueOutputs
from tasks.classification.pooled_head import PooledConfig
from tasks.inputs.batch import collate
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs
from tasks.tagging.model import TaggingModel
from tasks.training.calibration import fit_scales
from tests.pretend_gpu import DEVICES, WrongDeviceError, bfloat16, gpu

SENTENCES = [["the", "cat", "sat"], ["a", "dog"], ["birds", "sing", "in", "the", "tree"]]
LABELS = ["O", "S-A", "B-A", "I-A", "E-A"]
TAGS = [[0, 1, 0], [0, 0], [2, 3, 4, 0, 1]]
CNN = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), num_highway=1)
ENCODER = BiLMConfig(char_cnn=CNN, dim=8, lstm_dim=8, num_layers=2)
WORDS = WordInputConfig(word_dim=6, char_filters=5, dropout=0.0, unknown_rate=0.0)
BCN = BCNConfig(
    feed_forward_dim=5, lstm_dim=4, maxout_dims=(6,), feed_forward_dropout=0, pooled_dropout=0, maxout_dropout=0
)
POOLED = PooledConfig(hidden_dim=6, dropout=0)

INPUTS = {
    "word_inputs.py:_looked_up tensor, copied",
    "word_inputs.py:forward to, copied",
    "word_inputs.py:_of_words to, copied",
    "spelling.py:forward tensor, copied",
}
"""What any head waits for: numbers of words, and their characters, on their way to the GPU."""
CRF = {"recursions.py:can_be_scaled __bool__", "recursions.py:sums_of_pairs __bool__"}
"""What the loss of a CRF waits for: whether scores differ too much."""


def representation(**settings: Any) -> Representation:
    torch.manual_seed(0)
    elmo = Elmo(BiLM(ENCODER)).eval()
    config = EncoderConfig(encoder="x", dropout=0.0, **settings)
    return Representation(WordInputs.build(WORDS, SENTENCES), elmo, config)


def layers_of(model: nn.Module) -> Tensor | None:
    """The layers that the cache of a frozen encoder would have; None if it is trained."""
    read: Any = model.representation
    return read.elmo(SENTENCES).layers[read.layers].clone() if read.config.freeze else None


def tagger(kind: str) -> tuple[Any, Any]:
    settings: dict[str, dict[str, Any]] = {
        "crf": {},
        "concat": {"layers": "concat", "projection": 4},
        "mix": {"mix_dropout": 0.2, "mix_l2": 0.1},
        "output mix": {"layers": "top", "output_mix": True},
        "trained encoder": {"freeze": False},
    }
    marks = [[0], [], [1, 2]] if kind == "softmax" else None
    choice: dict[str, Any] = {"has_spans": False, "output_layer": "softmax", "mark_dim": 3} if marks else {}
    model = TaggingModel(representation(**settings.get(kind, {})), LABELS, 6, 2, 0.0, **choice)
    return model, collate(SENTENCES, TAGS, layers_of(model), marks)


def classifier(kind: str) -> tuple[Any, Any]:
    pairs, pieces = "pairs" in kind, 2 if "pieces" in kind else None
    outputs: Any = OneLabelOutputs()
    targets, labels = torch.tensor([0, 1, 2]), ["x", "y", "z"]
    if "several" in kind:
        outputs, targets = SeveralLabelsOutputs(0.5), torch.tensor([[0, 1], [-1, -1], [2, -1]])
    elif "number" in kind:
        outputs, targets, labels = ValueOutputs(), torch.tensor([0.1, 0.2, 0.3]), ["value"]
        outputs.fit([0.1, 0.2, 0.4])
    model = ClassificationModel(representation(), labels, BCN if "bcn" in kind else POOLED, outputs, pairs)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    if "n-grams" in kind:
        model.ngrams = NgramModel(SENTENCES[0], len(labels), pairs)
        for buffer in model.ngrams.buffers():
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    layers = layers_of(model)
    assert layers is not None
    read = None if pairs or pieces else lambda numbers: layers[:, list(numbers)]
    return model, batch_of([[words, SENTENCES[0]] if pairs else [words] for words in SENTENCES], pieces, targets, read)


MAKE = {kind: tagger for kind in ("crf", "softmax", "concat", "mix", "output mix", "trained encoder")}
MAKE |= {f"{head}, {kind}": classifier for head in ("pooled", "bcn") for kind in ("label", "several", "number")}
MAKE |= {f"{head}, {kind}": classifier for head in ("pooled", "bcn") for kind in ("pairs", "pieces")}
MAKE |= {f"pooled, n-grams, {kind}": classifier for kind in ("label", "several", "number", "pairs", "pieces")}


def host(mode: Any, batch: Any) -> None:
    mode.host(*(value for value in vars(batch).values() if isinstance(value, Tensor)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", MAKE)
def test_a_head_is_that_of_the_cpu(kind: str, device: str) -> None:
    model, batch = MAKE[kind](kind)
    model.train().representation.input_mix.eval()  # layers are left out at random
    there = copy.deepcopy(model)
    loss = model.loss(batch)
    loss.backward()
    answers = model.eval().predict(batch)
    probabilities = None if isinstance(model, TaggingModel) else model.probabilities(batch)
    with gpu(device) as mode:
        host(mode, batch)
        moved = batch.to("cuda")
        of_gpu = there.to("cuda").loss(moved)
        of_gpu.backward()
        gradients = [parameter.grad.cpu() for parameter in there.parameters() if parameter.grad is not None]
        found = there.eval().predict(moved)
        if isinstance(there, TaggingModel):
            assert [decoded.tags for decoded in there.decode(moved)] == found
        else:
            of_labels = there.probabilities(moved).cpu()
        of_gpu = of_gpu.cpu()
    torch.testing.assert_close(of_gpu, loss, rtol=1e-4, atol=1e-5)
    expected = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=5e-3, atol=2e-4)
    if probabilities is not None:
        torch.testing.assert_close(of_labels, probabilities, rtol=1e-3, atol=1e-4)
    if "number" in kind:
        np.testing.assert_allclose(found, answers, rtol=1e-4)
    else:
        assert found == answers


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", MAKE)
def test_a_head_learns_in_bfloat16(kind: str, device: str) -> None:
    model, batch = MAKE[kind](kind)
    expected = float(model.train().loss(batch).detach())
    with gpu(device) as mode:
        host(mode, batch)
        model.to("cuda")
        with bfloat16(device):
            loss = model.loss(batch.to("cuda"))
        loss.backward()
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
        assert float(loss.detach()) == pytest.approx(expected, rel=0.2, abs=0.1)


@pytest.mark.parametrize("kind", MAKE)
def test_what_a_step_waits_for(kind: str) -> None:
    model, batch = MAKE[kind](kind)
    model.train()
    with gpu() as mode:  # the batch is there
        model.loss(batch).backward()
    waits = [wait for wait in mode.waits if wait not in INPUTS]
    if "pairs" in kind or "pieces" in kind or kind == "trained encoder":
        return  # sizes that only the GPU knows
    allowed = CRF if kind in ("crf", "concat", "mix", "output mix") else set()
    assert set(waits) <= allowed, waits


@pytest.mark.parametrize("kind", ["crf", "softmax", "pooled, n-grams, label", "bcn, number"])
def test_no_float64_on_a_gpu_that_lacks_it(kind: str) -> None:
    model, batch = MAKE[kind](kind)
    with gpu(kind="mps") as mode:
        host(mode, batch)
        moved = batch.to("mps")
        model.train().loss(moved).backward()
        model.eval().predict(moved)
        if kind != "bcn, number":
            fit_scales(model, [Sentence(SENTENCES[0])], lambda _: batch, torch.device("mps"))


class Sentence:
    """An example for the calibration, whose batch is made elsewhere."""

    def __init__(self, words: list[str]) -> None:
        self.words = words


def test_a_tensor_left_on_the_cpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    arange, (model, batch) = torch.arange, tagger("crf")
    monkeypatch.setattr(torch, "arange", lambda *numbers, **_: arange(*numbers))
    with gpu(), pytest.raises(WrongDeviceError, match="tensors of cuda and cpu"):
        model.loss(batch)

"""Pretraining on a GPU, pretended or real: the values of the CPU, what is waited for, carried states."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from elmo_lite.corpus.batches import SentenceBatches, WindowBatches
from elmo_lite.fields import from_settings
from elmo_lite.metadata import read_yaml
from elmo_lite.nn import sampled_softmax
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.presets import preset_path
from elmo_lite.pretraining import speed
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.text.characters import encode_words
from tests.pretend_gpu import DEVICES, WrongDeviceError, bfloat16, gpu

WORDS = [f"w{number}" * (1 + number % 3) for number in range(20)]
CLASSES = 22
PRESETS = ("laptop", "workstation", "original")
WAITS = {"lm_head.py:sampled_loss unique", "optimizers.py:clip_gradients __float__"}
"""What a training step waits for: the number of distinct classes, and whether the gradients are finite."""


class Table:
    char_ids = encode_words(WORDS, 50)
    class_of_word = np.array([0, *range(2, CLASSES)], dtype=np.int32)


def stream() -> Any:
    rng = np.random.default_rng(0)
    sentences = [np.append(rng.integers(1, len(WORDS) + 1, rng.integers(2, 9)), 0) for _ in range(60)]
    return np.concatenate([[0], *sentences]).astype(np.int32)


def make(preset: str, num_samples: int = CLASSES, dropout: float = 0.0) -> tuple[LanguageModel, Any]:
    """A preset with small layers, and its batches."""
    config = from_settings(PretrainConfig, read_yaml(preset_path(preset)))
    cells = 16 if config.model.is_projected else 8
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), num_highway=1)
    model = dataclasses.replace(config.model, char_cnn=cnn, dim=8, lstm_dim=cells, dropout=dropout)
    config = dataclasses.replace(config, model=model)
    torch.manual_seed(0)
    bilm, head = BiLM(model), LMHead(CLASSES, 8)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            if parameter.requires_grad:
                parameter.normal_(std=0.3)
    head.prepare_sampling(torch.arange(CLASSES) + 1.0, num_samples)
    if config.data.batching == "windows":
        return LanguageModel(bilm, head, config, 100), WindowBatches(Table(), stream(), rows=4, length=10, seed=0)
    return LanguageModel(bilm, head, config, 100), SentenceBatches(
        Table(), stream(), num_words=40, max_length=9, seed=0
    )


def take_steps(module: LanguageModel, batches: Any, device: str, number: int = 2) -> tuple[list[float], list[Tensor]]:
    """The losses of some steps, and the gradients of the last."""
    optimizer = module.configure_optimizers()["optimizer"]
    losses = []
    for step in range(number):
        module.seed_step(step)
        loss = module.loss(batches.batch(step).to(torch.device(device)))
        optimizer.zero_grad()
        loss.backward()
        module.clip(step)
        optimizer.step()
        losses.append(loss.detach())
    found = [p.grad.to_dense() for p in module.parameters() if p.grad is not None]
    return [float(loss) for loss in losses], [gradient.cpu() for gradient in found]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("preset", PRESETS)
def test_steps_are_those_of_the_cpu(preset: str, device: str) -> None:
    module, batches = make(preset)
    there = copy.deepcopy(module)
    expected, gradients = take_steps(module, batches, "cpu")
    with gpu(device):
        found, of_gpu = take_steps(there.to("cuda:0"), batches, "cuda:0")
    assert found == pytest.approx(expected, rel=1e-3)
    for one, other in zip(of_gpu, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=2e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("preset", PRESETS)
def test_steps_in_bfloat16_are_near_those_of_float32(preset: str, device: str) -> None:
    module, batches = make(preset)
    there = copy.deepcopy(module)
    expected, _ = take_steps(module, batches, "cpu")
    with gpu(device), bfloat16(device):
        found, gradients = take_steps(there.to("cuda:0"), batches, "cuda:0")
    assert found == pytest.approx(expected, rel=0.05)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("preset", PRESETS)
def test_with_dropout_and_a_sample_of_classes(preset: str, device: str) -> None:
    module, batches = make(preset, num_samples=8, dropout=0.2)
    with gpu(device):
        losses, gradients = take_steps(module.to("cuda:0"), batches, "cuda:0")
    assert np.isfinite(losses).all() and all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_step_waits_for(preset: str) -> None:
    module, batches = make(preset, num_samples=8, dropout=0.2)
    optimizer = module.configure_optimizers()["optimizer"]
    with gpu() as mode:
        batch = batches.batch(1).to(torch.device("cuda:0"))
        module.loss(batch).backward()
        module.clip(1)
        optimizer.step()
    assert sorted(mode.waits) == sorted(WAITS)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("preset", PRESETS)
def test_validation_is_that_of_the_cpu(preset: str, device: str) -> None:
    module, batches = make(preset)
    found = []
    for name in ("cpu", device):
        with gpu(device) if name == device else torch.no_grad():
            there = copy.deepcopy(module).to("cpu" if name == "cpu" else "cuda:0").eval()
            there.on_validation_epoch_start()
            with torch.no_grad():
                there.validation_step(batches.batch(0).to(there.device), 0)
            nats, known = there.validation_nats()
            found.append([*nats.values(), known])
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_carried_states_go_on_where_the_model_is(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is read to the CPU, before the trainer has moved the model to its device."""
    module, batches = make("original")
    there = copy.deepcopy(module)
    take_steps(module, batches, "cpu")
    state: dict[str, Any] = {}
    module.on_save_checkpoint(state)
    there.load_state_dict(module.state_dict())
    expected = module.loss(batches.batch(2))
    schedule = there.configure_optimizers()["lr_scheduler"]["scheduler"]
    monkeypatch.setattr(there, "lr_schedulers", lambda: schedule)
    with gpu(device) as mode:
        mode.host(*(part for layers in state["carried_states"].values() for layer in layers for part in layer))
        there.on_load_checkpoint(state)
        there.to("cuda:0")
        there.on_train_start()
        found = there.loss(batches.batch(2).to(torch.device("cuda:0"))).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_chunks_of_the_softmax_do_not_matter(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for numbers in (sampled_softmax.GPU_CHUNK_NUMBERS, 1):
        monkeypatch.setattr(sampled_softmax, "GPU_CHUNK_NUMBERS", numbers)
        head = LMHead(CLASSES, 8)
        torch.manual_seed(1)
        with torch.no_grad():
            head.weight.normal_()
        head.prepare_sampling(torch.ones(CLASSES), CLASSES)
        states, targets = torch.randn(200, 8), torch.randint(CLASSES, (200,))
        with gpu(device) as mode:
            mode.host(states, targets)
            loss = head.to("cuda:0").sampled_loss(states.to("cuda:0"), targets.to("cuda:0"))
            loss.backward()
            found.append((loss.cpu(), head.weight.grad.to_dense().cpu()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_tensor_left_on_the_cpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batches = make("laptop")
    sample = LMHead.sample
    monkeypatch.setattr(LMHead, "sample", lambda head, generator=None: sample(head, generator).cpu())
    with gpu(), pytest.raises(WrongDeviceError, match="cat: tensors of cuda and cpu"):
        module.loss(batches.batch(0).to(torch.device("cuda:0")))


def test_peak_memory_is_that_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device=None: asked.append(device) or 3 * 2**30)
    assert speed._peak_memory(torch.device("cuda:1")) == 3 * 2**30
    assert asked == [torch.device("cuda:1")]


def test_batches_for_a_gpu_are_made_meanwhile() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda:0")
    assert [speed._step_seconds(1.0, 2.0, device) for device in (cpu, gpu)] == [3.0, 2.0]
    assert speed._step_seconds(2.0, 1.0, gpu) == 2.0  # the GPU waits for batches

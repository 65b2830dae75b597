"""The training module: its loss in the plain, states carried over windows, seeds by step, validation as scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.batches import SentenceBatches, WindowBatches
from elmo_lite.errors import TrainingError
from elmo_lite.lm.perplexity import stream_perplexity
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.pretraining import training_module
from elmo_lite.pretraining.config import DataConfig, OptimizerConfig, PretrainConfig
from elmo_lite.pretraining.muon import Muon
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.text.characters import encode_words

SPELLINGS = ["the", "cat", "sat", "on", "a", "mat", "."]
STREAM = np.array([0, 1, 2, 3, 0, 5, 2, 3, 4, 1, 6, 7, 0, 1, 6, 0, 5, 5, 5, 2, 7, 0] * 3 + [2, 0], dtype=np.int32)
CLASSES = 9


class Words:
    char_ids = encode_words(SPELLINGS, 10)
    class_of_word = np.array([0, 2, 3, 4, 5, 6, 7, 1], dtype=np.int32)  # "." is the unknown class


def make(batching: str = "sentences", **changes: Any) -> LanguageModel:
    torch.manual_seed(0)
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), max_characters=10)
    model = BiLMConfig(char_cnn=cnn, dim=6, lstm_dim=6, dropout=0.3)
    data = DataConfig(batching=batching, batch_words=12, max_length=6)  # type: ignore[arg-type]
    config = PretrainConfig(model=model, data=data, **changes)
    bilm, head = BiLM(model), LMHead(CLASSES, 6)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            if parameter.requires_grad:
                parameter.normal_(std=0.5)
    head.prepare_sampling(torch.ones(CLASSES), CLASSES)
    return LanguageModel(bilm, head, config, max_steps=10)


def windows(rows: int = 2, length: int = 5) -> WindowBatches:
    return WindowBatches(Words(), STREAM, rows=rows, length=length, seed=0)


def sentences() -> SentenceBatches:
    return SentenceBatches(Words(), STREAM, num_words=20, max_length=20, seed=0)


@torch.no_grad()
def plain_nats(module: LanguageModel, batches: list[Batch]) -> tuple[float, float, int]:
    """Row by row, word by word, a softmax of its own for each: nats of both directions over batches in a row."""
    sums, number = [0.0, 0.0], 0
    for which, direction in enumerate(("forward", "backward")):
        states: dict[int, Any] = {}
        for batch in batches:
            inputs = batch.forward_inputs if direction == "forward" else batch.backward_inputs
            targets = batch.forward_targets if direction == "forward" else batch.backward_targets
            rows, length = inputs.shape
            real = set(batch.real.tolist())
            if batch.starts_afresh:
                states = {}
            for row in range(rows):
                for t in range(length):
                    if row * length + t not in real:
                        continue
                    vector = module.bilm.token_vectors(batch.char_ids[inputs[row, t]][None])
                    layers, states[row] = module.bilm.run_direction(direction, vector[None], states.get(row))  # type: ignore[arg-type]
                    logits = F.linear(layers[-1][0], module.head.weight, module.head.bias)
                    sums[which] += F.cross_entropy(logits, targets[row, t][None]).item()
                    number += which == 0
    return sums[0], sums[1], number


def test_loss_is_the_mean_of_both_directions() -> None:
    """Every class is sampled here, so the loss is that of the full softmax."""
    module = make().eval()
    batch = sentences().batch(1)
    forward, backward, number = plain_nats(module, [batch])
    assert number == batch.num_words
    assert module.loss(batch).item() == pytest.approx((forward + backward) / (2 * number), rel=1e-5)


def test_states_are_carried_over_windows() -> None:
    module, source = make("windows").eval(), windows()
    batches = [source.batch(step) for step in range(source.steps_per_epoch + 1)]
    losses = [module.loss(batch).item() for batch in batches]
    sums = [plain_nats(module, batches[: n + 1])[:2] for n in range(source.steps_per_epoch)]
    totals = [(forward + backward) / 20 for forward, backward in sums]
    steps = np.diff([0.0, *totals])
    assert losses[:-1] == pytest.approx(steps.tolist(), rel=1e-4)
    afresh = make("windows").eval()  # a new pass forgets
    assert losses[-1] == pytest.approx(afresh.loss(batches[-1]).item(), rel=1e-6)


def test_sentences_carry_nothing() -> None:
    module = make().eval()
    batches = [sentences().batch(step) for step in (0, 1, 0)]
    losses = [module.loss(batch).item() for batch in batches]
    assert losses[0] == losses[2]
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint["carried_states"] == {}


def test_gradients_end_at_the_window() -> None:
    module, source = make("windows"), windows()
    module.loss(source.batch(0))
    module.loss(source.batch(1)).backward()  # a second pass through the first window would fail
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    assert all(
        not part.requires_grad for state in checkpoint["carried_states"].values() for pair in state for part in pair
    )


def test_carried_states_are_saved_and_restored() -> None:
    module, source = make("windows").eval(), windows()
    for step in range(2):
        module.loss(source.batch(step))
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    resumed = make("windows").eval()
    resumed.on_load_checkpoint(checkpoint)
    assert torch.equal(module.loss(source.batch(2)), resumed.loss(source.batch(2)))
    # the state that was saved is not what training went on with
    later: dict[str, Any] = {}
    module.on_save_checkpoint(later)
    assert not torch.equal(later["carried_states"]["forward"][0][0], checkpoint["carried_states"]["forward"][0][0])


def losses_after(step: int, noise: int) -> list[float]:
    module = make()
    module.head.prepare_sampling(torch.ones(CLASSES), 3)
    torch.rand(noise)
    module.seed_step(step)
    return [module.loss(sentences().batch(0)).item() for _ in range(2)]


def test_a_step_is_random_by_its_number_alone() -> None:
    assert losses_after(3, 0) == losses_after(3, 17)
    assert losses_after(3, 0) != losses_after(4, 0)
    assert losses_after(3, 0)[0] != losses_after(3, 0)[1]  # dropout and samples go on within a step


def test_clip_bounds_the_norm_of_all_gradients() -> None:
    module = make(optimizer=OptimizerConfig(gradient_clip=0.01))
    module.loss(sentences().batch(0)).backward()
    gradients: list[Tensor] = [p.grad for p in module.parameters() if p.grad is not None]
    assert any(gradient.is_sparse for gradient in gradients) and any(not gradient.is_sparse for gradient in gradients)
    module.clip(0)
    total = sum(float(gradient.to_dense().square().sum()) for gradient in gradients)
    assert math.sqrt(total) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_clip_stops_at_what_is_not_finite(value: float) -> None:
    module = make()
    with torch.no_grad():
        module.bilm.char_cnn.projection.weight[0, 0] = value
    module.loss(sentences().batch(0)).backward()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    with pytest.raises(TrainingError, match="^step 41: expected finite gradients, found a norm of ") as error:
        module.clip(41)
    assert "\n" not in str(error.value)
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("batching", ["sentences", "windows"])
def test_validation_is_the_full_softmax(batching: str) -> None:
    module = make(batching).eval()
    module.head.prepare_sampling(torch.ones(CLASSES), 2)  # which validation must not look at
    source = windows() if batching == "windows" else sentences()
    batches = [source.batch(step) for step in range(source.steps_per_epoch)]
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.__setitem__(name, float(value))  # type: ignore[method-assign, assignment]
    for _ in range(2):  # the second time from the beginning again
        module.on_validation_epoch_start()
        with torch.no_grad():
            for index, batch in enumerate(batches):
                module.validation_step(batch, index)
        module.on_validation_epoch_end()
        forward, backward, number = plain_nats(module, batches)
        assert logged["val/forward_nats"] == pytest.approx(forward / number, rel=1e-4)
        assert logged["val/backward_nats"] == pytest.approx(backward / number, rel=1e-4)
        assert logged["val/nats"] == pytest.approx((forward + backward) / 2 / number, rel=1e-4)
        assert logged["val/forward_perplexity"] == pytest.approx(math.exp(forward / number), rel=1e-3)
    if batching == "sentences":
        score = stream_perplexity(module.bilm, module.head, STREAM, Words.char_ids, Words.class_of_word, stateful=False)
        assert score.num_predictions == sum(batch.num_words for batch in batches)
        assert logged["val/forward_nats"] == pytest.approx(score.forward_nats, rel=1e-4)
        assert logged["val/backward_nats"] == pytest.approx(score.backward_nats, rel=1e-4)


def test_validation_leaves_the_states_of_training() -> None:
    module, source = make("windows").eval(), windows()
    module.loss(source.batch(0))
    module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    module.on_validation_epoch_start()
    with torch.no_grad():
        module.validation_step(source.batch(3), 0)
    undisturbed = make("windows").eval()
    undisturbed.loss(source.batch(0))
    assert torch.equal(module.loss(source.batch(1)), undisturbed.loss(source.batch(1)))


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_muon_multiplies_in_the_precision_of_the_run(
    precision: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    choose = lambda wanted, device: asked.append((wanted, device)) or precision  # noqa: E731
    monkeypatch.setattr(training_module, "choose_precision", choose)
    optimizer = make(precision="auto").configure_optimizers()["optimizer"]
    [muon] = [one for one in optimizer.optimizers if isinstance(one, Muon)]
    assert muon.dtype == dtype and asked == [("auto", torch.device("cpu"))]


def test_a_few_steps_of_its_own_optimiser() -> None:
    module = make()
    configured = module.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]
    assert schedule["interval"] == "step"
    batch, losses = sentences().batch(0), []
    for step in range(10):
        module.seed_step(step)
        loss = module.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        module.clip(step)
        optimizer.step()
        schedule["scheduler"].step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert optimizer.param_groups[0]["lr"] == 0  # ten steps were planned

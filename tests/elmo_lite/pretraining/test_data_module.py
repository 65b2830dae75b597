"""Which batches a trainer gets."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from elmo_lite.corpus.batches import SentenceBatches, WindowBatches
from elmo_lite.corpus.share import Share
from elmo_lite.errors import CorpusError
from elmo_lite.pretraining.config import DataConfig
from elmo_lite.pretraining.data_module import (
    WORKER,
    CorpusDataModule,
    Sample,
    StepBatches,
    make_batches,
    validation_sample,
)
from elmo_lite.text.characters import encode_words


class Words:
    char_ids = encode_words([f"w{k}" for k in range(1, 10)], 10)
    class_of_word = np.arange(10, dtype=np.int32)


def stream_of(predictions: int) -> Any:
    """Sentences of nine words, and one boundary more."""
    return (np.arange(predictions + 1) % 10).astype(np.int32)


WINDOWS = DataConfig(batching="windows", batch_words=64, max_length=8)
SENTENCES = DataConfig(batching="sentences", batch_words=64, max_length=20)


def test_batches_as_the_settings_say() -> None:
    windows = make_batches(Words(), stream_of(1000), WINDOWS, 0)
    assert isinstance(windows, WindowBatches) and (windows.rows, windows.length) == (8, 8)
    assert windows.batch(0).num_words == 64
    assert isinstance(make_batches(Words(), stream_of(1000), SENTENCES, 0), SentenceBatches)
    with pytest.raises(CorpusError, match="expected at least one batch"):
        make_batches(Words(), stream_of(50), WINDOWS, 0)
    assert make_batches(Words(), stream_of(50), SENTENCES, 0).steps_per_epoch == 1
    for data in (WINDOWS, SENTENCES):
        one, same, other = (make_batches(Words(), stream_of(1000), data, seed) for seed in (0, 0, 1))
        assert torch.equal(one.batch(0).forward_inputs, same.batch(0).forward_inputs)
        targets = [[source.batch(step).forward_targets.tolist() for step in range(6)] for source in (one, other)]
        assert targets[0] != targets[1]


def words_in(sample: Sample) -> int:
    return sum(batch.num_words for batch in (sample[i] for i in range(len(sample))))


@pytest.mark.parametrize("data", [WINDOWS, SENTENCES], ids=["windows", "sentences"])
@pytest.mark.parametrize("held_out", [10, 100, 630, 3000, 50_000])
@pytest.mark.parametrize("num_words", [500, 1000, 5000, 100_000])
def test_sample_is_about_as_large_as_asked(data: DataConfig, held_out: int, num_words: int) -> None:
    """Never a crash, however little is held out or asked for; at least half of what there is and is asked."""
    sample = validation_sample(Words(), stream_of(held_out), data, num_words)
    asked = min(held_out, num_words)
    assert asked / 2 <= words_in(sample) <= 1.3 * asked + data.batch_words
    again = validation_sample(Words(), stream_of(held_out), data, num_words)
    assert torch.equal(sample[0].forward_inputs, again[0].forward_inputs)
    with pytest.raises(IndexError):
        sample[len(sample)]


def test_sample_of_all_sentences_holds_each_once() -> None:
    sample = validation_sample(Words(), stream_of(640), SENTENCES, 10**6)
    assert words_in(sample) == 640


@pytest.mark.parametrize("data", [WINDOWS, SENTENCES], ids=["windows", "sentences"])
def test_nothing_held_out(data: DataConfig) -> None:
    sample = validation_sample(Words(), np.zeros(1, dtype=np.int32), data, 1000)
    assert len(sample) == 0 and list(CorpusDataModule(sample, sample).val_dataloader()) == []
    validation_sample(Words(), np.zeros(2, dtype=np.int32), data, 1000)  # one empty sentence


def test_training_goes_on_at_the_step_of_the_trainer() -> None:
    source = make_batches(Words(), stream_of(1000), WINDOWS, 0)
    data = CorpusDataModule(source, validation_sample(Words(), stream_of(700), WINDOWS, 1000))
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(global_step=17, global_rank=0, world_size=1, strategy=strategy)  # type: ignore[assignment]
    for step, batch in enumerate(islice(iter(data.train_dataloader()), 20), start=17):
        assert torch.equal(batch.forward_inputs, source.batch(step).forward_inputs)
    batches = list(data.val_dataloader())
    assert len(batches) == len(data.validation)
    moved = data.transfer_batch_to_device(batches[0], torch.device("cpu"), 0)
    assert torch.equal(moved.real, batches[0].real)


def test_a_process_gets_its_share_in_training_and_in_validation() -> None:
    source, share = make_batches(Words(), stream_of(1000), SENTENCES, 0), Share(1, 3)
    for step, batch in enumerate(islice(StepBatches(source, 3, share), 3), start=3):
        assert torch.equal(batch.forward_inputs, source.batch(step, share).forward_inputs)
    whole = validation_sample(Words(), stream_of(700), SENTENCES, 300)
    shares = [validation_sample(Words(), stream_of(700), SENTENCES, 300, Share(rank, 3)) for rank in range(3)]
    assert {len(sample) for sample in shares} == {len(whole)}
    assert sum(map(words_in, shares)) == words_in(whole)


@pytest.mark.parametrize(("platform", "workers"), [("linux", 1), ("darwin", 0)])
def test_batches_of_a_gpu_come_from_a_forked_process(
    monkeypatch: pytest.MonkeyPatch, platform: str, workers: int
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    source = make_batches(Words(), stream_of(1000), WINDOWS, 0)
    data = CorpusDataModule(source, validation_sample(Words(), stream_of(700), WINDOWS, 1000))
    for device, expected in (("cuda", workers), ("cpu", 0)):
        strategy = SimpleNamespace(root_device=torch.device(device))
        data.trainer = SimpleNamespace(global_step=0, global_rank=0, world_size=1, strategy=strategy)  # type: ignore[assignment]
        loader = data.train_dataloader()
        assert (loader.num_workers, loader.pin_memory) == (expected, device == "cuda")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_for_the_process_that_trains(number: signal.Signals) -> None:
    """A terminal and some schedulers signal all processes of a command; the one that trains saves its state."""
    source = make_batches(Words(), stream_of(1000), WINDOWS, 0)
    batches = iter(DataLoader(StepBatches(source, 0), batch_size=None, **WORKER))
    first = next(batches)
    (worker,) = multiprocessing.active_children()
    assert worker.pid is not None
    os.kill(worker.pid, number)
    for step, batch in enumerate(islice(batches, 8), start=1):
        assert torch.equal(batch.forward_inputs, source.batch(step).forward_inputs)
    assert torch.equal(first.forward_inputs, source.batch(0).forward_inputs) and worker.is_alive()
    del batches
    worker.join(20)
    assert not worker.is_alive()

"""Lightning data module of a corpus: training batches from the current step on, and a fixed validation sample.

Each of several processes gets its share of every batch, in training and in validation.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_all_start_methods
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.batches import Ids, SentenceBatches, WindowBatches, WordTable
from elmo_lite.corpus.share import WHOLE, Share
from elmo_lite.distributed import group
from elmo_lite.pretraining.config import DataConfig

VALIDATION_ROWS = 16


class Batches(Protocol):
    """Source of batches, indexed by step."""

    steps_per_epoch: int

    def batch(self, step: int, share: Share = WHOLE) -> Batch:
        """The batch of a step, or a share of it."""
        ...


class StepBatches(IterableDataset[Batch]):
    """Endless batches from a given step on."""

    def __init__(self, source: Batches, first_step: int, share: Share = WHOLE) -> None:
        """Start at ``first_step``, counted from 0 over all passes."""
        self.source, self.first_step, self.share = source, first_step, share

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches."""
        for step in count(self.first_step):
            yield self.source.batch(step, self.share)


class Sample:
    """The first ``num_batches`` batches of a source, the same at every validation."""

    def __init__(self, source: Batches, num_batches: int, share: Share = WHOLE) -> None:
        """Select at most ``num_batches`` batches, or a share of each."""
        self.source, self.num_batches, self.share = source, min(num_batches, source.steps_per_epoch), share

    def __len__(self) -> int:
        """Number of batches."""
        return self.num_batches

    def __getitem__(self, step: int) -> Batch:
        """Batch of a step, built on demand."""
        if step >= self.num_batches:
            raise IndexError(step)
        return self.source.batch(step, self.share)


def make_batches(words: WordTable, stream: Ids, data: DataConfig, seed: int) -> Batches:
    """Divide a stream into batches according to ``data``.

    Raises:
        CorpusError: The stream is shorter than one batch.
    """
    if data.batching == "windows":
        return WindowBatches(words, stream, rows=data.num_rows, length=data.max_length, seed=seed)
    return SentenceBatches(words, stream, num_words=data.batch_words, max_length=data.max_length, seed=seed)


def validation_sample(
    words: WordTable, held_out: Ids, data: DataConfig, num_words: int, share: Share = WHOLE
) -> Sample:
    """Sample about ``num_words`` held-out words, batched as in training. Empty if nothing is held out.

    Windows are long and rows are few, so that few words are predicted without context. Several processes read a share
    of the rows each.
    """
    available = len(held_out) - 1
    if available < 2:
        return Sample(_Nothing(), 0)
    if data.batching == "windows":
        wanted = min(available, num_words)
        rows = max(1, min(VALIDATION_ROWS, wanted // 200))
        length = max(1, min(128, (wanted // rows) // 2))
        stream = held_out[: min(available, num_words + length) + 1]
        windows = WindowBatches(words, stream, rows=rows, length=length, seed=0)
        return Sample(windows, windows.steps_per_epoch, share)
    batch_words = min(data.batch_words, available)
    source = SentenceBatches(
        words, held_out, num_words=batch_words, max_length=min(data.max_length, batch_words), seed=0
    )
    return Sample(source, max(1, round(num_words * source.steps_per_epoch / available)), share)


class _Nothing:
    steps_per_epoch = 0

    def batch(self, step: int, share: Share = WHOLE) -> Batch:
        raise IndexError(step)


def _can_fork() -> bool:
    """Whether processes can be forked safely: not on Windows, and not on macOS, whose libraries use threads."""
    return "fork" in get_all_start_methods() and sys.platform != "darwin"


def _ignore_signals(_: int) -> None:
    """Leave signals to the process that trains, in a worker: Ctrl-C and some schedulers signal all processes at once.

    A worker that a signal has ended would end the training, before its state is saved. Workers end with the training.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


WORKER: dict[str, Any] = {"num_workers": 1, "multiprocessing_context": "fork", "worker_init_fn": _ignore_signals}
"""Arguments of a ``DataLoader`` for a process that makes batches."""


class CorpusDataModule(pl.LightningDataModule):
    """Batches of a corpus for a Lightning trainer."""

    def __init__(self, training: Batches, validation: Sample) -> None:
        """Use ``training`` without end, and ``validation`` once per validation."""
        super().__init__()
        self.training, self.validation = training, validation

    def train_dataloader(self) -> Any:
        """Training batches from the trainer's current step on, so that a resumed run continues with the next one."""
        assert self.trainer is not None
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        steps = StepBatches(self.training, self.trainer.global_step, group.share())
        # A worker process keeps a GPU from waiting for batches; on the CPU it would compete with training. Where it
        # cannot be forked, it would read a copy of the corpus instead of sharing the memory map.
        worker = WORKER if on_gpu and _can_fork() else {}
        return DataLoader(steps, batch_size=None, pin_memory=on_gpu, **worker)

    def val_dataloader(self) -> Any:
        """The validation sample."""
        return DataLoader(self.validation, batch_size=None)  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch to a device."""
        return batch.to(device)

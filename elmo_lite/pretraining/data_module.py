"""Lightning's view of a corpus: training batches from the current step on, a fixed validation sample."""

from __future__ import annotations

from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from elmo_lite.corpus.batches import Batch, Ids, SentenceBatches, StepBatches, WindowBatches, WordTable
from elmo_lite.pretraining.config import DataConfig

VALIDATION_ROWS = 16


class Batches(Protocol):
    """Batches by step."""

    steps_per_epoch: int

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        ...


class Sample:
    """The first ``num_batches`` batches of a source, in order: the same at every validation."""

    def __init__(self, source: Batches, num_batches: int) -> None:
        """Take ``num_batches`` at most."""
        self.source, self.num_batches = source, min(num_batches, source.steps_per_epoch)

    def __len__(self) -> int:
        """Number of batches."""
        return self.num_batches

    def __getitem__(self, step: int) -> Batch:
        """Batch of a step; its words cost nothing until then."""
        if step >= self.num_batches:
            raise IndexError(step)
        return self.source.batch(step)


def make_batches(words: WordTable, stream: Ids, data: DataConfig, seed: int) -> Batches:
    """Batches of a stream as ``data`` says.

    Raises:
        CorpusError: the stream is shorter than one batch.
    """
    if data.batching == "windows":
        rows = max(1, data.batch_words // data.max_length)
        return WindowBatches(words, stream, rows=rows, length=data.max_length, seed=seed)
    return SentenceBatches(words, stream, num_words=data.batch_words, max_length=data.max_length, seed=seed)


def validation_sample(words: WordTable, held_out: Ids, data: DataConfig, num_words: int) -> Sample:
    """About ``num_words`` held-out words, batched as in training; empty where nothing is held out.

    Windows are long and few rows read them, so that little is predicted without a past.
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
        return Sample(windows, windows.steps_per_epoch)
    batch_words = min(data.batch_words, available)
    source = SentenceBatches(
        words, held_out, num_words=batch_words, max_length=min(data.max_length, batch_words), seed=0
    )
    return Sample(source, max(1, round(num_words * source.steps_per_epoch / available)))


class _Nothing:
    steps_per_epoch = 0

    def batch(self, step: int) -> Batch:
        raise IndexError(step)


class CorpusDataModule(pl.LightningDataModule):
    """Batches of a corpus for a Lightning trainer."""

    def __init__(self, training: Batches, validation: Sample) -> None:
        """Serve ``training`` without end and ``validation`` once a validation."""
        super().__init__()
        self.training, self.validation = training, validation

    def train_dataloader(self) -> Any:
        """Batches from the trainer's step on, so that a resumed run reads the very next one."""
        assert self.trainer is not None
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        steps = StepBatches(self.training, self.trainer.global_step, self.trainer.global_rank, self.trainer.world_size)
        # A GPU waits for batches made in its own process; two cores have none to spare for another.
        return DataLoader(steps, batch_size=None, num_workers=1 if on_gpu else 0, pin_memory=on_gpu)

    def val_dataloader(self) -> Any:
        """The validation sample."""
        return DataLoader(self.validation, batch_size=None)  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch."""
        return batch.to(device)

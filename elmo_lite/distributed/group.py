"""The group of processes of a run, and what they tell one another. A process alone is a group of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero
from torch import Tensor

from elmo_lite.corpus.share import Share
from elmo_lite.distributed.place import ALONE, Place
from elmo_lite.errors import TrainingError, one_line

STEP_SECONDS = 60.0
"""Maximum time that a process waits for the others within a step. One that died is noticed sooner, as connections to it
close; one whose machine is lost, by this."""
PATIENCE_SECONDS = 3600.0
"""Maximum time to wait while a process starts, reads the corpus, or writes a model or a state."""
LOST = "expected all processes of the run to go on, found one that ended or is out of reach"
KEPT = "what was saved last is kept, and --resume goes on from there"

T = TypeVar("T")

_place = ALONE
_of_steps: dist.ProcessGroup | None = None


def place() -> Place:
    """The place of this process in its group."""
    return _place


def share() -> Share:
    """The share of this process in the rows of every batch."""
    return Share(_place.rank, _place.size)


def is_first() -> bool:
    """Whether this process is the first one, which alone writes and reports."""
    return _place.rank == 0


def step_group() -> dist.ProcessGroup:
    """The group of torch for what happens within a step; it must have been joined."""
    assert _of_steps is not None
    return _of_steps


@contextmanager
def joined(own: Place, *, on_gpu: bool) -> Iterator[None]:
    """Join the other processes for the duration of the context.

    Tensors of the CPU are exchanged by gloo, those of GPUs by NCCL. The default group of torch, which Lightning uses
    at the start and around the saving of states, is patient; that of the steps is not. A default group that a launcher
    has made, as Ray Train does, is used, and left to it.

    Args:
        own: Place of this process. Nothing happens if it is alone.
        on_gpu: Whether each process uses a GPU, that of its local rank.

    Raises:
        TrainingError: Another process has ended or does not answer.
    """
    global _place, _of_steps
    if own.size == 1:
        yield
        return
    if on_gpu:
        torch.cuda.set_device(own.local_rank)
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    is_ours = not dist.is_initialized()
    _tell_lightning(own.rank)
    try:
        if is_ours:
            dist.init_process_group(backend, timeout=timedelta(seconds=PATIENCE_SECONDS))
        _of_steps = dist.new_group(timeout=timedelta(seconds=STEP_SECONDS), backend=backend)
        _place = own
        yield
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise TrainingError(f"process {own.rank + 1} of {own.size}: {LOST} ({_reason(error)}); {KEPT}") from None
    finally:
        _place, _of_steps = ALONE, None
        _tell_lightning(0)
        if is_ours and dist.is_initialized():
            dist.destroy_process_group()


def _tell_lightning(rank: int) -> None:
    """Let loggers write in the first process alone, from here on."""
    rank_zero.rank_zero_only.rank = rank  # type: ignore[attr-defined]


def is_lost(error: BaseException) -> bool:
    """Whether an error says that another process cannot be reached; gloo's errors have no class of their own."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _reason(error: RuntimeError) -> str:
    """What an error says, without the line of the source that found it."""
    return re.sub(r"^\[\S+\] ", "", one_line(error))[:120]


def wait_for_all() -> None:
    """Wait, patiently, until all processes are here."""
    if _place.size > 1:
        dist.barrier()


def from_first(value: T) -> T:
    """The value that the first process has."""
    if _place.size == 1:
        return value
    values: list[Any] = [value]
    dist.broadcast_object_list(values, 0)
    return cast(T, values[0])


def largest(*values: float) -> list[float]:
    """The largest of each of some numbers among all processes. They travel by the CPU; no GPU is waited for."""
    if _place.size == 1:
        return list(values)
    numbers = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(numbers, dist.ReduceOp.MAX, step_group())
    return numbers.tolist()


def total(values: Tensor) -> Tensor:
    """The sum of a tensor over all processes; the tensor itself if there is one."""
    if _place.size == 1:
        return values
    summed = values.detach().clone()
    dist.all_reduce(summed, group=step_group())
    return summed

"""Processes of a run: those that torchrun or srun have started, or as many as are wanted, started on this machine."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar, cast

import torch
from torch.multiprocessing import get_context
from torch.multiprocessing.spawn import ProcessContext, ProcessExitedException, start_processes

from elmo_lite.distributed.group import KEPT, LOST, STEP_SECONDS, joined
from elmo_lite.distributed.place import Place, environment_place
from elmo_lite.errors import ConfigError, ElmoLiteError, TrainingError, require
from elmo_lite.hardware import cpu_count, keep_freed_memory
from elmo_lite.stopping import Stopped, StopRequest, stop_on_request

log = logging.getLogger("elmo_lite")

GRACE_SECONDS = 5.0
"""Time that the other processes have to end by themselves after one has died."""

T = TypeVar("T")


def run_processes(task: Callable[..., T], *arguments: Any, devices: int, num_nodes: int, on_gpu: bool) -> T:
    """Run a task in every process of a run, and return what the first one does.

    Under torchrun or srun, this process joins the others. Otherwise ``devices`` processes are started on this machine,
    unless it is one: then the task runs here.

    Args:
        task: Function of a module, as it is pickled.
        arguments: Its arguments.
        devices: Number of processes on each machine.
        num_nodes: Number of machines.
        on_gpu: Whether each process uses a GPU.

    Raises:
        ConfigError: The numbers do not fit what has been started, or this machine.
        TrainingError: A process has ended before the others.
        Stopped: SIGINT or SIGTERM has arrived.
    """
    place = environment_place()
    if place.size > 1:
        is_default = (devices, num_nodes) == (1, 1)
        found = f"--devices {devices} --num_nodes {num_nodes}"
        expected = f"--devices {place.local_size} --num_nodes {place.num_nodes}"
        if not is_default and (devices, num_nodes) != (place.local_size, place.num_nodes):
            raise ConfigError(f"processes: expected {expected}, as they were started, or neither, found {found}")
        _check_gpus(place.local_size, on_gpu, by_launcher=True)
        return _run_here(task, arguments, place, on_gpu=on_gpu)
    if num_nodes > 1:
        raise ConfigError(
            f"num_nodes: expected 1, or processes that torchrun or srun starts on each machine, found {num_nodes}"
        )
    if devices == 1:
        return task(*arguments)
    _check_gpus(devices, on_gpu)
    return cast(T, _run_children(task, arguments, devices, on_gpu))


def _check_gpus(devices: int, on_gpu: bool, *, by_launcher: bool = False) -> None:
    if on_gpu:
        count = torch.cuda.device_count()
        seen = "a process sees GPUs (SLURM: --gpus-per-node, not --gpus-per-task)"
        known = seen if by_launcher else "this machine has GPUs"
        expected = f"at most {count}, as many as {known}, or --accelerator cpu"
        require(devices <= count, "devices", expected, devices)


def _run_here(task: Callable[..., T], arguments: tuple[Any, ...], place: Place, *, on_gpu: bool) -> T:
    """Run the task as a process of a group. Processes other than the first say nothing but what went wrong."""
    if place.rank > 0:
        log.setLevel(logging.ERROR)
    try:
        with joined(place, on_gpu=on_gpu):
            return task(*arguments)
    except Stopped as stop:
        if place.rank > 0:  # the first one says it
            raise SystemExit(stop.exit_status) from None
        raise


def _run_children(task: Callable[..., Any], arguments: tuple[Any, ...], devices: int, on_gpu: bool) -> Any:
    """Start processes, pass on a signal to stop, and return or raise what the first one does."""
    # One server imports everything once, and processes are forked from it, except where CUDA may have been started.
    method = "forkserver" if sys.platform.startswith("linux") and not on_gpu else "spawn"
    of_method = get_context(method)
    if method == "forkserver":
        of_method.set_forkserver_preload([task.__module__])
    outcomes = of_method.SimpleQueue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Threads of torch share the cores, as they do in one process; a number that was set is one of each process.
    threads = torch.get_num_threads() if os.environ.get("OMP_NUM_THREADS") else max(1, cpu_count() // devices)
    shared = (outcomes, devices, port, on_gpu, threads, bool(logging.root.handlers), log.level)
    context = start_processes(  # type: ignore[no-untyped-call]
        _child, (task, arguments, *shared), nprocs=devices, join=False, start_method=method
    )
    assert isinstance(context, ProcessContext)
    request = StopRequest(announces=False)  # the first process does
    found: dict[int, Any] = {}
    dead = None
    with stop_on_request(request):
        try:
            _join(context, request, outcomes, found)
        except ProcessExitedException as error:
            dead = error
    _take(outcomes, found)
    return _outcome(found, dead, request, devices)


def _join(context: ProcessContext, request: StopRequest, outcomes: Any, found: dict[int, Any]) -> None:
    """Wait for all processes, take what they send, and pass on the first signal that arrives.

    It is passed on as SIGTERM, which ends processes that are still starting without a word. A process that others have
    waited for in vain, and that does not end either, is killed.
    """
    is_passed_on, deadline = False, math.inf
    while not context.join(timeout=0.2, grace_period=GRACE_SECONDS):
        _take(outcomes, found)
        if math.isinf(deadline) and any(_is_loss(outcome) for outcome in found.values()):
            deadline = time.monotonic() + GRACE_SECONDS
        if time.monotonic() > deadline:
            _end_silent(context, found, outcomes)
            return
        if request and not is_passed_on:
            is_passed_on = True
            for process in context.processes:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)


def _end_silent(context: ProcessContext, found: dict[int, Any], outcomes: Any) -> None:
    """Kill the processes that still run, and note that they gave no answer."""
    running = [rank for rank, process in enumerate(context.processes) if process.is_alive()]
    for rank in running:
        context.processes[rank].kill()
    for rank in running:
        context.processes[rank].join()
    _take(outcomes, found)
    for rank in running:
        expected = f"expected an answer within {STEP_SECONDS:.0f} seconds, found none"
        found.setdefault(rank, TrainingError(f"process {rank + 1} of {len(context.processes)}: {expected}; {KEPT}"))


def _is_loss(outcome: Any) -> bool:
    """Whether a process ended because it had lost another one."""
    return isinstance(outcome, TrainingError) and LOST in str(outcome)


def _take(outcomes: Any, found: dict[int, Any]) -> None:
    while not outcomes.empty():
        rank, outcome = outcomes.get()
        found[rank] = outcome


def _outcome(found: dict[int, Any], dead: ProcessExitedException | None, request: StopRequest, devices: int) -> Any:
    """What the processes have come to: the first error that is not the loss of another process, or the result."""
    errors = [found[rank] for rank in sorted(found) if isinstance(found[rank], BaseException)]
    own = [error for error in errors if not _is_loss(error)]
    for stop in own:
        if isinstance(stop, Stopped):
            raise Stopped(str(stop), request.signal_number or stop.signal_number)
    if request:
        raise Stopped("interrupted", request.signal_number)
    if own:
        raise own[0]
    if dead is not None:
        how = getattr(dead, "signal_name", None) or f"status {dead.exit_code}"
        who = f"process {dead.error_index + 1} of {devices}"
        raise TrainingError(f"{who}: expected it to go on to the end, found it ended by {how}; {KEPT}")
    if errors:
        raise errors[0]
    if 0 not in found:  # a signal has reached it alone, before it could say so
        raise Stopped
    return found[0]


def _child(
    local_rank: int,
    task: Callable[..., Any],
    arguments: tuple[Any, ...],
    outcomes: Any,
    devices: int,
    port: int,
    on_gpu: bool,
    threads: int,
    has_log: bool,
    level: int,
) -> None:
    """A process of several on this machine: run the task, and send back what it returns, or its error."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which passes it on
    place = Place(local_rank, devices, local_rank, devices)
    os.environ.update(place.variables(), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    if sys.platform.startswith("linux"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if has_log:
        logging.basicConfig(format="%(message)s")
    log.setLevel(level)
    if not (on_gpu and sys.platform.startswith("linux")):  # there, torch has the system send a signal
        threading.Thread(target=_stop_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    keep_freed_memory()
    try:
        outcome: Any = _run_here(task, arguments, place, on_gpu=on_gpu)
    except (ElmoLiteError, OSError, ModuleNotFoundError, Stopped) as error:
        outcome = error
    except SystemExit:
        return
    outcomes.put((local_rank, outcome))


def _stop_with_parent() -> None:
    """Stop as if by a signal, with everything saved, once the parent has ended, even if it was killed."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)

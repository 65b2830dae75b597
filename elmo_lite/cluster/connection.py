"""A connection to a running Ray cluster, or a cluster of this machine for as long as a command runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from elmo_lite.errors import ConfigError, one_line
from elmo_lite.extras import import_extras
from elmo_lite.hardware import available_cpus
from elmo_lite.stopping import stop_at_once

SPARE_CPUS = 2
"""CPUs that Ray needs beside the workers, to read the list of parts and to note which are done."""
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of tasks that an interrupted job leaves
    "RAY_prestart_worker_first_driver": "0",
    "RAY_agent_register_timeout_ms": "120000",  # on a busy machine Ray's own processes start slowly
}
"""Variables that Ray reads when it starts, unless they are set: no statistics, no notes, no spare processes."""


def counted(number: int, noun: str) -> str:
    """A number and its noun, as in ``1 worker`` and ``1,000 workers``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


@dataclass(frozen=True)
class Workers:
    """Workers of one job."""

    number: int
    threads: int
    """Threads, and CPUs, of each."""
    on_gpu: bool
    """Whether each has a GPU."""

    def __str__(self) -> str:
        """Their number and kind."""
        return f"{counted(self.number, 'worker')} on {'GPU' if self.on_gpu else 'CPU'}"


@dataclass(frozen=True)
class Cluster:
    """Where work runs, and on how many workers."""

    address: str | None = None
    """Address of a running cluster. Defaults to that in RAY_ADDRESS, or to a cluster of this machine alone."""
    workers: int | None = None
    """Number of workers. Defaults to as many as there are CPUs or, on GPUs, GPUs."""
    threads: int = 1
    """Threads, and CPUs, of a worker."""
    on_gpu: bool | None = False
    """Whether each worker gets a GPU. None if the cluster has any."""

    @contextmanager
    def connected(self) -> Iterator[Workers]:
        """Use the cluster inside the block; one that was started here ends with it.

        Yields:
            The workers that it has room for.

        Raises:
            ModuleNotFoundError: Ray is not installed.
            ConfigError: There is no such cluster, or it has too few CPUs or GPUs.
        """
        import_extras(["ray", "ray.data"], "--engine ray")
        import ray

        is_own = not ray.is_initialized()
        try:
            if is_own:
                self._start()
            with stop_at_once():  # Ray has put its own handler in its place
                yield self._workers()
        finally:
            if is_own:
                ray.shutdown()

    def _start(self) -> None:
        import ray

        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        logging.getLogger("ray").setLevel(logging.ERROR)
        address = self.address or os.environ.get("RAY_ADDRESS")
        options: dict[str, Any] = {}
        if address is None:
            workers = self.workers or max(1, available_cpus() // self.threads)
            options = {"num_cpus": workers * self.threads + SPARE_CPUS, "include_dashboard": False}
        try:
            with _nothing_on_standard_error():
                ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:  # Ray has no class of its own for these
            found = f"found none ({one_line(error):.200})"
            if address is None:
                raise ConfigError(f"--engine ray: expected Ray to start on this machine, {found}") from None
            raise ConfigError(f"--ray_address: expected a running Ray cluster at {address}, {found}") from None

    def _workers(self) -> Workers:
        import ray

        found = ray.cluster_resources()
        cpus, gpus = int(found.get("CPU", 0)), int(found.get("GPU", 0))
        on_gpu = gpus > 0 if self.on_gpu is None else self.on_gpu
        possible = (cpus - SPARE_CPUS) // self.threads
        room = f"{cpus} CPUs, {SPARE_CPUS} of which Ray needs for itself"
        if on_gpu:
            possible, room = min(possible, gpus), f"{room}, and {gpus} GPUs"
        wanted = self.workers or max(1, possible)
        if wanted > possible:
            needed = f"{wanted * self.threads + SPARE_CPUS} CPUs" + f" and {wanted} GPUs" * on_gpu
            raise ConfigError(f"--workers: expected a cluster of {needed} for {wanted}, found {room}")
        return Workers(wanted, self.threads, on_gpu)


@contextmanager
def _nothing_on_standard_error() -> Iterator[None]:
    """Drop what libraries print while Ray starts: notes on its logs, from C++, which nothing else turns off."""
    sys.stderr.flush()
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no standard error
        yield
        return
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

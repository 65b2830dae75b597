"""What all tests share: one thread a worker, no network, seeded, Ctrl-C as in a terminal."""

import logging
import os

# Before torch is imported: workers of pytest-xdist share the cores, their threads would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import random
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Barrier
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.segmenter_fakes import Segmenters


signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background without it


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Same numbers in every run; torch only where a test has it anyway."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def in_threads() -> Callable[[Callable[[int], Any]], list[Any]]:
    """Results of ``task(0)`` to ``task(7)``, which start at the same time, each in a thread of its own."""

    def run(task: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(8)

        def start(number: int) -> Any:
            barrier.wait()
            return task(number)

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(start, range(8)))

    return run


@pytest.fixture
def segmenters(monkeypatch: pytest.MonkeyPatch) -> Iterator["Segmenters"]:
    """No package that finds words is installed, but stand-ins of those that the test names with ``install``."""
    from tests.segmenter_fakes import Segmenters

    found = Segmenters(monkeypatch)
    yield found
    found.forget()


@pytest.fixture
def small_files() -> Callable[[int], AbstractContextManager[None]]:
    """Context in which no file can be larger than a number of bytes, which acts as a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked gpu where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture(autouse=True)
def quiet_logger() -> None:
    """A command sets the level of the logger for its process; tests that follow begin without it."""
    logging.getLogger("elmo_lite").setLevel(logging.NOTSET)

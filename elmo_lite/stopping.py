"""Stopping on SIGINT (Ctrl-C) and SIGTERM: at once, or at the next point where everything can be saved."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

__all__ = ["StopRequest", "StopTraining", "Stopped", "stop_at_once", "stop_on_request"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], None]


class Stopped(KeyboardInterrupt):
    """A command was stopped by a signal. The message says what was saved and how to continue."""

    def __init__(self, message: str = "interrupted", signal_number: int = signal.SIGINT) -> None:
        """Stop with a message and the number of the signal."""
        super().__init__(message)
        self.signal_number = signal_number

    @property
    def exit_status(self) -> int:
        """Exit status of the process: 128 plus the number of the signal, as shells have it."""
        return 128 + self.signal_number


class StopTraining(Exception):  # noqa: N818
    """Leaves a training loop once everything is saved; whoever started the loop catches it."""


class StopRequest:
    """Whether a signal has asked to stop."""

    def __init__(self, announces: bool = True) -> None:
        """Start without a request. A signal is announced on standard error if ``announces`` is true."""
        self.announces = announces
        self.signal_number = 0
        """Number of the signal; 0 before one arrives, here or at another process of the run."""

    def __bool__(self) -> bool:
        """Whether a signal has arrived."""
        return self.signal_number != 0

    def listen(self) -> None:
        """Install the signal handlers (again, if another library has replaced them)."""
        _install(self.handle, _SIGNALS)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; a second one ends the process at once, by its default action."""
        if self:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.signal_number = number
        if not self.announces:
            return
        # Not by print: the signal may have arrived inside a write to the same buffer.
        with suppress(OSError):  # a standard error that is closed or full
            os.write(2, b"\nstopping as soon as everything is saved (again to stop at once)\n")


@contextmanager
def stop_on_request(request: StopRequest) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into a request. Handlers are restored on exit.

    In threads other than the main one, which cannot have signal handlers, nothing changes.
    """
    with _handlers(request.handle, _SIGNALS):
        yield


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Turn SIGTERM into an error, as Python does with SIGINT, so that temporary files and processes are removed.

    Raises:
        Stopped: SIGTERM has arrived.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped("terminated", number)

    with _handlers(stop, (signal.SIGTERM,)):
        yield


@contextmanager
def _handlers(handler: _Handler, signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    before = _install(handler, signals)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous if previous is not None else signal.SIG_DFL)


def _install(handler: _Handler, signals: tuple[signal.Signals, ...]) -> dict[signal.Signals, Any]:
    """Install a handler, and return the previous ones.

    Ignored signals stay ignored, as in the background jobs of a script and under nohup. Threads other than the main one
    cannot install handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    taken = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in taken}

"""Errors and kills at a chosen line of chosen sources, or at a chosen call that touches the file system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType
from typing import Any

_KILLED = 77
_CALLS = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.chmod")
"""Audit events of calls that change files; ``os.replace`` is a rename."""


def raise_at_line(task: Callable[[], Any], number: int, error: BaseException, sources: Collection[str]) -> bool:
    """Run a task, raising an error before the line ``number`` (from 0) that it executes in some sources.

    Returns:
        Whether there was such a line. The error is caught.
    """

    def stop() -> None:
        raise error

    try:
        return _at_line(task, number, stop, sources)
    except type(error):
        return True


def kill_at_line(task: Callable[[], Any], number: int, sources: Collection[str]) -> bool:
    """Run a task in a process of its own, which ends before the line ``number`` (from 0); whether there was one."""
    return in_child(lambda: _at_line(task, number, lambda: os._exit(_KILLED), sources))


def kill_at_call(task: Callable[[], Any], number: int, folder: Path) -> bool:
    """Run a task in a process of its own, which ends before the call ``number`` (from 0) on paths in a folder."""
    left, prefix = number, os.path.realpath(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in _CALLS or not isinstance(arguments[0], str | os.PathLike):
            return
        is_relative = event != "open" and isinstance(arguments[-1], int) and arguments[-1] >= 0  # as in shutil.rmtree
        if not is_relative and not os.path.abspath(arguments[0]).startswith(prefix):
            return
        if event == "open" and isinstance(arguments[1], str) and "r" in arguments[1]:
            return
        if left == 0:
            os._exit(_KILLED)
        left -= 1

    def run() -> None:
        sys.addaudithook(hook)
        task()

    return in_child(run)


def _at_line(task: Callable[[], Any], number: int, act: Callable[[], None], sources: Collection[str]) -> bool:
    left = number

    def in_frame(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left == -1:
                act()
        return in_frame

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: in_frame if frame.f_code.co_filename in sources else None)
    try:
        task()
    finally:
        sys.settrace(before)
    return left < 0


def in_child(task: Callable[[], Any]) -> bool:
    """Run a task in a forked process; whether it was killed. It must not fail."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            task()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, _KILLED) or code < 0, f"exit status {code}"
    return code != 0

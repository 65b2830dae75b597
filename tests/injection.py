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
_NEVER = 2**62


def raise_at_line(task: Callable[[], Any], number: int, error: BaseException, sources: Collection[str]) -> bool:
    """Run a task, raising an error before the line ``number`` (from 0) that it executes in some sources.

    Returns:
        Whether there was such a line. The error is caught.
    """

    def stop() -> None:
        raise error

    try:
        return _at_line(task, number, stop, sources) > number
    except type(error):
        return True


def kill_at_line(task: Callable[[], Any], number: int, sources: Collection[str]) -> bool:
    """Run a task in a process of its own, which ends before the line ``number`` (from 0); whether there was one."""
    return in_child(lambda: _at_line(task, number, lambda: os._exit(_KILLED), sources))


def count_lines(task: Callable[[], Any], sources: Collection[str]) -> int:
    """Number of lines that a task executes in some sources, in a process of its own."""
    return _counted(lambda: _at_line(task, _NEVER, lambda: None, sources))


def count_calls(task: Callable[[], Any], folder: Path) -> int:
    """Number of calls of a task on paths in a folder, in a process of its own."""
    return _counted(lambda: _at_call(task, _NEVER, folder))


def kill_at_call(task: Callable[[], Any], number: int, folder: Path) -> bool:
    """Run a task in a process of its own, which ends before the call ``number`` (from 0) on paths in a folder."""
    return in_child(lambda: _at_call(task, number, folder))


def _at_call(task: Callable[[], Any], number: int, folder: Path) -> int:
    """Run a task and end the process at a call; the number of calls."""
    seen, prefix = 0, os.path.realpath(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in _CALLS or not isinstance(arguments[0], str | os.PathLike):
            return
        is_relative = event != "open" and isinstance(arguments[-1], int) and arguments[-1] >= 0  # as in shutil.rmtree
        if not is_relative and not os.path.abspath(arguments[0]).startswith(prefix):
            return
        if event == "open" and isinstance(arguments[1], str) and "r" in arguments[1]:
            return
        if seen == number:
            os._exit(_KILLED)
        seen += 1

    sys.addaudithook(hook)  # for good, so that it is for processes of their own
    task()
    return seen


def _at_line(task: Callable[[], Any], number: int, act: Callable[[], None], sources: Collection[str]) -> int:
    """Run a task and act before a line; the number of lines."""
    seen = 0

    def in_frame(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        if event == "line":
            seen += 1
            if seen == number + 1:
                act()
        return in_frame

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: in_frame if frame.f_code.co_filename in sources else None)
    try:
        task()
    finally:
        sys.settrace(before)
    return seen


def _counted(task: Callable[[], int]) -> int:
    """What a task returns in a process of its own."""
    reading, writing = os.pipe()
    assert not in_child(lambda: os.write(writing, str(task()).encode()))
    os.close(writing)
    with open(reading, encoding="ascii") as file:
        return int(file.read())


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

"""Output directories that exclude other processes and threads, and stay free after a kill."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.locks import hold, is_held

HOLDER = """
import sys, time
from elmo_lite.locks import hold, is_held
with hold(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(out: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a directory."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, out],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def refused(out: Path) -> bool:
    try:
        with hold(out):
            return False
    except ConfigError as error:
        assert str(error) == f"{out}: expected an output directory for itself, another process is using it"
        return True


def test_two_processes_exclude_each_other(tmp_path: Path) -> None:
    with other_process(tmp_path / "new" / "out"):
        assert not (tmp_path / "new" / "out").exists()
        assert refused(tmp_path / "new" / "out") and not refused(tmp_path / "new" / "other")
        (tmp_path / "link").symlink_to(tmp_path / "new" / "out")
        assert refused(tmp_path / "link") and refused(tmp_path / "new" / ".." / "new" / "out")


def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    with other_process(tmp_path / "out") as process:
        process.kill()
        assert process.wait() == -getattr(signal, "SIGKILL", 1)
        assert not refused(tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_threads_exclude_each_other_and_nothing_stays(tmp_path: Path, in_threads: Any) -> None:
    out = tmp_path / "out"
    with hold(out):
        assert in_threads(lambda _: refused(out)) == [True] * 8
        assert [path.name for path in tmp_path.iterdir()] == [".out.lock"]
    assert os.listdir(tmp_path) == [] and not refused(out)
    with pytest.raises(OSError, match="full"), hold(out):
        raise OSError("full")
    assert os.listdir(tmp_path) == []


def test_the_other_processes_of_a_distributed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(tmp_path / "out"):
        monkeypatch.setenv("LOCAL_RANK", "1")
        assert not refused(tmp_path / "out")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_file_systems_without_locks(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning, and on it goes; no file is left that would stand for a lock."""
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with hold(tmp_path / "out"), hold(tmp_path / "out"):
        pass
    assert len(caplog.messages) == 2
    assert all(message.startswith(f"{tmp_path / 'out'}: is not locked against other") for message in caplog.messages)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", denied)
    with hold(tmp_path / "out"):
        pass
    expected = f"{tmp_path / 'out'}: is not locked against other processes (Permission denied): use it in one at a time"
    assert caplog.messages == [expected]


def test_who_holds_a_directory_can_be_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert not is_held(out) and not list(tmp_path.iterdir())
    with other_process(out):
        assert is_held(out)
    assert not is_held(out)  # killed: its file is still there
    with hold(out):
        pass
    assert not is_held(out)

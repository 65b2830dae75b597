"""Directories written whole or not at all, and files that are checked."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elmo_lite.errors import CheckpointError, CorpusError
from elmo_lite.files import (
    check_file,
    describe_file,
    put_files_in_place,
    put_in_place,
    remove_leftovers,
    replace_file,
    scratch_directory,
    write_text,
)


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_scratch_directory(tmp_path: Path, umask: int) -> None:
    with scratch_directory(tmp_path / "new" / "model") as scratch:
        assert scratch.parent == tmp_path / "new" and scratch.name.startswith(".model.")
        assert mode(scratch) == 0o777 & ~umask
        (scratch / "file").write_text("content")
        put_in_place(scratch, tmp_path / "new" / "model")
    assert os.listdir(tmp_path / "new") == ["model"] and os.listdir(tmp_path / "new" / "model") == ["file"]


def test_scratch_directory_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_directory(tmp_path / "model") as scratch:
        (scratch / "file").write_text("content")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


class Stop(BaseException):
    """Stands for Ctrl-C at a chosen place."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
@pytest.mark.parametrize("which", ["model", "scratch"])
def test_a_directory_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, error: BaseException
) -> None:
    """Whichever of the two renames fails."""
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if (self == target) if which == "model" else self.suffix == ".tmp":
            raise error
        return rename(self, to)

    with scratch_directory(target) as scratch:
        (scratch / "new").touch()
        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises(type(error)):
            put_in_place(scratch, target)
    assert os.listdir(tmp_path) == ["model"] and os.listdir(target) == ["old"]


def test_what_makes_way_may_be_a_file_or_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with scratch_directory(tmp_path / name) as scratch:
            (scratch / "new").touch()
            put_in_place(scratch, tmp_path / name)
        assert os.listdir(tmp_path / name) == ["new"]
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "file", "link"] and os.listdir(elsewhere) == []


def test_files_beside_others(tmp_path: Path) -> None:
    target = tmp_path / "run"
    (target / "encoder").mkdir(parents=True)
    for name in ("config.json", "words.txt", "picture.png", "encoder/old"):
        (target / name).touch()
    scratch = tmp_path / "scratch"
    (scratch / "encoder").mkdir(parents=True)
    for name in ("config.json", "model", "encoder/new"):
        (scratch / name).write_text("new")
    put_files_in_place(scratch, target, "config.json", ("model", "words.txt", "encoder"))
    assert sorted(os.listdir(target)) == ["config.json", "encoder", "model", "picture.png"]
    assert os.listdir(target / "encoder") == ["new"] and (target / "config.json").read_text() == "new"


def test_a_file_is_replaced(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "file"
    with replace_file(path) as scratch:
        scratch.write_text("new")
        scratch.chmod(0o600)  # as libraries do that write a file of their own
    assert path.read_text() == "new" and mode(path) == 0o666 & ~umask
    with pytest.raises(Stop), replace_file(path) as scratch:
        scratch.write_text("newer")
        raise Stop
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["file"]


def test_a_file_is_renamed_into_place(tmp_path: Path) -> None:
    """It is never written to: whoever has the old one open goes on reading it."""
    path = tmp_path / "file"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """The system names none in errors of writing, and those of opening would name the hidden one."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError) as unnamed, replace_file(tmp_path / "file"):
        raise full
    with pytest.raises(OSError) as hidden, scratch_directory(tmp_path / "model") as scratch:
        raise OSError(errno.ENOSPC, "No space left on device", str(scratch / "weights"))
    assert unnamed.value.filename == str(tmp_path / "file")
    assert hidden.value.filename == str(tmp_path / "model" / "weights")


def test_a_directory_that_another_process_puts_there_at_the_same_time_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, rename = tmp_path / "model", Path.rename

    def outrun(self: Path, to: Path) -> Path:
        if self.suffix == ".tmp" and not target.exists():
            monkeypatch.setattr(Path, "rename", rename)
            target.mkdir()
            (target / "theirs").touch()
        return rename(self, to)

    with scratch_directory(target) as scratch:
        (scratch / "ours").touch()
        monkeypatch.setattr(Path, "rename", outrun)
        put_in_place(scratch, target)
    assert os.listdir(target) == ["ours"] and os.listdir(tmp_path) == ["model"]


def test_long_names(tmp_path: Path) -> None:
    name = 250 * "n"
    write_text(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_text(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new\ud800")
    assert path.read_text() == "old\n"
    write_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    facts = describe_file(path)
    assert facts == {"size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    check_file(path, facts)
    path.write_bytes(b"abd")
    check_file(path, facts, with_hash=False)
    with pytest.raises(CheckpointError, match="file: expected SHA-256 ba78.*, found "):
        check_file(path, facts)
    path.write_bytes(b"ab")
    with pytest.raises(CheckpointError, match="file: expected 3 bytes, found 2"):
        check_file(path, facts)
    path.unlink()
    with pytest.raises(CheckpointError, match="file: expected a file of 3 bytes, found none"):
        check_file(path, facts)
    with pytest.raises(CorpusError, match="found none"):
        check_file(path, facts, error=CorpusError)


KILLED = """
import os, signal, sys
from pathlib import Path
from elmo_lite import files
target, where = Path(sys.argv[1]), sys.argv[2]
rename = Path.rename

def killed(self, other):
    if where == "between the renames" and self.name.endswith(".tmp"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, other)

Path.rename = killed
with files.scratch_directory(target) as scratch:
    (scratch / "a").write_text("new")
    if where == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    files.put_in_place(scratch, target)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process")
@pytest.mark.parametrize("where", ["before", "between the renames"])
def test_the_next_start_cleans_up_after_a_kill(tmp_path: Path, where: str) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, target, where], cwd=Path(__file__).parents[2], check=False)
        assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) > 1
    remove_leftovers(target)
    assert [path.name for path in tmp_path.iterdir()] == ["model"] and (target / "a").read_text() == "old"


def test_what_living_processes_and_others_use_stays(tmp_path: Path) -> None:
    target = tmp_path / "model"
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    number = int(ended.stdout)
    names = [f".model.{'0' * 8}-{number}.{'0' * 8}.tmp", ".model.tmp", ".other.tmp"]  # another machine's, foreign ones
    for name in names:
        (tmp_path / name).write_text("")
    with scratch_directory(target) as scratch:
        remove_leftovers(target)
        assert scratch.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize("name", ["v" * 250, "ü" * 125, "😀" * 62], ids=["ascii", "two bytes", "four bytes"])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "content")
    assert (tmp_path / name).read_text() == "content" and os.listdir(tmp_path) == [name]
    with scratch_directory(tmp_path / name) as scratch:
        put_in_place(scratch, tmp_path / name)
    assert (tmp_path / name).is_dir() and os.listdir(tmp_path) == [name]


def test_what_a_killed_process_left_of_another_long_name_is_not_put_back(tmp_path: Path) -> None:
    one, other = tmp_path / ("v" * 200 + "1"), tmp_path / ("v" * 200 + "2")
    with scratch_directory(one) as scratch:
        hidden = scratch.name
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left = tmp_path / hidden.replace(f"-{os.getpid()}.", f"-{process.pid}.").replace(".tmp", ".old")
    left.mkdir()
    remove_leftovers(other)
    assert left.is_dir() and not other.exists()
    remove_leftovers(one)
    assert one.is_dir()


def test_what_processes_of_other_users_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They cannot be signalled, which says that they are there."""

    def forbidden(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with scratch_directory(tmp_path / "model") as scratch:
        kept = tmp_path / scratch.name.replace(f"-{os.getpid()}.", "-999999999.")
        kept.mkdir()
        monkeypatch.setattr(os, "kill", forbidden)
        remove_leftovers(tmp_path / "model")
        assert kept.is_dir()


def test_on_windows_no_process_is_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, os.kill ends a process; what may be another's stays."""
    with scratch_directory(tmp_path / "model") as scratch:
        kept = tmp_path / scratch.name.replace(f"-{os.getpid()}.", "-999999999.")
        kept.mkdir()
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a process was signalled"))
        remove_leftovers(tmp_path / "model")
        assert kept.is_dir()

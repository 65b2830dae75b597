"""The file of a training state: any damage is found, and nothing in it is run."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.errors import CheckpointError
from elmo_lite.pretraining.state import StateFile, read_state, seal

CONTENT = {"global_step": 3, "state_dict": {"weight": torch.arange(12.0).reshape(3, 4)}, "name": "é", "none": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    StateFile(None).save_checkpoint(CONTENT, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def refused(path: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        read_state(path)
    assert str(caught.value).startswith(f"{path}: expected ") and "\n" not in str(caught.value)


def same(found: Any) -> bool:
    return (
        bool(torch.equal(found["state_dict"]["weight"], CONTENT["state_dict"]["weight"])) and found["global_step"] == 3
    )  # type: ignore[index]


def test_round_trip(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = read_state(path)
    assert same(state) and caplog.messages == []
    assert same(torch.load(path, weights_only=True)), "PyTorch reads the file as any other of its own"
    assert read_state(path.with_name("none.ckpt")) is None


def test_any_flipped_byte_is_found(path: Path) -> None:
    content = path.read_bytes()
    for place in [*range(0, len(content) - 100, 17), *range(len(content) - 100, len(content))]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        refused(path, "SHA-256|training state")


@pytest.mark.parametrize("length", [0, 1, 50, 71, 93, 200])
def test_a_truncated_file(path: Path, length: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:length])
    refused(path, "expected")
    path.write_bytes(content[: len(content) - length - 1])
    refused(path, "expected")


def test_other_bytes_after_the_checksum(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")
    refused(path, "the file is damaged")


def test_states_of_older_versions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save(CONTENT, tmp_path / "last.ckpt")
    assert same(read_state(tmp_path / "last.ckpt"))
    (message,) = caplog.messages
    assert message.endswith("was saved by an older version, without a checksum, so damage would not be noticed")


class Code:
    """What unpickling runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_code_is_not_run(is_sealed: bool, tmp_path: Path) -> None:
    torch.save({**CONTENT, "callbacks": Code(tmp_path / "ran")}, tmp_path / "last.ckpt")
    if is_sealed:
        seal(tmp_path / "last.ckpt")
    refused(tmp_path / "last.ckpt", "found objects that only code could load, which is not run$")
    (tmp_path / "last.ckpt").write_bytes(pickle.dumps(Code(tmp_path / "ran")))
    refused(tmp_path / "last.ckpt", "expected")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (torch.zeros(1).expand(10**12), r"a tensor of shape \[1000000000000\] in 4 bytes"),
        (torch.zeros(3).to_sparse(), "a tensor that is not dense"),
        (torch.zeros(3, device="meta"), "a tensor that is not dense|a tensor of shape|cannot be read"),
        (3j, "a complex"),
        ({3j: 1}, "a complex"),
    ],
)
def test_what_is_no_plain_value(value: Any, match: str, tmp_path: Path) -> None:
    torch.save({**CONTENT, "more": {"deep": [(value,)]}}, tmp_path / "last.ckpt")
    seal(tmp_path / "last.ckpt")
    refused(tmp_path / "last.ckpt", match)


def test_no_dictionary(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "last.ckpt")
    refused(tmp_path / "last.ckpt", "found list$")


def test_a_compressed_archive(path: Path) -> None:
    """A few kilobytes of it could be gigabytes in memory."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    refused(path, "found a compressed archive$")


def test_an_archive_whose_entries_share_their_bytes(tmp_path: Path) -> None:
    """It could be as large in memory as a compressed one."""
    path = tmp_path / "last.ckpt"
    torch.save({"weight": torch.zeros(10_000)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more", b"")
        archive.filelist += archive.filelist * 20
    seal(path)
    refused(path, "found a compressed archive$")


def test_lightning_gets_what_was_checked_and_opens_nothing(path: Path) -> None:
    state = read_state(path)
    access = StateFile(state)
    path.unlink()
    assert access.load_checkpoint(path, weights_only=False) is state
    with pytest.raises(CheckpointError, match="found one that this run has not saved"):
        access.load_checkpoint(path)

"""The place of a process, from the variables of torchrun and of srun."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from elmo_lite.distributed.launch import run_processes
from elmo_lite.distributed.place import ALONE, Place, environment_place
from elmo_lite.errors import ConfigError

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
ADDRESS = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
SRUN = {
    "SLURM_PROCID": "5",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_LOCALID": "2",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NODELIST": "node[07-08]",
    "SLURM_JOB_ID": "123456",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No variables of a launcher, then or after."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("SLURM_") or name in (*TORCHRUN, *ADDRESS, "GROUP_RANK"):
            del os.environ[name]
    yield monkeypatch
    os.environ.clear()
    os.environ.update(before)


def test_alone() -> None:
    assert environment_place() == ALONE == Place(0, 1, 0, 1)
    os.environ.update(TORCHRUN)  # some other program's: without an address there is no one to find
    assert environment_place() == ALONE


def test_torchrun() -> None:
    os.environ.update({**TORCHRUN, **ADDRESS})
    assert environment_place() == Place(3, 4, 1, 2)
    assert environment_place().num_nodes == 2
    os.environ.update({"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"})
    assert environment_place() == ALONE


def test_srun() -> None:
    os.environ.update(SRUN)
    assert environment_place() == Place(5, 6, 2, 3)
    found = [os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "GROUP_RANK")]
    assert found == ["node07", "18456", "5", "6", "1"]
    assert environment_place() == Place(5, 6, 2, 3)


def test_the_script_of_a_job_is_one_process() -> None:
    os.environ.update({"SLURM_NTASKS": "6", "SLURM_PROCID": "0", "SLURM_JOB_ID": "1"})
    assert environment_place() == ALONE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RANK": "x"}, "environment: expected a number in RANK, found 'x'"),
        ({"WORLD_SIZE": "5"}, "processes: expected as many on each machine, numbered machine by machine, found Place"),
        ({"RANK": "4"}, "processes: expected as many on each machine"),
        ({"LOCAL_WORLD_SIZE": "0"}, "environment: expected 1 or more in LOCAL_WORLD_SIZE, found 0"),
    ],
)
def test_variables_that_do_not_fit(changes: dict[str, str], message: str) -> None:
    os.environ.update({**TORCHRUN, **ADDRESS, **changes})
    with pytest.raises(ConfigError, match=message):
        environment_place()


def run(devices: int, num_nodes: int = 1, on_gpu: bool = False) -> int:
    return run_processes(len, "abc", devices=devices, num_nodes=num_nodes, on_gpu=on_gpu)


def test_a_single_process_runs_here(bare: pytest.MonkeyPatch) -> None:
    assert run(1) == 3


def test_numbers_that_do_not_fit(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^num_nodes: expected 1, or processes that torchrun or srun starts on each"):
        run(1, 2)
    bare.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(
        ConfigError, match=r"^devices: expected at most 1, as many as this machine has GPUs, or --accel"
    ):
        run(2, on_gpu=True)
    os.environ.update({**TORCHRUN, **ADDRESS})
    with pytest.raises(ConfigError, match=r"^devices: expected at most 1, as many as a process sees GPUs \(SLURM: --"):
        run(2, 2, on_gpu=True)
    expected = (
        r"^processes: expected --devices 2 --num_nodes 2, as they were started, or neither, found --devices 4 --n"
    )
    with pytest.raises(ConfigError, match=expected):
        run(4)

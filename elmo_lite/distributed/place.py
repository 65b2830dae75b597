"""The place of a process among those of a run, as the environment says: torchrun's variables, or those of srun."""

from __future__ import annotations

import os
from typing import NamedTuple

from elmo_lite.errors import ConfigError

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""Variables of torchrun, of Ray Train, and of ``launch``; ``init_process_group`` reads them too."""
_OF_SLURM = {
    "RANK": "SLURM_PROCID",
    "WORLD_SIZE": "SLURM_STEP_NUM_TASKS",
    "LOCAL_RANK": "SLURM_LOCALID",
    "GROUP_RANK": "SLURM_NODEID",
}
"""Variables that srun sets in the tasks of a step; the script of a job, which is one process, lacks some of them."""


class Place(NamedTuple):
    """The place of a process."""

    rank: int = 0
    """Number among all processes, in 0..size - 1."""
    size: int = 1
    """Number of processes."""
    local_rank: int = 0
    """Number among the processes of this machine."""
    local_size: int = 1
    """Number of processes of this machine, the same on all machines."""

    @property
    def num_nodes(self) -> int:
        """Number of machines."""
        return self.size // self.local_size

    def variables(self) -> dict[str, str]:
        """The environment that says so; the address of the first process is left to the caller."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.size),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_size),
            "GROUP_RANK": str(self.rank // self.local_size),
        }


ALONE = Place()


def environment_place() -> Place:
    """The place that the environment of this process names; ``ALONE`` if it names none, or one process.

    The variables of srun are written into those of torchrun, so that torch and Lightning find them.

    Raises:
        ConfigError: A variable is not a number, or machines have different numbers of processes.
    """
    if not all(name in os.environ for name in _VARIABLES):
        if _number("SLURM_STEP_NUM_TASKS", 1) < 2:
            return ALONE
        _take_from_slurm()
    size = _number("WORLD_SIZE", 1)
    local_size = _number("LOCAL_WORLD_SIZE", size)
    if local_size < 1:
        raise ConfigError(f"environment: expected 1 or more in LOCAL_WORLD_SIZE, found {local_size}")
    place = Place(_number("RANK", 0), size, _number("LOCAL_RANK", 0), local_size)
    if size % local_size or place.rank % local_size != place.local_rank or place.rank >= size:
        raise ConfigError(f"processes: expected as many on each machine, numbered machine by machine, found {place}")
    return place if size > 1 else ALONE


def _take_from_slurm() -> None:
    from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]

    for name, of_slurm in _OF_SLURM.items():
        os.environ[name] = str(_number(of_slurm, 0))
    nodes = _number("SLURM_STEP_NUM_NODES", 1)
    os.environ["LOCAL_WORLD_SIZE"] = str(-(-int(os.environ["WORLD_SIZE"]) // nodes))
    if "MASTER_ADDR" not in os.environ:
        found = os.environ.get("SLURM_STEP_NODELIST", os.environ.get("SLURM_NODELIST", "127.0.0.1"))
        os.environ["MASTER_ADDR"] = SLURMEnvironment.resolve_root_node_address(found)
    # Known to all tasks of a step, and another one for another job.
    os.environ.setdefault("MASTER_PORT", str(15_000 + _number("SLURM_JOB_ID", 0) % 10_000))


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not (value.isascii() and value.isdecimal()):
        raise ConfigError(f"environment: expected a number in {name}, found {value!r:.80}")
    return int(value)

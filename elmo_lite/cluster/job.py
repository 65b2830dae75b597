"""A job of Ray Data: each part of an input goes through a worker once; Ray keeps what is done and resumes."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.cluster.connection import Workers
from elmo_lite.cluster.parts import Part
from elmo_lite.errors import ConfigError, ElmoLiteError, one_line

if TYPE_CHECKING:
    import pyarrow

ID = "part"
"""Column by which Ray knows what is done."""
_RETRIES = 3
"""How often a part that ends its worker is given to another one."""

Worker = Callable[["pyarrow.Table"], "pyarrow.Table"]
"""Function of parts, a row each, that returns a row per part with its ``ID`` and any other columns."""


@dataclasses.dataclass(frozen=True)
class Job:
    """Parts and what is known of them, in a directory that all machines of a cluster see."""

    directory: Path
    """An absolute path."""

    def plan(self, parts: Sequence[Part]) -> None:
        """Write a file per part, which Ray reads in a task of its own."""
        import pyarrow as pa
        from pyarrow import parquet

        (self.directory / "parts").mkdir()
        for part in parts:
            table = pa.Table.from_pylist([dataclasses.asdict(part)])
            parquet.write_table(table, self.directory / "parts" / f"{part.part:06}.parquet")

    @property
    def num_parts(self) -> int:
        """The number of parts."""
        return sum(1 for _ in (self.directory / "parts").iterdir())

    @property
    def num_done(self) -> int:
        """The number of parts that Ray need not do again, as files: a part more or less while a job runs."""
        return sum(1 for path in (self.directory / "done").glob("*.parquet"))

    def results(self) -> list[dict[str, Any]]:
        """What the workers returned for each part, in order.

        Raises:
            ConfigError: A part is missing.
        """
        from pyarrow import parquet

        paths = sorted((self.directory / "done").glob("*.parquet"))
        rows = {row[ID]: row for path in paths for row in parquet.read_table(path).to_pylist()}
        if missing := set(range(self.num_parts)) - set(rows):
            raise ConfigError(f"{self.directory}: expected all parts to be done, found {len(missing)} that are not")
        return [rows[number] for number in sorted(rows)]

    def run(self, worker: type[Worker], arguments: Mapping[str, Any], workers: Workers, progress: bool) -> None:
        """Give each part that is not done to one of the workers; to be called inside ``Cluster.connected()``.

        Args:
            worker: Class of the workers; each makes one object of it and keeps it.
            arguments: Keyword arguments of its constructor.
            workers: Their number, and what each of them needs.
            progress: Show the progress bars of Ray where standard error is a terminal.

        Raises:
            ElmoLiteError: A worker has raised one.
            ConfigError: Ray has given up.
        """
        import ray
        from pyarrow.fs import LocalFileSystem
        from ray.exceptions import RayError

        files = LocalFileSystem()
        try:
            with _context(str(self.directory / "checkpoint"), files, progress):
                ray.data.read_parquet(
                    str(self.directory / "parts"),
                    filesystem=files,
                    partitioning=None,  # a folder above, such as lang=en, is no column
                    override_num_blocks=self.num_parts,
                ).map_batches(
                    worker,
                    fn_constructor_kwargs=dict(arguments),
                    compute=ray.data.ActorPoolStrategy(size=workers.number),
                    batch_size=1,
                    batch_format="pyarrow",
                    num_cpus=workers.threads,
                    num_gpus=1 if workers.on_gpu else None,
                    max_task_retries=_RETRIES,
                ).write_parquet(str(self.directory / "done"), filesystem=files)
        except RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, ElmoLiteError):  # Ray adds lines on how often it has tried
                raise type(cause)(cause.args[0].partition("\nFailed to apply UDF")[0]) from None
            if isinstance(cause, OSError):
                raise cause from None
            raise ConfigError(f"{self.directory}: Ray has ended the job: {one_line(cause or error)}") from None


@contextmanager
def _context(checkpoint: str, files: Any, progress: bool) -> Iterator[None]:
    """The settings of Ray Data inside the block: checkpoints, errors as they are, nothing printed."""
    import logging

    from ray.data import DataContext
    from ray.data.checkpoint import CheckpointConfig

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    config = CheckpointConfig(ID, checkpoint, override_filesystem=files, delete_checkpoint_on_success=False)
    # One actor filters the list of parts: more would wait for CPUs that the workers have.
    config.checkpoint_actor_pool_max_size, config.checkpoint_actor_memory_bytes = 1, 1 << 26
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own names, and that there are few parts
        context = DataContext.get_current().copy()
        context.checkpoint_config = config
        context.use_datasource_v2 = False  # the second version starts dozens of processes to read footers
        context.raise_original_map_exception = True
        context.print_on_execution_start = False
        context.enable_progress_bars = progress and sys.stderr.isatty()
        with DataContext.current(context):
            yield

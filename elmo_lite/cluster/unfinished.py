"""The directory of a job beside its output, until it is finished: the same command goes on with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.cluster.input_parts import write_parts
from elmo_lite.cluster.job import Job
from elmo_lite.cluster.skipped_rows import SkippedRow, read_skipped, write_skipped
from elmo_lite.errors import ConfigError
from elmo_lite.files import put_in_place, scratch_directory
from elmo_lite.metadata import read_json, write_json
from elmo_lite.paths import short_name
from elmo_lite.text.sources import Source

_SETTINGS = "settings.json"
_SKIPPED = "skipped.jsonl"


@dataclass(frozen=True)
class Unfinished:
    """What lies beside an output directory while a job fills it, ``OUTPUT.unfinished``."""

    target: Path
    """The output directory."""

    @property
    def directory(self) -> Path:
        """Directory of the job."""
        return self.target.with_name(f"{short_name(self.target)}.unfinished")

    @property
    def output(self) -> Path:
        """Directory that becomes the output when the job is finished."""
        return self.directory / "output"

    @property
    def skipped(self) -> Path:
        """The side file of rows that were left out, beside the output."""
        return self.target.with_name(f"{self.target.name}.{_SKIPPED}")

    def begun(self, settings: Mapping[str, Any], overwrite: bool) -> bool:
        """Whether there is a job to go on with.

        Args:
            settings: What the job depends on, of JSON types.
            overwrite: Whether a job of other settings may be discarded.

        Raises:
            ConfigError: There is a job of other settings.
        """
        if not self.output.is_dir():
            return False
        found, expected = read_json(self.directory / _SETTINGS), json.loads(json.dumps(settings))
        differing = [name for name in expected if found.get(name) != expected[name]]
        if differing and not overwrite:
            name = differing[0]
            old, new = f"{found.get(name)!r:.60}", f"{expected[name]!r:.60}"
            raise ConfigError(
                f"{self.directory}: expected the same command as before, found other {name}: {new} instead of {old} "
                "(--overwrite begins again)"
            )
        return not differing

    def begin(self, settings: Mapping[str, Any], sources: list[Source], field: str | None, skip: bool) -> None:
        """Divide the input into parts, and write down what is to be done: as a whole or not at all.

        Raises:
            CorpusError: The input cannot be read; see ``write_parts``.
        """
        with scratch_directory(self.directory) as scratch:
            (scratch / "input").mkdir()
            parts, skipped = write_parts(sources, field, scratch / "input", self.directory.absolute() / "input", skip)
            Job(scratch).plan(parts)
            write_skipped(scratch / _SKIPPED, skipped)
            write_json(scratch / _SETTINGS, dict(settings))
            (scratch / self.output.name).mkdir()
            put_in_place(scratch, self.directory)

    def finish(self, results: list[dict[str, Any]]) -> list[SkippedRow]:
        """Put the output in place, write the side file, and remove the directory of the job.

        Args:
            results: What the workers returned, in which "skipped" lists rows.

        Returns:
            The rows that were left out.
        """
        found = [SkippedRow(**row) for result in results for row in result["skipped"]]
        skipped = read_skipped(self.directory / _SKIPPED) + found
        for path in self.output.glob(".*"):  # what workers that were killed have left
            path.unlink()
        write_skipped(self.skipped, skipped)
        put_in_place(self.output, self.target)
        shutil.rmtree(self.directory, ignore_errors=True)
        return skipped

"""What a pretraining run was started with, kept beside its output so that it can go on exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.files import read_json, write_json
from elmo_lite.hardware import canonical_precision
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.config import PretrainConfig

RUN_FILE = "run.json"


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run was started with, kept so that ``--resume`` goes on with exactly that."""

    config: dict[str, Any]
    corpus: str
    max_steps: int
    limit: str | None
    """The flag that ``max_steps`` was worked out from, as it was given."""
    validation_words: int
    """Size of the held-out sample; it stays where the end of the run is moved, so that perplexities compare."""
    init: str | None
    origin: dict[str, Any]
    """What the model card says of the model ``init``, as it was when the run began."""

    @classmethod
    def read(cls, out: Path) -> Run:
        """Read an output directory's run.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        path = out / RUN_FILE
        try:
            run = cls(**read_json(path))
            # A run may have begun when precisions had other names.
            precision = canonical_precision(run.config["precision"])
            return dataclasses.replace(run, config={**run.config, "precision": precision})
        except FileNotFoundError:
            raise CheckpointError(f"{out}: expected a run to resume, found no {RUN_FILE}") from None
        except (KeyError, TypeError, ConfigError) as error:
            raise CheckpointError(f"{path}: expected a run's settings, found {error}") from None

    def check(self, out: Path, config: PretrainConfig, corpus: Corpus) -> None:
        """See that a run is resumed with what it began with.

        Raises:
            CheckpointError: another corpus.
            ConfigError: other settings; naming them.
        """
        if self.corpus != fingerprint(corpus):
            raise CheckpointError(f"{out}: expected the corpus that the run began with, found {corpus.directory}")
        settings = plain_settings(config)
        if self.config != settings:
            changed = [key for key in settings if settings[key] != self.config.get(key)]
            raise ConfigError(f"{out}: expected the settings that the run began with, found others in {changed}")

    def until(self, out: Path, max_steps: int | None, max_time: str | None) -> Run:
        """The run with its end moved to ``max_steps``; the run itself where no other limit than its own is given.

        Raises:
            ConfigError: another ``max_time``, which was turned into steps when the run began.
        """
        given = limit_flag(max_steps, max_time)
        if given is None or given == self.limit:
            return self
        if max_steps is None:
            raise ConfigError(
                f"{out}: expected {self.limit or 'no limit'}, as the run began with, found {given}; "
                f"--max_steps moves its end, which is at step {self.max_steps:,}"
            )
        return dataclasses.replace(self, max_steps=max_steps, limit=given)

    def write(self, out: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(out / RUN_FILE, dataclasses.asdict(self))


def limit_flag(max_steps: int | None, max_time: str | None) -> str | None:
    """The flag that limits a run, as it is typed; None where neither is given.

    Raises:
        ConfigError: both are given.
    """
    if max_steps is not None and max_time is not None:
        raise ConfigError("--max_steps and --max_time: expected one of them, found both")
    if max_time is not None:
        return f"--max_time {max_time}"
    return f"--max_steps {max_steps}" if max_steps is not None else None


def fingerprint(corpus: Corpus) -> str:
    """A hash of what the corpus holds; where it lies does not matter."""
    return hashlib.sha256(json.dumps(corpus.meta["files"], sort_keys=True).encode()).hexdigest()


def plain_settings(config: PretrainConfig) -> dict[str, Any]:
    """Settings as JSON would give them back."""
    settings: dict[str, Any] = json.loads(json.dumps(to_dict(config)))
    return settings

"""What a pretraining run was started with, kept beside its output so that it can go on exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from elmo_lite.config import to_dict
from elmo_lite.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.pretrain_config import PretrainConfig

RUN_FILE = "run.json"


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run was started with, kept so that ``--resume`` goes on with exactly that."""

    config: dict[str, Any]
    corpus: str
    max_steps: int
    limit: str | None
    """The flag that ``max_steps`` was worked out from, as it was given."""
    init: str | None

    @classmethod
    def read(cls, out: Path) -> Run:
        """Read an output directory's run.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        path = out / RUN_FILE
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise CheckpointError(f"{out}: expected a run to resume, found no {RUN_FILE}") from None
        except (ValueError, TypeError) as error:
            raise CheckpointError(f"{path}: expected a run's settings, found {error}") from None

    def check(self, out: Path, config: PretrainConfig, corpus: Corpus, limit: str | None) -> None:
        """See that a run is resumed with what it began with.

        Raises:
            CheckpointError: another corpus.
            ConfigError: other settings, or another limit; naming them.
        """
        if self.corpus != fingerprint(corpus):
            raise CheckpointError(f"{out}: expected the corpus that the run began with, found {corpus.directory}")
        settings = plain_settings(config)
        if self.config != settings:
            changed = [key for key in settings if settings[key] != self.config.get(key)]
            raise ConfigError(f"{out}: expected the settings that the run began with, found others in {changed}")
        if limit is not None and limit != self.limit:
            began = self.limit or "no limit"
            raise ConfigError(f"{out}: expected {began}, as the run began with, found {limit}; schedules stay")

    def write(self, out: Path) -> None:
        """Write it under a temporary name and rename."""
        scratch = out / (RUN_FILE + ".tmp")
        scratch.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(scratch, out / RUN_FILE)


def fingerprint(corpus: Corpus) -> str:
    """A hash of what the corpus holds; where it lies does not matter."""
    return hashlib.sha256(json.dumps(corpus.meta["files"], sort_keys=True).encode()).hexdigest()


def plain_settings(config: PretrainConfig) -> dict[str, Any]:
    """Settings as JSON would give them back."""
    settings: dict[str, Any] = json.loads(json.dumps(to_dict(config)))
    return settings

"""A run and its file ``run.json``: the settings and the length it was started with, for exact resumption."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.files import read_json, remove_leftovers, write_json
from elmo_lite.hardware import canonical_precision
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import Batches
from elmo_lite.pretraining.initial_model import InitialModel
from elmo_lite.pretraining.speed import MEASURED_SECONDS, measure, parse_duration, steps_in, validation_words

log = logging.getLogger("elmo_lite")

RUN_FILE = "run.json"
STATE_FILE = Path("checkpoints") / "last.ckpt"


@dataclasses.dataclass(frozen=True)
class Run:
    """Settings and length of a run; ``--resume`` continues with exactly these."""

    config: dict[str, Any]
    corpus: str
    """Fingerprint of the corpus."""
    max_steps: int
    limit: str | None
    """The flag that ``max_steps`` was derived from, as given."""
    validation_words: int
    """Size of the held-out sample in words. Constant when the end is moved, so that perplexities stay comparable."""
    init: str | None
    """Name of the initial model."""
    origin: dict[str, Any]
    """Metadata about the initial model at the start of the run."""

    @classmethod
    def read(cls, out: Path) -> Run:
        """Read the run of an output directory.

        Raises:
            CheckpointError: There is no run, or its file is damaged.
        """
        path = out / RUN_FILE
        try:
            run = cls(**read_json(path))
            # Older runs name precisions differently.
            precision = canonical_precision(run.config["precision"])
            return dataclasses.replace(run, config={**run.config, "precision": precision})
        except FileNotFoundError:
            raise CheckpointError(f"{out}: expected a run to resume, found no {RUN_FILE}") from None
        except (KeyError, TypeError, ConfigError) as error:
            raise CheckpointError(f"{path}: expected a run's settings, found {error}") from None

    def check(self, out: Path, config: PretrainConfig, corpus: Corpus) -> None:
        """Check that a run is resumed with its own settings and corpus.

        Raises:
            CheckpointError: The corpus differs.
            ConfigError: Settings differ; they are named.
        """
        if self.corpus != fingerprint(corpus):
            raise CheckpointError(f"{out}: expected the corpus that the run began with, found {corpus.directory}")
        settings = plain_settings(config)
        if self.config != settings:
            changed = [key for key in settings if settings[key] != self.config.get(key)]
            raise ConfigError(f"{out}: expected the settings that the run began with, found others in {changed}")

    def until(self, out: Path, max_steps: int | None, max_time: str | None) -> Run:
        """Move the end of the run to ``max_steps``. Returns the run itself if no new limit is given.

        Raises:
            ConfigError: ``max_time`` differs; a duration is converted to steps only once.
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
        """Write the file atomically."""
        write_json(out / RUN_FILE, dataclasses.asdict(self))


def begin_run(
    config: PretrainConfig,
    corpus: Corpus,
    out: Path,
    batches: Batches,
    *,
    max_steps: int | None,
    max_time: str | None,
    initial: InitialModel | None,
) -> Run:
    """Create the directory of a new run, with its number of steps determined.

    Args:
        config: Settings of the run.
        corpus: Text to train on.
        out: Directory to create, absent or empty.
        batches: Batches of the corpus's training part.
        max_steps: Number of optimizer steps. Defaults to ``config.epochs`` passes.
        max_time: Duration to convert to steps instead, such as "3h".
        initial: Saved model that the run starts from.

    Raises:
        ConfigError: The directory is in use, or a limit is out of range.
    """
    limit = limit_flag(max_steps, max_time)
    remove_leftovers(out / RUN_FILE)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: expected no such directory or an empty one, found it in use; --resume continues it")
    if max_steps is not None and max_steps < 1:
        raise ConfigError(f"--max_steps: expected 1 or more, found {max_steps}")
    if max_time is not None:
        max_steps = _steps_of_time(config, corpus, max_time)
    steps = max_steps or config.epochs * batches.steps_per_epoch
    run = Run(
        config=plain_settings(config),
        corpus=fingerprint(corpus),
        max_steps=steps,
        limit=limit,
        validation_words=validation_words(config, len(corpus.vocabulary), validation_interval(config, steps)),
        init=None if initial is None else initial.name,
        origin={} if initial is None else {"init": initial.metadata()},
    )
    run.write(out)  # the first file of the directory: with it, the run can be resumed
    return run


def resume_run(
    run: Run, config: PretrainConfig, corpus: Corpus, out: Path, *, max_steps: int | None, max_time: str | None
) -> Run:
    """Check a stored run before it resumes, and move its end if another number of steps is given.

    Raises:
        CheckpointError: The run began with another corpus.
        ConfigError: The run began with other settings, or the new end lies before its last saved state.
    """
    run.check(out, config, corpus)
    moved = run.until(out, max_steps, max_time)
    if moved != run:
        done = _steps_done(out)
        if moved.max_steps <= done:
            raise ConfigError(f"--max_steps: expected more than the {done:,} steps done, found {moved.max_steps:,}")
        log.info(
            "the learning rate now decays to zero at step %s, not %s", f"{moved.max_steps:,}", f"{run.max_steps:,}"
        )
        moved.write(out)
    return moved


def _steps_of_time(config: PretrainConfig, corpus: Corpus, max_time: str) -> int:
    """Number of steps in a duration, by the measured speed."""
    duration = parse_duration(max_time)
    measured = measure(config, corpus, min(MEASURED_SECONDS, duration / 20))
    steps = steps_in(duration, measured)
    log.info("%s words/s measured: %s steps in %s", f"{measured.words_per_second:,.0f}", f"{steps:,}", max_time)
    return steps


def _steps_done(out: Path) -> int:
    """Number of steps in the last saved state."""
    state = out / STATE_FILE
    return int(torch.load(state, weights_only=True, mmap=True)["global_step"]) if state.exists() else 0


def validation_interval(config: PretrainConfig, max_steps: int) -> int:
    """Number of steps between two validations."""
    return max(1, max_steps // config.validations)


def limit_flag(max_steps: int | None, max_time: str | None) -> str | None:
    """The flag that limits a run, as typed; None if neither is given.

    Raises:
        ConfigError: Both are given.
    """
    if max_steps is not None and max_time is not None:
        raise ConfigError("--max_steps and --max_time: expected one of them, found both")
    if max_time is not None:
        return f"--max_time {max_time}"
    return f"--max_steps {max_steps}" if max_steps is not None else None


def fingerprint(corpus: Corpus) -> str:
    """Hash of a corpus's content; independent of its path."""
    return hashlib.sha256(json.dumps(corpus.meta["files"], sort_keys=True).encode()).hexdigest()


def plain_settings(config: PretrainConfig) -> dict[str, Any]:
    """Settings with the types that JSON returns, but for the device, on which a run does not depend."""
    settings: dict[str, Any] = json.loads(json.dumps(to_dict(config)))
    del settings["device"]
    return settings

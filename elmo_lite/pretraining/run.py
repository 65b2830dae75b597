"""A run and its file ``run.json``: the settings and the length it was started with, for exact resumption."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.group import is_first
from elmo_lite.errors import CheckpointError, ConfigError, require
from elmo_lite.fields import read_settings
from elmo_lite.metadata import write_json
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.config import ON_WHICH_NOTHING_DEPENDS, PretrainConfig
from elmo_lite.pretraining.data_module import Batches
from elmo_lite.pretraining.forward_config import pretrain_config_from_dict
from elmo_lite.pretraining.initial_model import InitialModel
from elmo_lite.pretraining.length import limit_flag, planned_seconds, steps_of_time, validation_interval
from elmo_lite.pretraining.speed import passes_of, validation_words
from elmo_lite.pretraining.suited import with_dropout

log = logging.getLogger("elmo_lite")

RUN_FILE = "run.json"


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
    init_files: str | None = None
    """Fingerprint of the initial model; older runs have none."""
    moves: tuple[tuple[int, int], ...] = ()
    """Steps at which the end was moved to keep a planned time, and the new ends; see ``schedule.Schedule``."""
    corpus_directory: str | None = None
    """Where the corpus was at the start of the run, for the command that repeats it; older runs have none."""

    @property
    def end(self) -> int:
        """Number of steps, as planned last."""
        return self.moves[-1][1] if self.moves else self.max_steps

    @property
    def planned_seconds(self) -> float | None:
        """The planned time in seconds; None if the run has a number of steps."""
        return planned_seconds(self.limit)

    @classmethod
    def read(cls, out: Path) -> Run:
        """Read the run of an output directory.

        Raises:
            CheckpointError: There is no run, or its file is damaged.
        """
        path = out / RUN_FILE
        try:
            run = read_settings(path, cls)
            # Older runs name precisions differently, and keep the number of devices; their settings may lack those that
            # were added later.
            config = pretrain_config_from_dict(run.config)
            kept = {name: value for name, value in run.config.items() if name not in ON_WHICH_NOTHING_DEPENDS}
            return dataclasses.replace(run, config={**kept, "precision": config.precision})
        except (FileNotFoundError, NotADirectoryError):
            raise CheckpointError(f"{out}: expected a run to resume, found no {RUN_FILE}") from None
        except ConfigError as error:
            raise CheckpointError(f"{path}: {error}") from None

    def __post_init__(self) -> None:
        """Check ranges."""
        planned_seconds(self.limit)
        for name in ("max_steps", "validation_words"):
            require(getattr(self, name) >= 1, name, "1 or more", getattr(self, name))
        steps = [0, *(step for step, _ in self.moves)]
        is_right = steps == sorted(set(steps)) and all(step < end for step, end in self.moves)
        require(is_right, "moves", "ascending steps, each with a later end", self.moves)

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

    def check_init(self, initial: InitialModel) -> None:
        """Check that the initial model is still the one that the run began with.

        Raises:
            CheckpointError: It is another one.
        """
        if self.init_files is not None and self.init_files != initial.fingerprint:
            raise CheckpointError(f"{initial.directory}: expected the model that the run began with, found another one")

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
                f"--max_steps moves its end, which is at step {self.end:,}"
            )
        return dataclasses.replace(self, max_steps=max_steps, limit=given, moves=())

    def write(self, out: Path) -> None:
        """Write the file atomically, with the checksum of its values."""
        write_json(out / RUN_FILE, dataclasses.asdict(self), with_checksum=True)


def begin_run(
    config: PretrainConfig,
    corpus: Corpus,
    out: Path,
    batches: Batches,
    *,
    max_steps: int | None,
    max_time: str | None,
    initial: InitialModel | None,
    validated_words: int | None = None,
) -> Run:
    """Create the directory of a new run, with its number of steps determined.

    Args:
        config: Settings of the run.
        corpus: Text to train on.
        out: Directory to create, absent or empty.
        batches: Batches of the corpus's training part.
        max_steps: Number of optimizer steps. Defaults to ``config.epochs`` passes, or to those that suit the text.
        max_time: Duration to convert to steps instead, such as "3h".
        initial: Saved model that the run starts from.
        validated_words: Size of the held-out sample in words. Defaults to one that costs little time.

    Raises:
        ConfigError: The directory is in use, or a limit is out of range.
    """
    limit = limit_flag(max_steps, max_time)
    if is_first() and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: expected no such directory or an empty one, found it in use; --resume continues it")
    if max_steps is not None and max_steps < 1:
        raise ConfigError(f"--max_steps: expected 1 or more, found {max_steps}")
    if max_time is not None:
        max_steps = steps_of_time(config, corpus, max_time)
    steps = max_steps or passes_of(config, corpus) * batches.steps_per_epoch
    config = with_dropout(config, steps / batches.steps_per_epoch)
    run = Run(
        config=plain_settings(config),
        corpus=fingerprint(corpus),
        max_steps=steps,
        limit=limit,
        validation_words=validated_words
        or validation_words(config, len(corpus.vocabulary), validation_interval(config, steps)),
        init=None if initial is None else initial.name,
        origin={} if initial is None else {"init": initial.metadata()},
        init_files=None if initial is None else initial.fingerprint,
        corpus_directory=str(corpus.directory),
    )
    if is_first():
        run.write(out)  # the first file of the directory: with it, the run can be resumed
    return run


def resume_run(
    run: Run,
    config: PretrainConfig,
    corpus: Corpus,
    out: Path,
    *,
    max_steps: int | None,
    max_time: str | None,
    done: int,
) -> Run:
    """Check a stored run before it resumes, and move its end if another number of steps is given.

    Args:
        run: The stored run.
        config: Settings to resume with.
        corpus: Corpus to resume with.
        out: Directory of the run.
        max_steps: New number of optimizer steps, or None.
        max_time: Duration as in the first start, or None.
        done: Number of steps in the last saved state.

    Returns:
        The run, which is not written to its file.

    Raises:
        CheckpointError: The run began with another corpus.
        ConfigError: The run began with other settings, or the new end lies before its last saved state.
    """
    run.check(out, config, corpus)
    moved = run.until(out, max_steps, max_time)
    if moved != run:
        if moved.max_steps <= done:
            raise ConfigError(f"--max_steps: expected more than the {done:,} steps done, found {moved.max_steps:,}")
        log.info("the learning rate now decays to zero at step %s, not %s", f"{moved.max_steps:,}", f"{run.end:,}")
    return moved


def fingerprint(corpus: Corpus) -> str:
    """SHA-256 of a corpus's content; independent of its path."""
    return hashlib.sha256(json.dumps(corpus.meta["files"], sort_keys=True).encode()).hexdigest()


def plain_settings(config: PretrainConfig) -> dict[str, Any]:
    """Settings with the types that JSON returns, but for those of the machine, on which a run does not depend."""
    settings: dict[str, Any] = json.loads(json.dumps(to_dict(config)))
    return {name: value for name, value in settings.items() if name not in ON_WHICH_NOTHING_DEPENDS}

"""Where a pretraining run begins: a new directory and its number of steps, or a stored run, its end moved if asked."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import Batches
from elmo_lite.pretraining.initial_model import init_facts
from elmo_lite.pretraining.run import Run, fingerprint, limit_flag, plain_settings
from elmo_lite.pretraining.speed import MEASURED_SECONDS, measure, parse_duration, steps_in, validation_words

log = logging.getLogger("elmo_lite")

STATE_FILE = Path("checkpoints") / "last.ckpt"


def prepare_run(
    config: PretrainConfig,
    corpus: Corpus,
    out: Path,
    batches: Batches,
    max_steps: int | None,
    max_time: str | None,
    resume: bool,
    init: str | None,
) -> Run:
    """The run to do: the stored one, or a new one whose number of steps is settled here, once.

    Args:
        config: settings.
        corpus: text.
        out: the run's directory.
        batches: of the corpus's training part.
        max_steps: optimiser steps.
        max_time: instead, a duration.
        resume: whether the run is there.
        init: saved model that a new run starts from.

    Raises:
        CheckpointError: there is no run to resume, or it began with another corpus.
        ConfigError: the directory is in use, the limit makes no sense, or a resumed run began with other settings.
    """
    limit = limit_flag(max_steps, max_time)
    if resume:
        return _resumed_run(config, corpus, out, max_steps, max_time)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"{out}: expected no such directory or an empty one, found it in use; --resume goes on with it"
        )
    if max_steps is not None and max_steps < 1:
        raise ConfigError(f"--max_steps: expected 1 or more, found {max_steps}")
    if max_time is not None:
        duration = parse_duration(max_time)
        measured = measure(config, corpus, min(MEASURED_SECONDS, duration / 20))
        max_steps = steps_in(duration, measured)
        rate = f"{measured.words_per_second:,.0f}"
        log.info("%s words/s measured: %s steps in %s", rate, f"{max_steps:,}", max_time)
    steps = max_steps or config.epochs * batches.steps_per_epoch
    run = Run(
        config=plain_settings(config),
        corpus=fingerprint(corpus),
        max_steps=steps,
        limit=limit,
        validation_words=validation_words(config, len(corpus.vocabulary), validation_interval(config, steps)),
        init=init,
        origin={} if init is None else {"init": init_facts(init)},
    )
    (out / STATE_FILE.parent).mkdir(parents=True, exist_ok=True)
    run.write(out)
    return run


def _resumed_run(config: PretrainConfig, corpus: Corpus, out: Path, max_steps: int | None, max_time: str | None) -> Run:
    """The stored run, its end moved where another number of steps is asked for."""
    run = Run.read(out)
    run.check(out, config, corpus)
    moved = run.until(out, max_steps, max_time)
    if moved != run:
        done = _steps_done(out)
        if moved.max_steps <= done:
            raise ConfigError(f"--max_steps: expected more than the {done:,} steps done, found {moved.max_steps:,}")
        log.info("the learning rate falls to zero at step %s now, not %s", f"{moved.max_steps:,}", f"{run.max_steps:,}")
        moved.write(out)
    return moved


def _steps_done(out: Path) -> int:
    state = out / STATE_FILE
    return int(torch.load(state, weights_only=True, mmap=True)["global_step"]) if state.exists() else 0


def validation_interval(config: PretrainConfig, max_steps: int) -> int:
    """Steps from one validation to the next."""
    return max(1, max_steps // config.validations)

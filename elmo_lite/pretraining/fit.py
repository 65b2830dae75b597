"""The training of a run by Lightning: its callbacks, its curves, and what is saved."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.group import is_first, is_lost, place, share
from elmo_lite.distributed.strategy import trainer_arguments
from elmo_lite.errors import CheckpointError, ElmoLiteError, one_line
from elmo_lite.hardware import choose_precision, lightning_device, lightning_precision
from elmo_lite.metadata import write_json
from elmo_lite.pretraining.callbacks import Progress, SaveBest, SaveState
from elmo_lite.pretraining.curve import TABLE, draw_curve
from elmo_lite.pretraining.data_module import Batches, CorpusDataModule, validation_sample
from elmo_lite.pretraining.keep_time import KeepTime
from elmo_lite.pretraining.length import validation_interval
from elmo_lite.pretraining.run import Run, plain_settings
from elmo_lite.pretraining.speed import training_device
from elmo_lite.pretraining.state import EXPECTED, STATE_FILE, StateFile
from elmo_lite.pretraining.stop_early import StopEarly
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.stopping import Stopped, StopRequest, StopTraining, stop_on_request

log = logging.getLogger("elmo_lite")

MODEL = "model"
RESULT = "result.json"
"""What a run has come to, for ``elmo-lite report``; a run that is resumed writes it again at its end."""
CURVES = (
    "epoch",
    "step",
    "train/sampled_loss",
    *(f"val/{direction}_{unit}" for direction in ("backward", "forward") for unit in ("nats", "perplexity")),
    "val/nats",
    "val/perplexity_without_unknown",
)
"""Columns of ``metrics.csv``."""


class Fit:
    """The training of a run, from its start or from a state."""

    def __init__(
        self,
        module: LanguageModel,
        corpus: Corpus,
        batches: Batches,
        out: Path,
        run: Run,
        state: dict[str, Any] | None,
        began: float,
    ) -> None:
        """Prepare a run.

        Args:
            module: Module of the run, untrained.
            corpus: Corpus of the run.
            batches: Batches of its training part.
            out: Directory of the run.
            run: Settings and length of the run.
            state: State to go on from, checked; None starts at the first step.
            began: Time of ``time.monotonic`` when the command began, from which a planned time counts.
        """
        self.module, self.corpus, self.batches, self.out = module, corpus, batches, out
        self.run, self.state, self.began = run, state, began
        self.sample = validation_sample(corpus, corpus.held_out, module.config.data, run.validation_words, share())

    def train(self, *, progress: bool = True, callbacks: Sequence[pl.Callback] = ()) -> dict[str, Any]:
        """Train, with a progress bar or without, save the best model, and return the metadata of the run."""
        config, out, run, validates = self.module.config, self.out, self.run, len(self.sample) > 0
        if not validates:
            log.warning("the corpus has no held-out part: no perplexity is measured, and the last model is kept")
        save_best = SaveBest(self._save)
        request, interval = StopRequest(announces=is_first()), validation_interval(config, run.max_steps)
        used = [*callbacks, *([Progress()] if progress else [])]
        stop_early = StopEarly(config.patience, self.module.schedule)
        if validates:
            used += [stop_early, save_best]
        if run.planned_seconds is not None:
            used.append(self._keep_time(run.planned_seconds, interval))
        # The state comes last, as it includes what the other callbacks did in the same step.
        path = out / STATE_FILE
        save_state = SaveState(path, config.save_every_minutes, request, interval if validates else None)
        used.append(save_state)
        start = time.perf_counter()
        trainer = _trainer(self.module, out, used, interval, StateFile(self.state), validates=validates)
        data = CorpusDataModule(self.batches, self.sample)
        try:
            with stop_on_request(request):
                trainer.fit(self.module, datamodule=data, ckpt_path=None if self.state is None else path)
        except StopTraining:
            where = f"step {trainer.global_step:,} of {self.module.schedule.end:,}"
            raise Stopped(f"stopped at {where}; --resume continues the run in {out}", request.signal_number) from None
        except Exception as error:
            if self.state is None or save_state.has_started or isinstance(error, ElmoLiteError) or is_lost(error):
                raise
            raise CheckpointError(f"{path}: {EXPECTED} one that cannot be restored ({one_line(error)[:200]})") from None
        end = self.module.schedule.end
        if trainer.global_step < end:
            reason = stop_early.reason(trainer)
            log.info("stopped early at step %s of %s: %s", f"{trainer.global_step:,}", f"{end:,}", reason)
        if not save_best.best and is_first():
            self._save({})
        seconds, curve = time.perf_counter() - start, draw_curve(out, save_best.best) if is_first() else None
        facts = {
            **self._metadata(trainer.global_step),
            "seconds": seconds,
            "first_step": 0 if self.state is None else self.state["global_step"],
            "best": save_best.best,
            "model": str(out / MODEL),
            "curve": None if curve is None else str(curve),
        }
        if is_first():
            write_json(out / RESULT, facts, allow_nan=True)
        return facts

    def _keep_time(self, seconds: float, interval: int) -> KeepTime:
        """The callback that keeps the planned time, recording moves of the end in the file of the run."""
        done = self.state["global_step"] if self.state is not None else 0
        if self.state is not None and KeepTime.__name__ not in self.state["callbacks"]:  # a state of an older version
            self.began -= seconds * done / self.run.max_steps

        def record(moves: list[tuple[int, int]]) -> None:
            self.run = dataclasses.replace(self.run, moves=tuple(moves))
            self.run.write(self.out)

        return KeepTime(seconds, self.module.schedule, interval, record, self.began)

    def _save(self, best: dict[str, Any]) -> None:
        """Save the model; ``best`` has the step and the perplexities of the best one."""
        module, corpus = self.module, self.corpus
        training = {**self.run.origin, **self._metadata(best.get("step", module.global_step)), "best": best}
        save_model(
            self.out / MODEL, module.bilm, corpus.tokenization, corpus.vocabulary, module.head, training, overwrite=True
        )

    def _metadata(self, step: int) -> dict[str, Any]:
        """Metadata of the training after ``step`` steps, for the model card."""
        epochs = step / self.batches.steps_per_epoch
        return {
            "steps": step,
            "epochs": epochs,
            "words_seen": int(epochs * (len(self.corpus.train) - 1)),
            "training_words": self.corpus.meta["train"]["words"],
            "settings": plain_settings(self.module.config),
        }


def _trainer(
    module: LanguageModel,
    out: Path,
    callbacks: list[pl.Callback],
    interval: int,
    state_file: StateFile,
    *,
    validates: bool,
) -> pl.Trainer:
    """A trainer on the device of the settings, one of several or alone, that validates every ``interval`` steps."""
    config = module.config
    device = training_device(config.wanted_device)
    several = place().size > 1
    return pl.Trainer(
        **(trainer_arguments(place(), module.head, device) if several else lightning_device(device)),
        precision=lightning_precision(choose_precision(config.precision, device)),
        max_steps=module.schedule.end,
        max_epochs=-1,
        val_check_interval=interval if validates else None,
        check_val_every_n_epoch=None if validates else 1,
        limit_val_batches=None if validates else 0,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        plugins=[state_file],
        default_root_dir=str(out),  # not the working directory, where schedulers of clusters may have left states
        logger=_loggers(out),
        log_every_n_steps=min(20, interval),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _loggers(out: Path) -> list[Any]:
    """Loggers that write the curves as CSV and, if installed, for TensorBoard."""
    curves = out / "logs" / TABLE
    if is_first() and curves.exists():  # written before the run was interrupted; the logger would delete it
        numbered = (curves.with_name(f"metrics-{number}.csv") for number in itertools.count(1))
        os.replace(curves, next(path for path in numbered if not path.exists()))
    # Flush every row: the default of 100 rows is hours of a run.
    table = CSVLogger(str(out), name="logs", version="", flush_logs_every_n_steps=1)
    if is_first():
        table.experiment.metrics_keys = list(CURVES)  # for a later column the logger would write the whole file again
    loggers: list[Any] = [table]
    try:
        loggers.append(TensorBoardLogger(str(out), name="logs", version=""))
    except ModuleNotFoundError:
        log.info("tensorboard is not installed: curves go to %s alone", out / "logs" / "metrics.csv")
    return loggers

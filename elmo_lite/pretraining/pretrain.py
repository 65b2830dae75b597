"""Pretraining of a language model on a corpus (``elmo-lite pretrain``)."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.hardware import choose_precision, lightning_device, lightning_precision
from elmo_lite.pretraining.callbacks import Progress, SaveBest, SaveState
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import Batches, CorpusDataModule, make_batches, validation_sample
from elmo_lite.pretraining.initial_model import InitialModel, build_model, check_corpus, with_encoder_of
from elmo_lite.pretraining.run import STATE_FILE, Run, begin_run, plain_settings, resume_run, validation_interval
from elmo_lite.pretraining.speed import training_device
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.quiet import quiet_lightning
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.stopping import Stopped, StopRequest, StopTraining, stop_on_request

log = logging.getLogger("elmo_lite")


def pretrain(
    config: PretrainConfig,
    corpus: str | Path,
    out: str | Path,
    *,
    max_steps: int | None = None,
    max_time: str | None = None,
    resume: bool = False,
    init: str | InitialModel | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Pretrain a language model.

    The best model is written to ``out/model``, the training state to ``out/checkpoints``, and curves to ``out/logs``.

    Args:
        config: Settings of the run.
        corpus: Corpus directory, as written by ``elmo-lite corpus``.
        out: Output directory, absent or empty unless ``resume`` is true.
        max_steps: Number of optimizer steps. Defaults to ``config.epochs`` passes over the corpus.
        max_time: Duration such as "3h", instead of ``max_steps``. It is converted to steps once, by the measured speed.
        resume: Continue the run in ``out`` exactly from its last saved state. Another ``max_steps`` moves its end,
            and with it the decay of the learning rate.
        init: Saved model to start from, by directory or name. Its encoder settings replace those of ``config.model``,
            except for dropout. Ignored if ``resume`` is true, as the run has its own.
        progress: Whether to show a progress bar on standard error. Defaults to True.

    Returns:
        Metadata of the run: steps, words seen, seconds, best validation, path of the model.

    Raises:
        ConfigError: A setting does not fit the corpus or the run, or ``out`` is in use.
        CorpusError: The corpus cannot be read, or is smaller than one batch.
        CheckpointError: There is no run to resume, or the initial model cannot be read or does not fit.
        TrainingError: A gradient is not finite.
        Stopped: SIGINT or SIGTERM has arrived, and the state is saved.
    """
    opened, out = Corpus.open(corpus), Path(out)
    stored = Run.read(out) if resume else None
    if stored is not None:
        init = stored.init  # needed again if no state was saved yet
    initial = InitialModel.find(init) if isinstance(init, str) else init
    weights = initial.load(opened) if initial is not None else None
    if weights is not None:
        config = with_encoder_of(config, weights.bilm.config)
    check_corpus(config, opened)
    batches = make_batches(opened, opened.train, config.data, config.seed)
    if stored is not None:
        run = resume_run(stored, config, opened, out, max_steps=max_steps, max_time=max_time)
    else:
        run = begin_run(config, opened, out, batches, max_steps=max_steps, max_time=max_time, initial=initial)
    module = build_model(config, opened, run.max_steps, weights)
    with quiet_lightning():
        return _fit(module, opened, batches, out, run, resume, progress)


def _fit(
    module: LanguageModel, corpus: Corpus, batches: Batches, out: Path, run: Run, resume: bool, progress: bool
) -> dict[str, Any]:
    """Train, save the best model, and return the metadata of the run."""
    config = module.config
    sample = validation_sample(corpus, corpus.held_out, config.data, run.validation_words)
    if not len(sample):
        log.warning("the corpus has no held-out part: no perplexity is measured, and the last model is kept")

    def save(best: dict[str, Any]) -> None:
        metadata = _metadata(module, corpus, batches, best.get("step", module.global_step))
        training = {**run.origin, **metadata, "best": best}
        save_model(
            out / "model", module.bilm, corpus.tokenization, corpus.vocabulary, module.head, training, overwrite=True
        )

    save_best = SaveBest(save)
    callbacks: list[pl.Callback] = [Progress()] if progress else []
    if len(sample):
        callbacks += [EarlyStopping("val/nats", patience=config.patience, check_finite=True), save_best]
    # The state comes last, as it includes what the other callbacks did in the same step.
    request, interval = StopRequest(), validation_interval(config, run.max_steps)
    state = out / STATE_FILE
    callbacks.append(SaveState(state, config.save_every_minutes, request, interval if len(sample) else None))
    start = time.perf_counter()
    trainer = _trainer(module, out, callbacks, interval, validates=len(sample) > 0)
    if resume and not state.exists():
        log.warning("%s: no state was saved, so the run starts at its first step", out)
    data = CorpusDataModule(batches, sample)
    try:
        with stop_on_request(request):
            trainer.fit(module, datamodule=data, ckpt_path=state if resume and state.exists() else None)
    except StopTraining:
        message = f"stopped at step {trainer.global_step:,} of {run.max_steps:,}; --resume continues the run in {out}"
        raise Stopped(message, request.signal_number) from None
    if trainer.global_step < run.max_steps:
        log.info("stopped early: no better perplexity in %s validations (--patience)", config.patience)
    if not save_best.best:
        save({})
    metadata = _metadata(module, corpus, batches, trainer.global_step)
    return {**metadata, "seconds": time.perf_counter() - start, "best": save_best.best, "model": str(out / "model")}


def _trainer(
    module: LanguageModel, out: Path, callbacks: list[pl.Callback], interval: int, *, validates: bool
) -> pl.Trainer:
    """A trainer on the device of the settings, or several GPUs, that validates every ``interval`` steps."""
    config = module.config
    device = training_device(config.device)
    devices = config.devices if device.type == "cuda" else 1
    # Sparse gradients cannot be averaged over processes; dense ones can.
    module.sparse_table = devices == 1
    return pl.Trainer(
        **(lightning_device(device) | ({"devices": devices} if devices > 1 else {})),
        precision=lightning_precision(choose_precision(config.precision, device)),
        max_steps=module.max_steps,
        max_epochs=-1,
        val_check_interval=interval if validates else None,
        check_val_every_n_epoch=None if validates else 1,
        limit_val_batches=None if validates else 0,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=_loggers(out),
        log_every_n_steps=min(20, interval),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _metadata(module: LanguageModel, corpus: Corpus, batches: Batches, step: int) -> dict[str, Any]:
    """Metadata of the training after ``step`` steps, for the model card."""
    return {
        "steps": step,
        "epochs": step / batches.steps_per_epoch,
        "words_seen": int(step / batches.steps_per_epoch * (len(corpus.train) - 1)),
        "training_words": corpus.meta["train"]["words"],
        "settings": plain_settings(module.config),
    }


def _loggers(out: Path) -> list[Any]:
    """Loggers that write the curves as CSV and, if installed, for TensorBoard."""
    curves = out / "logs" / "metrics.csv"
    if curves.exists():  # written before the run was interrupted; the logger would delete it
        os.replace(curves, curves.with_name(f"metrics-{len(list(curves.parent.glob('metrics-*.csv'))) + 1}.csv"))
    # Flush every row: the default of 100 rows is hours of a run.
    loggers: list[Any] = [CSVLogger(str(out), name="logs", version="", flush_logs_every_n_steps=1)]
    try:
        loggers.append(TensorBoardLogger(str(out), name="logs", version=""))
    except ModuleNotFoundError:
        log.info("tensorboard is not installed: curves go to %s alone", out / "logs" / "metrics.csv")
    return loggers

"""Pretraining: a corpus directory and settings in, a saved model out (``elmo-lite pretrain``)."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.hardware import choose_precision, keep_freed_memory, lightning_precision
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining import speed
from elmo_lite.pretraining.callbacks import Progress, SaveBest, SaveState
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import Batches, CorpusDataModule, make_batches, validation_sample
from elmo_lite.pretraining.initial_model import (
    build_model,
    check_corpus,
    check_encoder,
    check_init,
    init_settings,
    load_init,
    with_encoder_of,
)
from elmo_lite.pretraining.run import Run
from elmo_lite.pretraining.run_start import STATE_FILE, prepare_run, validation_interval
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import save_model

log = logging.getLogger("elmo_lite")


def pretrain(
    config: PretrainConfig,
    corpus: str | Path,
    out: str | Path,
    *,
    max_steps: int | None = None,
    max_time: str | None = None,
    resume: bool = False,
    init: str | None = None,
) -> dict[str, Any]:
    """Pretrain a language model: the best in ``out/model``, the state in ``out/checkpoints``, curves in ``out/logs``.

    Args:
        config: settings.
        corpus: directory that ``elmo-lite corpus`` made.
        out: directory to write, absent or empty unless ``resume``.
        max_steps: optimiser steps.
        max_time: instead, a duration such as "3h": turned into steps once, measured, and stored.
        resume: go on with the run in ``out`` from its last saved state, exactly; another ``max_steps`` than it began
            with moves its end, and with it the fall of the learning rate.
        init: saved model to start from, by directory or name; its encoder's settings replace those of ``config.model``,
            but for dropout.

    Returns:
        Facts of the run: steps, words, hours, best validation.

    Raises:
        ConfigError, CorpusError, CheckpointError, TrainingError: see each.
    """
    keep_freed_memory()
    opened, out = Corpus.open(corpus), Path(out)
    if resume:
        init = Run.read(out).init  # needed again where no state was saved yet
    initial = load_init(init, opened) if init is not None else None
    if initial is not None:
        config = with_encoder_of(config, initial.bilm.config)
    check_corpus(config, opened)
    batches = make_batches(opened, opened.train, config.data, config.seed)
    run = prepare_run(config, opened, out, batches, max_steps, max_time, resume, init)
    module = build_model(config, opened, run.max_steps, initial)
    return _fit(module, opened, batches, out, run, resume)


def _fit(module: LanguageModel, corpus: Corpus, batches: Batches, out: Path, run: Run, resume: bool) -> dict[str, Any]:
    config = module.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    devices = config.devices if device.type == "cuda" else 1
    # Gradients of rows cannot be averaged over processes; a dense table can.
    module.sparse_table = devices == 1
    interval = validation_interval(config, run.max_steps)
    sample = validation_sample(corpus, corpus.held_out, config.data, run.validation_words)
    has_validation = len(sample) > 0
    if not has_validation:
        log.warning("the corpus has no held-out part: no perplexity is measured, and the last model is kept")

    def save(best: dict[str, Any]) -> None:
        training = {**run.origin, **_facts(module, corpus, batches, best.get("step", module.global_step)), "best": best}
        save_model(
            out / "model", module.bilm, corpus.tokenization, corpus.vocabulary, module.head, training, overwrite=True
        )

    save_best = SaveBest(save)
    callbacks: list[pl.Callback] = [Progress()]
    if has_validation:
        callbacks += [EarlyStopping("val/nats", patience=config.patience, check_finite=True), save_best]
    # The state comes last: it holds what the others did in the same step.
    callbacks.append(SaveState(out / STATE_FILE, config.save_every_minutes))
    start = time.perf_counter()
    _quiet_lightning()
    trainer = pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=devices,
        precision=lightning_precision(choose_precision(config.precision, device)),
        max_steps=module.max_steps,
        max_epochs=-1,
        val_check_interval=interval if has_validation else None,
        check_val_every_n_epoch=None if has_validation else 1,
        limit_val_batches=None if has_validation else 0,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=_loggers(out),
        log_every_n_steps=min(20, interval),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    state = out / STATE_FILE
    data = CorpusDataModule(batches, sample)
    trainer.fit(module, datamodule=data, ckpt_path=state if resume and state.exists() else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.global_step < run.max_steps:
        log.info("stopped early: no better perplexity in %s validations (--patience)", config.patience)
    if not save_best.best:
        save({})
    facts = _facts(module, corpus, batches, trainer.global_step)
    return {**facts, "seconds": time.perf_counter() - start, "best": save_best.best, "model": str(out / "model")}


def _facts(module: LanguageModel, corpus: Corpus, batches: Batches, step: int) -> dict[str, Any]:
    """What a model card says of the training."""
    return {
        "steps": step,
        "epochs": step / batches.steps_per_epoch,
        "words_seen": int(step / batches.steps_per_epoch * (len(corpus.train) - 1)),
        "training_words": corpus.meta["train"]["words"],
        "settings": to_dict(module.config),
    }


def _loggers(out: Path) -> list[Any]:
    curves = out / "logs" / "metrics.csv"
    if curves.exists():  # of the run before it was interrupted; the logger would delete them
        os.replace(curves, curves.with_name(f"metrics-{len(list(curves.parent.glob('metrics-*.csv'))) + 1}.csv"))
    # Every row is written at once: a hundred of them, kept back by default, are hours of a run.
    loggers: list[Any] = [CSVLogger(str(out), name="logs", version="", flush_logs_every_n_steps=1)]
    try:
        loggers.append(TensorBoardLogger(str(out), name="logs", version=""))
    except ModuleNotFoundError:
        log.info("tensorboard is not installed: curves go to %s alone", out / "logs" / "metrics.csv")
    return loggers


def _quiet_lightning() -> None:
    """Keep Lightning's advice and banners out of the progress; its warnings of what we do on purpose too."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        r".*does not have many workers.*",
        r".*Checkpoint directory.*",
        r".*isinstance.*LeafSpec.*",
        r".*Experiment logs directory.*",
    ):
        warnings.filterwarnings("ignore", message)


def default_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of ``pretrain_command`` where none are given: those of a run that goes on, or of ``--init``.

    Args:
        arguments: of the command, by name.

    Raises:
        CheckpointError: there is no such run or model.
    """
    if arguments["resume"]:
        return Run.read(Path(arguments["out"])).config
    if arguments["init"] is None:
        return {}
    settings = init_settings(arguments["init"])
    return {"model": settings["model"]} if arguments["config"] else settings


def pretrain_command(
    config: PretrainConfig,
    corpus: str,
    out: str,
    *,
    max_steps: int | None = None,
    max_time: str | None = None,
    resume: bool = False,
    init: str | None = None,
    dry_run: bool = False,
) -> None:
    """Pretrain a language model on a corpus.

    Args:
        config: Settings of the run.
        corpus: Directory that "elmo-lite corpus" made.
        out: Directory to write: model, checkpoints, logs.
        max_steps: Optimiser steps; with --resume another number than before moves the end of the run.
        max_time: Instead, a duration such as 3h or 20m, turned into steps once.
        resume: Go on with the run in --out, exactly where its last saved state is.
        init: Saved model to start from, for another domain: a directory or a name. Its encoder's settings are taken;
            without --config the others are those of the preset adapt.
        dry_run: Print parameters, memory, measured speed and the time of the run, then stop.
    """
    if init is not None and not resume:
        check_encoder(config, init)
    if dry_run:
        opened = Corpus.open(corpus)
        if init is not None:
            check_init(init, opened)
        print(speed.dry_run(config, opened, max_steps, max_time))
        return
    facts = pretrain(config, corpus, out, max_steps=max_steps, max_time=max_time, resume=resume, init=init)
    best = facts["best"]
    print(f"model     {facts['model']}")
    print(f"trained   {facts['steps']:,} steps, {facts['words_seen']:,} words, {facts['seconds'] / 60:.1f} minutes")
    if best:
        print(
            f"held-out  perplexity {best['forward_perplexity']:.1f} forward, {best['backward_perplexity']:.1f} "
            f"backward (full softmax, on a sample, at step {best['step']:,})"
        )

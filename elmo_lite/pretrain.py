"""Pretraining: a corpus directory and settings in, a saved model out (``elmo-lite pretrain``)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from elmo_lite.bilm import BiLM
from elmo_lite.checkpoint import SavedModel, load_model, save_model
from elmo_lite.config import to_dict
from elmo_lite.corpus import Corpus
from elmo_lite.cost import TRAINING_PASSES, lstm_flop, softmax_flop
from elmo_lite.data_module import Batches, CorpusDataModule, make_batches, validation_sample
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.language_model import LanguageModel
from elmo_lite.lm_head import LMHead
from elmo_lite.optimizers import num_parameters
from elmo_lite.pretrain_config import PretrainConfig
from elmo_lite.training_callbacks import Progress, SaveBest, SaveState
from elmo_lite.vocabulary import UNKNOWN_CLASS

log = logging.getLogger("elmo_lite")

RUN_FILE = "run.json"
STATE_FILE = Path("checkpoints") / "last.ckpt"
MEASURED_SECONDS = 8.0
# Validation's share of the run, and the part of a time limit that is left for loading, saving and slower moments.
VALIDATION_SHARE = 0.04
TIME_RESERVE = 0.07


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are computed by hardware there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"\bavx512_bf16\b|\bamx_bf16\b|\bbf16\b", flags) is not None


def choose_precision(config: PretrainConfig, device: torch.device) -> Literal["bf16-mixed", "32-true"]:
    """The precision that the run computes in."""
    if config.precision != "auto":
        return config.precision
    return "bf16-mixed" if has_bfloat16(device) else "32-true"


def parse_duration(text: str) -> float:
    """Seconds of "90s", "20m", "3h", "1h30m".

    Raises:
        ConfigError: something else.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    if not text.strip() or match is None:
        raise ConfigError(f"--max_time: expected a duration such as 90s, 20m, 3h or 1h30m, found {text!r}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    duration = hours * 3600 + minutes * 60 + seconds
    if duration <= 0:
        raise ConfigError(f"--max_time: expected more than no time, found {text!r}")
    return duration


def class_counts(corpus: Corpus) -> torch.Tensor:
    """Occurrences of each class in the training part, (V,)."""
    counts = np.bincount(corpus.class_of_word, weights=corpus.counts, minlength=len(corpus.vocabulary))
    return torch.from_numpy(counts)


def build_model(config: PretrainConfig, corpus: Corpus, max_steps: int, init: SavedModel | None) -> LanguageModel:
    """A language model for a corpus, from nothing or from a saved one."""
    torch.manual_seed(config.seed)
    counts = class_counts(corpus)
    bilm = BiLM(config.model)
    head = LMHead(len(corpus.vocabulary), config.model.dim)
    head.start_from_counts(counts)
    if init is not None:
        bilm.load_state_dict(init.bilm.state_dict())
        if init.lm_head is not None and init.vocabulary is not None:
            _adopt_head(head, corpus, init)
    head.prepare_sampling(counts, config.head.num_samples, config.head.sampling_power)
    return LanguageModel(bilm, head, config, max_steps)


def _adopt_head(head: LMHead, corpus: Corpus, init: SavedModel) -> None:
    """Take the rows of words by their spelling; a new word starts from the unknown word's row."""
    assert init.vocabulary is not None and init.lm_head is not None
    rows = torch.tensor([init.vocabulary.class_of(word) for word in corpus.vocabulary])
    rows[0] = 0  # the boundary class, which no spelling finds
    known = int((rows[2:] != UNKNOWN_CLASS).sum()) + 2
    log.info("head: %s of %s classes known to the initial model", f"{known:,}", f"{len(rows):,}")
    with torch.no_grad():
        head.weight.copy_(init.lm_head.weight[rows])
        head.bias.copy_(init.lm_head.bias[rows])


def load_init(name: str, corpus: Corpus) -> SavedModel:
    """The model to go on from.

    Raises:
        CheckpointError: it cannot be read, or it read other words than the corpus holds.
    """
    init = load_model(name, with_head=(Path(name) / "lm_head.safetensors").exists() or not Path(name).exists())
    if init.tokenization != corpus.tokenization:
        raise CheckpointError(
            f"{name}: expected the corpus's tokenization {corpus.tokenization.to_dict()}, "
            f"found {init.tokenization.to_dict()}; build the corpus with the model's"
        )
    return init


def check_corpus(config: PretrainConfig, corpus: Corpus) -> None:
    """Fail early where model and corpus cannot go together.

    Raises:
        ConfigError: the widths of words differ.
    """
    expected = config.model.char_cnn.max_characters
    if corpus.max_characters != expected:
        raise ConfigError(
            f"model.char_cnn.max_characters: expected {corpus.max_characters}, as the corpus {corpus.directory} has, "
            f"found {expected}"
        )


# How long it will take


@dataclasses.dataclass(frozen=True)
class Speed:
    """A measurement over some training steps."""

    steps: int
    seconds_per_step: float
    """Median."""
    words_per_second: float
    """Words that each direction predicts; both directions are trained on every word."""
    peak_memory: int
    """Bytes that the process (on a GPU, the device) held at most."""


def measure(config: PretrainConfig, corpus: Corpus, seconds: float = MEASURED_SECONDS) -> Speed:
    """Train a model that is thrown away for some seconds, at least five steps after two to warm up."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = build_model(config, corpus, max_steps=1000, init=None).to(device)
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    precision = choose_precision(config, device)
    optimizer = module.configure_optimizers()["optimizer"]
    times, words = [], 0
    begin = time.perf_counter()
    step = 0
    while step < 7 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        module.seed_step(step)
        batch = batches.batch(step).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = module.loss(batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        module.clip(step)
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if step >= 2:
            times.append(time.perf_counter() - start)
            words += batch.num_words
        step += 1
    typical = float(np.median(times))
    return Speed(len(times), typical, words / len(times) / typical, _peak_memory(device))


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def steps_in(seconds: float, speed: Speed) -> int:
    """Training steps in a time limit, validation and saving deducted."""
    return max(1, int(seconds * (1 - VALIDATION_SHARE - TIME_RESERVE) / speed.seconds_per_step))


def validation_words(config: PretrainConfig, num_classes: int, steps_between: int) -> int:
    """Held-out words a validation may read so that it costs at most its share of the operations."""
    model = config.model
    samples = min(config.head.num_samples, num_classes)
    training = TRAINING_PASSES * (lstm_flop(model) + softmax_flop(model.dim, samples))
    validating = lstm_flop(model) + softmax_flop(model.dim, num_classes)
    return max(500, int(VALIDATION_SHARE * steps_between * config.data.batch_words * training / validating))


# The run


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run was started with, kept so that ``--resume`` goes on with exactly that."""

    config: dict[str, Any]
    corpus: str
    max_steps: int
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

    def write(self, out: Path) -> None:
        """Write it under a temporary name and rename."""
        scratch = out / (RUN_FILE + ".tmp")
        scratch.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(scratch, out / RUN_FILE)


def _fingerprint(corpus: Corpus) -> str:
    """A hash of what the corpus holds; where it lies does not matter."""
    return hashlib.sha256(json.dumps(corpus.meta["files"], sort_keys=True).encode()).hexdigest()


def _prepare_run(
    config: PretrainConfig,
    corpus: Corpus,
    out: Path,
    batches: Batches,
    max_steps: int | None,
    max_time: str | None,
    resume: bool,
    init: str | None,
) -> Run:
    """The run to do: the stored one, or a new one whose number of steps is settled here, once."""
    settings = json.loads(json.dumps(to_dict(config)))
    if resume:
        run = Run.read(out)
        if run.corpus != _fingerprint(corpus):
            raise CheckpointError(f"{out}: expected the corpus that the run began with, found {corpus.directory}")
        if run.config != settings:
            changed = [key for key in settings if settings[key] != run.config.get(key)]
            raise ConfigError(f"{out}: expected the settings that the run began with, found others in {changed}")
        return run
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"{out}: expected no such directory or an empty one, found it in use; --resume goes on with it"
        )
    if max_steps is not None and max_time is not None:
        raise ConfigError("--max_steps and --max_time: expected one of them, found both")
    if max_steps is not None and max_steps < 1:
        raise ConfigError(f"--max_steps: expected 1 or more, found {max_steps}")
    if max_time is not None:
        duration = parse_duration(max_time)
        speed = measure(config, corpus, min(MEASURED_SECONDS, duration / 20))
        max_steps = steps_in(duration, speed)
        log.info("%s words/s measured: %s steps in %s", f"{speed.words_per_second:,.0f}", f"{max_steps:,}", max_time)
    steps = max_steps or config.epochs * batches.steps_per_epoch
    run = Run(config=settings, corpus=_fingerprint(corpus), max_steps=steps, init=init)
    (out / STATE_FILE.parent).mkdir(parents=True, exist_ok=True)
    run.write(out)
    return run


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
        resume: go on with the run in ``out`` from its last saved state, exactly.
        init: saved model to start from; its encoder settings replace ``config.model``.

    Returns:
        Facts of the run: steps, words, hours, best validation.

    Raises:
        ConfigError, CorpusError, CheckpointError, TrainingError: see each.
    """
    opened, out = Corpus.open(corpus), Path(out)
    if resume:
        init = Run.read(out).init  # needed again where no state was saved yet
    initial = load_init(init, opened) if init is not None else None
    if initial is not None:
        config = dataclasses.replace(config, model=initial.bilm.config)
    check_corpus(config, opened)
    batches = make_batches(opened, opened.train, config.data, config.seed)
    run = _prepare_run(config, opened, out, batches, max_steps, max_time, resume, init)
    module = build_model(config, opened, run.max_steps, initial)
    return _fit(module, opened, batches, out, resume)


def _fit(module: LanguageModel, corpus: Corpus, batches: Batches, out: Path, resume: bool) -> dict[str, Any]:
    config = module.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    devices = config.devices if device.type == "cuda" else 1
    # Gradients of rows cannot be averaged over processes; a dense table can.
    module.sparse_table = devices == 1
    interval = max(1, module.max_steps // config.validations)
    sample = validation_sample(
        corpus, corpus.held_out, config.data, validation_words(config, len(corpus.vocabulary), interval)
    )
    has_validation = len(sample) > 0
    if not has_validation:
        log.warning("the corpus has no held-out part: no perplexity is measured, and the last model is kept")

    def save(best: dict[str, Any]) -> None:
        training = {**_facts(module, corpus, batches, best.get("step", module.global_step)), "best": best}
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
        precision=choose_precision(config, device),
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


def dry_run(config: PretrainConfig, corpus: Corpus, max_steps: int | None, max_time: str | None) -> str:
    """A report on a run that is not done: parameters, memory, words per second, time."""
    check_corpus(config, corpus)
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    encoder, classes = BiLM(config.model), len(corpus.vocabulary)
    speed = measure(config, corpus)
    steps = max_steps or config.epochs * batches.steps_per_epoch
    if max_time is not None:
        steps = steps_in(parse_duration(max_time), speed)
    hours = steps * speed.seconds_per_step / (1 - VALIDATION_SHARE) / 3600
    in_head = classes * (config.model.dim + 1)
    epochs = steps / batches.steps_per_epoch
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = [
        ("encoder", f"{num_parameters(encoder):,} parameters"),
        ("head", f"{in_head:,} parameters, {classes:,} classes"),
        ("memory", f"{speed.peak_memory / 2**30:.2f} GiB at the peak"),
        ("precision", f"{choose_precision(config, device)} on {device.type}"),
        ("speed", f"{speed.words_per_second:,.0f} words/s (both directions), median of {speed.steps} steps"),
        ("run", f"{steps:,} steps, {epochs:.2f} passes over {corpus.meta['train']['words']:,} words"),
        ("time", f"{hours:.2f} hours" if hours >= 1 else f"{hours * 60:.1f} minutes"),
    ]
    return "\n".join(f"{name:<10}{value}" for name, value in rows)


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
        max_steps: Optimiser steps.
        max_time: Instead, a duration such as 3h or 20m, turned into steps once.
        resume: Go on with the run in --out, exactly where its last saved state is.
        init: Saved model to start from, for another domain; its encoder settings are taken.
        dry_run: Print parameters, memory, measured speed and the time of the run, then stop.
    """
    if dry_run:
        print(_dry_run(config, Corpus.open(corpus), max_steps, max_time))
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


_dry_run = dry_run

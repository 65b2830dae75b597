"""How long a pretraining run will take: measured over some steps of a model that is thrown away."""

from __future__ import annotations

import dataclasses
import re
import sys
import time

import numpy as np
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError
from elmo_lite.hardware import choose_precision, keep_freed_memory
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.flops import TRAINING_PASSES, lstm_flop, softmax_flop
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import make_batches
from elmo_lite.pretraining.initial_model import build_model, check_corpus
from elmo_lite.pretraining.optimizers import num_parameters

MEASURED_SECONDS = 8.0
# Validation's share of the run, and the part of a time limit that is left for loading, saving and slower moments.
VALIDATION_SHARE = 0.04
TIME_RESERVE = 0.07


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
    precision = choose_precision(config.precision, device)
    optimizer = module.configure_optimizers()["optimizer"]
    times, words = [], 0
    begin = time.perf_counter()
    step = 0
    while step < 7 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        module.seed_step(step)
        batch = batches.batch(step).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
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


def dry_run(config: PretrainConfig, corpus: Corpus, max_steps: int | None, max_time: str | None) -> str:
    """A report on a run that is not done: parameters, memory, words per second, time."""
    keep_freed_memory()
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
        ("precision", f"{choose_precision(config.precision, device)} on {device.type}"),
        ("speed", f"{speed.words_per_second:,.0f} words/s (both directions), median of {speed.steps} steps"),
        ("run", f"{steps:,} steps, {epochs:.2f} passes over {corpus.meta['train']['words']:,} words"),
        ("time", f"{hours:.2f} hours" if hours >= 1 else f"{hours * 60:.1f} minutes"),
    ]
    return "\n".join(f"{name:<10}{value}" for name, value in rows)

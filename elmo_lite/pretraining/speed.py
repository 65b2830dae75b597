"""Duration and memory of a pretraining run, estimated from a few steps of a model that is then discarded.

Several processes take these steps together, as they do in training, and all get the figures of the first one.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.gradients import GradientSums
from elmo_lite.distributed.group import from_first, largest, place, share
from elmo_lite.errors import require
from elmo_lite.hardware import choose_device, choose_precision
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.flops import TRAINING_PASSES, lstm_flop, softmax_flop
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import make_batches
from elmo_lite.pretraining.duration import parse_duration
from elmo_lite.pretraining.initial_model import build_model, check_corpus
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.pretraining.suited import suited_epochs, with_dropout
from elmo_lite.quiet import quiet_libraries

MEASURED_SECONDS = 8.0
"""Default duration of a measurement in seconds."""
# Share of the run spent on validation, and the part of a time limit reserved for loading, saving and slower moments.
VALIDATION_SHARE = 0.04
TIME_RESERVE = 0.07
_LOAD = Path("/proc/loadavg")


@dataclasses.dataclass(frozen=True)
class Speed:
    """Measured speed of training."""

    steps: int
    """Number of steps measured."""
    seconds_per_step: float
    """Median duration of a step."""
    words_per_second: float
    """Words that each direction predicts per second; both directions are trained on every word."""
    peak_memory: int
    """Peak memory of the process (on a GPU, of the device) in bytes; the largest one of several."""
    bytes_per_step: int = 0
    """Bytes of the gradients that several processes sum in a step."""


def training_device(name: str) -> torch.device:
    """The device of this process in a run. "auto" is a CUDA GPU if there is one, else the CPU.

    Raises:
        ConfigError: There is no such device, or it cannot draw samples in float64, as Apple's GPUs.
    """
    device = choose_device(name)
    if device.type == "cuda" and place().size > 1:
        return torch.device("cuda", place().local_rank)
    if device.type != "mps":
        return device
    require(name == "auto", "device", "auto, cpu, cuda or cuda:N, as pretraining computes in float64", name)
    return torch.device("cpu")


def measure(config: PretrainConfig, corpus: Corpus, seconds: float = MEASURED_SECONDS) -> Speed:
    """Measure training over ``seconds``, at least five steps after two warm-up steps; the model is discarded."""
    device = training_device(config.wanted_device)
    module = build_model(config, corpus, max_steps=1000, init=None).to(device)
    sums = GradientSums()
    model = sums.wrap(module, module.head, device) if place().size > 1 else module
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    precision = choose_precision(config.precision, device)
    optimizer = module.configure_optimizers()["optimizer"]
    times, words = [], 0
    began = time.perf_counter()
    step = 0
    while largest(step < 7 or time.perf_counter() - began < seconds) != [0]:
        start = time.perf_counter()
        batch = batches.batch(step, share())
        made = time.perf_counter()
        module.seed_step(step)
        batch = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = model(batch)
        optimizer.zero_grad()
        loss.backward()
        sums.wait()
        module.clip(step)
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if step >= 2:
            times.append(_step_seconds(made - start, time.perf_counter() - made, device))
            words += batch.step_words
        step += 1
    typical = float(np.median(times))
    (peak,) = largest(_peak_memory(device))
    return from_first(Speed(len(times), typical, words / len(times) / typical, int(peak), sums.num_bytes // step))


def _step_seconds(making: float, training: float, device: torch.device) -> float:
    """Seconds of a step in a run, where a process of its own makes the batches for a GPU."""
    return max(making, training) if device.type == "cuda" else making + training


def _peak_memory(device: torch.device) -> int:
    """Peak memory of the process, or of the GPU, in bytes; 0 if the system does not report it."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def steps_in(seconds: float, speed: Speed) -> int:
    """Number of training steps in a time limit in seconds, after deducting validation and saving."""
    return max(1, int(seconds * (1 - VALIDATION_SHARE - TIME_RESERVE) / speed.seconds_per_step))


def validation_words(config: PretrainConfig, num_classes: int, steps_between: int) -> int:
    """Size of the held-out sample in words that keeps validation within its share of the operations."""
    model = config.model
    samples = min(config.head.num_samples, num_classes)
    training = TRAINING_PASSES * (lstm_flop(model) + softmax_flop(model.dim, samples))
    validating = lstm_flop(model) + softmax_flop(model.dim, num_classes)
    return max(500, int(VALIDATION_SHARE * steps_between * config.data.batch_words * training / validating))


def passes_of(config: PretrainConfig, corpus: Corpus) -> int:
    """Number of passes over the training text if neither steps nor a time is given."""
    return config.epochs or suited_epochs(corpus.meta["train"]["words"])


def dry_run(config: PretrainConfig, corpus: Corpus | Path, max_steps: int | None, max_time: str | None) -> str:
    """Report parameters, peak memory, measured speed and estimated time of a run, without doing it.

    Args:
        config: Settings of the run.
        corpus: The corpus, or its directory.
        max_steps: Number of steps, or None.
        max_time: Duration, or None.

    Raises:
        ConfigError: The settings do not fit the corpus, or ``max_time`` is not a duration.
    """
    corpus = Corpus.open(corpus) if isinstance(corpus, Path) else corpus
    check_corpus(config, corpus)
    steps_per_epoch = make_batches(corpus, corpus.train, config.data, config.seed).steps_per_epoch
    encoder, classes = BiLM(config.model), len(corpus.vocabulary)
    with quiet_libraries():
        speed = measure(config, corpus)
    steps = max_steps or passes_of(config, corpus) * steps_per_epoch
    if max_time is not None:
        steps = steps_in(parse_duration(max_time), speed)
    device, num_processes = training_device(config.wanted_device), place().size
    threads = torch.get_num_threads()
    compares = threads > 1 and device.type == "cpu" and num_processes == 1
    alone = _one_thread(config, corpus) if compares else speed
    rows = {
        "encoder": f"{num_parameters(encoder):,} parameters",
        "head": f"{classes * (config.model.dim + 1):,} parameters, {classes:,} classes",
        "memory": f"{speed.peak_memory / 2**30:.2f} GiB at the peak{' of a process' * (num_processes > 1)}",
        "precision": f"{choose_precision(config.precision, device)} on {device.type}",
        "speed": f"{speed.words_per_second:,.0f} words/s (both directions), median of {speed.steps} steps",
        "threads": f"{threads}" + f"; one thread alone: {alone.words_per_second:,.0f} words/s" * compares,
        "run": f"{steps:,} steps, {steps / steps_per_epoch:.2f} passes over {corpus.meta['train']['words']:,} words, "
        f"dropout {with_dropout(config, steps / steps_per_epoch).model.dropout}",
        "time": _duration(steps * speed.seconds_per_step / (1 - VALIDATION_SHARE)),
    }
    if num_processes > 1:
        rows |= _of_processes(num_processes, threads, speed.bytes_per_step)
    if alone.words_per_second > speed.words_per_second:
        times = alone.words_per_second / speed.words_per_second
        rows["hint"] = f"--threads 1 is {times:.1f} times as fast: other programs use the processor too"
    return "\n".join(f"{name:<10}{value}" for name, value in rows.items())


def _of_processes(num_processes: int, threads: int, num_bytes: int) -> dict[str, str]:
    """Rows of a dry run about several processes; in a ring, each sends its part of the sum n - 1 times, twice."""
    sent = 2 * num_bytes * (num_processes - 1) / num_processes
    return {
        "threads": f"{threads} in each of {num_processes} processes, whose speed together is that above",
        "exchange": f"{num_bytes / 1e6:.1f} MB of gradients a step, of which each process sends {sent / 1e6:.1f} MB",
    }


def _one_thread(config: PretrainConfig, corpus: Corpus) -> Speed:
    """The speed of one thread, which on a busy machine may be higher than that of several that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return measure(config, corpus, MEASURED_SECONDS / 2)
    finally:
        torch.set_num_threads(threads)


def load_hint() -> str | None:
    """A hint if other programs keep the processor busy and this one is to use several threads; else None."""
    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    others = _running_threads() - 1  # without this one
    if threads < 2 or others < 1 or others + threads <= cores:
        return None
    busy = f"other programs use {others} of {cores} cores"
    return f"{busy}: --threads 1 may be faster than {threads}, --dry_run measures both"


def _running_threads() -> int:
    """Number of threads on all cores that run at the moment, this one included; 1 where the system does not tell."""
    counts = []
    for _ in range(9):
        try:
            counts.append(int(_LOAD.read_text(encoding="ascii").split()[3].partition("/")[0]))
        except (OSError, ValueError, IndexError):
            return 1
        time.sleep(0.02)
    return int(np.median(counts))


def _duration(seconds: float) -> str:
    """A duration in hours, or in minutes if it is below one hour."""
    hours = seconds / 3600
    return f"{hours:.2f} hours" if hours >= 1 else f"{hours * 60:.1f} minutes"

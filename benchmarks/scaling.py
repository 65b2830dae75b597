"""Words/s of several processes beside one, on one machine: a check of overhead, and of the model on paper.

    python benchmarks/scaling.py CORPUS [--config laptop] [--turns 3] [--seconds 5] [--four] [--json FILE]
    python benchmarks/scaling.py CORPUS --point PROCESSES THREADS BATCH_WORDS

The points, one after the other in each turn: 1 process of 1 thread, 2 of 1 thread, 1 of 2 threads; with ``--four`` 4 of
1 thread too. Each has the batch of the settings, and the same times the number of its processes or threads (weak
scaling). A point is measured as ``pretrain --dry_run`` measures it, after two warm-up steps, in processes of its own;
figures are medians over the turns. Then the sums of a step are timed alone, with nothing to compute meanwhile, on
blocks of the same sizes.

At last, the formulas of ``scaling_model.py`` predict the points of several processes from those of one process, the
bytes, and the speed of gloo: the time of one process is a part that divides, by the words, and one that does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pretraining import read_config
from scaling_model import BUCKETS, Network, num_buckets, ring

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.gradients import GradientSums
from elmo_lite.distributed.group import place, wait_for_all
from elmo_lite.nn.bilm import BiLM
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.pretraining.pretrain import on_processes
from elmo_lite.pretraining.speed import measure

Point = tuple[int, int, int]
"""Processes, threads of each, words of a step."""
REPEATS = 15
"""Number of times that sums are timed."""
SMALL, LARGE = 1024, 2**25
"""Bytes whose sums tell the latency and the speed of the network."""


def measure_point(config: PretrainConfig, corpus: Path, seconds: float) -> dict[str, float]:
    """Measure training and, on several processes, the sums of a step alone; every process of a point does this."""
    speed = dataclasses.asdict(measure(config, Corpus.open(corpus), seconds))
    if place().size == 1:
        return speed
    with torch.device("meta"):
        dense = 4 * num_parameters(BiLM(config.model))
    buckets = num_buckets(dense)
    blocks = [speed["bytes_per_step"] - dense] + [min(dense, BUCKETS[0])]
    blocks += [(dense - BUCKETS[0]) // (buckets - 1)] * (buckets - 1)
    small, large = _sum_seconds([SMALL]), _sum_seconds([LARGE])
    latency = small / ring(0, place().size, Network(1.0, 1.0))
    network = ring(LARGE, place().size, Network(1.0, 0.0)) / max(large - small, 1e-9)
    figures = {"exchange_seconds": _sum_seconds(blocks), "latency": latency, "bytes_per_second": network}
    return {**speed, **figures, "messages": len(blocks)}


def _sum_seconds(sizes: list[int]) -> float:
    """Median seconds to sum blocks of these bytes over the processes."""
    blocks, times = [torch.zeros(max(1, size // 4)) for size in sizes], []
    for _ in range(REPEATS):
        wait_for_all()
        start = time.perf_counter()
        for work in [GradientSums().begin(block) for block in blocks]:
            work.wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run_point(arguments: argparse.Namespace, point: Point) -> dict[str, float]:
    """Measure a point in processes of its own, so that memory and threads are its own too."""
    processes, threads, words = point
    command = [sys.executable, __file__, str(arguments.corpus), "--config", arguments.config]
    command += ["--seconds", str(arguments.seconds), "--point", *map(str, point)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{processes} processes of {threads} threads, {words} words: exit status {done.returncode}")
    found: dict[str, float] = json.loads(done.stdout)
    print(f"{name_of(point)}: {found['words_per_second']:,.0f} words/s", file=sys.stderr, flush=True)
    return found


def points_of(batch_words: int, four: bool) -> list[Point]:
    """The points of a turn."""
    points = [(1, 1, batch_words), (2, 1, batch_words), (1, 2, batch_words)]
    points += [(1, 1, 2 * batch_words), (2, 1, 2 * batch_words), (1, 2, 2 * batch_words)]
    return points + ([(4, 1, batch_words), (4, 1, 4 * batch_words)] if four else [])


def name_of(point: Point) -> str:
    """A point in words."""
    processes, threads, words = point
    return f"{processes} x {threads}, {words:,} words"


def medians(turns: list[dict[str, float]]) -> dict[str, float]:
    """Medians of the figures of a point over the turns."""
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


def divided(small: tuple[int, float], large: tuple[int, float]) -> Callable[[float], float]:
    """Seconds of one process by its words, from two measurements: a fixed part and one for each word.

    Args:
        small: Words and seconds of a step.
        large: Those of a step of more words.
    """
    each = (large[1] - small[1]) / (large[0] - small[0])
    return lambda words: small[1] + each * (words - small[0])


def predicted(point: Point, found: dict[str, float], alone: Callable[[float], float]) -> float:
    """Seconds of a step of several processes: the compute of a share of the words, and sums with nothing hidden.

    On a CPU the cores that sum are those that compute, so that nothing is hidden.
    """
    processes, _, words = point
    network = Network(found["bytes_per_second"], found["latency"])
    return alone(words / processes) + ring(found["bytes_per_step"], processes, network, int(found["messages"]))


def table(figures: dict[Point, dict[str, float]]) -> list[str]:
    """Markdown: the points, and what the model says of those of several processes."""
    first = next(iter(figures))
    base = figures[first]["words_per_second"]
    alone = divided(*((p[2], figures[p]["seconds_per_step"]) for p in figures if p[:2] == (1, 1)))
    names = ["processes x threads, words of a step", "words/s", "ratio", "ms a step", "predicted", "exchange alone"]
    lines = [f"| {' | '.join([*names, 'memory'])} |", "|" + "---|" * 7]
    for point, found in figures.items():
        model = sums = ""
        if point[0] > 1:
            model = f"{1e3 * predicted(point, found, alone):.0f} ms"
            sums = f"{found['bytes_per_step'] / 1e6:.1f} MB, {1e3 * found['exchange_seconds']:.1f} ms"
        speed, memory = found["words_per_second"], f"{found['peak_memory'] / 2**30:.2f} GiB"
        times = f"{speed:,.0f} | {speed / base:.2f} | {1e3 * found['seconds_per_step']:.0f}"
        lines.append(f"| {name_of(point)} | {times} | {model} | {sums} | {memory} |")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--config", default="laptop")
    parser.add_argument("--batch_words", type=int, help="words of a step (default: those of the settings)")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="time of a point, after two steps; at least 5 steps")
    parser.add_argument("--four", action="store_true", help="measure 4 processes too")
    parser.add_argument("--point", type=int, nargs=3, metavar=("PROCESSES", "THREADS", "WORDS"), help="this one alone")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    if arguments.point:
        processes, threads, words = arguments.point
        torch.set_num_threads(threads)
        data = dataclasses.replace(config.data, batch_words=words)
        config = dataclasses.replace(config, data=data, devices=processes, accelerator="cpu")
        print(json.dumps(on_processes(config, measure_point, config, arguments.corpus, arguments.seconds)))
        return
    points = points_of(arguments.batch_words or config.data.batch_words, arguments.four)
    turns: dict[Point, list[dict[str, float]]] = {point: [] for point in points}
    for _ in range(arguments.turns):
        for point in points:
            turns[point].append(run_point(arguments, point))
    figures = {point: medians(found) for point, found in turns.items()}
    print("\n".join(table(figures)))
    found: dict[str, Any] = figures[next(point for point in points if point[0] == 2)]
    print(f"gloo: {found['bytes_per_second'] / 1e9:.2f} GB/s, {1e6 * found['latency']:.0f} µs a message")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if arguments.json:
        rows = [{"point": point, "median": figures[point], "turns": turns[point]} for point in points]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

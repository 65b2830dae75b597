"""Generation speed in words/s: many samples at a time, states carried, and the whole prefix read again for comparison.

    python benchmarks/generation.py [MODEL] [--samples 1 32] [--words 100] [--threads 2] [--rounds 5] [--json FILE]

The figure is the median over rounds with seeds of their own; the first round, which finds no word in the cache of token
vectors, is shown beside it. CPU time per word says what the speed would be on an idle machine. "again" reads the whole
text so far for each word, as a program without states would, for a single sample.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from elmo_lite.hardware import keep_freed_memory
from elmo_lite.lm.language_model import LanguageModel


def measured(lm: LanguageModel, samples: int, words: int, rounds: int, **settings: Any) -> dict[str, float]:
    """Words per second and CPU milliseconds per word."""
    speeds, costs = [], []
    for seed in range(rounds):
        begun, cpu = time.perf_counter(), time.process_time()
        lm.generate("The", words, num_samples=samples, seed=seed, **settings)
        speeds.append(samples * words / (time.perf_counter() - begun))
        costs.append(1000 * (time.process_time() - cpu) / (samples * words))
    return {"words_per_second": statistics.median(speeds), "first": speeds[0], "cpu_ms": statistics.median(costs)}


def again(lm: LanguageModel, words: int) -> dict[str, float]:
    """The most probable words, one by one, each from the whole text so far."""
    text: list[str] = []
    begun, cpu = time.perf_counter(), time.process_time()
    for _ in range(words):
        found = lm.next_words(text, 4)
        text.append(next(word for word, _ in found if word not in ("<unk>", "</S>")))
    speed, cost = words / (time.perf_counter() - begun), 1000 * (time.process_time() - cpu) / words
    return {"words_per_second": speed, "first": speed, "cpu_ms": cost}


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="en", help="Saved model.")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 32], help="Numbers of samples.")
    parser.add_argument("--words", type=int, default=100, help="Number of words of a sample.")
    parser.add_argument("--threads", type=int, default=2, help="Number of threads.")
    parser.add_argument("--rounds", type=int, default=5, help="Number of rounds.")
    parser.add_argument("--json", type=Path, help="File to write.")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    rows: dict[str, dict[str, float]] = {}
    for samples in arguments.samples:
        lm = LanguageModel.from_pretrained(arguments.model)  # with an empty cache
        rows[f"{samples} samples"] = measured(lm, samples, arguments.words, arguments.rounds)
    most = max(arguments.samples)
    for name, settings in (("top_k 40", {"top_k": 40}), ("top_p 0.9", {"top_p": 0.9})):
        rows[f"{most} samples, {name}"] = measured(lm, most, arguments.words, 2, **settings)
    rows["1 sample, again"] = again(lm, arguments.words)
    load = os.getloadavg()[0]
    print(f"{arguments.model}, {arguments.words} words a sample, {arguments.threads} threads, load {load:.1f}")
    print(f"{'':26} {'words/s':>9} {'first':>9} {'CPU ms/word':>12}")
    for name, row in rows.items():
        print(f"{name:26} {row['words_per_second']:>9,.0f} {row['first']:>9,.0f} {row['cpu_ms']:>12.2f}")
    if arguments.json:
        settings = {"model": arguments.model, "words": arguments.words, "threads": arguments.threads, "load": load}
        arguments.json.write_text(json.dumps({**settings, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

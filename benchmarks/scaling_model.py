"""Step time of pretraining on many processes, on paper: measured compute, counted bytes, stated networks.

    python benchmarks/scaling_model.py [--presets laptop workstation original] [--ranks 8 64 512]
        [--rank_words 65536 | --batch_words 1048576] [--per_node 8]

A process is one GPU. Its compute is that of one NVIDIA H200 as measured (RESULTS.md, "Pretraining speed on a GPU"), and
is carried over to other models by their operations. Bytes are counted from the models themselves. All else is an
assumption, and a constant of this file. ``scaling.py`` compares the same formulas with measured processes.

Efficiency is the speed over that of as many single processes with batches of ``--rank_words``. A row names what takes
the longest: the GPU ("compute"), starting its kernels ("launching"), sums that are not hidden ("exchange"), or making
batches, whose list of targets is that of all processes ("batches").
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from pretraining import read_config
from torch import Tensor

from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.flops import TRAINING_PASSES, lstm_flop, softmax_flop, token_layer_flop
from elmo_lite.nn.sampled_softmax import expected_counts
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.optimizers import num_parameters

BUCKETS = (2**20, 25 * 2**20)
"""Bytes of the first bucket of DistributedDataParallel, and of the others."""
CLASSES = {"laptop": 30_000, "workstation": 30_000, "original": 793_471}
"""Classes of a preset; the last is the published vocabulary."""
MEASURED = (
    (384, 8192, 65_536, 0.077),
    (384, 2048, 65_536, 0.046),
    (384, 8192, 32_768, 0.048),
    (384, 2048, 16_384, 0.036),
    (256, 2048, 4_096, 0.041),
)
"""Width, sampled classes, words and seconds of measured steps, with Muon; the first gives the speed of the GPU."""
MUON_SECONDS = 0.010
"""Muon's part of the first, which does not depend on the words; assumed for every preset that has Muon."""
LAUNCH_SECONDS = 0.040
"""Shortest step, in which the GPU waits for kernels to be started: 36 to 41 ms were measured."""
MEMORY_SPEED = 3.4e12
"""Assumed bytes/s of an element-wise update: 70 % of the GPU's peak."""
DENSE_UPDATE, ROW_UPDATE = 28, 60
"""Bytes moved for a parameter: AdamW reads four numbers and writes three; rows are gathered and scattered too."""
DISTINCT, CHARACTERS = 0.2, 10
"""Assumed distinct words a word of a process's batch, and characters of each after trimming."""
BACKWARD = 0.4
"""Assumed share of the compute, the encoder's backward pass, behind which sums of dense gradients are hidden."""
OWN_BATCH, WHOLE_BATCH = 1.0e-7, 0.6e-7
"""Seconds to make a batch, for a word of the process and for a word of all: measured on a core at 2.1 GHz."""
HOST_LATENCY = (2e-5, 5e-5)
"""Seconds of a message between processors within a machine and between machines: assumed."""
EFFECTIVE = 0.8
"""Assumed share of a network's stated speed."""


@dataclass(frozen=True)
class Network:
    """A network: bytes/s in one direction, of a machine (of a GPU, for NVLink), and seconds of a message."""

    bytes_per_second: float
    latency: float


NVLINK = Network(EFFECTIVE * 450e9, 3e-6)
NETWORKS = {
    "25 Gbit/s Ethernet": Network(EFFECTIVE * 25e9 / 8, 30e-6),
    "400 Gbit/s InfiniBand": Network(EFFECTIVE * 400e9 / 8, 5e-6),
    "NVLink": NVLINK,
}
"""Networks between machines; one of NVLink joins all GPUs."""


def ring(num_bytes: float, ranks: int, network: Network, messages: int = 1) -> float:
    """Seconds in which a ring sums ``num_bytes``, divided into ``messages``, over ``ranks`` processes."""
    sent = 2 * (ranks - 1) / ranks * num_bytes
    return sent / network.bytes_per_second + 2 * (ranks - 1) * network.latency * messages


def all_reduce(num_bytes: float, ranks: int, per_node: int, between: Network, messages: int = 1) -> float:
    """Seconds to sum over machines whose GPUs share NVLink: within each of them, and each part between them."""
    if between == NVLINK or ranks <= per_node:
        return ring(num_bytes, ranks, NVLINK, messages)
    within = ring(num_bytes, per_node, NVLINK, messages)
    return within + ring(num_bytes, math.ceil(ranks / per_node), between, messages)


def num_buckets(num_bytes: float) -> int:
    """Number of buckets in which dense gradients are summed."""
    first, other = BUCKETS
    return 1 + math.ceil(max(0.0, num_bytes - first) / other)


def expected_rows(class_counts: Tensor, config: PretrainConfig, words: int) -> float:
    """Expected number of rows of the table that a step of ``words`` words uses: sampled classes and targets."""
    samples = min(config.head.num_samples, len(class_counts))
    sampled = expected_counts(class_counts, samples, config.head.sampling_power)
    missed = (1 - class_counts.double() / class_counts.sum()) ** words
    return float((1 - (1 - sampled) * missed).sum())


def flop(model: BiLMConfig, num_samples: int) -> float:
    """Operations of a training step per word."""
    token_layer = DISTINCT * token_layer_flop(model, CHARACTERS)
    return TRAINING_PASSES * (token_layer + lstm_flop(model) + softmax_flop(model.dim, num_samples))


def measured_model(width: int) -> BiLMConfig:
    """The model of a measured step."""
    return dataclasses.replace(read_config("laptop").model, dim=width, lstm_dim=width)


@cache
def gpu_speed() -> float:
    """Operations per second of the first measured step."""
    width, samples, words, seconds = MEASURED[0]
    return flop(measured_model(width), samples) * words / (seconds - MUON_SECONDS)


def measured_rows() -> list[str]:
    """Measured steps of one GPU, with what the model says of them."""
    lines = []
    for width, samples, words, seconds in MEASURED:
        compute = MUON_SECONDS + words * flop(measured_model(width), samples) / gpu_speed()
        predicted = f"predicted {1e3 * max(compute, LAUNCH_SECONDS):.0f} ms, measured {1e3 * seconds:.0f} ms"
        lines.append(f"{width} wide, {words:,} words, {samples:,} samples: {predicted}")
    return lines


@dataclass(frozen=True)
class Step:
    """Seconds of the parts of a step on one of several processes, and the words of all."""

    words: int
    compute: float
    """Products, which divide, and the update, which does not."""
    launching: float
    """Starting kernels, and the vote on saving, for which the processor waits."""
    exchange: float
    """Sums that are not hidden."""
    batches: float

    @property
    def seconds(self) -> float:
        """Duration of a step. Batches are made meanwhile, by a process of their own."""
        return max(max(self.compute, self.launching) + self.exchange, self.batches)

    @property
    def slowest(self) -> str:
        """The part that takes the longest."""
        return max(("compute", "launching", "exchange", "batches"), key=lambda name: float(getattr(self, name)))


@dataclass(frozen=True)
class Workload:
    """A preset with a vocabulary."""

    config: PretrainConfig
    classes: int

    @cached_property
    def dense_bytes(self) -> int:
        """Bytes of the gradients of the encoder."""
        with torch.device("meta"):
            return 4 * num_parameters(BiLM(self.config.model))

    def row_bytes(self, words: int, class_counts: Tensor | None = None) -> float:
        """Bytes of the rows of the table in a step; counts default to those of Zipf's law."""
        counts = 1e7 / torch.arange(1, self.classes + 1) if class_counts is None else class_counts
        return 4 * (self.config.model.dim + 1) * expected_rows(counts, self.config, words)

    def step(self, rank_words: int, ranks: int = 1, per_node: int = 8, between: Network = NVLINK) -> Step:
        """The step of ``ranks`` GPUs with ``rank_words`` words each."""
        words = rank_words * ranks
        rows = self.row_bytes(words)
        samples = min(self.config.head.num_samples, self.classes)
        products = rank_words * flop(self.config.model, samples) / gpu_speed()
        update = (DENSE_UPDATE * self.dense_bytes + ROW_UPDATE * rows) / 4 / MEMORY_SPEED
        if self.config.optimizer.name == "muon":
            update += MUON_SECONDS
        dense = all_reduce(self.dense_bytes, ranks, per_node, between, num_buckets(self.dense_bytes))
        table = all_reduce(rows, ranks, per_node, between, messages=2)  # vectors and biases
        vote = 2 * (ranks - 1) * HOST_LATENCY[ranks > per_node and between != NVLINK]
        return Step(
            words,
            products + update,
            LAUNCH_SECONDS + vote,
            table + max(0.0, dense - BACKWARD * products),
            OWN_BATCH * rank_words + WHOLE_BATCH * words * (ranks > 1),
        )


def workload(name: str) -> Workload:
    """A preset with its classes."""
    return Workload(read_config(name), CLASSES[name])


def table(
    names: Sequence[str], ranks: Sequence[int], rank_words: int, batch_words: int | None, per_node: int
) -> list[str]:
    """Markdown: milliseconds of a step, efficiency and words/s by preset, number of processes and network."""
    lines = [f"| preset, GPUs | {' | '.join(NETWORKS)} |", "|" + "---|" * (len(NETWORKS) + 1)]
    for name in names:
        preset = workload(name)
        alone = preset.step(rank_words)
        for number in ranks:
            own_words = rank_words if batch_words is None else max(1, batch_words // number)
            cells = []
            for network in NETWORKS.values():
                step = preset.step(own_words, number, per_node, network)
                speed = step.words / step.seconds
                efficiency = speed * alone.seconds / alone.words / number
                cells.append(f"{1e3 * step.seconds:,.0f} ms, {efficiency:.0%}, {speed / 1e6:.1f} M/s, {step.slowest}")
            lines.append(f"| `{name}`, {number} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", choices=CLASSES, default=list(CLASSES))
    parser.add_argument("--ranks", nargs="+", type=int, default=[8, 64, 512])
    parser.add_argument("--rank_words", type=int, default=65_536, help="words of a process in a step")
    parser.add_argument("--batch_words", type=int, help="words of all in a step, divided among the processes")
    parser.add_argument("--per_node", type=int, default=8, help="GPUs of a machine, which share NVLink")
    given = parser.parse_args()
    print(f"GPU: {gpu_speed() / 1e12:.0f} TFLOP/s", *measured_rows(), sep="\n")
    for name in given.presets:
        preset = workload(name)
        sizes = [f"{preset.row_bytes(given.rank_words * n) / 1e6:.0f}" for n in given.ranks]
        alone = preset.step(given.rank_words)
        print(
            f"{name}: {preset.dense_bytes / 1e6:.1f} MB of dense gradients, {' / '.join(sizes)} MB of rows on "
            f"{' / '.join(map(str, given.ranks))} GPUs; one GPU alone {1e3 * alone.seconds:.0f} ms"
        )
    print("\n".join(table(given.presets, given.ranks, given.rank_words, given.batch_words, given.per_node)))


if __name__ == "__main__":
    main()

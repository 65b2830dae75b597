"""Pretraining speed in words/s, beside a version as one would write it from a tutorial.

    python benchmarks/pretraining.py CORPUS [--config laptop] [--turns 5] [--seconds 6] [--threads 2] [--json FILE]
    python benchmarks/pretraining.py CORPUS --device cuda --config original [--batch_words 65536] [--alone]

``--alone`` leaves out the tutorial's version and the large table, for presets that it would take too long, or too much
memory, for. On a GPU, a stage lasts until the GPU has done it, so that the stages add up to more than a step in
training, where the processor goes ahead; batches are made by the process that trains.

CORPUS is a directory that ``elmo-lite corpus`` made, with a vocabulary of 30,000 for the figures in RESULTS.md.

The tutorial's version has the same layers: torch.nn.LSTM, the character CNN at every position over the full width, the
full softmax over all classes, dense Adam, float32. Both versions read the same corpus in batches of the same number of
words and take turns (A B A B ...) in one process; figures are medians over turns. A word is counted once, although both
directions predict it and are trained on it.

The share of peak is the speed of the operations executed (distinct words at their trimmed width, sampled classes)
divided by that of the best matrix product in the same precision, which is measured between the turns. The last part
repeats our step with a table of 800,000 classes.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peak import measure_peak, synchronize
from torch import Tensor, nn

from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser
from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.hardware import choose_device, choose_precision, keep_freed_memory
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.flops import TRAINING_PASSES, lstm_flop, softmax_flop, token_layer_flop
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.pretraining.command import pretrain_command
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import Batches, make_batches
from elmo_lite.pretraining.initial_model import build_model
from elmo_lite.pretraining.training_module import LanguageModel

LARGE_VOCABULARY = 800_000


class Tutorial(nn.Module):
    """The model without any care for speed."""

    def __init__(self, config: BiLMConfig, num_classes: int) -> None:
        """Two stacks of torch.nn.LSTM over a shared token layer, one linear layer over all classes."""
        super().__init__()
        self.cnn = BiLM(config).char_cnn
        self.forward_layers = self._layers(config)
        self.backward_layers = self._layers(config)
        self.softmax = nn.Linear(config.dim, num_classes)

    @staticmethod
    def _layers(config: BiLMConfig) -> nn.ModuleList:
        return nn.ModuleList(nn.LSTM(config.dim, config.dim, batch_first=True) for _ in range(config.num_layers))

    def token_vectors(self, char_ids: Tensor) -> Tensor:
        """Every position's characters, (B, T, C), to (B, T, D)."""
        embedded = self.cnn.embedding(char_ids.view(-1, char_ids.shape[-1])).transpose(1, 2)
        pooled = torch.cat([convolution(embedded).max(dim=2).values for convolution in self.cnn.convolutions], dim=1)
        vectors = self.cnn.activation(pooled)
        for highway in self.cnn.highways:
            vectors = highway(vectors)
        return self.cnn.projection(vectors).view(*char_ids.shape[:2], -1)

    def forward(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of both directions."""
        losses = []
        for layers, inputs, targets in (
            (self.forward_layers, batch.forward_inputs, batch.forward_targets),
            (self.backward_layers, batch.backward_inputs, batch.backward_targets),
        ):
            current = self.token_vectors(batch.char_ids[inputs].long())
            for index, lstm in enumerate(layers):
                output = lstm(current)[0]
                current = output + current if index else output
            logits = self.softmax(current.reshape(-1, current.shape[-1])[batch.real])
            losses.append(F.cross_entropy(logits, targets.reshape(-1)[batch.real]))
        return torch.stack(losses).mean()


@dataclass
class Turn:
    """What a turn measured."""

    device: torch.device
    seconds: float = 0.0
    words: int = 0
    flop: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        yield
        synchronize(self.device)
        self.stages[name] += time.perf_counter() - start


class OurSteps:
    """Training steps as ``pretrain`` makes them."""

    def __init__(self, module: LanguageModel, batches: Batches, precision: str) -> None:
        """Prepare an optimiser."""
        self.module, self.batches, self.precision = module, batches, precision
        self.optimizer = module.configure_optimizers()["optimizer"]
        self.step = 0

    def run(self, turn: Turn) -> None:
        """One step, by stages."""
        module = self.module
        module.seed_step(self.step)
        with turn.stage("batch"):
            batch = self.batches.batch(self.step).to(turn.device)
        with torch.autocast(turn.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            with turn.stage("encoder, forward pass"):
                states = torch.cat(module.top_states(batch, module._carried))
            with turn.stage("sampled softmax, both passes"):
                loss = module.head.sampled_loss(states, torch.cat(module.targets(batch))) / (2 * batch.num_words)
        with turn.stage("encoder, backward pass"):
            self.optimizer.zero_grad()
            loss.backward()
        with turn.stage("clipping"):
            module.clip(self.step)
        with turn.stage("optimiser"):
            self.optimizer.step()
        turn.words += batch.num_words
        turn.flop += executed_flop(module.config, module.head.num_samples, batch)
        self.step += 1


class TutorialSteps:
    """Training steps of the tutorial's version."""

    def __init__(self, model: Tutorial, batches: Batches) -> None:
        """Prepare an optimiser."""
        self.model, self.batches = model, batches
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.step = 0

    def run(self, turn: Turn) -> None:
        """One step."""
        batch = self.batches.batch(self.step).to(turn.device)
        loss = self.model(batch)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        turn.words += batch.num_words
        self.step += 1


def executed_flop(config: PretrainConfig, num_samples: int, batch: Batch) -> float:
    """Operations of a step's products; what padding costs is not counted."""
    numbers = batch.num_short, len(batch.char_ids) - batch.num_short
    token_layer = sum(
        number * token_layer_flop(config.model, trimmed_width(config, longest))
        for number, longest in zip(numbers, batch.longest, strict=True)
    )
    per_word = lstm_flop(config.model) + softmax_flop(config.model.dim, num_samples)
    return TRAINING_PASSES * (token_layer + batch.num_words * per_word)


def trimmed_width(config: PretrainConfig, longest: int) -> int:
    """Width that the token layer cuts character ids to."""
    widest = max(width for width, _ in config.model.char_cnn.filters)
    return min(config.model.char_cnn.max_characters, longest + widest)


def take_turn(steps: OurSteps | TutorialSteps, seconds: float, device: torch.device) -> Turn:
    """Steps for some seconds, one at least."""
    turn = Turn(device)
    start = time.perf_counter()
    while not turn.words or time.perf_counter() - start < seconds:
        steps.run(turn)
    synchronize(device)
    turn.seconds = time.perf_counter() - start
    return turn


def large_vocabulary_steps(config: PretrainConfig, batches: Batches, precision: str, device: torch.device) -> OurSteps:
    """Our steps with more classes than the corpus has: the table is what grows."""
    torch.manual_seed(config.seed)
    head = LMHead(LARGE_VOCABULARY, config.model.dim)
    counts = 1e7 / torch.arange(1, LARGE_VOCABULARY + 1, dtype=torch.float64)
    head.prepare_sampling(counts, config.head.num_samples, config.head.sampling_power)
    return OurSteps(LanguageModel(BiLM(config.model), head, config, 10_000).to(device), batches, precision)


def medians(turns: list[Turn]) -> float:
    """Median words a second."""
    return statistics.median(turn.words / turn.seconds for turn in turns)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device, config = choose_device(arguments.device), read_config(arguments.config)
    if arguments.batch_words is not None:
        config = replace(config, data=replace(config.data, batch_words=arguments.batch_words))
    corpus = Corpus.open(arguments.corpus)
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    precision = choose_precision(config.precision, device)
    ours = OurSteps(build_model(config, corpus, 10_000, None).to(device), batches, precision)
    versions: list[OurSteps | TutorialSteps] = [ours]
    if not arguments.alone:
        versions.append(TutorialSteps(Tutorial(config.model, len(corpus.vocabulary)).to(device), batches))
    for steps in versions:
        take_turn(steps, 1.0, device)
    turns: list[list[Turn]] = [[] for _ in versions]
    peaks = []
    for _ in range(arguments.turns):
        peaks.append(measure_peak(torch.bfloat16 if precision == "bfloat16" else torch.float32, device))
        for steps, of_version in zip(versions, turns, strict=True):
            of_version.append(take_turn(steps, arguments.seconds, device))
    result = {**figures(turns[0], peaks), "precision": f"{precision} on {device.type}", "peak_memory": memory(device)}
    if arguments.alone:
        return result
    ratio = statistics.median(a.words / a.seconds / (b.words / b.seconds) for a, b in zip(*turns, strict=True))
    result |= {"tutorial_words_per_second": medians(turns[1]), "ratio": ratio}
    del versions
    return {**result, **compare_vocabularies(arguments, config, corpus, batches, precision, ours, device)}


def figures(turns: list[Turn], peaks: list[float]) -> dict[str, Any]:
    """Speed of our version, its share of the peak, and the shares of the stages."""
    flop_rate = statistics.median(turn.flop / turn.seconds for turn in turns)
    seconds = sum(turn.seconds for turn in turns)
    return {
        "words_per_second": medians(turns),
        "flop_per_word": sum(turn.flop for turn in turns) / sum(turn.words for turn in turns),
        "flop_per_second": flop_rate,
        "peak_flop_per_second": max(peaks),
        "share_of_peak": flop_rate / max(peaks),
        "stages": {name: sum(turn.stages[name] for turn in turns) / seconds for name in turns[0].stages},
    }


def memory(device: torch.device) -> int:
    """Peak memory of the process, or of the GPU, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def compare_vocabularies(
    arguments: argparse.Namespace,
    config: PretrainConfig,
    corpus: Corpus,
    batches: Batches,
    precision: str,
    ours: OurSteps,
    device: torch.device,
) -> dict[str, Any]:
    """Seconds of a step with the corpus's classes and with many, taking turns."""
    large = large_vocabulary_steps(config, batches, precision, device)
    take_turn(large, 1.0, device)
    ratios = []
    for _ in range(arguments.turns):
        pair = [take_turn(steps, arguments.seconds / 2, device) for steps in (ours, large)]
        small_turn, large_turn = pair
        ratios.append((large_turn.seconds / large_turn.words) / (small_turn.seconds / small_turn.words))
    return {
        "classes": len(corpus.vocabulary),
        "large_classes": LARGE_VOCABULARY,
        "large_ratio": statistics.median(ratios),
    }


def read_config(name: str) -> PretrainConfig:
    """A preset or YAML file as ``pretrain`` reads it."""
    parser = function_parser(pretrain_command, "benchmark", [])
    values = parse(parser, ["--config", name, "--corpus", "-", "--out", "-"])
    return PretrainConfig(**{key: values[key] for key in PretrainConfig.__dataclass_fields__})


def table(result: dict[str, Any]) -> str:
    """The figures as text."""
    rows = [("elmo_lite", f"{result['words_per_second']:,.0f} words/s ({result['precision']})")]
    if "ratio" in result:
        rows += [
            ("tutorial", f"{result['tutorial_words_per_second']:,.0f} words/s (float32)"),
            ("ratio", f"{result['ratio']:.1f} (median over turns)"),
        ]
    rows += [
        (
            "operations",
            f"{result['flop_per_word'] / 1e6:.1f} MFLOP/word, {result['flop_per_second'] / 1e9:.0f} GFLOP/s",
        ),
        ("peak", f"{result['peak_flop_per_second'] / 1e9:.0f} GFLOP/s; share {result['share_of_peak']:.0%}"),
        ("memory", f"{result['peak_memory'] / 2**30:.2f} GiB, all versions in one process"),
    ]
    if "large_ratio" in result:
        share = f"step takes {result['large_ratio']:.2f} of the step with {result['classes']:,}"
        rows.append((f"{result['large_classes']:,} classes", share))
    rows += [(f"  {name}", f"{share:.0%}") for name, share in result["stages"].items()]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in rows)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--config", default="laptop")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--batch_words", type=int, help="words of a batch; defaults to those of the preset")
    parser.add_argument("--alone", action="store_true", help="measure elmo_lite alone, at its own number of classes")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = run(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The model of benchmarks/scaling_model.py on paper, and how benchmarks/scaling.py compares it with measured steps."""

import dataclasses
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import scaling
import scaling_model as model
from scaling_model import NETWORKS, NVLINK, Network, Workload, all_reduce, ring

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.launch import run_processes
from elmo_lite.nn.bilm import BiLM
from elmo_lite.pretraining.config import HeadConfig
from elmo_lite.pretraining.initial_model import class_counts
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.text.tokenization import Tokenization
from tests.cluster import WINDOWS, dry_run_briefly, on_cpu, settings

ETHERNET = NETWORKS["25 Gbit/s Ethernet"]


def test_ring() -> None:
    network = Network(1e9, 1e-3)
    assert ring(1e9, 1, network, 5) == 0
    assert ring(1e9, 2, network) == pytest.approx(1.0 + 2e-3)
    assert ring(1e9, 4, network, 3) == pytest.approx(1.5 + 18e-3)
    assert ring(1e9, 4, Network(2e9, 1e-3)) < ring(1e9, 4, network)


def test_machines_share_their_network() -> None:
    """8 GPUs of a machine need no network; 16 use one as if they were two processes, after a ring within each."""
    assert all_reduce(1e9, 8, 8, ETHERNET) == ring(1e9, 8, NVLINK)
    assert all_reduce(1e9, 16, 8, ETHERNET) == pytest.approx(ring(1e9, 8, NVLINK) + ring(1e9, 2, ETHERNET))
    assert all_reduce(1e9, 16, 1, ETHERNET) == pytest.approx(ring(1e9, 16, ETHERNET))
    assert all_reduce(1e9, 16, 8, NVLINK) == ring(1e9, 16, NVLINK)


def test_buckets() -> None:
    assert [model.num_buckets(size) for size in (1, 2**20, 2**20 + 1, 26 * 2**20, 26 * 2**20 + 1)] == [1, 1, 2, 2, 3]


def test_rows_are_those_that_a_step_can_use() -> None:
    config, counts = settings(head=HeadConfig(num_samples=10)), torch.arange(100.0, 0.0, -1.0)
    rows = [model.expected_rows(counts, config, words) for words in (0, 10, 100, 10**6)]
    assert rows == sorted(rows) and rows[0] == pytest.approx(10) and rows[-1] == pytest.approx(100)
    everything = dataclasses.replace(config, head=HeadConfig(num_samples=100))
    assert model.expected_rows(counts, everything, 1) == 100


def test_bytes_of_the_encoder_are_counted_without_building_it() -> None:
    assert Workload(settings(), 18).dense_bytes == 4 * num_parameters(BiLM(settings().model))


def test_steps() -> None:
    preset = model.workload("laptop")
    alone = preset.step(65_536)
    assert alone.exchange == 0 and alone.words == 65_536
    for name in model.CLASSES:
        steps = [model.workload(name).step(4096, 64, 8, network) for network in NETWORKS.values()]
        assert [step.exchange for step in steps] == sorted((step.exchange for step in steps), reverse=True)
        assert all(step.words == 64 * 4096 and step.seconds >= model.LAUNCH_SECONDS for step in steps)


def test_the_model_is_near_the_measured_steps_of_a_gpu() -> None:
    for line in model.measured_rows():
        predicted, measured = (float(part.split()[-2]) for part in line.split(": ")[1].split(", "))
        assert predicted == pytest.approx(measured, rel=0.15)


def test_prediction_of_two_processes() -> None:
    """A step of 10 ms and 1 ms a word: half of the words, and sums."""
    alone = scaling.divided((10, 0.020), (20, 0.030))
    assert alone(5) == pytest.approx(0.015)
    found = {"bytes_per_step": 1e6, "bytes_per_second": 1e9, "latency": 1e-4, "messages": 3}
    assert scaling.predicted((2, 1, 10), found, alone) == pytest.approx(0.015 + 1e-3 + 2 * 3e-4)


def test_table() -> None:
    figures = {"words_per_second": 100.0, "seconds_per_step": 0.1, "peak_memory": 2**30, "bytes_per_step": 1e6}
    sums = {"bytes_per_second": 1e9, "latency": 0.0, "messages": 2, "exchange_seconds": 2e-3}
    points = {
        (1, 1, 10): figures,
        (1, 1, 20): {**figures, "seconds_per_step": 0.2},
        (2, 1, 10): {**figures, **sums, "words_per_second": 190.0, "seconds_per_step": 0.053},
    }
    assert scaling.table(points)[2:] == [
        "| 1 x 1, 10 words | 100 | 1.00 | 100 |  |  | 1.00 GiB |",
        "| 1 x 1, 20 words | 100 | 1.00 | 200 |  |  | 1.00 GiB |",
        "| 2 x 1, 10 words | 190 | 1.90 | 53 | 51 ms | 1.0 MB, 2.0 ms | 1.00 GiB |",
    ]


@pytest.mark.cluster
def test_bytes_are_those_of_a_dry_run(tmp_path: Path) -> None:
    """With as many samples as classes every row is used, and nothing is left to chance."""
    (tmp_path / "text.txt").write_text("the cat sees a dog .\n" * 300, encoding="utf-8")
    made = CorpusSettings(tokenization=Tokenization(kind="whitespace"), max_characters=12)
    build_corpus([str(tmp_path / "text.txt")], tmp_path / "corpus", made, num_processes=1)
    measured, _ = run_processes(dry_run_briefly, tmp_path / "corpus", **on_cpu(2))
    corpus = Corpus.open(tmp_path / "corpus")
    preset = Workload(settings(WINDOWS), len(corpus.vocabulary))
    assert len(corpus.vocabulary) <= preset.config.head.num_samples
    assert measured.bytes_per_step == preset.dense_bytes + preset.row_bytes(40, class_counts(corpus))

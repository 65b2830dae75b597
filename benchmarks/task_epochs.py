"""Time of an epoch of the tagger: the share of the CRF, and the time that the cache of frozen layers saves.

    python benchmarks/task_epochs.py TRAIN.iob2 --encoder MODEL [--sentences 2000] [--turns 3] [--threads 2]

Three kinds of epoch are timed in turns over the same batches: as in training; with a loss that needs no CRF
(cross-entropy of single tags); and with layers that are computed again for every batch. ``--encoder published`` uses
untrained weights of the published size.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from elmo_lite.hardware import choose_precision
from tasks.inputs.batch import Batch, collate
from tasks.inputs.dataset_layers import FrozenLayers, LiveLayers, layers_for
from tasks.ner.config import NerConfig
from tasks.ner.data import read_tagged
from tasks.ner.readers import TaggedSentence
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.tagging.model import TaggingModel
from tasks.training.length_pools import LengthPools

PUBLISHED = BiLMConfig(
    char_cnn=CharCNNConfig(
        filters=((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024)), num_highway=2
    ),
    dim=512, lstm_dim=4096, lstm_projection=True, num_layers=2, cell_clip=3.0, projection_clip=3.0,
)  # fmt: skip
"""Peters et al. 2018: 93.6 M parameters."""

Layers = FrozenLayers | LiveLayers
IS_MIXED = choose_precision("auto", torch.device("cpu")) == "bfloat16"
"""As the heads are trained."""


def encoder(name: str) -> Elmo:
    """A saved model, or untrained weights of the published size."""
    if name != "published":
        return Elmo.from_pretrained(name)
    elmo = Elmo(BiLM(PUBLISHED)).eval()
    elmo.requires_grad_(False)
    return elmo


def without_crf(model: TaggingModel, batch: Batch) -> Tensor:
    """Cross-entropy of each word's tag by itself."""
    assert batch.targets is not None
    return F.cross_entropy(model(batch)[batch.mask], batch.targets[batch.mask])


def epoch_seconds(tagger: NerTagger, sentences: list[TaggedSentence], layers: Layers, has_crf: bool) -> float:
    """Time of one epoch of training, batches read and put together."""
    number = {label: index for index, label in enumerate(tagger.labels)}
    model = tagger.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    begun = time.perf_counter()
    for indices in LengthPools([len(sentence.words) for sentence in sentences], 32, seed=0):
        chosen = [sentences[index] for index in indices]
        tags = [[number[tag] for tag in sentence.tags] for sentence in chosen]
        batch = collate([sentence.words for sentence in chosen], tags, layers.batch(indices))
        with torch.autocast("cpu", torch.bfloat16, enabled=IS_MIXED):
            loss = model.loss(batch) if has_crf else without_crf(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    return time.perf_counter() - begun


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    data = read_tagged(arguments.train)
    sentences = data.sentences[: arguments.sentences]
    words = [sentence.words for sentence in sentences]
    elmo = encoder(arguments.encoder)
    tagger = new_tagger(NerConfig(), data.types(), elmo, words)
    with tempfile.TemporaryDirectory() as folder:
        cached = layers_for(elmo, words, cache="on", cache_dir=folder)
        live = layers_for(elmo, words, cache="off")
        kinds = {"cached": (cached, True), "cached, no CRF": (cached, False), "computed": (live, True)}
        seconds: dict[str, list[float]] = {name: [] for name in kinds}
        epoch_seconds(tagger, sentences[:200], cached, True)  # warm-up
        for _ in range(arguments.turns):
            for name, (layers, has_crf) in kinds.items():
                seconds[name].append(epoch_seconds(tagger, sentences, layers, has_crf))
    total = sum(map(len, words))
    for name, found in seconds.items():
        print(f"{name:<16} {statistics.median(found):7.1f} s  {total / statistics.median(found):9,.0f} words/s")
    turns = list(zip(*seconds.values(), strict=True))
    print(f"CRF: {100 * statistics.median(1 - bare / whole for whole, bare, _ in turns):.1f} % of a cached epoch")
    print(f"cached epochs are {statistics.median(fresh / whole for whole, _, fresh in turns):.1f} times faster")


if __name__ == "__main__":
    main()

"""A toy corpus whose sentences have an order that counts, words and states can learn, and a ladder over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.ladder.config import LadderConfig
from elmo_lite.nn.config import CharCNNConfig
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.pretraining.test_pretrain import sentences

SETTINGS = CorpusSettings(tokenization=Tokenization(kind="whitespace"), vocabulary_size=24, max_characters=12)


def build(directory: Path, train: list[str], held_out: list[str]) -> Path:
    """A corpus of these sentences; without a held-out text, the builder decides what to hold out."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, lines in (("train", train), ("held_out", held_out)):
        paths.append(str(directory / f"{name}.txt"))
        Path(paths[-1]).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    build_corpus([paths[0]], directory / "corpus", SETTINGS, held_out=paths[1:] if held_out else None, num_processes=1)
    return directory / "corpus"


def toy_corpus(directory: Path) -> Path:
    """A corpus of 200 and 30 sentences."""
    return build(directory, sentences(0, 200), sentences(1, 30))


def toy_ladder(**changes: Any) -> LadderConfig:
    """A ladder of seconds."""
    return LadderConfig(
        **{
            "equal": "parameters",
            "epochs": 2,
            "dim": 12,
            "order": 3,
            "window": 3,
            "char_cnn": CharCNNConfig(embedding_dim=4, filters=((1, 4), (3, 4)), max_characters=12),
            "head": HeadConfig(num_samples=12),
            "data": DataConfig(batching="sentences", batch_words=128, max_length=16),
            "optimizer": OptimizerConfig(name="adamw", learning_rate=0.01, table_learning_rate=0.01, warmup_steps=2),
            "validations": 2,
            "validated_words": 100,
            "precision": "float32",
            **changes,
        }
    )

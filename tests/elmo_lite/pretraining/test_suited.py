"""Settings that suit the size of a text, and what a run keeps of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.pretraining import speed
from elmo_lite.pretraining.config import HeadConfig, PretrainConfig
from elmo_lite.pretraining.data_module import make_batches
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.run import begin_run
from elmo_lite.pretraining.speed import dry_run, passes_of
from elmo_lite.pretraining.suited import suited_dropout, suited_epochs, with_dropout, with_dropout_of
from elmo_lite.saved_model.settings import ModelSettings
from tests.elmo_lite.pretraining.test_pretrain import corpus as corpus  # the fixture

SIZES = st.integers(0, 10**12)
CNN = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), max_characters=12)
SMALL = PretrainConfig(
    model=BiLMConfig(char_cnn=CNN, dim=8, lstm_dim=8, num_layers=1), head=HeadConfig(num_samples=4), device="cpu"
)


@given(SIZES, SIZES)
def test_a_larger_text_is_not_read_more_often(one: int, other: int) -> None:
    assert 1 <= suited_epochs(max(one, other)) <= suited_epochs(min(one, other)) <= 20


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_passes_have_more_dropout(one: float, other: float) -> None:
    assert 0 <= suited_dropout(min(one, other)) <= suited_dropout(max(one, other)) <= 0.5


def test_one_pass_has_no_dropout() -> None:
    assert suited_dropout(1.0) == suited_dropout(0.0) == 0.0
    assert suited_dropout(20.0) > 0.1


def test_a_dropout_that_is_given_stays() -> None:
    config = dataclasses.replace(SMALL, model=dataclasses.replace(SMALL.model, dropout=0.0))
    assert with_dropout(config, 100.0) is config
    assert with_dropout_of(config, {"model": {"dropout": 0.3}}) is config


def test_a_run_keeps_the_dropout_of_its_start(corpus: Path, tmp_path: Path) -> None:
    """The first end suits more passes than the later one; the dropout that was chosen stays."""
    out = tmp_path / "run"
    pretrain(SMALL, corpus, out, max_steps=20, progress=False)
    chosen = json.loads((out / "run.json").read_text())["config"]["model"]["dropout"]
    assert chosen > 0 and ModelSettings.read(out / "model").model.dropout == chosen
    pretrain(SMALL, corpus, out, max_steps=400, resume=True, progress=False)
    assert json.loads((out / "run.json").read_text())["config"]["model"]["dropout"] == chosen
    with pytest.raises(ConfigError, match="expected the settings that the run began with, found others in"):
        other = dataclasses.replace(SMALL, model=dataclasses.replace(SMALL.model, dropout=0.45))
        pretrain(other, corpus, out, max_steps=500, resume=True, progress=False)


def test_a_run_without_a_limit_makes_the_passes_that_suit_the_text(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = speed.measure
    monkeypatch.setattr(speed, "measure", lambda config, corpus, seconds=0.0: measure(config, corpus, 0.0))
    opened = Corpus.open(corpus)
    batches = make_batches(opened, opened.train, SMALL.data, SMALL.seed)
    wanted = suited_epochs(opened.meta["train"]["words"])
    assert passes_of(SMALL, opened) == wanted > 1
    assert passes_of(dataclasses.replace(SMALL, epochs=3), opened) == 3
    run = begin_run(SMALL, opened, tmp_path / "run", batches, max_steps=None, max_time=None, initial=None)
    assert run.max_steps == wanted * batches.steps_per_epoch
    report = dry_run(SMALL, opened, None, None)
    passes = f"{wanted * batches.steps_per_epoch:,} steps, {wanted:.2f} passes"
    assert passes in report and f"dropout {suited_dropout(wanted)}" in report

"""An encoder's hash follows its weights and settings, and nothing else."""

import dataclasses
from pathlib import Path

import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from elmo_lite.saved_model import encoder_hash

CNN = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), max_characters=10)
SMALL = BiLMConfig(char_cnn=CNN, dim=6, lstm_dim=6)


def make(config: BiLMConfig = SMALL, seed: int = 0) -> Elmo:
    torch.manual_seed(seed)
    return Elmo(BiLM(config)).eval()


def test_equal_models_have_equal_hashes(tmp_path: Path) -> None:
    elmo = make()
    name = encoder_hash(elmo.bilm)
    assert len(name) == 64
    assert encoder_hash(make().bilm) == name
    elmo.embed([["a", "b"]])
    elmo.save_pretrained(tmp_path / "model")
    assert encoder_hash(Elmo.from_pretrained(tmp_path / "model").bilm) == name


def test_half_precision_on_disk_is_one_model(tmp_path: Path) -> None:
    half = make().half()
    half.save_pretrained(tmp_path / "model")
    assert (
        encoder_hash(Elmo.from_pretrained(tmp_path / "model").bilm)
        == encoder_hash(half.bilm)
        != encoder_hash(make().bilm)
    )


def test_one_weight_changes_it() -> None:
    elmo = make()
    name = encoder_hash(elmo.bilm)
    with torch.no_grad():
        next(elmo.bilm.parameters()).flatten()[0] += 1e-3
    assert encoder_hash(elmo.bilm) != name


def test_settings_that_leave_no_trace_in_the_weights_change_it() -> None:
    assert encoder_hash(make(dataclasses.replace(SMALL, skip_connections=False)).bilm) != encoder_hash(make().bilm)

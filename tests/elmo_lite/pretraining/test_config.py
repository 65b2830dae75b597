"""Settings of a run: defaults hold, impossible ones are named."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig, PretrainConfig


def test_defaults_are_possible() -> None:
    config = PretrainConfig()
    assert config.head == HeadConfig() and config.data == DataConfig() and config.optimizer == OptimizerConfig()
    assert json.loads(json.dumps(to_dict(config)))["model"]["dim"] == config.model.dim


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainConfig().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "name", "value", "key"),
    [
        (HeadConfig, "num_samples", 0, "head.num_samples"),
        (HeadConfig, "sampling_power", -0.1, "head.sampling_power"),
        (HeadConfig, "sampling_power", 1.1, "head.sampling_power"),
        (DataConfig, "batching", "lines", "data.batching"),
        (DataConfig, "max_length", 1, "data.max_length"),
        (DataConfig, "batch_words", 0, "data.batch_words"),
        (OptimizerConfig, "name", "sgd", "optimizer.name"),
        (OptimizerConfig, "learning_rate", 0.0, "optimizer.learning_rate"),
        (OptimizerConfig, "table_learning_rate", -1.0, "optimizer.table_learning_rate"),
        (OptimizerConfig, "gradient_clip", 0.0, "optimizer.gradient_clip"),
        (OptimizerConfig, "weight_decay", -0.1, "optimizer.weight_decay"),
        (OptimizerConfig, "warmup_steps", -1, "optimizer.warmup_steps"),
        (OptimizerConfig, "betas", (0.9, 1.0), "optimizer.betas"),
        (PretrainConfig, "epochs", 0, "epochs"),
        (PretrainConfig, "validations", 0, "validations"),
        (PretrainConfig, "patience", 0, "patience"),
        (PretrainConfig, "devices", 0, "devices"),
        (PretrainConfig, "num_nodes", 0, "num_nodes"),
        (PretrainConfig, "accelerator", "tpu", "accelerator"),
        (PretrainConfig, "save_every_minutes", 0.0, "save_every_minutes"),
    ],
)
def test_impossible_settings_are_named(kind: Any, name: str, value: Any, key: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: expected ") as error:
        kind(**{name: value})
    message = str(error.value)
    assert "\n" not in message and "found" in message


def test_a_batch_holds_a_sentence() -> None:
    with pytest.raises(ConfigError, match="data.batch_words: expected at least data.max_length = 40, found 39"):
        DataConfig(batch_words=39, max_length=40)
    DataConfig(batch_words=40, max_length=40)


def test_betas_from_a_list() -> None:
    assert OptimizerConfig(betas=[0, 0.9]).betas == (0.0, 0.9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accelerator", "device", "expected"),
    [
        ("auto", "auto", "auto"),
        ("auto", "cuda:1", "cuda:1"),
        ("cpu", "auto", "cpu"),
        ("cpu", "cpu", "cpu"),
        ("gpu", "auto", "cuda"),
        ("gpu", "cuda:1", "cuda:1"),
    ],
)
def test_accelerator_and_device(accelerator: Any, device: str, expected: str) -> None:
    assert PretrainConfig(accelerator=accelerator, device=device).wanted_device == expected


def test_accelerator_and_device_that_differ() -> None:
    with pytest.raises(ConfigError, match="^device: expected one of --accelerator cpu, found 'cuda'$"):
        PretrainConfig(accelerator="cpu", device="cuda")
    with pytest.raises(ConfigError, match="^device: expected cuda, of which each .*, found 'cuda:1'$"):
        PretrainConfig(devices=2, device="cuda:1")


def test_rows_of_windows() -> None:
    assert DataConfig(batch_words=40, max_length=12).num_rows == 3

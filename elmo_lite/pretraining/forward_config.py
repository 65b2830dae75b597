"""Settings of a run that trains a forward language model, a rung of ``elmo-lite ladder``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elmo_lite.fields import from_settings
from elmo_lite.nn.forward_config import ForwardLMConfig
from elmo_lite.pretraining.config import PretrainConfig


@dataclass(frozen=True, kw_only=True)
class ForwardPretrainConfig(PretrainConfig):
    """Settings of the run; all but those of the encoder are the ones of any pretraining run."""

    model: ForwardLMConfig = field(default_factory=ForwardLMConfig)
    """The encoder."""


def pretrain_config_from_dict(settings: Mapping[str, Any]) -> PretrainConfig:
    """Settings of a run, of both directions or forward alone, from JSON.

    Raises:
        ConfigError: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    model = settings.get("model")
    is_forward = isinstance(model, Mapping) and "cell" in model
    return from_settings(ForwardPretrainConfig if is_forward else PretrainConfig, settings)

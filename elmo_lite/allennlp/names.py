"""AllenNLP's names for the weights of a published model, for saving and loading a ``state_dict``.

Checkpoints of task models contain ELMo under these names, with any prefix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]

_HIGHWAY = re.compile(r"char_cnn\.highways\.(\d+)\.transform\.(weight|bias)")
_HIGHWAY_THERE = re.compile(r"_highways\._layers\.(\d+)\.(weight|bias)")
# (own pattern, AllenNLP's name) and the inverse, for weights that differ by name alone.
_RENAMED = (
    (r"char_cnn\.embedding\.weight", "_char_embedding_weights"),
    (r"char_cnn\.convolutions\.(\d+)\.(weight|bias)", r"char_conv_\1.\2"),
    (r"char_cnn\.projection\.(weight|bias)", r"_projection.\1"),
    (r"(forward|backward)_lstm\.layers\.(\d+)\.lstm\.weight_ih", r"\1_layer_\2.input_linearity.weight"),
    (r"(forward|backward)_lstm\.layers\.(\d+)\.lstm\.weight_hh", r"\1_layer_\2.state_linearity.weight"),
    (r"(forward|backward)_lstm\.layers\.(\d+)\.lstm\.bias", r"\1_layer_\2.state_linearity.bias"),
    (r"(forward|backward)_lstm\.layers\.(\d+)\.lstm\.weight_projection", r"\1_layer_\2.state_projection.weight"),
)
_RENAMED_BACK = (
    (r"_char_embedding_weights", "char_cnn.embedding.weight"),
    (r"char_conv_(\d+)\.(weight|bias)", r"char_cnn.convolutions.\1.\2"),
    (r"_projection\.(weight|bias)", r"char_cnn.projection.\1"),
    (r"(forward|backward)_layer_(\d+)\.input_linearity\.weight", r"\1_lstm.layers.\2.lstm.weight_ih"),
    (r"(forward|backward)_layer_(\d+)\.state_linearity\.weight", r"\1_lstm.layers.\2.lstm.weight_hh"),
    (r"(forward|backward)_layer_(\d+)\.state_linearity\.bias", r"\1_lstm.layers.\2.lstm.bias"),
    (r"(forward|backward)_layer_(\d+)\.state_projection\.weight", r"\1_lstm.layers.\2.lstm.weight_projection"),
)
_IGNORED = ("_beginning_of_sentence_characters", "_end_of_sentence_characters")
"""Constants that some versions save with the weights."""


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Rename by the first rule that matches the whole name; every weight has one."""
    return next(re.sub(pattern, other, name) for pattern, other in rules if re.fullmatch(pattern, name))


def to_allennlp(own: Mapping[str, Tensor]) -> Weights:
    """Convert weights of ``CharCNN`` and ``ProjectedLSTM`` to AllenNLP's names.

    AllenNLP's highway layer is one matrix, the rows of the transformation above those of the gate. Its gate weights the
    input, whereas ours weights the transformation; hence the sign.
    """
    weights: Weights = {}
    for name, tensor in own.items():
        if highway := _HIGHWAY.fullmatch(name):
            gate = own[name.replace(".transform.", ".gate.")]
            weights[f"_highways._layers.{highway[1]}.{highway[2]}"] = torch.cat([tensor, -gate])
        elif ".gate." not in name:
            weights[_renamed(name, _RENAMED)] = tensor
    return weights


def from_allennlp(theirs: Mapping[str, Tensor]) -> Weights:
    """Convert weights back, bit for bit; the inverse of ``to_allennlp``."""
    weights: Weights = {}
    for name, tensor in theirs.items():
        if highway := _HIGHWAY_THERE.fullmatch(name):
            transform, gate = tensor.chunk(2)
            weights[f"char_cnn.highways.{highway[1]}.transform.{highway[2]}"] = transform
            weights[f"char_cnn.highways.{highway[1]}.gate.{highway[2]}"] = -gate
        else:
            weights[_renamed(name, _RENAMED_BACK)] = tensor
    return weights


class AllenNLPNames(nn.Module):
    """A module that saves and loads its ``state_dict`` under AllenNLP's names."""

    def state_dict(self, *args: Any, prefix: str = "", **kwargs: Any) -> Any:
        """As ``nn.Module.state_dict``, under AllenNLP's names."""
        state = super().state_dict(*args, prefix=prefix, **kwargs)
        own = {name.removeprefix(prefix): state.pop(name) for name in list(state) if name.startswith(prefix)}
        state.update({prefix + name: tensor for name, tensor in to_allennlp(own).items()})
        return state

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Check AllenNLP's names and shapes, then load the weights under our names."""
        weights = to_allennlp(dict(self.named_parameters()))
        given = {name: state_dict.pop(name) for name in list(state_dict) if name.startswith(prefix)}
        for name, current in weights.items():
            key = prefix + name
            if key not in given:
                if strict:
                    missing_keys.append(key)
                continue
            tensor = given.pop(key)
            if tensor.shape == current.shape:
                weights[name] = tensor
            else:
                error_msgs.append(
                    f"size mismatch for {key}: copying a param with shape {tensor.shape} from checkpoint, "
                    f"the shape in current model is {current.shape}."
                )
        if strict:
            unexpected_keys.extend(key for key in given if key.removeprefix(prefix) not in _IGNORED)
        state_dict.update({prefix + name: tensor.detach() for name, tensor in from_allennlp(weights).items()})
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

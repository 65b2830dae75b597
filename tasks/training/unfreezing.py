"""Parameters of a head and its encoder by depth: learning rates, weight decay, gradual unfreezing."""

from __future__ import annotations

from typing import Any

from torch import nn

from elmo_lite import ConfigError, Elmo


def encoder_layers(elmo: Elmo) -> list[list[nn.Parameter]]:
    """L lists of an encoder's parameters by depth: the character CNN's, then each LSTM layer's, both directions."""
    bilm = elmo.bilm
    stacks = zip(bilm.forward_lstm.layers, bilm.backward_lstm.layers, strict=True)
    lstms = [[*ahead.parameters(), *back.parameters()] for ahead, back in stacks]
    return [list(bilm.char_cnn.parameters()), *lstms]


def _encoders(model: nn.Module) -> list[Elmo]:
    """The encoders that a model trains; frozen ones are no submodules."""
    return [module for module in model.modules() if isinstance(module, Elmo)]


def parameter_groups(
    model: nn.Module, learning_rate: float, encoder_learning_rate: float, layer_decay: float = 2.6
) -> list[dict[str, Any]]:
    """Groups for an optimiser: the head, and each layer of the encoder with a learning rate of its own.

    Discriminative learning rates of Howard & Ruder 2018, section 3.2: what lies deeper is more general and moves less.
    What does not require gradients yet is in its group too, so that layers can be unfrozen later.

    Args:
        model: head and encoder.
        learning_rate: of everything outside the encoder.
        encoder_learning_rate: of the encoder's top layer.
        layer_decay: what a layer's rate is divided by for the layer below, 1 or more; the character CNN is the lowest.

    Returns:
        Dicts with "params", "lr" and "name": "head", then "encoder.0" to "encoder.{L - 1}" where one is trained.
    """
    if layer_decay < 1:
        raise ConfigError(f"layer_decay: expected 1 or more, found {layer_decay}")
    groups: list[dict[str, Any]] = []
    for elmo in _encoders(model):
        for layer, parameters in enumerate(encoder_layers(elmo)):
            rate = encoder_learning_rate / layer_decay ** (elmo.num_layers - 1 - layer)
            groups.append({"params": parameters, "lr": rate, "name": f"encoder.{layer}"})
    inside = {id(parameter) for group in groups for parameter in group["params"]}
    head = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    return [{"params": head, "lr": learning_rate, "name": "head"}, *groups]


class GradualUnfreezing:
    """Trains the head alone first, then one more encoder layer an epoch from the top (Howard & Ruder 2018, 3.3)."""

    def __init__(self, model: nn.Module) -> None:
        """Take charge of the encoders that ``model`` trains."""
        self.encoders = _encoders(model)

    def start_epoch(self, epoch: int) -> int:
        """Freeze or unfreeze for an epoch, counted from 0; to be called before it.

        Returns:
            How many layers of the encoder are trained in it.
        """
        trained = 0
        for elmo in self.encoders:
            layers = encoder_layers(elmo)
            trained = min(epoch, len(layers))
            for layer, parameters in enumerate(layers):
                for parameter in parameters:
                    parameter.requires_grad_(layer >= len(layers) - trained)
            elmo.train(elmo.training)  # dropout inside the encoder comes with its first trained layer
        return trained


def split_by_decay(group: dict[str, Any], weight_decay: float) -> list[dict[str, Any]]:
    """Matrices apart from biases and layer weights, which a decay would only pull off their scale."""
    if not weight_decay:
        return [group]
    matrices = [parameter for parameter in group["params"] if parameter.dim() > 1]
    rest = [parameter for parameter in group["params"] if parameter.dim() <= 1]
    return [{**group, "params": matrices}, {**group, "params": rest, "weight_decay": 0.0}]

"""Parameters of a head and its encoder by depth: learning rates, weight decay, gradual unfreezing."""

from __future__ import annotations

from typing import Any

from torch import nn

from elmo_lite import ConfigError, Elmo, ScalarMix
from tasks.inputs.combination import Concatenation

CONCATENATION_RATE = 0.1
"""Learning rate of the matrices of ``Concatenation`` as a part of that of the head.

A step of Adam changes their outputs by an amount that grows with the width of all layers together.
"""


def encoder_layers(elmo: Elmo) -> list[list[nn.Parameter]]:
    """Parameters of an encoder by depth, L lists: the character CNN, then each LSTM layer with both directions."""
    bilm = elmo.bilm
    stacks = zip(bilm.forward_lstm.layers, bilm.backward_lstm.layers, strict=True)
    lstms = [[*ahead.parameters(), *back.parameters()] for ahead, back in stacks]
    return [list(bilm.char_cnn.parameters()), *lstms]


def _encoders(model: nn.Module) -> list[Elmo]:
    """The encoders that a model trains; frozen ones are not submodules."""
    return [module for module in model.modules() if isinstance(module, Elmo)]


def parameter_groups(
    model: nn.Module,
    learning_rate: float,
    encoder_learning_rate: float,
    layer_decay: float = 2.6,
    mix_learning_rate: float | None = None,
) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: the head, and each encoder layer with its own learning rate.

    Discriminative learning rates of Howard & Ruder 2018, section 3.2: lower layers are more general and have lower
    learning rates. Parameters that do not require gradients are included, so that layers can be unfrozen later.

    Args:
        model: Head with its encoder.
        learning_rate: Learning rate of all parameters outside the encoder.
        encoder_learning_rate: Learning rate of the top layer of the encoder.
        layer_decay: Factor of 1 or more by which the learning rate of each encoder layer is lower than that of the
            layer above. The character CNN is the lowest layer.
        mix_learning_rate: Learning rate of what combines the layers. Defaults to ``learning_rate`` for layer weights
            and gamma, and to a tenth of it for the matrices of ``Concatenation``.

    Returns:
        Dicts with "params", "lr" and "name": "head", then "mix" if what combines the layers has another learning rate,
        then "encoder.0" to "encoder.{L - 1}" if an encoder is trained.

    Raises:
        ConfigError: ``layer_decay`` is less than 1.
    """
    if layer_decay < 1:
        raise ConfigError(f"layer_decay: expected 1 or more, found {layer_decay}")
    groups: list[dict[str, Any]] = []
    for elmo in _encoders(model):
        for layer, parameters in enumerate(encoder_layers(elmo)):
            rate = encoder_learning_rate / layer_decay ** (elmo.num_layers - 1 - layer)
            groups.append({"params": parameters, "lr": rate, "name": f"encoder.{layer}"})
    kinds = Concatenation if mix_learning_rate is None else (ScalarMix, Concatenation)
    parts = [module for module in model.modules() if isinstance(module, kinds)]
    if combining := [parameter for part in parts for parameter in part.parameters()]:
        rate = CONCATENATION_RATE * learning_rate if mix_learning_rate is None else mix_learning_rate
        groups.insert(0, {"params": combining, "lr": rate, "name": "mix"})
    inside = {id(parameter) for group in groups for parameter in group["params"]}
    head = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    return [{"params": head, "lr": learning_rate, "name": "head"}, *groups]


class GradualUnfreezing:
    """Train the head alone first, then one more encoder layer per epoch, from the top (Howard & Ruder 2018, 3.3)."""

    def __init__(self, model: nn.Module) -> None:
        """Find the encoders that ``model`` trains."""
        self.encoders = _encoders(model)

    def start_epoch(self, epoch: int) -> int:
        """Freeze or unfreeze layers for an epoch, counted from 0; to be called before the epoch.

        Returns:
            The number of encoder layers that are trained in the epoch.
        """
        trained = 0
        for elmo in self.encoders:
            layers = encoder_layers(elmo)
            trained = min(epoch, len(layers))
            for layer, parameters in enumerate(layers):
                for parameter in parameters:
                    parameter.requires_grad_(layer >= len(layers) - trained)
            elmo.train(elmo.training)  # the encoder has dropout only if one of its layers is trained
        return trained


def split_by_decay(group: dict[str, Any], weight_decay: float) -> list[dict[str, Any]]:
    """Split a group into matrices, and biases and layer weights, which have no weight decay to keep their scale."""
    if not weight_decay:
        return [group]
    matrices = [parameter for parameter in group["params"] if parameter.dim() > 1]
    rest = [parameter for parameter in group["params"] if parameter.dim() <= 1]
    return [{**group, "params": matrices}, {**group, "params": rest, "weight_decay": 0.0}]

"""Learning rates by depth, weight decay and gradual unfreezing of a trained encoder."""

from typing import Any

import pytest
import torch
from torch import nn

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, Elmo, ScalarMix
from tasks.inputs.batch import Batch, collate
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs
from tasks.training.unfreezing import GradualUnfreezing, encoder_layers, parameter_groups, split_by_decay

SENTENCES = [["The", "cat", "sat"], ["dog"]]
CONFIG = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4))), dim=4, lstm_dim=4, dropout=0.5)


@pytest.fixture
def elmo() -> Elmo:
    return Elmo(BiLM(CONFIG))


def words(**settings: Any) -> WordInputs:
    return WordInputs.build(WordInputConfig(word_dim=3, char_filters=2, dropout=0.0, **settings), SENTENCES)


def make(elmo: Elmo | None, word_inputs: WordInputs | None = None, **settings: Any) -> Representation:
    return Representation(word_inputs, elmo, EncoderConfig(**{"dropout": 0.0, **settings}))


class Model(nn.Module):
    def __init__(self, representation: Representation) -> None:
        super().__init__()
        self.representation = representation
        self.linear = nn.Linear(representation.dim, 2)

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.linear(self.representation(batch))


def test_learning_rates_fall_with_depth(elmo: Elmo) -> None:
    model = Model(make(elmo, words(), freeze=False))
    groups = {group["name"]: group for group in parameter_groups(model, 1e-3, 1e-4, layer_decay=2.0)}
    rates = {name: group["lr"] for name, group in groups.items()}
    assert rates == pytest.approx({"head": 1e-3, "encoder.0": 2.5e-5, "encoder.1": 5e-5, "encoder.2": 1e-4})
    everything = [id(parameter) for group in groups.values() for parameter in group["params"]]
    assert len(everything) == len(set(everything)) == len(list(model.parameters()))
    chars = {id(parameter) for parameter in elmo.bilm.char_cnn.parameters()}
    assert {id(parameter) for parameter in groups["encoder.0"]["params"]} == chars
    top = {id(p) for stack in (elmo.bilm.forward_lstm, elmo.bilm.backward_lstm) for p in stack.layers[-1].parameters()}
    assert {id(parameter) for parameter in groups["encoder.2"]["params"]} == top
    torch.optim.Adam(list(groups.values()))


def test_learning_rates_of_a_frozen_encoder(elmo: Elmo) -> None:
    model = Model(make(elmo, words()))
    (head,) = parameter_groups(model, 1e-3, 1e-4)
    assert (head["name"], head["lr"], len(head["params"])) == ("head", 1e-3, len(list(model.parameters())))


def test_layer_decay_below_one(elmo: Elmo) -> None:
    with pytest.raises(ConfigError, match="layer_decay: expected 1 or more, found 0.5"):
        parameter_groups(Model(make(elmo, freeze=False)), 1e-3, 1e-4, layer_decay=0.5)


def trained_layers(elmo: Elmo) -> list[bool]:
    return [
        all(p.requires_grad for p in layer) and any(p.requires_grad for p in layer) for layer in encoder_layers(elmo)
    ]


def test_gradual_unfreezing(elmo: Elmo) -> None:
    model = Model(make(elmo, freeze=False)).train()
    unfreezing = GradualUnfreezing(model)
    seen = []
    for epoch in range(5):
        assert unfreezing.start_epoch(epoch) == min(epoch, 3)
        assert elmo.bilm.training == (epoch > 0)
        seen.append(trained_layers(elmo))
        model.zero_grad()
        model(collate(SENTENCES)).sum().backward()
        assert [all(p.grad is not None for p in layer) for layer in encoder_layers(elmo)] == seen[-1]
    no, yes = False, True
    assert seen == [[no, no, no], [no, no, yes], [no, yes, yes], [yes, yes, yes], [yes, yes, yes]]
    assert all(parameter.requires_grad for parameter in model.linear.parameters())


def test_gradual_unfreezing_of_nothing(elmo: Elmo) -> None:
    assert GradualUnfreezing(Model(make(elmo))).start_epoch(3) == 0
    assert trained_layers(elmo) == [False] * 3


def test_decay_leaves_biases_and_layer_weights_alone() -> None:
    linear, mix = nn.Linear(2, 2), ScalarMix(3)
    group = {"params": [*linear.parameters(), *mix.parameters()], "lr": 1.0, "name": "head"}
    matrices, rest = split_by_decay(group, 0.1)
    assert [parameter is linear.weight for parameter in matrices["params"]] == [True]
    assert "weight_decay" not in matrices and rest["weight_decay"] == 0 and len(rest["params"]) == 3
    assert split_by_decay(group, 0.0) == [group]


@pytest.mark.parametrize("freeze", [True, False])
def test_scalars_of_the_mixes_have_a_learning_rate_of_their_own(elmo: Elmo, freeze: bool) -> None:
    model = Model(make(elmo, words(), layers="mix", freeze=freeze, output_mix=True))
    groups = parameter_groups(model, 1e-3, 1e-4, mix_learning_rate=3e-2)
    assert [group["name"] for group in groups][:2] == ["head", "mix"] and groups[1]["lr"] == 3e-2
    mixes = [model.representation.input_mix, model.representation.output_mix]
    scalars = [id(parameter) for mix in mixes if mix is not None for parameter in mix.parameters()]
    assert [id(parameter) for parameter in groups[1]["params"]] == scalars and len(scalars) == 4
    everything = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(everything) == len(set(everything)) == len(list(model.parameters()))


@pytest.mark.parametrize("layers", ["top", "concat"])
def test_without_a_mix_there_is_no_group_of_it(elmo: Elmo, layers: str) -> None:
    (head,) = parameter_groups(Model(make(elmo, words(), layers=layers)), 1e-3, 1e-4, mix_learning_rate=3e-2)
    assert head["name"] == "head"


@pytest.mark.parametrize(("given", "expected"), [(None, 1e-4), (3e-2, 3e-2)])
@pytest.mark.parametrize(
    ("settings", "number"), [({"layers": "function"}, 4), ({"layers": "concat", "projection": 3}, 2)]
)
def test_matrices_over_all_layers_learn_slowly(
    elmo: Elmo, settings: dict[str, Any], number: int, given: float | None, expected: float
) -> None:
    model = Model(make(elmo, words(), **settings))
    head, matrices = parameter_groups(model, 1e-3, 1e-4, mix_learning_rate=given)
    assert (matrices["name"], matrices["lr"], len(matrices["params"])) == ("mix", pytest.approx(expected), number)
    assert len(head["params"]) + number == len(list(model.parameters()))

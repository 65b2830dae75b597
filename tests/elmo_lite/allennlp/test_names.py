"""Checkpoints of task models: AllenNLP's names and layouts, in and out, bit for bit."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from elmo_lite.allennlp import Elmo, ElmoTokenEmbedder, batch_to_ids
from tests.elmo_lite.published.reference import CELL, random_model

IDS = batch_to_ids([["The", "naïve", "🙂"], ["one"]])
SHAPES: list[dict[str, Any]] = [{}, {"num_layers": 3, "num_highway": 2}, {"num_highway": 0, "skip": False}]
VOCABULARY = ["@@PADDING@@", "The", "naïve"]


def as_allennlp_holds_it(options_file: Path, weight_file: Path) -> dict[str, Tensor]:
    """What AllenNLP's Elmo holds after it has read the files, from the format's description alone."""
    options = json.loads(options_file.read_text(encoding="utf-8"))
    dim = options["lstm"]["projection_dim"]
    state: dict[str, np.ndarray] = {}
    with h5py.File(weight_file) as file:
        token = "_elmo_lstm._token_embedder."
        table = file["char_embed"][()]
        state[token + "_char_embedding_weights"] = np.concatenate([np.zeros_like(table[:1]), table])
        for index in range(len(options["char_cnn"]["filters"])):
            state[token + f"char_conv_{index}.weight"] = file[f"CNN/W_cnn_{index}"][0].transpose(2, 1, 0)
            state[token + f"char_conv_{index}.bias"] = file[f"CNN/b_cnn_{index}"][()]
        for index in range(options["char_cnn"]["n_highway"]):
            group, name = file[f"CNN_high_{index}"], token + f"_highways._layers.{index}."
            state[name + "weight"] = np.concatenate([group["W_transform"][()].T, -group["W_carry"][()].T])
            state[name + "bias"] = np.concatenate([group["b_transform"][()], -group["b_carry"][()]])
        state[token + "_projection.weight"] = file["CNN_proj/W_proj"][()].T
        state[token + "_projection.bias"] = file["CNN_proj/b_proj"][()]
        for direction, word in enumerate(("forward", "backward")):
            for layer in range(options["lstm"]["n_layers"]):
                cell = file[CELL.format(direction=direction, layer=layer)]
                name = f"_elmo_lstm._elmo_lstm.{word}_layer_{layer}."
                i, j, f, o = np.split(cell["W_0"][()], 4, axis=1)
                weight = np.concatenate([i, f, j, o], axis=1).T
                state[name + "input_linearity.weight"] = weight[:, :dim]
                state[name + "state_linearity.weight"] = weight[:, dim:]
                i, j, f, o = np.split(cell["B"][()], 4)
                state[name + "state_linearity.bias"] = np.concatenate([i, f + np.float32(1), j, o])
                state[name + "state_projection.weight"] = cell["W_P_0"][()].T
    tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in state.items()}
    for index in range(options["lstm"]["n_layers"] + 1):
        tensors[f"scalar_mix_0.scalar_parameters.{index}"] = torch.tensor([0.3 * index])
    return tensors | {"scalar_mix_0.gamma": torch.tensor([1.5])}


def vectors(elmo: nn.Module) -> Tensor:
    return elmo.eval()(IDS)["elmo_representations"][0]


@pytest.mark.parametrize("shape", SHAPES)
def test_holds_what_allennlp_holds(shape: dict[str, Any], tmp_path: Path) -> None:
    files = random_model(tmp_path, **shape)
    expected, found = as_allennlp_holds_it(*files), Elmo(*files, 1).state_dict()
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape
        assert name.startswith("scalar_mix") or torch.equal(found[name], tensor), name


@pytest.mark.parametrize("shape", SHAPES)
def test_a_checkpoint_replaces_all_weights(shape: dict[str, Any], tmp_path: Path) -> None:
    files = random_model(tmp_path / "tuned", seed=1, **shape)
    checkpoint = as_allennlp_holds_it(*files)
    elmo = Elmo(*random_model(tmp_path / "original", seed=0, **shape), 1)
    vectors(elmo)  # fills what must be forgotten
    elmo.reset_states()
    elmo.load_state_dict(checkpoint)
    state = elmo.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in checkpoint.items())
    fresh = Elmo(*files, 1)
    with torch.no_grad():
        for index, parameter in enumerate(fresh.scalar_mix_0.scalar_parameters):
            parameter.fill_(0.3 * index)
        fresh.scalar_mix_0.gamma.fill_(1.5)
    torch.testing.assert_close(vectors(elmo), vectors(fresh))


class Tagger(nn.Module):
    """A task model with ELMo somewhere inside, beside weights of its own."""

    def __init__(self, files: tuple[Path, Path]) -> None:
        super().__init__()
        self.elmo = Elmo(*files, 1)
        self.embedder = nn.ModuleDict({"token_embedder_elmo": ElmoTokenEmbedder(*files, projection_dim=3)})
        self.head = nn.Linear(12, 2)


def test_inside_a_task_model(tmp_path: Path) -> None:
    checkpoint = as_allennlp_holds_it(*random_model(tmp_path / "tuned", seed=1))
    tagger = Tagger(random_model(tmp_path / "original"))
    inside = {f"elmo.{name}": tensor for name, tensor in checkpoint.items()}
    prefix = "embedder.token_embedder_elmo."
    inside |= {f"{prefix}_elmo.{name}": tensor for name, tensor in checkpoint.items()}
    inside |= {f"{prefix}_projection.weight": torch.ones(3, 12), f"{prefix}_projection.bias": torch.ones(3)}
    inside |= {"head.weight": torch.ones(2, 12), "head.bias": torch.ones(2)}
    tagger.load_state_dict(inside)
    state = tagger.state_dict()
    assert set(state) == set(inside)
    assert all(torch.equal(state[name], tensor) for name, tensor in inside.items())


def test_own_state_round_trips(tmp_path: Path) -> None:
    one = Elmo(*random_model(tmp_path / "one", seed=1), 2, vocab_to_cache=VOCABULARY)
    other = Elmo(*random_model(tmp_path / "other", seed=2), 2, vocab_to_cache=VOCABULARY)
    state = one.state_dict()
    assert state["_elmo_lstm._word_embedding.weight"].shape == (3, 6)
    other.load_state_dict(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in other.state_dict().items())
    assert torch.equal(vectors(one), vectors(other))
    assert not any(tensor.requires_grad for tensor in state.values())


def test_assigned_weights(tmp_path: Path) -> None:
    elmo = Elmo(*random_model(tmp_path / "original"), 1)
    checkpoint = as_allennlp_holds_it(*random_model(tmp_path / "tuned", seed=1))
    elmo.load_state_dict(checkpoint, assign=True)
    state = elmo.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in checkpoint.items())
    assert {name for name, weight in elmo.named_parameters() if weight.requires_grad} == {
        name for name in checkpoint if name.startswith("scalar_mix")
    }


def test_constants_of_some_versions_are_ignored(tmp_path: Path) -> None:
    files = random_model(tmp_path)
    checkpoint = as_allennlp_holds_it(*files)
    for name in ("_beginning_of_sentence_characters", "_end_of_sentence_characters"):
        checkpoint[f"_elmo_lstm._token_embedder.{name}"] = torch.zeros(50, dtype=torch.long)
    Elmo(*files, 1).load_state_dict(checkpoint)


ENTRIES = [
    "_elmo_lstm._token_embedder._char_embedding_weights",
    "_elmo_lstm._token_embedder.char_conv_1.bias",
    "_elmo_lstm._token_embedder._highways._layers.0.weight",
    "_elmo_lstm._elmo_lstm.backward_layer_1.state_linearity.bias",
    "_elmo_lstm._elmo_lstm.forward_layer_0.state_projection.weight",
    "scalar_mix_0.scalar_parameters.2",
]


@pytest.mark.parametrize("name", ENTRIES)
def test_missing_entry(name: str, tmp_path: Path) -> None:
    files = random_model(tmp_path)
    elmo, checkpoint = Elmo(*files, 1), as_allennlp_holds_it(*files)
    left = {other: tensor + 1 for other, tensor in checkpoint.items() if other != name}
    with pytest.raises(RuntimeError, match=rf'Missing key\(s\) in state_dict: "{name}"\. $'):
        elmo.load_state_dict(left)
    before = elmo.state_dict()[name].clone()
    result = elmo.load_state_dict(left, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == ([name], [])
    assert torch.equal(elmo.state_dict()[name], before)
    assert all(torch.equal(elmo.state_dict()[other], tensor) for other, tensor in left.items())


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_of_another_shape(name: str, tmp_path: Path) -> None:
    files = random_model(tmp_path)
    checkpoint = as_allennlp_holds_it(*files)
    checkpoint[name] = torch.zeros(2, 2, 2)
    message = rf"size mismatch for {name}: copying a param with shape torch.Size\(\[2, 2, 2\]\) from checkpoint"
    with pytest.raises(RuntimeError, match=message):
        Elmo(*files, 1).load_state_dict(checkpoint)


@pytest.mark.parametrize(
    "name",
    ["_elmo_lstm._elmo_lstm.forward_layer_2.state_linearity.bias", "_elmo_lstm._token_embedder.char_conv_3.bias", "x"],
)
def test_unexpected_entry(name: str, tmp_path: Path) -> None:
    files = random_model(tmp_path)
    checkpoint = as_allennlp_holds_it(*files) | {name: torch.zeros(1)}
    with pytest.raises(RuntimeError, match=rf'Unexpected key\(s\) in state_dict: "{name}"\. $'):
        Elmo(*files, 1).load_state_dict(checkpoint)
    Elmo(*files, 1).load_state_dict(checkpoint, strict=False)


@pytest.mark.parametrize("keep", [False, True])
def test_a_model_with_a_plain_lstm_has_a_projection_there(keep: bool, tmp_path: Path) -> None:
    elmo = Elmo(*random_model(tmp_path, lstm_dim=6, lstm_projection=False, proj_clip=None), 1)
    state = elmo.state_dict(keep_vars=keep)
    assert torch.equal(state["_elmo_lstm._elmo_lstm.forward_layer_0.state_projection.weight"], torch.eye(6))
    assert state["scalar_mix_0.gamma"].requires_grad == keep

"""The drop-in's language model: states that go on from batch to batch, and ids that are checked."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from elmo_lite.allennlp import _ElmoBiLm, batch_to_ids
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from tests.elmo_lite.published.reference import GOLDEN, PublishedModel, RowState, needs_golden, random_model

SHAPES: dict[str, dict[str, Any]] = {
    "usual": {},
    "no skip": {"skip": False},
    "clips that bind": {"cell_clip": 0.5, "proj_clip": 0.4},
    "no clips": {"cell_clip": None, "proj_clip": None},
    "one layer, no highway": {"num_layers": 1, "num_highway": 0},
    "three layers, tanh": {"num_layers": 3, "num_highway": 2, "activation": "tanh"},
    "no projection of filters": {"cnn_projection": False, "filters": ((1, 2), (2, 4))},
    "no projection of cells": {"lstm_projection": False, "lstm_dim": 6, "cell_clip": 0.5},
    "plain LSTM": {"lstm_projection": False, "lstm_dim": 6, "cell_clip": None, "proj_clip": None},
}
BATCHES = [
    [["The", "cat", "sat"], ["naïve", "🙂", "a" * 60, "b"], []],
    [["one"], ["two", "three"]],
    [["x"], ["y", "z"], ["The", "cat"], ["new", "row"]],
    [["The"], [], ["end"]],
]


def compared(bilm: _ElmoBiLm, model: PublishedModel, batches: list[list[list[str]]]) -> Iterator[tuple[Any, Any]]:
    """Activations of each sentence, (L, T + 2, 2D), from the drop-in and from the witness, states carried by both."""
    states: list[RowState] = []
    for batch in batches:
        fresh = [[model.zero_state(), model.zero_state()] for _ in batch[len(states) :]]
        expected, last = model.layers(batch, (states + fresh)[: len(batch)])
        states = last + states[len(batch) :]
        output = bilm(batch_to_ids(batch))
        layers = torch.stack(output["activations"])
        for row, (sentence, layers_of_row) in enumerate(zip(batch, expected, strict=True)):
            assert output["mask"][row].tolist() == [place < len(sentence) + 2 for place in range(layers.shape[2])]
            assert (layers[:, row, len(sentence) + 2 :] == 0).all()
            yield layers[:, row, : len(sentence) + 2].detach().numpy(), layers_of_row


@pytest.mark.parametrize("requires_grad", [False, True], ids=["frozen", "learning"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_agrees_with_the_witness_over_batches(shape: dict[str, Any], requires_grad: bool, tmp_path: Path) -> None:
    files = random_model(tmp_path, **shape)
    bilm = _ElmoBiLm(*files, requires_grad=requires_grad)
    for found, expected in compared(bilm, PublishedModel(*files), BATCHES):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, abs(expected).max()))


@needs_golden
def test_agrees_with_the_original_over_all_batches() -> None:
    bilm = _ElmoBiLm(GOLDEN / "options.json", GOLDEN / "lm_weights.hdf5")
    rows = json.loads((GOLDEN / "sentences.json").read_text(encoding="utf-8"))
    files = [h5py.File(GOLDEN / f"lm_embeddings_{row}.hdf5") for row in range(len(rows))]

    def difference(number: int) -> float:
        batch = [row[number].split() for row in rows]
        top = bilm(batch_to_ids(batch))["activations"][-1]
        expected = [np.concatenate(list(file[str(number)][()]), axis=1) for file in files]
        pairs = zip(batch, top, expected, strict=True)
        return float(max(abs(found[1 : len(words) + 1].numpy() - want).max() for words, found, want in pairs))

    assert max(difference(number) for number in range(len(rows[0]))) < 1e-6
    assert difference(0) > 0.1  # goes on from batch 9, which is not where the original was at batch 0
    bilm.reset_states()
    assert difference(0) < 1e-6


@pytest.fixture
def bilm(tmp_path: Path) -> _ElmoBiLm:
    return _ElmoBiLm(*random_model(tmp_path))


def top(bilm: _ElmoBiLm, batch: list[list[str]]) -> torch.Tensor:
    return bilm(batch_to_ids(batch))["activations"][-1]


def test_stateless_on_demand(bilm: _ElmoBiLm) -> None:
    first = top(bilm, BATCHES[0])
    assert not torch.equal(top(bilm, BATCHES[0]), first)
    bilm._elmo_lstm.stateful = False
    assert torch.equal(top(bilm, BATCHES[0]), first)
    assert torch.equal(top(bilm, BATCHES[0]), first)


def test_some_rows_start_anew(bilm: _ElmoBiLm) -> None:
    batch = [["same", "words"]] * 3
    first = top(bilm, batch)
    second = top(copy.deepcopy(bilm), batch)
    bilm.reset_states(torch.tensor([False, True, False]))
    found = top(bilm, batch)
    assert torch.equal(found[1], first[1])
    assert torch.equal(found[[0, 2]], second[[0, 2]])
    assert not torch.allclose(first[0], second[0])


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1)])
def test_reset_names_the_rows(bilm: _ElmoBiLm, shape: tuple[int, ...]) -> None:
    top(bilm, BATCHES[0])
    with pytest.raises(ConfigError, match=r"^mask: expected one value for each of 3 rows, found shape \("):
        bilm.reset_states(torch.ones(shape, dtype=torch.bool))


def test_reset_before_the_first_batch(bilm: _ElmoBiLm) -> None:
    bilm.reset_states(torch.tensor([True]))
    bilm.reset_states()


def test_states_are_neither_saved_nor_part_of_a_graph(tmp_path: Path) -> None:
    bilm = _ElmoBiLm(*random_model(tmp_path), requires_grad=True)
    names = set(bilm.state_dict())
    for _ in range(2):  # the second backward pass would fail in the first one's graph
        top(bilm, BATCHES[0]).sum().backward()
    assert set(bilm.state_dict()) == names
    assert not any(state.requires_grad for state in bilm._elmo_lstm._states)


def test_states_made_in_inference_mode_serve_training(tmp_path: Path) -> None:
    bilm = _ElmoBiLm(*random_model(tmp_path), requires_grad=True)
    with torch.inference_mode():
        top(bilm, BATCHES[0])
    top(bilm, BATCHES[0]).sum().backward()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.bfloat16, 0.1)])
def test_moves_to_another_dtype_with_its_states(bilm: _ElmoBiLm, dtype: torch.dtype, tolerance: float) -> None:
    top(bilm, BATCHES[0])
    other = copy.deepcopy(bilm).to(dtype)
    assert {state.dtype for state in other._elmo_lstm._states} == {dtype}
    found, expected = top(other, BATCHES[0]), top(bilm, BATCHES[0])
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=tolerance)


def test_a_copy_goes_its_own_way(bilm: _ElmoBiLm) -> None:
    top(bilm, BATCHES[0])
    other = copy.deepcopy(bilm)
    expected = top(other, BATCHES[1])
    top(other, BATCHES[2])
    with torch.no_grad():
        other._token_embedder.char_cnn.embedding.weight.zero_()
    assert torch.equal(top(bilm, BATCHES[1]), expected)


def test_vectors_follow_the_weights(bilm: _ElmoBiLm) -> None:
    """What was remembered is forgotten when weights change."""
    bilm._elmo_lstm.stateful = False
    before = top(bilm, BATCHES[0])
    with torch.no_grad():
        bilm._token_embedder.char_cnn.projection.weight.mul_(2)
    assert not torch.allclose(top(bilm, BATCHES[0]), before)


IDS = batch_to_ids([["two", "words"], ["one"]])


@pytest.mark.parametrize("value", [-1, 262, 1000])
def test_id_out_of_range(bilm: _ElmoBiLm, value: int) -> None:
    ids = IDS.clone()
    ids[0, 1, 7] = value
    message = f"^inputs: sentence 0, word 1, character 7: expected a character id in 0..261, found {value}$"
    with pytest.raises(CorpusError, match=message):
        bilm(ids)


def test_padding_before_a_word(bilm: _ElmoBiLm) -> None:
    with pytest.raises(CorpusError, match="^inputs: sentence 1: expected padding at its end only, found it at word 0$"):
        bilm(IDS.flip(1))


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (IDS[0], r"int64 \(2, 50\)"),
        (IDS[None], r"int64 \(1, 2, 2, 50\)"),
        (IDS[:, :, :20], r"int64 \(2, 2, 20\)"),
        (IDS.float(), r"float32 \(2, 2, 50\)"),
        (IDS[:0], r"int64 \(0, 2, 50\)"),
    ],
    ids=["one sentence", "a batch too many", "narrow", "fractions", "no sentence"],
)
def test_wrong_shape(bilm: _ElmoBiLm, ids: torch.Tensor, found: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"^inputs: expected integers of shape \(sentences, words, 50\), found {found}$"
    ):
        bilm(ids)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_any_kind_of_whole_number(bilm: _ElmoBiLm, dtype: torch.dtype) -> None:
    bilm._elmo_lstm.stateful = False
    expected = bilm(IDS)["activations"][-1]
    assert torch.equal(bilm(IDS.to(dtype))["activations"][-1], expected)


def test_a_batch_without_words(bilm: _ElmoBiLm) -> None:
    output = bilm(batch_to_ids([[], []]))
    assert output["mask"].tolist() == [[True, True]] * 2


def test_another_width(tmp_path: Path) -> None:
    files = random_model(tmp_path, max_characters=12)
    layers = _ElmoBiLm(*files)(batch_to_ids([["a" * 30]], max_characters=12))["activations"]
    expected, _ = PublishedModel(*files).layers([["a" * 30]])
    np.testing.assert_allclose(torch.stack(layers)[:, 0], expected[0], rtol=0, atol=1e-5)


def test_missing_files(tmp_path: Path) -> None:
    options, weights = random_model(tmp_path)
    with pytest.raises(CheckpointError, match=r"nowhere\.hdf5"):
        _ElmoBiLm(options, tmp_path / "nowhere.hdf5")

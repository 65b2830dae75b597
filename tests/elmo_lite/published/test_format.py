"""Published models: every bit survives both ways, the vectors are the format's, mistakes are named."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.cli.main import main
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.bilstm import PlainLSTM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.published import format as published_format
from elmo_lite.published.format import load, save
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.text.characters import NO_TOKEN
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.elmo_lite.published.reference import GOLDEN, PublishedModel, needs_golden, random_model

SENTENCES = [["The", "naïve", "🙂", "का", "a" * 70, "."], ["one"], [], ["word"] * 12, ["<S>", "</S>"]]
CNN = CharCNNConfig(embedding_dim=4, filters=((1, 5), (3, 4)), num_highway=1, max_characters=20)
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "no_skip": {"skip": False},
    "one_layer": {"num_layers": 1},
    "four_layers": {"num_layers": 4},
    "no_highway": {"num_highway": 0},
    "three_highways": {"num_highway": 3},
    "tanh": {"activation": "tanh"},
    "small_clips": {"cell_clip": 0.5, "proj_clip": 0.25},
    "no_clips": {"cell_clip": None, "proj_clip": None},
    "zero_clips": {"cell_clip": 0, "proj_clip": 0},
    "no_cnn_projection": {"dim": 12, "lstm_dim": 15, "cnn_projection": False},
    "cnn_projection_of_equal_width": {"dim": 12, "lstm_dim": 15},
    "square_projection": {"lstm_dim": 6},
    "no_lstm_projection": {"lstm_dim": 6, "lstm_projection": False, "proj_clip": 0.1},
    "261_characters": {"n_characters": 261},
    "narrow_words": {"max_characters": 12},
}
variants = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def data_sets(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Kind of number, shape and bits of every data set."""
    found = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (item.dtype.str, item.shape, item[()].tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return found


def assert_same(options: Path, weights: Path, other_options: Path, other_weights: Path) -> None:
    assert json.loads(options.read_text()) == json.loads(other_options.read_text())
    assert data_sets(weights) == data_sets(other_weights)


def round_trip(options: Path, weights: Path, directory: Path) -> None:
    """File -> model -> file, and the same through a saved model."""
    elmo = load(options, weights)
    save(elmo, directory / "o.json", directory / "w.hdf5", overwrite=True)
    assert_same(options, weights, directory / "o.json", directory / "w.hdf5")
    elmo.save_pretrained(directory / "model", overwrite=True)
    save(Elmo.from_pretrained(directory / "model"), directory / "o.json", directory / "w.hdf5", overwrite=True)
    assert_same(options, weights, directory / "o.json", directory / "w.hdf5")


def assert_vectors(elmo: Elmo, options: Path, weights: Path, atol: float = 1e-5) -> None:
    """The vectors are those of the witness."""
    expected, _ = PublishedModel(options, weights).layers(SENTENCES)
    for found, layers in zip(elmo.embed(SENTENCES), expected, strict=True):
        np.testing.assert_allclose(found, layers[:, 1:-1], atol=atol, rtol=1e-5)


def our_elmo(**changes: Any) -> Elmo:
    """A model as pretraining makes them, away from its initial values."""
    torch.manual_seed(1)
    bilm = BiLM(BiLMConfig(**{"char_cnn": CNN, "dim": 6, "lstm_dim": 6, **changes}))
    with torch.no_grad():
        for weight in bilm.parameters():
            if weight.requires_grad:
                weight += 0.3 * torch.randn_like(weight)
        bilm.char_cnn.embedding.weight[NO_TOKEN] = 0
    return Elmo(bilm).eval()


# Reading


@variants
def test_vectors_are_the_formats(tmp_path: Path, variant: dict[str, Any]) -> None:
    files = random_model(tmp_path, **variant)
    assert_vectors(load(*files), *files)


@variants
def test_every_bit_survives(tmp_path: Path, variant: dict[str, Any]) -> None:
    round_trip(*random_model(tmp_path, **variant), tmp_path)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    dim=st.integers(1, 7),
    more=st.integers(0, 5),
    num_layers=st.integers(1, 3),
    filters=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 5)), min_size=1, max_size=4),
    num_highway=st.integers(0, 2),
    activation=st.sampled_from(["relu", "tanh"]),
    skip=st.booleans(),
    cell_clip=st.none() | st.floats(0.25, 4),
    proj_clip=st.none() | st.floats(0.25, 4),
)
def test_every_bit_survives_in_any_shape(
    tmp_path_factory: pytest.TempPathFactory, dim: int, more: int, filters: list[tuple[int, int]], **others: Any
) -> None:
    directory = tmp_path_factory.mktemp("model")
    # Weights of the default scale amplify float32's rounding a hundredfold in some shapes.
    files = random_model(
        directory, dim=dim, lstm_dim=dim + more, filters=filters, max_characters=9, scale=0.5, **others
    )
    round_trip(*files, directory)
    assert_vectors(load(*files), *files, atol=1e-4)


def test_bits_that_arithmetic_would_lose(tmp_path: Path) -> None:
    options, weights = random_model(tmp_path)
    with h5py.File(weights, "r+") as file:
        for data_set in (file["RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/B"], file["CNN_high_0/b_carry"]):
            data_set[:] = np.resize(np.float32([-0.0, 1e-42, 3e-9, 1.0000001, -3e38]), data_set.shape)
    round_trip(options, weights, tmp_path)


@needs_golden
def test_golden_model(tmp_path: Path) -> None:
    options, weights = GOLDEN / "options.json", GOLDEN / "lm_weights.hdf5"
    round_trip(options, weights, tmp_path)
    rows = json.loads((GOLDEN / "sentences.json").read_text(encoding="utf-8"))
    vectors = load(options, weights).embed([row[0].split() for row in rows], layers="top")
    for row, found in enumerate(vectors):
        with h5py.File(GOLDEN / f"lm_embeddings_{row}.hdf5", "r") as file:
            expected = np.concatenate(file["0"][()], axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)


def test_loaded_as_asked(tmp_path: Path) -> None:
    files = random_model(tmp_path)
    before = torch.get_rng_state()
    elmo = load(str(files[0]), str(files[1]))
    assert torch.equal(before, torch.get_rng_state())
    assert not elmo.training and not any(weight.requires_grad for weight in elmo.parameters())
    assert elmo.tokenize("don't split  this") == ["don't", "split", "this"]
    assert elmo.training_facts == {"published_options": json.loads(files[0].read_text())}
    assert all(weight.requires_grad for weight in load(*files, requires_grad=True).parameters())


@pytest.mark.parametrize(
    ("lstm_dim", "projection", "expected"),
    [(9, True, None), (6, True, True), (6, False, False)],
    ids=["narrower", "square", "none"],
)
def test_projection_setting(tmp_path: Path, lstm_dim: int, projection: bool, expected: bool | None) -> None:
    files = random_model(tmp_path, lstm_dim=lstm_dim, lstm_projection=projection)
    assert load(*files).bilm.config.lstm_projection is expected


def names(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visit(found.append)
    return [name for name in found if isinstance(file[name], h5py.Dataset)]


def write_identities(weights: Path, identity: np.ndarray) -> None:
    with h5py.File(weights, "r+") as file:
        for name in names(file):
            if name.endswith("W_P_0"):
                file[name][...] = identity


@pytest.mark.parametrize("cell_clip", [None, 0.4])
def test_identity_projection_is_none(tmp_path: Path, cell_clip: float | None) -> None:
    files = random_model(tmp_path, lstm_dim=6, cell_clip=cell_clip, proj_clip=None)
    write_identities(files[1], np.eye(6, dtype=np.float32))
    elmo = load(*files)
    assert elmo.bilm.config.lstm_projection is None
    assert isinstance(elmo.bilm.forward_lstm.layers[0], PlainLSTM) == (cell_clip is None)
    assert_vectors(elmo, *files)
    round_trip(*files, tmp_path)


@pytest.mark.parametrize("reason", ["clip", "negative zero", "one layer differs"])
def test_other_projections_stay(tmp_path: Path, reason: str) -> None:
    files = random_model(tmp_path, lstm_dim=6, cell_clip=None, proj_clip=0.1 if reason == "clip" else None)
    identity = np.eye(6, dtype=np.float32)
    if reason == "negative zero":
        identity[0, 1] = -0.0
    write_identities(files[1], identity)
    if reason == "one layer differs":
        with h5py.File(files[1], "r+") as file:
            file["RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0"][0, 1] = 1e-30
    assert load(*files).bilm.config.lstm_projection is True
    assert_vectors(load(*files), *files)
    round_trip(*files, tmp_path)


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">f4"])
def test_other_floats_are_read(tmp_path: Path, dtype: str) -> None:
    options, weights = random_model(tmp_path)
    with h5py.File(weights, "r") as file, h5py.File(tmp_path / "other.hdf5", "w") as other:
        for name in names(file):
            other[name] = file[name][()].astype(dtype)
    expected = load(options, weights).embed(SENTENCES[:1])[0]
    found = load(options, tmp_path / "other.hdf5").embed(SENTENCES[:1])[0]
    np.testing.assert_allclose(found, expected, atol=0.05 if dtype == "<f2" else 0)


# Writing our own models

OURS: dict[str, dict[str, Any]] = {
    "plain": {},
    "plain_of_published_bias": {"forget_bias": 1.0},
    "other_bias": {"forget_bias": 0.5},
    "no_skip": {"skip_connections": False},
    "cell_clip": {"cell_clip": 0.3},
    "projected": {"lstm_dim": 9},
    "projected_and_clipped": {"lstm_dim": 9, "cell_clip": 0.5, "projection_clip": 0.2, "num_layers": 3},
    "square": {"lstm_projection": True, "projection_clip": 0.2},
    "none": {"lstm_projection": False, "cell_clip": 0.3},
    "explicitly_plain": {"lstm_projection": False},
    "no_cnn_projection": {
        "char_cnn": CharCNNConfig(embedding_dim=4, filters=((1, 2), (3, 4)), num_highway=0, projection=False)
    },
    "tanh": {"char_cnn": dataclasses.replace(CNN, activation="tanh", num_highway=2)},
}


@pytest.mark.parametrize("changes", OURS.values(), ids=OURS)
def test_our_models_can_be_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    elmo = our_elmo(**changes)
    files = tmp_path / "options.json", tmp_path / "weights.hdf5"
    save(elmo, *files)
    back = load(*files)
    for ours, theirs in zip(elmo.embed(SENTENCES), back.embed(SENTENCES), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6, rtol=0)
    assert_vectors(elmo, *files)
    forget_bias = changes.get("forget_bias", 0.0)
    training = {"forget_bias": 1.0, "dropout": 0.0, "variational_dropout": False}
    assert back.bilm.config == dataclasses.replace(elmo.bilm.config, **training)
    if forget_bias == 1:
        assert all(torch.equal(a, b) for a, b in zip(elmo.parameters(), back.parameters(), strict=True))
    save(back, tmp_path / "o.json", tmp_path / "w.hdf5")
    assert_same(*files, tmp_path / "o.json", tmp_path / "w.hdf5")


def test_what_a_plain_model_becomes(tmp_path: Path) -> None:
    elmo = our_elmo()
    save(elmo, tmp_path / "options.json", tmp_path / "weights.hdf5")
    options = json.loads((tmp_path / "options.json").read_text())
    assert options["lstm"]["cell_clip"] is None and options["lstm"]["proj_clip"] is None
    with h5py.File(tmp_path / "weights.hdf5", "r") as file:
        np.testing.assert_array_equal(file["RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0"], np.eye(6))
        bias = elmo.bilm.state_dict()["forward_lstm.layers.1.lstm.bias_ih_l0"].numpy()
        stored = file["RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell/B"][()]
        np.testing.assert_array_equal(stored[12:18], bias[6:12] - 1)
        np.testing.assert_array_equal(stored[6:12], bias[12:18])
        assert file["char_embed"].shape == (261, 4)
        assert not any(item.attrs or item.chunks or item.compression for item in map(file.get, names(file)))


def test_both_biases_are_written(tmp_path: Path) -> None:
    elmo = our_elmo()
    with torch.no_grad():  # whoever trains all parameters trains the constant too
        elmo.bilm.get_parameter("backward_lstm.layers.0.lstm.bias_hh_l0").normal_()
    files = tmp_path / "options.json", tmp_path / "weights.hdf5"
    save(elmo, *files)
    assert_vectors(elmo, *files)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_written_in_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    elmo = our_elmo(forget_bias=1.0).to(dtype)
    save(elmo, tmp_path / "options.json", tmp_path / "weights.hdf5")
    assert {kind for kind, _, _ in data_sets(tmp_path / "weights.hdf5").values()} == {"<f4"}
    back = load(tmp_path / "options.json", tmp_path / "weights.hdf5").bilm.state_dict()
    assert all(torch.equal(back[name], weight.float()) for name, weight in elmo.bilm.state_dict().items())


def test_changed_model_gets_its_own_options(tmp_path: Path) -> None:
    elmo = load(*random_model(tmp_path))
    other = Elmo(our_elmo().bilm, training_facts=elmo.training_facts)
    save(other, tmp_path / "o.json", tmp_path / "w.hdf5")
    assert load(tmp_path / "o.json", tmp_path / "w.hdf5").bilm.config.num_layers == other.bilm.config.num_layers
    assert json.loads((tmp_path / "o.json").read_text())["lstm"]["dim"] == 6


# Mistakes

CELL = "RNN_0/RNN/MultiRNNCell/Cell{}/LSTMCell"


def edit(change: Callable[[h5py.File], None]) -> Callable[[Path, Path], None]:
    def apply(options: Path, weights: Path) -> None:
        with h5py.File(weights, "r+") as file:
            change(file)

    return apply


def set_option(group: str, key: str, value: Any) -> Callable[[Path, Path], None]:
    def apply(options: Path, weights: Path) -> None:
        content = json.loads(options.read_text())
        content[group][key] = value
        options.write_text(json.dumps(content))

    return apply


def replace(name: str, values: Any) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        del file[name]
        file[name] = values

    return apply


def not_a_number(file: h5py.File) -> None:
    file["CNN/W_cnn_1"][0, 1, 2, 3] = np.nan


def infinite_projection(file: h5py.File) -> None:
    file[CELL.format(1) + "/W_P_0"][0, 5] = np.inf


ELSEWHERE = "{w}: CNN/b_cnn_0: expected values of its own, found a link to others or other files"
SECRET = Path(__file__).resolve()
"""A file that no weight file may read."""


def external(file: h5py.File) -> None:
    del file["CNN/b_cnn_0"]
    file.create_dataset("CNN/b_cnn_0", (3,), "f4", external=[(SECRET, 0, 12)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(SECRET), "data", (3,))
    del file["CNN/b_cnn_0"]
    file.create_virtual_dataset("CNN/b_cnn_0", layout)


def link(target: Any) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        file["kept"] = file["CNN/b_cnn_0"]
        del file["CNN/b_cnn_0"]
        file["CNN/b_cnn_0"] = target

    return apply


def claimed(**storage: Any) -> Callable[[Path, Path], None]:
    """Options and a data set that agree on 1.6 GB, of which the file holds nothing."""

    def apply(options: Path, weights: Path) -> None:
        set_option("char_cnn", "embedding", {"dim": 4})(options, weights)
        set_option("char_cnn", "filters", [[1, 3], [2, 65536], [20, 65536]])(options, weights)
        with h5py.File(weights, "r+") as file:
            for name in [f"CNN/{kind}_cnn_{index}" for kind in "Wb" for index in (1, 2)]:
                del file[name]
            for index, width in ((1, 2), (2, 20)):
                file.create_dataset(f"CNN/W_cnn_{index}", (1, width, 4, 65536), "f4", **storage)
                file.create_dataset(f"CNN/b_cnn_{index}", (65536,), "f4", **storage)
            number = 2 * 65536 + 3
            for name in ("carry", "transform"):
                del file[f"CNN_high_0/W_{name}"], file[f"CNN_high_0/b_{name}"]
                file.create_dataset(f"CNN_high_0/W_{name}", (number, number), "f4", **storage)
                file.create_dataset(f"CNN_high_0/b_{name}", (number,), "f4", **storage)
            del file["CNN_proj/W_proj"]
            file.create_dataset("CNN_proj/W_proj", (number, 6), "f4", **storage)

    return apply


def huge_chunk(file: h5py.File) -> None:
    del file["CNN/b_cnn_0"]
    file.create_dataset("CNN/b_cnn_0", (3,), "f4", chunks=(10**8,), maxshape=(None,), compression="gzip")


MISTAKES: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "gone": (lambda o, w: w.unlink(), "{w}: expected the weights of a published model, found no such file"),
    "folder": (lambda o, w: (w.unlink(), w.mkdir()), "{w}: expected a regular file, found a directory"),
    "pipe": (lambda o, w: (w.unlink(), os.mkfifo(w)), "{w}: expected a regular file, found a pipe or device"),
    "zeros": (
        lambda o, w: (w.unlink(), w.symlink_to("/dev/zero")),
        "{w}: expected a regular file, found a pipe or device",
    ),
    "external": (edit(external), ELSEWHERE),
    "virtual": (edit(virtual), ELSEWHERE),
    "soft link": (
        edit(link(h5py.SoftLink("/kept"))),
        ELSEWHERE,
    ),
    "external link": (
        edit(link(h5py.ExternalLink(SECRET, "/data"))),
        ELSEWHERE,
    ),
    "nothing stored": (claimed(), "{w}: CNN/W_cnn_1: expected 2,097,152 stored bytes, found 0"),
    "no chunks stored": (claimed(chunks=True), "{w}: CNN/W_cnn_1: expected 2,097,152 stored bytes, found 0"),
    "compressed": (
        claimed(compression="gzip"),
        r"{w}: expected 137,\d+,\d+,\d+ bytes of weights, found a file of \d+,\d+",
    ),
    "huge chunk": (edit(huge_chunk), "{w}: CNN/b_cnn_0: expected chunks of at most 1,048,576 bytes, found 400,000,000"),
    "empty": (lambda o, w: w.write_bytes(b""), "{w}: expected a whole HDF5 file, found .*"),
    "text": (
        lambda o, w: w.write_text("version https://git-lfs\n"),
        "{w}: expected a whole HDF5 file, found .*signat.*",
    ),
    "truncated": (
        lambda o, w: os.truncate(w, w.stat().st_size // 2),
        "{w}: expected a whole HDF5 file, found .*trunc.*",
    ),
    "options are gone": (lambda o, w: o.unlink(), "{o}: expected the options of a published model, found no such file"),
    "swapped": (lambda o, w: o.write_bytes(w.read_bytes()), "{o}: expected JSON, found .*"),
    "no data set": (
        edit(lambda f: f.pop("CNN/b_cnn_2")),
        r"{w}: CNN/b_cnn_2: expected a data set of shape \[5\], found none",
    ),
    "a group": (
        edit(lambda f: (f.pop("char_embed"), f.create_group("char_embed"))),
        r"{w}: char_embed: expected a data set of shape \[261, 4\], found none",
    ),
    "half a projection": (
        edit(lambda f: f.pop(CELL.format(1) + "/W_P_0")),
        r"{w}: RNN_0/.*/Cell1/LSTMCell/W_P_0: expected a data set of shape \[6, 6\], found none",
    ),
    "more": (
        edit(lambda f: f.create_dataset("lm/softmax/W", data=np.zeros((3, 6), np.float32))),
        r"{w}: lm/softmax/W: expected no such data set according to the options, found shape \[3, 6\]",
    ),
    "shape": (
        edit(replace("CNN_proj/W_proj", np.zeros((6, 12), np.float32))),
        r"{w}: CNN_proj/W_proj: expected shape \[12, 6\], found \[6, 12\]",
    ),
    "262 rows": (
        edit(replace("char_embed", np.zeros((262, 4), np.float32))),
        r"{w}: char_embed: expected shape \[261, 4\], found \[262, 4\]",
    ),
    "no shape": (
        edit(replace("char_embed", h5py.Empty("f"))),
        r"{w}: char_embed: expected shape \[261, 4\], found None",
    ),
    "integers": (
        edit(replace("CNN_proj/b_proj", np.zeros(6, np.int64))),
        "{w}: CNN_proj/b_proj: expected floating-point numbers, found int64",
    ),
    "not a number": (
        edit(not_a_number),
        r"{w}: CNN/W_cnn_1: expected finite numbers, found nan at \[0, 1, 2, 3\]",
    ),
    "infinite": (edit(infinite_projection), r"{w}: RNN_0/.*W_P_0: expected finite numbers, found inf at \[0, 5\]"),
    "infinite in float32": (
        edit(replace("CNN_proj/b_proj", np.full(6, 1e300))),
        r"{w}: CNN_proj/b_proj: expected finite numbers, found inf at \[0\]",
    ),
    "fewer layers": (
        set_option("lstm", "n_layers", 1),
        r"{w}: RNN_0/.*/Cell1/LSTMCell/B: expected no such data set according to the options, found shape \[24\]",
    ),
    "more layers": (
        set_option("lstm", "n_layers", 100),
        r"{w}: RNN_0/.*/Cell2/LSTMCell/W_0: expected a data set of shape \[12, 24\], found none",
    ),
    "more highways": (
        set_option("char_cnn", "n_highway", 100),
        r"{w}: CNN_high_1/W_carry: expected a data set of shape \[12, 12\], found none",
    ),
    "no highway": (
        set_option("char_cnn", "n_highway", 0),
        r"{w}: CNN_high_0/W_carry: expected no such data set according to the options, found shape \[12, 12\]",
    ),
    "wider cells": (
        set_option("lstm", "dim", 65536),
        rf"{{w}}: RNN_0/.*/W_0: expected shape \[12, {4 * 65536}\], found \[12, 24\]",
    ),
    "narrower": (
        set_option("lstm", "projection_dim", 5),
        r"{w}: CNN_proj/W_proj: expected shape \[12, 5\], found \[12, 6\]",
    ),
    "filters": (
        set_option("char_cnn", "filters", [[1, 3], [2, 4], [3, 65536]]),
        r"{w}: CNN/W_cnn_2: expected shape \[1, 3, 4, 65536\], found \[1, 3, 4, 5\]",
    ),
    "options": (set_option("lstm", "dim", 5), "{o}: lstm.dim: expected at least projection_dim = 6, found 5"),
}


@pytest.mark.parametrize(("damage", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path, Path], Any], expected: str
) -> None:
    options, weights = random_model(tmp_path, lstm_dim=6)
    damage(options, weights)
    expected = expected.format(o=re.escape(str(options)), w=re.escape(str(weights)))
    with pytest.raises(CheckpointError, match=f"^{expected}$"):
        load(options, weights)
    assert main(["import", str(options), str(weights), str(tmp_path / "model")]) == 2
    assert re.fullmatch(f"elmo-lite: error: {expected}\n", capsys.readouterr().err)
    assert not (tmp_path / "model").exists()


def test_damaged_bytes_give_an_error_or_a_model(tmp_path: Path) -> None:
    options, weights = random_model(tmp_path)
    good = weights.read_bytes()
    random = np.random.default_rng(0)
    errors = 0
    for _ in range(200):
        content = bytearray(good)
        start = random.integers(len(good))
        content[start : start + 16] = random.bytes(16)[: len(good) - start]
        weights.write_bytes(content)
        try:
            load(options, weights)
        except CheckpointError as error:
            assert str(error).startswith(f"{weights}: ") and "\n" not in str(error)
            errors += 1
    assert errors > 20


@pytest.mark.parametrize("number", [0, 1])
def test_a_url(tmp_path: Path, number: int) -> None:
    files: list[Any] = list(random_model(tmp_path))
    files[number] = "https://example.org/elmo/file"
    expected = "^https://example.org/elmo/file: expected a file on this machine, found a URL: download it first$"
    with pytest.raises(CheckpointError, match=expected):
        load(*files)
    with pytest.raises(CheckpointError, match=expected):
        save(our_elmo(), *files)


def test_compressed_weights_are_read(tmp_path: Path) -> None:
    options, weights = random_model(tmp_path)
    before = load(options, weights).bilm.state_dict()
    with h5py.File(weights) as file, h5py.File(tmp_path / "small.hdf5", "w") as new:
        for name, (_, shape, _) in data_sets(weights).items():
            new.create_dataset(name, data=file[name][()], chunks=shape, compression="gzip", shuffle=True)
    after = load(options, tmp_path / "small.hdf5").bilm.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("size", [0, 100, 3000, 9000])
def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path,
    size: int,
    small_files: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    our_elmo().save_pretrained(tmp_path / "model")
    options, weights = random_model(tmp_path)
    before = sorted(tmp_path.iterdir())
    for command, names in (
        (["export", "model", "o.json", "w.hdf5"], "(o.json|w.hdf5)"),
        (["import", options.name, weights.name, "new"], f"{tmp_path}/new/model.safetensors"),
        (["compress", "model", "new", "--dtype", "float32"], f"{tmp_path}/new/model.safetensors"),
    ):
        with small_files(size):
            assert main(command) == 2
        assert re.fullmatch(f"elmo-lite: error: {names}: File too large\n", capsys.readouterr().err)
        assert sorted(tmp_path.iterdir()) == before


# Files


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    elmo = our_elmo()
    options, weights = tmp_path / "options.json", tmp_path / "weights.hdf5"
    for taken in (options, weights):
        taken.write_text("mine")
        with pytest.raises(CheckpointError, match=rf"^{taken}: expected nothing there, found a file \(overwrite"):
            save(elmo, options, weights)
        assert [path.name for path in tmp_path.iterdir()] == [taken.name] and taken.read_text() == "mine"
        taken.unlink()
    for taken in (options, weights):
        taken.write_text("mine")
        os.link(taken, taken.with_suffix(".kept"))  # as whoever has the file open sees it
    save(elmo, options, weights, overwrite=True)
    load(options, weights)
    assert all(taken.with_suffix(".kept").read_text() == "mine" for taken in (options, weights))
    weights.unlink()
    weights.mkdir()
    with pytest.raises(CheckpointError, match=f"^{weights}: expected nothing there, found something else than a file$"):
        save(elmo, options, weights, overwrite=True)


def test_places_to_write(tmp_path: Path) -> None:
    elmo = our_elmo()
    with pytest.raises(CheckpointError, match="expected another file than the options, found the same$"):
        save(elmo, tmp_path / "a", tmp_path / "." / "a")
    with pytest.raises(CheckpointError, match=f"^{tmp_path}/no/o.json: expected an existing folder, found none$"):
        save(elmo, tmp_path / "no" / "o.json", tmp_path / "w.hdf5")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options, weights = tmp_path / "options.json", tmp_path / "weights.hdf5"
    save(our_elmo(), options, weights)
    before = options.read_bytes(), weights.read_bytes()

    def fails(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", fails)
    with pytest.raises(OSError, match="No space"):
        save(our_elmo(num_layers=3), options, weights, overwrite=True)
    assert (options.read_bytes(), weights.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [options.name, weights.name]


# Commands


def test_commands_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: Any) -> None:
    options, weights = map(str, random_model(tmp_path))
    model, *again = (str(tmp_path / name) for name in ("model", "o.json", "w.hdf5"))
    assert main(["import", options, weights, model]) == 0
    assert load_model(model).tokenization.kind == "whitespace"
    assert main(["export", model, *again]) == 0
    assert_same(*map(Path, (options, weights, *again)))
    assert not any("left out" in message for message in caplog.messages)
    capsys.readouterr()
    assert main(["import", options, weights, model]) == 2
    assert main(["export", model, *again]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and "expected nothing there" in errors[0] and "expected nothing there" in errors[1]
    assert main(["import", options, weights, model, "--overwrite"]) == 0
    assert main(["export", model, *again, "--overwrite"]) == 0


def test_import_into_a_used_place_reads_no_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_weights(*_: Any) -> Any:
        raise AssertionError("weights were read")

    options, weights = map(str, random_model(tmp_path))
    our_elmo().save_pretrained(tmp_path / "model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("only copy")
    monkeypatch.setattr(published_format, "load", no_weights)
    assert main(["import", options, weights, str(tmp_path / "model")]) == 2
    assert "model: expected nothing there, found " in capsys.readouterr().err
    assert main(["import", options, weights, str(tmp_path / "other"), "--overwrite"]) == 2
    assert "expected a saved model alone to overwrite, found thesis.tex" in capsys.readouterr().err


def test_export_says_what_is_left_out(tmp_path: Path, caplog: Any) -> None:
    vocabulary = Vocabulary(["the", "a"])
    head = LMHead(len(vocabulary), 6)
    elmo = our_elmo()
    save_model(tmp_path / "model", elmo.bilm, Tokenization(kind="words"), vocabulary=vocabulary, lm_head=head)
    files = tmp_path / "options.json", tmp_path / "weights.hdf5"
    with caplog.at_level("INFO"):
        assert main(["export", str(tmp_path / "model"), *map(str, files)]) == 0
    (line,) = (message for message in caplog.messages if "left out" in message)
    assert all(word in line for word in ("vocabulary", "language model head", "tokenisation (words)"))
    assert_vectors(elmo, *files)


def test_h5py_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    files = list(map(str, random_model(tmp_path)))
    our_elmo().save_pretrained(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "h5py", None)
    expected = "elmo-lite: error: this needs the package h5py: pip install 'elmo_lite[hdf5]'\n"
    assert main(["import", *files, str(tmp_path / "imported")]) == 2
    assert capsys.readouterr().err == expected
    out = [str(tmp_path / "o.json"), str(tmp_path / "w.hdf5")]
    assert main(["export", str(tmp_path / "model"), *out]) == 2
    assert capsys.readouterr().err == expected
    assert not list(tmp_path.glob("*o.json*")) and not list(tmp_path.glob("*w.hdf5*"))


def test_description(tmp_path: Path) -> None:
    assert published_format.describe(our_elmo()) == "2 LSTM layers of 6 per direction, 2,709 parameters"

"""The witness agrees with what the original code computed, and its random models bend it where they should."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.elmo_lite.published.reference import CELL, GOLDEN, PublishedModel, needs_golden, random_model

SENTENCES = [["The", "naïve", "🙂"], [], ["a" * 70, "b"]]


@needs_golden
def test_agrees_with_the_original_over_all_batches() -> None:
    model = PublishedModel(GOLDEN / "options.json", GOLDEN / "lm_weights.hdf5")
    rows = json.loads((GOLDEN / "sentences.json").read_text(encoding="utf-8"))
    states = None
    for batch in range(len(rows[0])):
        layers, states = model.layers([row[batch].split() for row in rows], states)
        for row, found in enumerate(layers):
            with h5py.File(GOLDEN / f"lm_embeddings_{row}.hdf5", "r") as file:
                ahead, back = file[str(batch)][()]
            np.testing.assert_allclose(found[-1, 1:-1], np.concatenate([ahead, back], axis=1), atol=2e-6, rtol=0)


def test_states_carry_on(tmp_path: Path) -> None:
    model = PublishedModel(*random_model(tmp_path))
    fresh, states = model.layers(SENTENCES)
    again, later = model.layers(SENTENCES[:2], states)
    assert [layers.shape for layers in fresh] == [(3, len(words) + 2, 12) for words in SENTENCES]
    for before, after in zip(fresh, again, strict=False):
        np.testing.assert_array_equal(before[0], after[0])
        assert np.abs(before[1:] - after[1:]).max() > 0.01
    assert len(later) == 2 and [h.shape + c.shape for h, c in later[0][1]] == [(6, 9), (6, 9)]


@pytest.mark.parametrize("name", ["cell_clip", "proj_clip"])
def test_clips_bind(tmp_path: Path, name: str) -> None:
    found = {}
    for bound in (None, 0.5):
        model = PublishedModel(*random_model(tmp_path, **{name: bound}))
        found[bound] = np.concatenate([layers[1:, :, :6].ravel() for layers in model.layers(SENTENCES)[0]])
    assert (np.abs(found[None] - found[0.5]) > 0.01).mean() > 0.5


def test_names_and_shapes(tmp_path: Path) -> None:
    _, weight_file = random_model(tmp_path, dim=5, lstm_dim=5, filters=[(2, 5)], cnn_projection=False, num_highway=0)
    with h5py.File(weight_file, "r") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        cells = {
            f"{CELL.format(direction=d, layer=k)}/{n}" for d in (0, 1) for k in (0, 1) for n in ("W_0", "B", "W_P_0")
        }
        assert set(names) == {"char_embed", "CNN/W_cnn_0", "CNN/b_cnn_0"} | cells
        assert file["CNN/W_cnn_0"].shape == (1, 2, 4, 5) and file["char_embed"].shape == (261, 4)
        assert all(file[name].dtype == np.float32 for name in names)

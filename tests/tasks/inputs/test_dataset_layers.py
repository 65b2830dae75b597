"""Layers read from the cache equal the computed ones; a cache that cannot be trusted or kept is said and replaced."""

import errno
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, ConfigError, Elmo
from tasks.inputs import layer_cache
from tasks.inputs.dataset_layers import FrozenLayers, LiveLayers, layers_for, open_or_compute

SMALL = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), max_characters=10), dim=6, lstm_dim=6
)
SENTENCES = [["the", "cat", "sat"], ["a"], ["naïve", "🙂", ".", "."], ["the", "cat", "sat"], ["b", "a"]]


def make(seed: int = 0) -> Elmo:
    torch.manual_seed(seed)
    bilm = BiLM(SMALL)
    with torch.no_grad():
        for parameter in bilm.parameters():
            parameter.normal_(std=0.4)
    return Elmo(bilm).eval()


@pytest.fixture
def elmo() -> Elmo:
    return make()


class Counting(Elmo):
    """Counts the sentences that it embeds."""

    count = 0

    def embed_iter(self, sentences: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        listed = list(sentences)
        self.count += len(listed)
        return super().embed_iter(listed, *arguments, **options)


def cached(elmo: Elmo, place: Path, sentences: Any = SENTENCES) -> FrozenLayers:
    found = open_or_compute(elmo, sentences, place, progress=False)
    assert isinstance(found, FrozenLayers)
    return found


def test_batches_equal_those_computed_on_the_fly(elmo: Elmo, tmp_path: Path) -> None:
    frozen, live = cached(elmo, tmp_path), LiveLayers(elmo, SENTENCES)
    assert len(frozen) == len(live) == 5
    for indices in ([0, 1, 2, 3, 4], [4], [3, 0], [2, 1]):
        expected = live.batch(indices)
        found = frozen.batch(indices)
        longest = max(len(SENTENCES[index]) for index in indices)
        assert found.shape == expected.shape == (3, len(indices), longest, 12)
        assert found.dtype == expected.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
        assert torch.equal(found, expected.half().float())


def test_layers_are_those_of_the_words(elmo: Elmo, tmp_path: Path) -> None:
    layers = cached(elmo, tmp_path).batch([1, 2])
    alone = elmo.embed([SENTENCES[1]])[0]
    np.testing.assert_allclose(layers[:, 0, :1].numpy(), alone, atol=1e-3)
    assert layers[:, 0, 1:].abs().max() == 0, "zeros behind the end"
    assert layers[:, 1].abs().min() > 0


def test_equal_sentences_are_computed_and_kept_once(tmp_path: Path) -> None:
    elmo = Counting(make().bilm)
    frozen = cached(elmo, tmp_path)
    assert elmo.count == 4
    assert frozen.path.stat().st_size == 2 * 10 * 3 * 12
    assert torch.equal(frozen.batch([0]), frozen.batch([3]))
    cached(elmo, tmp_path)
    assert elmo.count == 4, "computed a second time"
    cached(elmo, tmp_path, SENTENCES[::-1])
    assert elmo.count == 8, "another order is another file"


def test_another_model_or_data_set_has_its_own_file(elmo: Elmo, tmp_path: Path) -> None:
    first, other = cached(elmo, tmp_path), cached(make(1), tmp_path)
    third = cached(elmo, tmp_path, [["the", "cat"], ["sat"]])
    assert len({first.path, other.path, third.path}) == 3
    assert not torch.equal(first.batch([0]), other.batch([0]))


def test_the_same_letters_cut_into_other_words_and_sentences(elmo: Elmo, tmp_path: Path) -> None:
    cuts = ([["a b", "c"]], [["a", "b c"]], [["a", "b"], ["c"]], [["a"], ["b", "c"]], [["a", "b", "c"]])
    assert len({cached(elmo, tmp_path, cut).path for cut in cuts}) == len(cuts)


@pytest.mark.parametrize("sentences", [[], [[]], [[], ["a"], []]])
def test_few_words(elmo: Elmo, tmp_path: Path, sentences: list[list[str]]) -> None:
    frozen, live = cached(elmo, tmp_path, sentences), LiveLayers(elmo, sentences)
    everything = list(range(len(sentences)))
    assert frozen.batch(everything).shape == live.batch(everything).shape
    cached(elmo, tmp_path, sentences)


def damage_truncated(folder: Path) -> None:
    data = (folder / layer_cache.LAYERS).read_bytes()
    (folder / layer_cache.LAYERS).write_bytes(data[:-2])


def damage_flipped(folder: Path) -> None:
    data = bytearray((folder / layer_cache.LAYERS).read_bytes())
    data[5] ^= 1
    (folder / layer_cache.LAYERS).write_bytes(data)


def damage_missing(folder: Path) -> None:
    (folder / layer_cache.LAYERS).unlink()


def damage_meta(folder: Path) -> None:
    (folder / layer_cache.META).write_text("{")


def damage_no_meta(folder: Path) -> None:
    (folder / layer_cache.META).unlink()


def damage_unreadable(folder: Path) -> None:
    (folder / layer_cache.META).unlink()
    (folder / layer_cache.META).mkdir()


def damage_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


def damage_foreign(folder: Path) -> None:
    """Put another model's layers there, whole in themselves."""
    other = cached(make(1), folder.parent)
    shutil.rmtree(folder)
    other.path.parent.rename(folder)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_truncated, "expected 720 bytes, found 718"),
        (damage_flipped, "expected SHA-256"),
        (damage_missing, "expected 720 bytes, found 0"),
        (damage_meta, "expected JSON"),
        (damage_no_meta, "found no such file"),
        (damage_unreadable, "expected a regular file, found a directory"),
        (damage_file, "found no such file"),
        (damage_foreign, "encoder: expected"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_damaged_caches_are_rebuilt_and_it_is_said(
    elmo: Elmo, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any, said: str
) -> None:
    expected = cached(elmo, tmp_path).batch([0, 1, 2])
    damage(cached(elmo, tmp_path).path.parent)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert torch.equal(cached(elmo, tmp_path).batch([0, 1, 2]), expected)
    (message,) = caplog.messages
    assert said in message and "computed again" in message and "\n" not in message
    caplog.clear()
    cached(elmo, tmp_path)
    assert caplog.messages == [], "whole again"
    assert [path.name for path in tmp_path.iterdir() if "." in path.name] == []


def test_who_reads_goes_on_while_a_cache_is_replaced(elmo: Elmo, tmp_path: Path) -> None:
    frozen = cached(elmo, tmp_path)
    expected = frozen.batch([0, 2])
    (frozen.path.parent / layer_cache.META).unlink()
    cached(elmo, tmp_path)
    assert torch.equal(frozen.batch([0, 2]), expected)


def test_a_process_that_was_faster_does_no_harm(elmo: Elmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = layer_cache.store

    def store_twice(*arguments: Any) -> None:
        store(*arguments)
        store(*arguments)

    monkeypatch.setattr(layer_cache, "store", store_twice)
    frozen = cached(elmo, tmp_path)
    torch.testing.assert_close(frozen.batch([0]), LiveLayers(elmo, SENTENCES).batch([0]), rtol=1e-3, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [frozen.path.parent.name]


def test_no_room_is_said_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    elmo = Counting(make().bilm)
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, layer_cache.RESERVE + 719))
    place = tmp_path / "not" / "there"
    assert isinstance(layers_for(elmo, SENTENCES, cache_dir=place, progress=False), LiveLayers)
    assert elmo.count == 0 and not place.exists()
    assert "computed in every epoch" in caplog.text and "a reserve of 537 MB needed" in caplog.text
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, layer_cache.RESERVE + 720))
    assert isinstance(layers_for(elmo, SENTENCES, cache_dir=place, progress=False), FrozenLayers)


def test_a_disk_that_fills_up_falls_back(
    elmo: Elmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: Any) -> Iterator[Any]:
        yield np.zeros((3, 3, 12), dtype=np.float16)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(layer_cache, "_blocks", full)
    found = layers_for(elmo, SENTENCES, cache="on", cache_dir=tmp_path, progress=False)
    assert isinstance(found, LiveLayers)
    assert "No space left on device" in caplog.text and "computed in every epoch" in caplog.text
    assert list(tmp_path.iterdir()) == [], "what was begun is gone"


def test_a_place_that_cannot_be_written_falls_back(
    elmo: Elmo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(layers_for(elmo, SENTENCES, cache_dir=tmp_path / "file" / "cache"), LiveLayers)
    assert "computed in every epoch" in caplog.text


def test_when_the_cache_is_used(elmo: Elmo, tmp_path: Path) -> None:
    def kind(**options: Any) -> type:
        return type(layers_for(elmo, SENTENCES, cache_dir=tmp_path, progress=False, **options))

    assert kind(cache="auto", epochs=1) is LiveLayers
    assert kind(cache="off", epochs=30) is LiveLayers
    assert list(tmp_path.iterdir()) == []
    assert kind(cache="auto", epochs=2) is FrozenLayers
    assert kind(cache="on", epochs=1) is FrozenLayers
    with pytest.raises(ConfigError, match="cache: expected auto, on or off, found 'yes'"):
        kind(cache="yes")


def test_numbers_beyond_float16_become_its_ends(
    elmo: Elmo, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = np.ones((3, 1, 12), dtype=np.float32)
    block[0, 0, :3] = [70_000, -1e30, 65_504]
    monkeypatch.setattr(elmo, "embed_iter", lambda sentences: iter([block]))
    layers = cached(elmo, tmp_path, [["a"]]).batch([0])
    assert layers[0, 0, 0, :4].tolist() == [65_504, -65_504, 65_504, 1]
    assert "2 values beyond 65,504" in caplog.text


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_encoder_without_finite_numbers(
    elmo: Elmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    block = np.full((3, 1, 12), number, dtype=np.float32)
    monkeypatch.setattr(elmo, "embed_iter", lambda sentences: iter([block]))
    with pytest.raises(CheckpointError, match=f"expected finite layers, found {number} in the sentence 'a'"):
        cached(elmo, tmp_path, [["a"]])
    assert list(tmp_path.iterdir()) == []


def some(elmo: Elmo, place: Path, layers: list[int] | None) -> FrozenLayers:
    found = open_or_compute(elmo, SENTENCES, place, progress=False, layers=layers)
    assert isinstance(found, FrozenLayers)
    return found


def test_only_the_chosen_layers_are_kept(tmp_path: Path) -> None:
    elmo = Counting(make().bilm)
    expected = LiveLayers(elmo, SENTENCES).batch([0, 2])
    assert torch.equal(LiveLayers(elmo, SENTENCES, [0, 2]).batch([0, 2]), expected[[0, 2]])
    top = some(elmo, tmp_path, [2])
    assert top.path.stat().st_size == 2 * 10 * 1 * 12
    torch.testing.assert_close(top.batch([0, 2]), expected[2:], rtol=1e-3, atol=1e-4)
    counted = elmo.count
    assert some(elmo, tmp_path, [2]).path == top.path and elmo.count == counted
    assert some(elmo, tmp_path, [0, 2]).path != top.path and elmo.count == counted + 4


def test_chosen_layers_are_read_from_a_file_of_all(tmp_path: Path) -> None:
    elmo = Counting(make().bilm)
    whole = some(elmo, tmp_path, None)
    assert some(elmo, tmp_path, [0, 1, 2]).path == whole.path
    counted = elmo.count
    for chosen in ([1], [0, 2]):
        found = some(elmo, tmp_path, chosen)
        assert found.path == whole.path and elmo.count == counted
        assert torch.equal(found.batch([2, 0, 1]), whole.batch([2, 0, 1])[chosen])


def test_a_damaged_file_of_all_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    elmo = make()
    whole = some(elmo, tmp_path, None)
    damage_flipped(whole.path.parent)
    found = some(elmo, tmp_path, [1])
    assert found.path != whole.path and "the layers are computed again" in caplog.text
    torch.testing.assert_close(found.batch([0]), LiveLayers(elmo, SENTENCES, [1]).batch([0]), rtol=1e-3, atol=1e-4)


def test_layers_that_earlier_versions_kept_are_found(elmo: Elmo) -> None:
    meta = layer_cache.Meta.of(elmo, [["a"]], "0" * 64)
    assert meta.key == "36b79f6fc48aed232c64599038907bb2"
    assert meta.of_layers([0, 1, 2]) == meta and meta.of_layers([0, 1]).key != meta.key

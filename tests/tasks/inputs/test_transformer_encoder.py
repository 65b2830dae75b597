"""A transformer's vectors of words against its own of pieces; its files, their hash, and what is refused."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import CheckpointError, ConfigError
from tasks.inputs.encoders import hash_of, load_encoder, short_name
from tasks.inputs.transformer_encoder import TransformerEncoder
from tests.tasks.inputs.transformers_made import DIM, MAX_PIECES, NUM_LAYERS, VOCABULARY, bert

SENTENCES = [["the", "cats", "sat"], [], ["abc"], ["Rome", "abcabc", "cat", "."]]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return bert(tmp_path_factory.mktemp("models") / "bert")


def of_pieces(encoder: TransformerEncoder, pieces: str) -> np.ndarray[Any, Any]:
    """(L, P, D) of the pieces of words, without the special ones."""
    ids = [VOCABULARY.index(piece) for piece in ["[CLS]", *pieces.split(), "[SEP]"]]
    with torch.no_grad():
        states = encoder.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    return torch.cat(states).numpy()[:, 1:-1]


@pytest.mark.parametrize("pieces", ["mean", "first"])
def test_vectors_of_words(directory: Path, pieces: Any) -> None:
    encoder = TransformerEncoder.from_pretrained(f"hf:{directory}", pieces=pieces)
    assert (encoder.num_layers, encoder.output_dim, encoder.dtype) == (NUM_LAYERS, DIM, torch.float32)
    found = encoder.embed(SENTENCES)
    assert [array.shape for array in found] == [(NUM_LAYERS, len(words), DIM) for words in SENTENCES]
    assert all(array.dtype == np.float32 for array in found)
    states = of_pieces(encoder, "the cat ##s sat")
    cats = states[:, 1:3].mean(axis=1) if pieces == "mean" else states[:, 1]
    np.testing.assert_allclose(found[0], np.stack([states[:, 0], cats, states[:, 3]], axis=1), atol=1e-5)
    np.testing.assert_allclose(found[0], encoder.embed(SENTENCES[:1])[0], atol=1e-5)  # whatever stands beside it
    layers = encoder(SENTENCES).layers
    assert layers.shape == (NUM_LAYERS, 4, 4, DIM) and not layers[:, 1].any() and not layers[:, 2, 1:].any()
    np.testing.assert_allclose(layers[:, 3].numpy(), found[3], atol=1e-6)


def test_long_sentences_are_read_in_chunks_of_whole_words(directory: Path) -> None:
    encoder = TransformerEncoder.from_pretrained(directory)
    words = ["the"] * 9 + ["abc"] + ["cat"] * 3 + ["c" * 40] + ["sat"]
    (found,) = encoder.embed([words])
    chunks = ["the " * 9, "a ##b ##c cat cat cat", "c " + "##c " * 9, "sat"]
    parts = [of_pieces(encoder, chunk) for chunk in chunks]
    abc, long = parts[1][:, :3].mean(axis=1, keepdims=True), parts[2].mean(axis=1, keepdims=True)
    expected = np.concatenate([parts[0], abc, parts[1][:, 3:], long, parts[3]], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sentences_are_read_as_they_are_needed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TransformerEncoder.from_pretrained(directory)
    expected = encoder.embed(SENTENCES * 3)
    monkeypatch.setattr("tasks.inputs.transformer_encoder._WINDOW_WORDS", 8)
    read = []

    def reading() -> Iterator[list[str]]:
        for words in SENTENCES * 3:
            read.append(words)
            yield words

    arrays = encoder.embed_iter(reading())
    first = next(arrays)
    assert len(read) == 4
    for array, other in zip([first, *arrays], expected, strict=True):
        np.testing.assert_allclose(array, other, atol=1e-5)
    assert encoder.embed([]) == [] and len(read) == 12


@pytest.mark.parametrize("word", ["\u200b", "\ud800", "🙂", "xyz", " ", "[SEP]"])
def test_words_that_the_tokenizer_lacks(directory: Path, word: str) -> None:
    encoder = TransformerEncoder.from_pretrained(directory)
    (found,) = encoder.embed([["the", word, "cat"]])
    assert np.isfinite(found).all() and np.abs(found).sum(axis=-1).min() > 0


def test_nothing_is_trained(directory: Path) -> None:
    encoder = TransformerEncoder.from_pretrained(directory).train()
    assert not encoder.training and not encoder.model.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(np.array_equal(*pair) for pair in zip(encoder.embed(SENTENCES), encoder.embed(SENTENCES), strict=True))


def test_bfloat16(directory: Path) -> None:
    half, full = (TransformerEncoder.from_pretrained(directory, dtype=dtype) for dtype in ("bfloat16", "float32"))
    assert half.dtype == torch.bfloat16 and hash_of(half) == hash_of(full)
    for array, expected in zip(half.embed(SENTENCES), full.embed(SENTENCES), strict=True):
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected, atol=0.1)


def test_hash_is_that_of_files_and_pieces(directory: Path, tmp_path: Path) -> None:
    encoder = TransformerEncoder.from_pretrained(directory)
    encoder.save_pretrained(tmp_path / "copy")
    copy = TransformerEncoder.from_pretrained(tmp_path / "copy")
    assert copy.hash == encoder.hash != TransformerEncoder.from_pretrained(directory, pieces="first").hash
    (tmp_path / "copy" / "notes.txt").write_text("no part of the model")
    assert TransformerEncoder.from_pretrained(tmp_path / "copy").hash == encoder.hash
    (tmp_path / "copy" / "vocab.txt").write_text("\n".join([*VOCABULARY[:-1], "series"]))
    assert TransformerEncoder.from_pretrained(tmp_path / "copy").hash != encoder.hash
    with pytest.raises(CheckpointError, match="expected the files that were loaded, found changed ones"):
        copy.save_pretrained(tmp_path / "other")
    assert TransformerEncoder.from_pretrained(bert(tmp_path / "seed-1", seed=1)).hash != encoder.hash


def test_no_notes_and_no_bars(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging as notes

    before = notes.get_verbosity(), notes.is_progress_bar_enabled()
    TransformerEncoder.from_pretrained(directory).embed([["the"] * 50])
    assert capfd.readouterr() == ("", "")
    assert (notes.get_verbosity(), notes.is_progress_bar_enabled()) == before


def without(directory: Path, copy: Path, *names: str) -> Path:
    shutil.copytree(directory, copy)
    for name in names:
        (copy / name).unlink()
    return copy


def test_weights_outside_safetensors_are_not_read(directory: Path, tmp_path: Path) -> None:
    copy = without(directory, tmp_path / "copy", "model.safetensors")
    torch.save({}, copy / "pytorch_model.bin")
    expected = f"hf:{copy}: expected weights in safetensors of a transformer, found no *.safetensors"
    with pytest.raises(CheckpointError, match=f"^{re.escape(expected)}$"):
        load_encoder(f"hf:{copy}")


def test_code_of_the_model_is_not_run(directory: Path, tmp_path: Path) -> None:
    copy = without(directory, tmp_path / "copy")
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    settings = '{"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}'
    (copy / "config.json").write_text(settings)
    with pytest.raises(CheckpointError, match="expected a model that transformers .* loads, found"):
        load_encoder(f"hf:{copy}")
    assert not (tmp_path / "ran").exists()


def damaged(copy: Path) -> None:
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) // 2])


def not_json(copy: Path) -> None:
    (copy / "config.json").write_text("{")


def lacking(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"], tensors["pooler.dense.weight"]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})


def more_pieces(copy: Path) -> None:
    with (copy / "vocab.txt").open("a") as file:
        file.write("series\n")


@pytest.mark.parametrize("damage", [damaged, not_json, lacking, more_pieces])
def test_damage_is_one_line(directory: Path, tmp_path: Path, damage: Any) -> None:
    damage(without(directory, tmp_path / "copy"))
    with pytest.raises(
        CheckpointError, match=r"^hf:\S+: expected (a model|all weights|a tokenizer).*, found .+"
    ) as error:
        load_encoder(f"hf:{tmp_path / 'copy'}")
    assert len(str(error.value).splitlines()) == 1


def test_no_such_model(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*arguments: Any, **settings: Any) -> str:
        assert settings["ignore_patterns"] == ["*/*"] and "*.bin" not in settings["allow_patterns"]
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    for name, reason in (("/no/such/folder", ""), ("", ""), ("owner/model", " (offline)")):
        expected = f"hf:{name}: expected a directory or a hub name, found neither{reason}"
        with pytest.raises(CheckpointError, match=f"^{re.escape(expected)}$"):
            load_encoder(f"hf:{name}")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *arguments, **settings: str(directory))
    assert hash_of(load_encoder("hf:owner/model")) == hash_of(load_encoder(f"hf:{directory}"))


@pytest.mark.parametrize(("name", "value"), [("dtype", "int8"), ("pieces", "last")])
def test_settings_that_do_not_exist(directory: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: expected .*, found '{value}'$"):
        TransformerEncoder.from_pretrained(directory, **{name: value})  # type: ignore[arg-type]


def test_too_few_pieces_at_once(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    small = bert(tmp_path / "small", max_position_embeddings=2)
    with pytest.raises(ConfigError, match="number of pieces at once: expected room for words, found 0"):
        TransformerEncoder.from_pretrained(small)
    assert MAX_PIECES == 12


def test_short_names() -> None:
    names = {"hf:/a/b/model": "hf:model", "hf:owner/model": "hf:model", "/a/model": "model", "en": "en", "none": "none"}
    assert {name: short_name(name) for name in names} == names


def test_transformers_is_loaded_for_a_transformer_alone() -> None:
    code = "import sys, tasks.inputs.encoders, tasks.training.train_task, tasks.saved_task.network, tasks.ner\n"
    code += "from elmo_lite import Elmo\nfrom tasks.inputs.encoders import load_encoder\n"
    code += "load_encoder('en').embed([['a']])\nassert 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, "transformers", None)
    expected = f"hf:{tmp_path}: expected transformers, found no such package; pip install 'elmo_lite[transformers]'"
    with pytest.raises(ModuleNotFoundError, match=f"^{re.escape(expected)}$"):
        load_encoder(f"hf:{tmp_path}")


@pytest.mark.gpu
def test_on_a_gpu(directory: Path) -> None:
    encoder = TransformerEncoder.from_pretrained(directory, device="cuda")
    for array, expected in zip(
        encoder.embed(SENTENCES), TransformerEncoder.from_pretrained(directory).embed(SENTENCES), strict=True
    ):
        np.testing.assert_allclose(array, expected, atol=1e-3)
    assert encoder(SENTENCES).layers.device.type == "cuda"

"""Directories of task models: round trips, what may be replaced, and every way in which one can be wrong."""

import hashlib
import json
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, Elmo, atomic
from tasks.saved_task import directory as saved_task
from tasks.saved_task.directory import MODEL, MODEL_CARD, load_task, own_tensors, save_task
from tasks.saved_task.encoder import CONFIG, ENCODER
from tests.injection import kill_at_line, raise_at_line

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4),), max_characters=10), dim=4, lstm_dim=4)
SETTINGS = {"encoder": "model", "head": {"lstm_dim": 4}, "rates": [0.1, 0.2]}
LABELS = ["O", "S-PER"]
VOCABULARY = ["the", "naïve", "new\nline", "back\\nslash", "\\", "\u2028", "\r", "", "\ud800"]
LIST_FILES = ["words.txt", "spellings.txt", "ngrams.txt"]
LISTS = {"words": VOCABULARY, "spellings": ["=the", "#x"], "ngrams": ["the", "the sea"]}


def make_elmo(seed: int = 0) -> Elmo:
    torch.manual_seed(seed)
    elmo = Elmo(BiLM(SMALL)).eval()
    elmo.bilm.requires_grad_(False)
    return elmo


def head(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(3, 2)


def save(directory: Path, **changes: Any) -> Path:
    options: dict[str, Any] = {
        "config": SETTINGS,
        "labels": LABELS,
        "tensors": head().state_dict(),
        "lists": LISTS,
        "encoder": make_elmo(),
        "metrics": {"dev": {"main": 61.25}},
    }
    return save_task(directory, "ner", **{**options, **changes})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "out")


def fails(directory: Path, match: str, **options: Any) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        load_task(directory, "ner", **options)
    assert "\n" not in str(caught.value)


def edit(directory: Path, **changes: Any) -> None:
    """Change settings as a version that wrote no checksum would have written them."""
    config = json.loads((directory / CONFIG).read_text(encoding="utf-8")) | changes
    config.pop("checksum", None)
    (directory / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def test_round_trip(saved: Path) -> None:
    found = load_task(saved, "ner")
    assert (found.config, found.labels, found.lists) == (SETTINGS, LABELS, LISTS)
    assert found.metrics == {"dev": {"main": 61.25}}
    module = head(1)
    found.fill(module)
    assert torch.equal(module.weight, head().weight)
    assert found.encoder is not None and not found.encoder.bilm.training
    assert not any(parameter.requires_grad for parameter in found.encoder.bilm.parameters())
    expected = make_elmo().embed([["a", "b"]])[0]
    assert (found.encoder.embed([["a", "b"]])[0] == expected).all()


def test_it_can_be_moved(saved: Path, tmp_path: Path) -> None:
    moved = saved.rename(tmp_path / "elsewhere")
    assert str(tmp_path) not in (moved / CONFIG).read_text(encoding="utf-8")
    assert load_task(moved, "ner").encoder is not None


def test_without_encoder_and_words(tmp_path: Path) -> None:
    save(tmp_path / "out", encoder=None, lists={"words": [], "spellings": []})
    found = load_task(tmp_path / "out", "ner")
    assert found.encoder is None and found.lists == {}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MODEL_CARD, CONFIG, MODEL]


def test_files_have_the_usual_permissions(saved: Path) -> None:
    (saved.parent / "usual").write_text("")
    (saved.parent / "folder").mkdir()
    usual = {kind: (saved.parent / kind).stat().st_mode for kind in ("usual", "folder")}
    for path in (saved, *saved.rglob("*")):
        assert path.stat().st_mode == usual["folder" if path.is_dir() else "usual"], path


def test_model_card(saved: Path) -> None:
    card = (saved / MODEL_CARD).read_text(encoding="utf-8")
    assert "8 parameters without the encoder; its encoder is in the folder `encoder`" in card
    assert "| `dev.main` | 61.25 |" in card and "| `head.lstm_dim` | 4 |" in card and "`S-PER`" in card
    assert "NerTagger.from_pretrained" in card
    (saved / MODEL_CARD).write_text("edited")
    load_task(saved, "ner")


# The encoder outside


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    make_elmo().save_pretrained(tmp_path / "encoder")
    return save(tmp_path / "out", encoder_inside=False, encoder_path=str(tmp_path / "encoder"))


def test_an_encoder_outside_is_found_by_path(outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not (outside / ENCODER).exists()
    assert load_task(outside, "ner").encoder is not None
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "second", encoder_inside=False, encoder_path="encoder")
    monkeypatch.chdir(tmp_path.parent)
    assert load_task(tmp_path / "second", "ner").encoder is not None


def test_an_encoder_outside_that_moved(outside: Path, tmp_path: Path) -> None:
    moved = (tmp_path / "encoder").rename(tmp_path / "moved")
    fails(outside, r"config.json: encoder: .*expected a saved model directory")
    assert load_task(outside, "ner", encoder=str(moved)).encoder is not None


def test_an_encoder_outside_that_changed(outside: Path, tmp_path: Path) -> None:
    make_elmo(1).save_pretrained(tmp_path / "encoder", overwrite=True)
    fails(outside, "expected the model with hash [0-9a-f]{64}, found [0-9a-f]{64}")


def test_a_trained_encoder_is_always_inside(tmp_path: Path) -> None:
    make_elmo().save_pretrained(tmp_path / "encoder")
    elmo = make_elmo(1)
    elmo.bilm.requires_grad_(True)
    save(tmp_path / "out", encoder=elmo, encoder_inside=False, encoder_path=str(tmp_path / "encoder"))
    found = load_task(tmp_path / "out", "ner").encoder
    assert found is not None and (found.embed([["a"]])[0] == elmo.embed([["a"]])[0]).all()


def test_precision_of_the_encoder_is_kept(tmp_path: Path) -> None:
    make_elmo().save_pretrained(tmp_path / "encoder")
    half = Elmo.from_pretrained(tmp_path / "encoder", dtype="bfloat16")
    for inside in (True, False):
        save(tmp_path / f"{inside}", encoder=half, encoder_inside=inside, encoder_path=str(tmp_path / "encoder"))
        found = load_task(tmp_path / f"{inside}", "ner").encoder
        assert found is not None and found.dtype == torch.bfloat16


# What may be replaced


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "out" / "seed-0").mkdir(parents=True)
    (tmp_path / "out" / "metrics.json").write_text("{}")
    save(tmp_path / "out")
    assert (tmp_path / "out" / "seed-0").is_dir() and (tmp_path / "out" / "metrics.json").read_text() == "{}"
    load_task(tmp_path / "out", "ner")
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing temporary is left"


def test_a_model_is_replaced_only_if_asked(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="expected no model there"):
        save(saved)
    save(saved, overwrite=True, encoder=None, lists={}, labels=["O"])
    found = load_task(saved, "ner")
    assert found.labels == ["O"] and found.encoder is None
    assert not any((saved / name).exists() for name in (ENCODER, *LIST_FILES))


def test_other_models_are_never_replaced(tmp_path: Path) -> None:
    make_elmo().save_pretrained(tmp_path / "encoder")
    before = (tmp_path / "encoder" / CONFIG).read_bytes()
    with pytest.raises(CheckpointError, match="expected a task model to overwrite, found another"):
        save(tmp_path / "encoder", overwrite=True)
    assert (tmp_path / "encoder" / CONFIG).read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="expected a directory or nothing, found a file"):
        save(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("kind", ["interrupt", "kill"])
def test_a_save_that_is_cut_off_leaves_the_old_model_or_the_new_one(tmp_path: Path, kind: str) -> None:
    found = []
    for number in count(0, 7):
        target = tmp_path / str(number) / "out"
        save(target, encoder=None)

        def replace(target: Path = target) -> None:
            save(target, encoder=None, overwrite=True, labels=["other"])

        if kind == "interrupt":
            cut_off = raise_at_line(replace, number, KeyboardInterrupt(), [atomic.__file__])
        else:
            cut_off = kill_at_line(replace, number, [atomic.__file__])
        found.append(load_task(target, "ner").labels)
        assert found[-1] in (LABELS, ["other"])
        if not cut_off:
            break
    assert found[0] == LABELS and found[-1] == ["other"] and len(found) > 10


def test_what_cannot_be_kept_leaves_the_old_model(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="expected JSON types"):
        save(saved, overwrite=True, metrics={"f1": float("nan")})
    assert load_task(saved, "ner").labels == LABELS
    assert [path.name for path in saved.parent.iterdir()] == ["out"]


# What can be wrong


def test_no_model(tmp_path: Path) -> None:
    fails(tmp_path / "none", "none: expected the directory of a task model, found no config.json")
    (tmp_path / "file").write_text("")
    fails(tmp_path / "file", "expected the directory of a task model")
    make_elmo().save_pretrained(tmp_path / "encoder")
    fails(tmp_path / "encoder", "expected a task model, found another model's settings")


def test_another_task(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a model for the task sentiment, found one for 'ner'"):
        load_task(saved, "sentiment")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format_version": 2}, "expected format_version 1, found 2"),
        ({"labels": "O"}, "labels: expected a JSON list, found 'O'"),
        ({"settings": None}, "settings: expected a JSON dict, found None"),
        ({"files": {}}, "files: expected size and sha256 of model.safetensors"),
        ({"files": {MODEL: {}}}, "files: model.safetensors: expected size in bytes and sha256, found {}"),
        ({"labels": ["O", 1]}, "labels: expected distinct strings, found \\['O', 1\\]"),
        ({"labels": ["O", "O"]}, "labels: expected distinct strings"),
        ({"encoder": {"inside": False, "dtype": "float32"}}, "encoder: expected inside, or path and hash"),
        ({"encoder": {"inside": 1, "dtype": "float32"}}, "encoder.inside: expected true or false, found 1"),
        ({"encoder": {"inside": True}}, "encoder.dtype: expected one of float32, float16, bfloat16, found nothing"),
        ({"encoder": "model"}, "encoder: expected an object, found 'model'"),
        (
            {"encoder": {"inside": False, "path": "x" * 5000, "hash": "0", "dtype": "float32"}},
            "encoder.path: expected at most 4096 characters, found 'xxx",
        ),
    ],
)
def test_wrong_settings(saved: Path, changes: dict[str, Any], match: str) -> None:
    edit(saved, **changes)
    fails(saved, match)


def test_settings_have_a_checksum(saved: Path) -> None:
    text = (saved / CONFIG).read_text(encoding="utf-8")
    (saved / CONFIG).write_text(text.replace('"S-PER"', '"S-LOC"'), encoding="utf-8")
    fails(saved, r"config\.json: expected the checksum sha256:.*: its content was changed$")
    edit(saved)  # as earlier versions wrote it
    assert load_task(saved, "ner").labels == ["O", "S-LOC"]


def test_weights_that_are_not_finite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {"weight": torch.zeros(2, 3), "bias": torch.tensor([1.0, torch.nan])}
    with pytest.raises(CheckpointError, match="bias: expected finite numbers to save, found NaN or infinity$"):
        save(tmp_path / "out", tensors=tensors)
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patch:  # as older versions did
        patch.setattr(torch.Tensor, "isfinite", lambda tensor: torch.ones_like(tensor, dtype=torch.bool))
        out = save(tmp_path / "out", tensors=tensors)
    found = load_task(out, "ner")
    with pytest.raises(CheckpointError, match="bias: expected finite numbers, found 1 NaN or infinite values$"):
        found.fill(head())


@pytest.mark.parametrize("name", [CONFIG, MODEL, *LIST_FILES])
def test_what_is_no_file_is_not_read(saved: Path, name: str) -> None:
    (saved / name).unlink()
    os.mkfifo(saved / name)
    fails(saved, "expected a (regular )?file")
    (saved / name).unlink()
    (saved / name).symlink_to("/dev/zero")
    fails(saved, "expected a (regular )?file")


@pytest.mark.parametrize("size", [0, 60, 500])
def test_a_full_disk_leaves_what_was_there(saved: Path, size: int, small_files: Any) -> None:
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    with small_files(size), pytest.raises(OSError, match=f"File too large: '{saved}/"):
        save(saved, overwrite=True)
    assert {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()} == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("name", LIST_FILES)
def test_words_that_are_no_utf8(saved: Path, name: str) -> None:
    (saved / name).write_bytes(b"\xff\n")
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    facts = {"size": 2, "sha256": hashlib.sha256(b"\xff\n").hexdigest()}
    edit(saved, files={**config["files"], name: facts})
    fails(saved, rf"{name}: expected words in UTF-8, found ")


def test_settings_that_are_no_json(saved: Path) -> None:
    (saved / CONFIG).write_text("{")
    fails(saved, "config.json: expected JSON")


def test_files_outside_are_not_read(saved: Path) -> None:
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    edit(saved, files={**config["files"], "../secret": {"size": 0, "sha256": ""}})
    fails(saved, "found '../secret'")


@pytest.mark.parametrize("name", [MODEL, *LIST_FILES, f"{ENCODER}/{CONFIG}", f"{ENCODER}/model.safetensors"])
def test_damaged_files(saved: Path, name: str) -> None:
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[:-1])
    fails(saved, f"{Path(name).name}: expected {len(data)} bytes, found {len(data) - 1}")
    (saved / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    fails(saved, "expected SHA-256")
    (saved / name).unlink()
    fails(saved, "expected")


def test_weights_that_are_no_safetensors(saved: Path) -> None:
    (saved / MODEL).write_bytes(b"pickle")
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    facts = {"size": 6, "sha256": hashlib.sha256(b"pickle").hexdigest()}
    edit(saved, files={**config["files"], MODEL: facts})
    fails(saved, "expected safetensors")


def test_weights_that_do_not_fit(saved: Path) -> None:
    found = load_task(saved, "ner")
    with pytest.raises(CheckpointError, match=r"model.safetensors: bias: expected shape \[4\], found shape \[2\]"):
        found.fill(nn.Linear(3, 4))
    with pytest.raises(CheckpointError, match=r"bias: expected no such weight, found shape \[2\]"):
        found.fill(nn.Linear(3, 2, bias=False))
    with pytest.raises(CheckpointError, match=r"0.bias: expected shape \[2\], found none"):
        found.fill(nn.Sequential(nn.Linear(3, 2)))


def test_names_that_were_not_saved() -> None:
    module = nn.ModuleDict({"elmo": nn.Linear(1, 1), "head": nn.Linear(3, 2)})
    assert sorted(own_tensors(module, "elmo.")) == ["head.bias", "head.weight"]
    assert len(own_tensors(module)) == 4


def test_no_pickle() -> None:
    source = Path(saved_task.__file__).read_text(encoding="utf-8")
    assert "torch.load" not in source and "torch.save" not in source and "import pickle" not in source

"""Saved model directories: round trips, atomicity, and every way in which one can be wrong."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from elmo_lite.errors import CheckpointError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model import checkpoint
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.saved_model.head import dequantize_rows, quantize_rows
from elmo_lite.saved_model.settings import CONFIG, LM_HEAD, MODEL, MODEL_CARD, VOCABULARY
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
SMALL = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4), (3, 6)), max_characters=12), dim=8, lstm_dim=8
)
VOCAB = Vocabulary(["the", "cat", "été"])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    head = LMHead(len(VOCAB), SMALL.dim)
    torch.nn.init.normal_(head.bias)
    return save_model(
        tmp_path / "model",
        BiLM(SMALL),
        Tokenization(kind="whitespace"),
        VOCAB,
        head,
        {"steps": 7, "text": {"words": 12}},
    )


def edit_config(directory: Path, **changes: Any) -> None:
    """Change settings as a version that wrote no checksum would have written them."""
    config = json.loads((directory / CONFIG).read_text(encoding="utf-8")) | changes
    config.pop("checksum", None)
    (directory / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")


def rewrite(directory: Path, name: str, write: Any) -> None:
    """Change a file and its checksum: what is wrong then is the content."""
    write(directory / name)
    config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    data = (directory / name).read_bytes()
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit_config(directory, files=config["files"] | {name: facts})


def fails(directory: Path, match: str, with_head: bool = False) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        load_model(directory, with_head)
    assert "\n" not in str(caught.value)


def test_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(1)
    bilm, head = BiLM(SMALL), LMHead(len(VOCAB), SMALL.dim)
    save_model(
        tmp_path / "a" / "model", bilm, Tokenization(kind="words", normalization="NFC"), VOCAB, head, {"steps": 3}
    )
    before = torch.random.get_rng_state()
    loaded = load_model(tmp_path / "a" / "model", with_head=True)
    assert torch.equal(before, torch.random.get_rng_state())
    assert loaded.bilm.config == SMALL and not loaded.bilm.training
    for name, tensor in bilm.state_dict().items():
        assert torch.equal(loaded.bilm.state_dict()[name], tensor), name
    assert loaded.lm_head is not None and torch.equal(loaded.lm_head.weight, head.weight)
    assert loaded.vocabulary is not None and list(loaded.vocabulary) == list(VOCAB)
    assert loaded.tokenization == Tokenization(kind="words", normalization="NFC")
    assert loaded.training == {"steps": 3}


def test_encoder_alone(tmp_path: Path) -> None:
    save_model(tmp_path / "model", BiLM(SMALL), Tokenization(kind="whitespace"))
    loaded = load_model(tmp_path / "model")
    assert loaded.vocabulary is None and loaded.lm_head is None
    fails(tmp_path / "model", "lm_head.safetensors, found None", with_head=True)
    assert load_model(tmp_path / "model", with_head=None).lm_head is None


def test_head_if_there_is_one(saved: Path) -> None:
    assert load_model(saved, with_head=None).lm_head is not None
    assert load_model(saved).lm_head is None


def test_loaded_weights_are_as_those_of_a_new_model(saved: Path) -> None:
    """Nothing is left of the shapes that the weights were put into."""
    new, found = BiLM(SMALL), load_model(saved, with_head=True)
    assert found.lm_head is not None
    for like, module in ((new, found.bilm), (LMHead(len(VOCAB), SMALL.dim), found.lm_head)):
        for name, tensor in like.named_parameters():
            parameter = module.get_parameter(name)
            assert (parameter.requires_grad, parameter.dtype) == (tensor.requires_grad, tensor.dtype), name
            assert parameter.device.type == "cpu" and parameter.is_contiguous() and parameter.data_ptr() % 64 == 0
        for name, buffer in like.named_buffers():
            assert module.get_buffer(name).device.type == "cpu", name
            assert buffer.numel() == 0 or torch.equal(module.get_buffer(name), buffer), name
        module.to("cpu", torch.float64).to(torch.float32)
    sentences = torch.randint(1, 200, (2, 5, SMALL.char_cnn.max_characters))
    new.load_state_dict(found.bilm.state_dict())
    assert torch.equal(new.eval()(sentences).layers, found.bilm(sentences).layers)
    found.bilm(sentences).layers.sum().backward()  # ordinary weights: they learn, and copies hold their own
    assert all(p.grad is not None for p in found.bilm.parameters() if p.requires_grad)
    found.lm_head.prepare_sampling(torch.ones(len(VOCAB)), 3)
    assert found.lm_head.sampled_loss(torch.randn(4, SMALL.dim), torch.tensor([0, 1, 2, 4])).isfinite()


def test_loading_draws_nothing_and_compiles_nothing(saved: Path) -> None:
    code = (
        "import sys, torch; from elmo_lite import load_model; before = torch.get_rng_state();"
        f"load_model({str(saved)!r}, with_head=True); assert torch.equal(before, torch.get_rng_state());"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(tmp_path: Path, dtype: str) -> None:
    bilm = BiLM(SMALL)
    save_model(tmp_path / "half", bilm, Tokenization(kind="whitespace"), dtype=dtype)
    save_model(tmp_path / "full", bilm, Tokenization(kind="whitespace"))
    assert (tmp_path / "half" / MODEL).stat().st_size < 0.8 * (tmp_path / "full" / MODEL).stat().st_size
    kept = load_model(tmp_path / "half").bilm.state_dict()
    for name, tensor in bilm.state_dict().items():
        assert kept[name].dtype == tensor.dtype
        if tensor.is_floating_point():
            assert torch.equal(kept[name], tensor.to(getattr(torch, dtype)).to(tensor.dtype)), name


@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16"])
def test_head_in_8_bits(tmp_path: Path, dtype: str | None) -> None:
    torch.manual_seed(0)
    head = LMHead(len(VOCAB), SMALL.dim)
    torch.nn.init.normal_(head.bias)
    facts: Any = (BiLM(SMALL), Tokenization(kind="whitespace"), VOCAB)
    save_model(tmp_path / "a", *facts, head, dtype=dtype, head_dtype="int8")
    found = load_model(tmp_path / "a", with_head=True).lm_head
    assert found is not None and found.weight.dtype == torch.float32
    assert torch.equal(found.weight, dequantize_rows(*quantize_rows(head.weight)))
    assert torch.equal(found.bias, head.bias)
    save_model(tmp_path / "b", *facts, found, dtype=dtype, head_dtype="int8")
    first, second = (load_file(tmp_path / name / LM_HEAD)["weight"] for name in "ab")
    assert first.dtype == torch.int8 and torch.equal(first, second)


def test_head_of_another_type_than_the_encoder(tmp_path: Path) -> None:
    head = LMHead(len(VOCAB), SMALL.dim)
    save_model(
        tmp_path / "m", BiLM(SMALL), Tokenization(kind="whitespace"), VOCAB, head, dtype="float16", head_dtype="float32"
    )
    found = load_model(tmp_path / "m", with_head=True).lm_head
    assert found is not None and torch.equal(found.weight, head.weight)


def test_unknown_types(tmp_path: Path) -> None:
    for options in ({"dtype": "int8"}, {"head_dtype": "int4"}):
        (name,) = options
        with pytest.raises(CheckpointError, match=f"^{name} of saved weights: expected one of float32, .*found 'int"):
            save_model(tmp_path / "m", BiLM(SMALL), Tokenization(kind="whitespace"), **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_config_describes_the_files(saved: Path) -> None:
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    assert set(config["files"]) == {MODEL, LM_HEAD, VOCABULARY}
    assert all(facts["size"] == (saved / name).stat().st_size for name, facts in config["files"].items())


def test_files_have_the_usual_permissions(saved: Path) -> None:
    (saved.parent / "usual").write_text("")
    usual = (saved.parent / "usual").stat().st_mode
    assert {path.name: path.stat().st_mode for path in saved.iterdir()} == dict.fromkeys(os.listdir(saved), usual)


def test_model_card_may_be_edited(saved: Path) -> None:
    (saved / MODEL_CARD).write_text("mine", encoding="utf-8")
    load_model(saved, with_head=True)


def test_existing_output(saved: Path) -> None:
    before = (saved / MODEL).read_bytes()
    with pytest.raises(
        CheckpointError, match=r"expected nothing there, found README.md \(overwrite replaces a model\)"
    ):
        save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"))
    assert (saved / MODEL).read_bytes() == before
    save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)
    assert not (saved / LM_HEAD).exists() and load_model(saved).vocabulary is None
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_overwrite_spares_what_is_no_model(saved: Path, tmp_path: Path) -> None:
    (saved / "thesis.tex").write_text("only copy")
    with pytest.raises(CheckpointError, match=r"thesis\.tex"):
        save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="found a file"):
        save_model(tmp_path / "file", BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)


def test_overwrite_spares_a_folder_with_names_of_a_model(tmp_path: Path) -> None:
    """Such as a project with a README.md."""
    (tmp_path / MODEL_CARD).write_text("mine")
    with pytest.raises(CheckpointError, match="expected a saved model alone to overwrite, found no config.json$"):
        save_model(tmp_path, BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)
    assert (tmp_path / MODEL_CARD).read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="no process is known to have ended there")
def test_a_model_that_a_killed_process_moved_away_is_not_replaced_unasked(saved: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from elmo_lite import atomic\n"
        "model = Path(sys.argv[1]); model.rename(atomic._beside(model, '.old'))"
    )
    subprocess.run([sys.executable, "-c", code, saved], cwd=ROOT, check=True)
    with pytest.raises(CheckpointError, match="expected nothing there, found README.md"):
        save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"))
    assert load_model(saved).training["steps"] == 7


def test_a_crash_leaves_the_old_model(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def crash(*_: Any) -> str:
        raise RuntimeError("no power")

    monkeypatch.setattr(checkpoint, "model_card", crash)
    with pytest.raises(RuntimeError, match="no power"):
        save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert os.listdir(saved.parent) == ["model"]


def test_a_failed_rename_puts_the_old_model_back(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (saved / MODEL).read_bytes()
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError("disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="disk"):
        save_model(saved, BiLM(SMALL), Tokenization(kind="whitespace"), overwrite=True)
    assert (saved / MODEL).read_bytes() == before and os.listdir(saved.parent) == ["model"]


def test_head_needs_its_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="found 9 and a vocabulary of 5"):
        save_model(tmp_path / "m", BiLM(SMALL), Tokenization(kind="whitespace"), VOCAB, LMHead(9, SMALL.dim))
    with pytest.raises(CheckpointError, match="no vocabulary"):
        save_model(tmp_path / "m", BiLM(SMALL), Tokenization(kind="whitespace"), None, LMHead(9, SMALL.dim))


def test_training_facts_are_json(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="training metadata"):
        save_model(tmp_path / "m", BiLM(SMALL), Tokenization(kind="whitespace"), training={"loss": float("nan")})
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", [MODEL, LM_HEAD, VOCABULARY])
def test_missing_truncated_foreign_file(saved: Path, name: str) -> None:
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[:-3])
    fails(saved, rf"{name}: expected {len(data)} bytes, found {len(data) - 3}")
    (saved / name).write_bytes(bytes(byte ^ 1 for byte in data))
    fails(saved, rf"{name}: expected SHA-256 [0-9a-f]+, found", with_head=True)
    (saved / name).unlink()
    fails(saved, rf"{name}: expected a file of {len(data)} bytes, found none")


def test_missing_and_foreign_config(saved: Path) -> None:
    edit_config(saved)
    text = (saved / CONFIG).read_text(encoding="utf-8")
    for content, match in [
        ('{"model_type": "bert"}', "format_version, found None"),
        ("[1]", "format_version"),
        (text[:40], "expected JSON"),
        (
            text.replace('"format_version": 1', '"format_version": 2'),
            "expected format_version 1, found 2, written by a newer",
        ),
        (text.replace('"files": {', '"filed": {'), "object 'files', found None"),
        (text.replace('"whitespace"', '"telepathy"'), "config.json: tokenization"),
        (text.replace('"dim": 8', '"dim": -8'), "config.json: model.dim: expected an integer in 1..65536"),
        (text.replace('"dim": 8', '"dimm": 8'), "config.json: .*dimm"),
    ]:
        (saved / CONFIG).write_text(content, encoding="utf-8")
        fails(saved, match)
    (saved / CONFIG).unlink()
    fails(saved, r"config\.json: expected the settings of a saved model, found no such file")


def test_settings_have_a_checksum(saved: Path) -> None:
    text = (saved / CONFIG).read_text(encoding="utf-8")
    assert '"checksum": "sha256:' in text
    for change in [('"skip_connections": true', '"skip_connections": false'), ('"relu"', '"tanh"'), ("1e-3", "1e-4")]:
        changed = text.replace(*change)
        (saved / CONFIG).write_text(changed, encoding="utf-8")
        if changed != text:
            fails(saved, r"config\.json: expected the checksum sha256:.*, found 'sha256:.*': its content was changed$")
    (saved / CONFIG).write_text(json.dumps(json.loads(text)), encoding="utf-8")  # other spaces
    load_model(saved)
    edit_config(saved)  # as earlier versions wrote it
    assert "checksum" not in (saved / CONFIG).read_text(encoding="utf-8")
    load_model(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite(saved: Path, value: float) -> None:
    def spoil(path: Path) -> None:
        weights = {name: tensor.clone() for name, tensor in load_file(path).items()}
        next(tensor for tensor in weights.values() if tensor.ndim == 2)[0, :2] = value
        save_file(weights, path)

    rewrite(saved, LM_HEAD, spoil)
    load_model(saved)  # the head is not read
    fails(
        saved, r"lm_head\.safetensors: weight: expected finite numbers, found 2 NaN or infinite values$", with_head=True
    )
    rewrite(saved, MODEL, spoil)
    fails(saved, r"model\.safetensors: .*: expected finite numbers, found 2 NaN or infinite values$")


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY, MODEL])
@pytest.mark.parametrize("kind", ["a pipe", "zeros", "a directory"])
def test_what_is_no_file_is_not_read(saved: Path, name: str, kind: str) -> None:
    (saved / name).unlink()
    make = {"a pipe": os.mkfifo, "zeros": lambda path: path.symlink_to("/dev/zero"), "a directory": os.mkdir}
    make[kind](saved / name)
    fails(saved, "expected a (regular )?file")


@pytest.mark.parametrize("size", [0, 500, 3000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, size: int, small_files: Any) -> None:
    bilm = BiLM(SMALL)
    with small_files(size), pytest.raises(OSError, match=f"File too large: '{tmp_path}/model/model.safetensors'$"):
        save_model(tmp_path / "model", bilm, Tokenization(), VOCAB)
    assert not list(tmp_path.iterdir())


def test_files_named_outside_the_directory_are_refused(saved: Path) -> None:
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    edit_config(saved, files=config["files"] | {"../elsewhere": {"size": 1, "sha256": ""}})
    fails(saved, "elsewhere")
    edit_config(saved, files={})
    fails(saved, r"size and sha256 of model\.safetensors")


def test_weights_that_do_not_fit(saved: Path) -> None:
    weights = load_file(saved / MODEL)
    name = max(weights, key=lambda key: weights[key].numel())
    shape = list(weights[name].shape)

    def fails_with(changed: dict[str, torch.Tensor], match: str) -> None:
        rewrite(saved, MODEL, lambda path: save_file(changed, path))
        fails(saved, match)

    fails_with(weights | {name: torch.zeros(3)}, rf"{name}: expected shape \[{shape[0]}, .*found shape \[3\]")
    fails_with({key: value for key, value in weights.items() if key != name}, rf"{name}: expected shape .*found none")
    fails_with(weights | {"extra": torch.zeros(2)}, r"extra: expected no such weight, found shape \[2\]")
    fails_with(weights | {name: weights[name].to(torch.int32)}, rf"{name}: expected torch.float32, found torch.int32")
    rewrite(saved, MODEL, lambda path: path.write_bytes(b"\x80\x04pickle" * 9))
    fails(saved, "expected safetensors")


def test_config_that_claims_a_huge_model_allocates_nothing(saved: Path) -> None:
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    edit_config(saved, model=config["model"] | {"dim": 65_536, "lstm_dim": 65_536, "num_layers": 100})
    fails(saved, r"bias_hh_l0: expected shape \[262144\]")


def test_head_and_vocabulary_that_do_not_fit(saved: Path) -> None:
    rewrite(saved, LM_HEAD, lambda path: save_file({"weight": torch.zeros(4, 8), "bias": torch.zeros(4)}, path))
    fails(saved, r"bias: expected shape \[5\], found shape \[4\]", with_head=True)
    rewrite(saved, VOCABULARY, lambda path: path.write_bytes(b"</S>\n<unk>\n\xff\n"))
    fails(saved, r"vocabulary\.txt: expected .*UTF-8")

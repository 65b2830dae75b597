"""Smaller models: what is kept, what is left out, and what is refused before any weight is read."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.cli.main import main
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model import checkpoint
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.saved_model.compress import compress
from elmo_lite.saved_model.head import HEAD_TYPES, dequantize_rows, quantize_rows
from elmo_lite.saved_model.settings import CONFIG, LM_HEAD, MODEL
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 24),)), dim=32, lstm_dim=32)
VOCABULARY = Vocabulary([f"w{number}" for number in range(98)])
WORDS = [["Some", "words", "."]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    facts = {"steps": 7}
    return save_model(tmp_path / "model", BiLM(SMALL), Tokenization(kind="words"), VOCABULARY, LMHead(100, 32), facts)


def test_smaller_and_the_same(model: Path, tmp_path: Path) -> None:
    sizes = compress(model, tmp_path / "small")
    assert sizes["files"][MODEL]["after"] < 0.6 * sizes["files"][MODEL]["before"]
    assert sizes["files"][LM_HEAD]["after"] < 0.35 * sizes["files"][LM_HEAD]["before"]
    for when, directory in (("before", model), ("after", tmp_path / "small")):
        found = {path.name: path.stat().st_size for path in directory.iterdir()}
        assert {name: facts[when] for name, facts in sizes["files"].items()} == found
        assert sizes["total"][when] == sum(found.values())
    first, second = load_model(model, with_head=True), load_model(tmp_path / "small", with_head=True)
    assert (second.tokenization, second.training) == (first.tokenization, first.training)
    assert second.vocabulary is not None and second.vocabulary.entries == VOCABULARY.entries
    assert first.lm_head is not None and second.lm_head is not None
    assert torch.equal(second.lm_head.weight, dequantize_rows(*quantize_rows(first.lm_head.weight)))
    for name, tensor in first.bilm.state_dict().items():
        assert torch.equal(second.bilm.state_dict()[name], tensor.half().float()), name
    vectors = [Elmo.from_pretrained(path).embed(WORDS)[0] for path in (model, tmp_path / "small")]
    assert abs(vectors[0] - vectors[1]).max() < 2e-3 * abs(vectors[0]).max()


def test_compressed_again_nothing_changes(model: Path, tmp_path: Path) -> None:
    compress(model, tmp_path / "once")
    compress(tmp_path / "once", tmp_path / "twice")
    heads = [load_model(tmp_path / name, with_head=True).lm_head for name in ("once", "twice")]
    assert heads[0] is not None and heads[1] is not None
    torch.testing.assert_close(heads[0].weight, heads[1].weight, rtol=2e-7, atol=0)
    assert (tmp_path / "once" / MODEL).read_bytes() == (tmp_path / "twice" / MODEL).read_bytes()


@pytest.mark.parametrize("head", [*HEAD_TYPES, "none"])
def test_choices(model: Path, tmp_path: Path, head: Any) -> None:
    sizes = compress(model, tmp_path / "small", dtype="float32", head=head)
    assert (tmp_path / "small" / MODEL).read_bytes() == (model / MODEL).read_bytes()
    assert (tmp_path / "small" / LM_HEAD).exists() == (head != "none")
    assert (sizes["files"][LM_HEAD]["after"] is None) == (head == "none")
    assert load_model(tmp_path / "small").vocabulary is not None


def test_an_encoder_alone(tmp_path: Path) -> None:
    save_model(tmp_path / "model", BiLM(SMALL), Tokenization(kind="words"))
    assert LM_HEAD not in compress(tmp_path / "model", tmp_path / "small")["files"]
    assert load_model(tmp_path / "small", with_head=None).lm_head is None


def test_command(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["compress", str(model), str(tmp_path / "small"), "--dtype", "bfloat16", "--head", "none"]
    assert main(argv) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["model"], printed["out"]) == (str(model), str(tmp_path / "small"))
    assert printed["total"]["after"] < printed["total"]["before"]
    assert main(argv) == 2
    assert "small: expected nothing there, found " in capsys.readouterr().err
    assert main([*argv, "--overwrite"]) == 0
    assert main(["compress", str(model), str(tmp_path / "other"), "--head", "int4"]) == 2
    assert "expected one of" in capsys.readouterr().err


def test_in_its_own_place(model: Path) -> None:
    before = (model / MODEL).stat().st_size
    assert compress(model, model, overwrite=True)["files"][MODEL]["before"] == before
    assert (model / MODEL).stat().st_size < before
    load_model(model, with_head=True)


def test_an_existing_target_is_refused_before_weights_are_read(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("only copy")

    def no_weights(*_: Any) -> Any:
        raise AssertionError("weights were read")

    monkeypatch.setattr(checkpoint, "read_tensors", no_weights)
    for overwrite, message in ((False, "expected nothing there"), (True, r"saved model alone .*thesis\.tex")):
        with pytest.raises(CheckpointError, match=message):
            compress(model, tmp_path / "taken", overwrite=overwrite)
    with pytest.raises(CheckpointError, match="expected nothing there"):
        compress(model, model)


def test_a_damaged_model_leaves_nothing(model: Path, tmp_path: Path) -> None:
    (model / MODEL).write_bytes((model / MODEL).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="model.safetensors: expected .* bytes"):
        compress(model, tmp_path / "small")
    (model / CONFIG).unlink()
    with pytest.raises(CheckpointError, match="expected the settings of a saved model"):
        compress(model, tmp_path / "small")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]

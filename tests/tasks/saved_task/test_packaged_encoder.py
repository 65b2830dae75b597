"""Task models on an encoder that the package carries, by its name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Tokenization, save_model
from elmo_lite.cli.main import main
from elmo_lite.saved_model import names as model_names
from tasks.ner import NerTagger
from tasks.sentiment import SentimentClassifier

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4),)), dim=4, lstm_dim=4)
TAGGED = "Anna B-PER\nworks O\n. O\n\nShe O\nmet O\nBob B-PER\n. O\n\n" * 8
LABELLED = (
    "sentence\tlabel\nA fine film .\tgood\nA dull film .\tbad\n" + "Fine acting .\tgood\nDull acting .\tbad\n" * 8
)
MODELS: dict[str, Any] = {"ner": (TAGGED, "iob2", NerTagger), "sentiment": (LABELLED, "tsv", SentimentClassifier)}


@pytest.fixture(autouse=True)
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path / "models" / "en", BiLM(SMALL), Tokenization(), dtype="float16")
    monkeypatch.setattr(model_names, "models_directory", lambda: tmp_path / "models")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models" / "en"


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("task", ["ner", "sentiment"])
def test_trained_by_name(task: str, inside: bool, packaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("seqeval")
    text, suffix, kind = MODELS[task]
    Path(f"data.{suffix}").write_text(text)
    files = ["--train", f"data.{suffix}", "--dev", f"data.{suffix}", "--out", "out"]
    flags = ["--encoder", "en", "--words", "none", "--max_epochs", "1", "--finetune.pictures", "false"]
    assert main([task, "train", *files, *flags, "--encoder_inside", str(inside).lower()]) == 0
    assert Path("out/encoder").exists() == inside
    assert kind.from_pretrained("out").predict(["Anna works ."])
    if not inside:  # found again by its name, wherever the package lies; and only if it is still the same
        packaged.rename(packaged.with_name("gone"))
        capsys.readouterr()
        assert main([task, "predict", "out", f"data.{suffix}"]) == 2
        assert "encoder: en: expected a saved model directory" in capsys.readouterr().err

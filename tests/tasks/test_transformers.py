"""Frozen transformers under both heads, from the command line to saved models."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("seqeval")

from elmo_lite import CheckpointError
from elmo_lite.cli.main import main
from tasks.inputs.layer_cache import Meta
from tasks.inputs.transformer_encoder import TransformerEncoder
from tasks.ner import NerTagger
from tasks.sentiment import SentimentClassifier
from tests.tasks.inputs.transformers_made import DIM, bert

COLUMNS = "Anna\tB-PER\nlives\tO\nin\tO\nRome\tB-LOC\n.\tO\n\nRome\tB-LOC\nsat\tO\n"
TABLE = "text\tlabel\ngood film\tpositive\nbad film\tnegative\n"
SMALL = ["--words", "none", "--chars", "false", "--max_epochs", "3", "--finetune.pictures", "false"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "data.conll").write_text(COLUMNS)
    (tmp_path / "data.tsv").write_text(TABLE)
    return tmp_path


def trained(model: Path, data: Path, task: str, *flags: str) -> Path:
    file, out = data / {"ner": "data.conll", "sentiment": "data.tsv"}[task], data / task
    command = [task, "train", "--encoder", f"hf:{model}", "--train", str(file), "--dev", str(file), "--out", str(out)]
    assert main([*command, *SMALL, "--overwrite", *flags]) == 0
    return out


@pytest.mark.parametrize("layers", ["mix", "top", "1,2", "concat"])
def test_tagger(model: Path, data: Path, layers: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = trained(model, data, "ner", "--representation.layers", layers, "--finetune.learning_rate", "0.05")
    metrics = json.loads((out / "metrics.json").read_text())
    if layers == "mix":
        assert len(metrics["epochs"][0]["mix"]["input"][0]) == 3
    capsys.readouterr()
    assert main(["ner", "evaluate", str(out), str(data / "data.conll")]) == 0
    assert json.loads(capsys.readouterr().out)["f1"] == pytest.approx(metrics["dev"]["f1"])
    tagger = NerTagger.from_pretrained(out)
    assert tagger.evaluate(data / "data.conll")["f1"] == pytest.approx(metrics["dev"]["f1"])
    assert "encoder='hf:tiny-bert'" in repr(tagger)
    (data / "text.txt").write_text("Anna lives in Rome .\n\nthe " + "cats " * 40 + "\n")
    capsys.readouterr()
    assert main(["ner", "predict", str(out), str(data / "text.txt")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["report", str(out), "--out", str(data / "page.html")]) == 0
    page = (data / "page.html").read_text()
    assert "LSTM layer" not in page and ("layer 2" in page) == (layers in ("mix", "1,2"))


def test_classifier(model: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trained(model, data, "sentiment", "--representation.pieces", "first")
    accuracy = json.loads((out / "metrics.json").read_text())["dev"]["accuracy"]
    classifier = SentimentClassifier.from_pretrained(out)
    assert isinstance(encoder := classifier.model.representation.elmo, TransformerEncoder) and encoder.pieces == "first"
    assert classifier.evaluate(data / "data.tsv")["accuracy"] == pytest.approx(accuracy)
    capsys.readouterr()
    assert main(["sentiment", "predict", str(out), str(data / "data.tsv")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_model_inside_stands_alone(model: Path, data: Path) -> None:
    moved = shutil.copytree(model, data / "moved" / "tiny-bert")
    out = trained(moved, data, "ner")
    shutil.rmtree(moved)
    assert (out / "encoder" / "model.safetensors").is_file() and (out / "encoder" / "vocab.txt").is_file()
    encoder = json.loads((out / "config.json").read_text())["encoder"]
    assert encoder["inside"] and encoder["pieces"] == "mean" and len(encoder["hash"]) == 64
    assert NerTagger.from_pretrained(out).tag(["Anna sat"])
    pieces = out / "encoder" / "vocab.txt"
    pieces.write_text(pieces.read_text().replace("film", "series"))
    with pytest.raises(CheckpointError, match="expected the model with hash"):
        NerTagger.from_pretrained(out)


def test_model_outside_is_found_by_its_path_and_hash(model: Path, data: Path) -> None:
    moved = shutil.copytree(model, data / "moved" / "tiny-bert")
    out = trained(moved, data, "ner", "--encoder_inside", "false")
    assert not (out / "encoder").exists() and f"its encoder is `hf:{moved}`" in (out / "README.md").read_text()
    first = NerTagger.from_pretrained(out).predict_proba(["Anna sat"])[0]
    shutil.rmtree(moved)
    with pytest.raises(
        CheckpointError, match="encoder: hf:.*tiny-bert: expected a directory or a hub name, found neither"
    ):
        NerTagger.from_pretrained(out)
    for place in (str(model), f"hf:{model}"):
        np.testing.assert_array_equal(
            NerTagger.from_pretrained(out, encoder=place).predict_proba(["Anna sat"])[0], first
        )
    other = bert(data / "other", seed=1)
    with pytest.raises(CheckpointError, match="expected the model with hash"):
        NerTagger.from_pretrained(out, encoder=str(other))


def test_layers_are_cached_by_model_and_pieces(model: Path, data: Path) -> None:
    cache = data / "cache"
    kept = ["--finetune.cache_dir", str(cache)]
    trained(model, data, "ner", *kept)
    (folder,) = cache.iterdir()
    assert (folder / "layers.float16").stat().st_size == 2 * 7 * 3 * DIM
    trained(model, data, "ner", *kept, "--representation.layers", "top")
    assert len(list(cache.iterdir())) == 1, "read from the layers that are there"
    trained(model, data, "ner", *kept, "--representation.pieces", "first")
    assert len(list(cache.iterdir())) == 2
    encoder = TransformerEncoder.from_pretrained(model)
    assert (cache / Meta.of(encoder, [tuple("Anna lives in Rome .".split()), ("Rome", "sat")]).key).is_dir()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--freeze", "false"], "freeze: expected true for the transformer hf:"),
        (["--representation.layers", "5"], "layers: expected mix, top or a number in -3..2, found 5"),
        (["--representation.pieces", "last"], "representation.pieces: expected"),
        (["--encoder", "hf:/no/such"], "hf:/no/such: expected a directory or a hub name, found neither"),
    ],
)
def test_errors_are_one_line(
    model: Path, data: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(data / "data.conll")
    command = ["ner", "train", "--encoder", f"hf:{model}", "--train", file, "--dev", file, "--out", str(data / "out")]
    assert main([*command, *flags]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("elmo-lite: error: ") and message in error


def test_seeds_are_resumed(model: Path, data: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained(model, data, "ner", "--seeds", "2")
    with caplog.at_level("INFO", logger="elmo_lite"):
        trained(model, data, "ner", "--seeds", "2")
    assert sum("complete, not repeated" in message for message in caplog.messages) == 2

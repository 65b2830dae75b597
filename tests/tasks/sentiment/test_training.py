"""Training end to end on toy data: what is left in the directory, seeds, fine-tuning, the command."""

import dataclasses
import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("sklearn")

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, CorpusError, Elmo, Tokenization  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from tasks.classification.bcn import BCNConfig  # noqa: E402
from tasks.classification.pooled_head import PooledConfig  # noqa: E402
from tasks.classification.readers import DataConfig  # noqa: E402
from tasks.inputs.representation import EncoderConfig  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.sentiment import SentimentClassifier, SentimentConfig, read_labelled, train  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

GOOD, BAD = ("good", "great", "fine"), ("bad", "poor", "dull")
CONFIG = SentimentConfig(
    inputs=WordInputConfig(word_dim=6, char_filters=3, dropout=0.0, unknown_rate=0.0),
    pooled=PooledConfig(hidden_dim=16, dropout=0.0),
    bcn=BCNConfig(feed_forward_dim=4, lstm_dim=3, maxout_dims=(4,), pool_size=2, maxout_dropout=0.0),
    finetune=FinetuneConfig(
        max_epochs=16, batch_size=4, learning_rate=0.02, precision="float32", device="cpu", cache="off", pictures=False
    ),
)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Texts whose label is that of their one telling word."""
    found = {}
    for part, frames in {"train": ("a {} film", "so {}", "{} it is"), "dev": ("a {} one",), "test": ("{} !",)}.items():
        rows = [(frame.format(word), word in GOOD) for frame in frames for word in (*GOOD, *BAD)]
        path = tmp_path / f"{part}.tsv"
        lines = [f"{text}\t{'positive' if label else 'negative'}" for text, label in rows]
        path.write_text("text\tlabel\n" + "\n".join(lines) + "\n")
        found[part] = str(path)
    return found


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    bilm = BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1))
    Elmo(bilm, Tokenization(kind="whitespace")).save_pretrained(tmp_path / "encoder")
    return str(tmp_path / "encoder")


def test_what_is_learned_and_left(files: dict[str, str], tmp_path: Path) -> None:
    found = train(CONFIG, files["train"], files["dev"], tmp_path / "out", test=files["test"])
    assert found["dev"]["accuracy"] == found["test"]["accuracy"] == 100
    assert found["dev"]["confusion"] == [[3, 0], [0, 3]] and found["dev"]["labels"] == ["negative", "positive"]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["complete"] and metrics["test"] == found["test"] and metrics["epochs"]
    classifier = SentimentClassifier.from_pretrained(tmp_path / "out")
    assert [p.label for p in classifier.predict(["great!", "so poor"])] == ["positive", "negative"]


@pytest.mark.parametrize("head", ["pooled", "bcn"])
def test_frozen_encoder(files: dict[str, str], encoder: str, tmp_path: Path, head: Any) -> None:
    mix = EncoderConfig(layers="mix")
    config = dataclasses.replace(CONFIG, encoder=encoder, representation=mix, head=head, max_epochs=2)
    train(config, files["train"], files["dev"], tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    weights, gamma = metrics["epochs"][-1]["mix"]["input"]
    assert sum(weights) == pytest.approx(1) and gamma != 1
    before = Elmo.from_pretrained(encoder).bilm.state_dict()
    after = Elmo.from_pretrained(tmp_path / "out" / "encoder").bilm.state_dict()
    assert all(before[name].equal(after[name]) for name in before)


def test_the_encoder_is_trained_along(files: dict[str, str], encoder: str, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, encoder=encoder, freeze=False, max_epochs=2)
    found = train(config, files["train"], files["dev"], tmp_path / "out", test=files["test"], seeds=2)
    alone = dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, seed=1))
    train(alone, files["train"], files["dev"], tmp_path / "alone", test=files["test"])
    encoders = [tmp_path / name / "encoder" / "model.safetensors" for name in ("out/seed-1", "alone")]
    assert encoders[0].read_bytes() == encoders[1].read_bytes()  # each seed starts from the encoder as it was
    before = Elmo.from_pretrained(encoder).bilm.state_dict()
    for seed in (0, 1):
        classifier = SentimentClassifier.from_pretrained(tmp_path / "out" / f"seed-{seed}")
        assert classifier.model.representation.elmo is not None
        after = classifier.model.representation.elmo.bilm.state_dict()
        changed = [name for name in before if not before[name].equal(after[name])]
        assert len(changed) > 5
        config = classifier.config
        examples = read_labelled(files["dev"], config.data, classifier.tokenization.words)
        right = [
            p.label == e.label for p, e in zip(classifier.predict([e.words for e in examples]), examples, strict=True)
        ]
        assert 100 * sum(right) / len(right) == pytest.approx(found["runs"][seed]["dev"]["accuracy"])


def test_seeds(files: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = dataclasses.replace(CONFIG, max_epochs=1)
    arguments = (files["train"], files["dev"], tmp_path / "out")
    found = train(config, *arguments, seeds=2)
    scores = [run["dev"]["accuracy"] for run in found["runs"]]
    assert found["mean"]["dev.accuracy"] == pytest.approx(sum(scores) / 2)
    assert found["deviation"]["dev.accuracy"] == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)
    alone = dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, seed=1))
    train(alone, *arguments[:2], tmp_path / "alone")
    folders = [tmp_path / name for name in ("out/seed-0", "out/seed-1", "alone")]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] != weights[1] == weights[2]  # a seed is a seed, whatever ran before it
    assert SentimentClassifier.from_pretrained(folders[1]).config.finetune.seed == 1
    stamp = (tmp_path / "out" / "seed-0" / "config.json").stat().st_mtime_ns
    assert train(config, *arguments, seeds=3)["runs"][:2] == found["runs"]
    assert (tmp_path / "out" / "seed-0" / "config.json").stat().st_mtime_ns == stamp
    Path(files["dev"]).write_text(Path(files["dev"]).read_text() + "more\tpositive\n")
    with pytest.raises(ConfigError, match="found others in dev_hash;"):
        train(config, *arguments, seeds=3)


@pytest.mark.parametrize("freeze", [True, False])
def test_seeds_notice_another_encoder_at_the_same_path(
    files: dict[str, str], encoder: str, tmp_path: Path, freeze: bool
) -> None:
    settings = dataclasses.replace(CONFIG, encoder=encoder, freeze=freeze, max_epochs=1)
    out = tmp_path / "out"
    train(settings, files["train"], files["dev"], out, seeds=2)
    other = Elmo.from_pretrained(encoder)
    with torch.no_grad():
        next(other.bilm.parameters()).view(-1)[-1] += 1  # one number is enough
    other.save_pretrained(encoder, overwrite=True)
    with pytest.raises(ConfigError, match=r"seed-0/seed.json: expected .*, found others in encoder_hash;"):
        train(settings, files["train"], files["dev"], out, seeds=2)


def test_a_model_is_not_replaced_unasked(files: dict[str, str], tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, max_epochs=1)
    train(config, files["train"], files["dev"], tmp_path / "out")
    with pytest.raises(ConfigError, match="expected no model there, found config.json; --overwrite replaces it"):
        train(config, files["train"], files["dev"], tmp_path / "out")
    train(config, files["train"], files["dev"], tmp_path / "out", overwrite=True)


def test_an_encoder_is_never_replaced(files: dict[str, str], encoder: str) -> None:
    """Nor are pictures and scores put beside it before that is noticed."""
    before = sorted(Path(encoder).iterdir())
    with pytest.raises(ConfigError, match="expected a model for the task sentiment to overwrite, found another config"):
        train(CONFIG, files["train"], files["dev"], encoder, overwrite=True)
    assert sorted(Path(encoder).iterdir()) == before


@pytest.mark.parametrize("part", ["dev", "test"])
def test_labels_that_training_never_had(files: dict[str, str], tmp_path: Path, part: str) -> None:
    Path(files[part]).write_text("text\tlabel\nso so\tneutral\n")
    with pytest.raises(CorpusError) as error:
        train(CONFIG, files["train"], files["dev"], tmp_path / "out", test=files["test"])
    expected = f"{files[part]}, line 2: expected a label of the training data (negative, positive), found 'neutral'"
    assert str(error.value) == expected
    assert not (tmp_path / "out").exists()  # found before the training


def test_phrases_are_for_training(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("(4 (2 a) (4 good))\n(0 (2 a) (0 bad))\n")
    config = dataclasses.replace(CONFIG, data=DataConfig(phrases=True), max_epochs=1)
    found = train(config, path, path, tmp_path / "out")
    assert found["dev"]["sentences"] == 2
    assert found["dev"]["labels"] == ["very negative", "neutral", "very positive"]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("sentiment.train", "tasks.sentiment.training:train_command", "elmo_lite.commands"),
        EntryPoint("sentiment.evaluate", "tasks.sentiment.commands:evaluate_command", "elmo_lite.commands"),
        EntryPoint("sentiment.predict", "tasks.sentiment.commands:predict_command", "elmo_lite.commands"),
    ]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: points if group == "elmo_lite.commands" else []
    )


FLAGS = "--words none --chars false --freeze true --max_epochs 2 --pooled.hidden_dim 4 --finetune.cache off".split()


@pytest.mark.usefixtures("program")
def test_commands(files: dict[str, str], encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--train", files["train"], "--dev", files["dev"], "--test", files["test"]]
    out = str(tmp_path / "out")
    assert main(["sentiment", "train", "--encoder", encoder, *data, "--out", out, *FLAGS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["dev", "test", "model", "next"]
    assert main(["sentiment", "evaluate", out, files["test"]]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == out and report["data"] == files["test"]
    assert f"accuracy {report['accuracy']:.2f}" in lines[1] and report["words_per_second"] > 0
    assert sum(map(sum, report["confusion"])) == 6
    assert main(["sentiment", "predict", out, files["test"]]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert main(["sentiment", "predict", out, files["test"], f"{out}/p.jsonl", "--probabilities"]) == 0
    rows = [json.loads(line) for line in Path(out, "p.jsonl").read_text().splitlines()]
    assert capsys.readouterr().out == "" and len(rows) == 6 and len(rows[0]["probabilities"]) == 2
    assert (
        main(["sentiment", "train", *data, "--out", f"{out}-2", "--seeds", "2", *FLAGS[4:], "--inputs.word_dim", "3"])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert "+-" in lines[0] and lines[0].endswith("(2 seeds: mean, deviation)") and lines[2].endswith("seed-0")


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--words", "none", "--chars", "false", "--spelling", "false"], "expected an encoder, words, spelling or"),
        (["--head", "large"], "head: expected one of pooled, bcn, found large"),
        (
            ["--data.text_column", "body"],
            "train.tsv, line 1: expected columns 'body' and 'label', found 'text', 'label'",
        ),
        (["--encoder", "/nonexistent/model"], "/nonexistent/model"),
        (["--hidden_dim", "3"], "--hidden_dim: unknown flag; did you mean --pooled.hidden_dim?"),
    ],
)
def test_mistakes_are_one_line(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], expected: str
) -> None:
    data = ["--train", files["train"], "--dev", files["dev"], "--out", str(tmp_path / "out")]
    assert main(["sentiment", "train", *data, *argv]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("elmo-lite: error: ") and expected in error
    assert not (tmp_path / "out").exists()

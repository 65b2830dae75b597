"""Training, scoring and prediction from end to end, at the command line and from Python."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("seqeval")

import tasks.ner
from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, ConfigError, CorpusError, Elmo, Tokenization
from elmo_lite.cli.main import COMMANDS, Command, main
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner import NerConfig, NerTagger, train
from tasks.ner.training import Ner
from tasks.tagging.model import TaggingModel
from tasks.training import train_task
from tasks.training.config import FinetuneConfig

ROOT = Path(__file__).parents[3]
NAMES = {"PER": ["Anna", "Bob Ray", "Carla"], "LOC": ["Rome", "New York City", "Oslo"]}
FRAMES = ["{PER} lives in {LOC} .", "in {LOC} we met {PER}", "nobody came ."]
LARGE = FinetuneConfig(max_epochs=20, batch_size=4, learning_rate=0.02, patience=20, pictures=False)


def column_file(path: Path, unseen: bool = False) -> Path:
    """Every frame with every name, IOB2 after TABs."""
    blocks = []
    for frame in FRAMES:
        for person, place in zip(NAMES["PER"], NAMES["LOC"], strict=True):
            lines = []
            for word in frame.split():
                kind = word.strip("{}")
                words = {"PER": person, "LOC": place}.get(kind, word).split()
                tags = [f"{'I' if k else 'B'}-{kind}" if word.startswith("{") else "O" for k in range(len(words))]
                lines += [f"{w}\t{t}" for w, t in zip(words, tags, strict=True)]
            blocks.append("\n".join(lines) + "\n")
    if unseen:
        blocks.append("nobody\tO\nis\tO\nAcme\tB-ORG\n")
    path.write_text("\n".join(blocks))
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "train": column_file(tmp_path / "train.conll"),
        "dev": column_file(tmp_path / "dev.conll"),
        "test": column_file(tmp_path / "test.conll", unseen=True),
    }


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    char_cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), max_characters=12)
    elmo = Elmo(BiLM(BiLMConfig(char_cnn=char_cnn, dim=4, lstm_dim=4)), Tokenization(kind="whitespace"))
    elmo.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def config(**changes: Any) -> NerConfig:
    inputs = WordInputConfig(word_dim=8, char_filters=4, dropout=0.0, unknown_rate=0.0)
    settings: dict[str, Any] = {"lstm_dim": 8, "dropout": 0.0, "inputs": inputs, "finetune": LARGE}
    return NerConfig(**{**settings, **changes})


def test_from_python(files: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    with caplog.at_level("WARNING", logger="elmo_lite"):
        facts = train(config(), files["train"], files["dev"], out, test=files["test"], progress=False)
    assert f"{files['test']}: types missing from the training data count as errors: ORG (1)" in caplog.messages
    assert facts["dev"]["f1"] == 100
    # The entity of a new type is there, and counts: 12 of 13 at best.
    assert facts["test"]["unseen_types"] == {"ORG": 1}
    assert facts["test"]["recall"] == pytest.approx(100 * 12 / 13)
    assert facts["test"]["types"]["ORG"]["support"] == 1
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["complete"] and metrics["test"]["recall"] == facts["test"]["recall"]
    assert len(metrics["epochs"]) == facts["num_epochs"]
    tagger = NerTagger.from_pretrained(out)
    (spans,) = tagger.predict(["Carla lives in New York City ."])
    assert [(span.text, span.type, span.start, span.end) for span in spans] == [
        ("Carla", "PER", 0, 5),
        ("New York City", "LOC", 15, 28),
    ]
    assert all(0.5 < span.score <= 1 for span in spans)


def test_the_saved_tagger_needs_nothing_else(files: dict[str, Path], tmp_path: Path, encoder: Path) -> None:
    out, moved = tmp_path / "out", tmp_path / "elsewhere"
    settings = config(encoder=str(encoder), representation=EncoderConfig(dropout=0.0, output_mix=True))
    cached = FinetuneConfig(max_epochs=2, batch_size=4, pictures=False, cache_dir=str(tmp_path / "cache"))
    settings = config(encoder=str(encoder), representation=settings.representation, finetune=cached)
    facts = train(settings, files["train"], files["dev"], out, progress=False)
    before = NerTagger.from_pretrained(out).tag(["Anna lives in Oslo ."])
    encoder.rename(tmp_path / "gone")
    out.rename(moved)
    tagger = NerTagger.from_pretrained(moved)
    assert tagger.tokenization.kind == "whitespace"
    assert tagger.tag(["Anna lives in Oslo ."])[0].decoded == before[0].decoded
    scores = tasks.ner.evaluate(tagger, tasks.ner.read_tagged(files["dev"]))
    assert scores["f1"] == facts["dev"]["f1"]
    assert not any(name.startswith("representation.elmo") for name in tagger.model.state_dict())


def test_an_encoder_outside(files: dict[str, Path], tmp_path: Path, encoder: Path) -> None:
    out = tmp_path / "out"
    quick = FinetuneConfig(max_epochs=1, pictures=False, cache="off")
    train(
        config(encoder=str(encoder), encoder_inside=False, finetune=quick),
        files["train"],
        files["dev"],
        out,
        progress=False,
    )
    assert not (out / "encoder").exists()
    NerTagger.from_pretrained(out)
    moved = encoder.rename(tmp_path / "moved")
    with pytest.raises(CheckpointError):
        NerTagger.from_pretrained(out)
    NerTagger.from_pretrained(out, encoder=str(moved))


def test_fine_tuning_changes_and_keeps_the_encoder(files: dict[str, Path], tmp_path: Path, encoder: Path) -> None:
    quick = FinetuneConfig(max_epochs=2, batch_size=4, pictures=False, encoder_learning_rate=0.01)
    train(
        config(encoder=str(encoder), freeze=False, words="none", chars=False, finetune=quick),
        files["train"],
        files["dev"],
        tmp_path / "out",
        progress=False,
    )
    tuned = NerTagger.from_pretrained(tmp_path / "out").model.representation.elmo
    assert tuned is not None
    before = Elmo.from_pretrained(encoder).bilm.state_dict()
    assert any((tensor != before[name]).any() for name, tensor in tuned.bilm.state_dict().items())


def test_several_seeds(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    quick = config(finetune=FinetuneConfig(max_epochs=2, pictures=False))
    facts = train(quick, files["train"], files["dev"], out, seeds=2, progress=False)
    runs = [run["dev"]["main"] for run in facts["runs"]]
    assert facts["mean"]["dev.main"] == pytest.approx(sum(runs) / 2)
    assert "dev.main" in facts["deviation"]
    weights = [NerTagger.from_pretrained(out / f"seed-{k}").model.tag_scores.weight.detach().clone() for k in range(2)]
    assert not weights[0].equal(weights[1])
    monkeypatch.setattr(train_task, "finetune", None)  # nothing is trained again
    assert train(quick, files["train"], files["dev"], out, seeds=2, progress=False)["runs"] == facts["runs"]
    column_file(files["train"], unseen=True)
    with pytest.raises(ConfigError, match="found others in train_hash;"):
        train(quick, files["train"], files["dev"], out, seeds=2, progress=False)


@pytest.mark.parametrize("freeze", [True, False])
def test_seeds_notice_another_encoder_at_the_same_path(
    files: dict[str, Path], tmp_path: Path, encoder: Path, freeze: bool
) -> None:
    out = tmp_path / "out"
    quick = FinetuneConfig(max_epochs=1, pictures=False, cache="off")
    settings = config(encoder=str(encoder), freeze=freeze, finetune=quick)
    train(settings, files["train"], files["dev"], out, seeds=2, progress=False)
    other = Elmo.from_pretrained(encoder)
    with torch.no_grad():
        next(other.bilm.parameters()).view(-1)[-1] += 1  # one number is enough
    other.save_pretrained(encoder, overwrite=True)
    with pytest.raises(ConfigError, match=r"seed-0/seed.json: expected .*, found others in encoder_hash;"):
        train(settings, files["train"], files["dev"], out, seeds=2, progress=False)


def test_the_same_seed_gives_the_same_tagger(files: dict[str, Path], tmp_path: Path) -> None:
    quick = config(dropout=0.3, finetune=FinetuneConfig(max_epochs=2, batch_size=4, seed=3, pictures=False))
    weights = []
    for name in ("a", "b"):
        train(quick, files["train"], files["dev"], tmp_path / name, progress=False)
        weights.append(NerTagger.from_pretrained(tmp_path / name).model.tag_scores.weight)
    assert weights[0].equal(weights[1])


def test_wrong_data(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "plain.conll").write_text("a\tO\nb\tO\n")
    with pytest.raises(CorpusError, match="expected entities to learn from, found O alone"):
        train(config(), tmp_path / "plain.conll", files["dev"], out)
    with pytest.raises(ConfigError, match="seeds: expected 1 or more, found 0"):
        train(config(), files["train"], files["dev"], out, seeds=0)
    with pytest.raises(CheckpointError, match="nowhere"):
        train(config(encoder=str(tmp_path / "nowhere")), files["train"], files["dev"], out)
    assert not out.exists()
    out.mkdir()
    (out / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="expected no model there, found config.json"):
        train(config(), files["train"], files["dev"], out)


def test_an_encoder_is_never_replaced(files: dict[str, Path], encoder: Path) -> None:
    """Nor are pictures and scores put beside it before that is noticed."""
    before = sorted(encoder.iterdir())
    with pytest.raises(ConfigError, match="expected a model for the task ner to overwrite, found another config.json"):
        train(config(), files["train"], files["dev"], encoder, overwrite=True, progress=False)
    assert sorted(encoder.iterdir()) == before


# The commands


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train", "evaluate", "predict"):
        module = "training" if name == "train" else "commands"
        monkeypatch.setitem(COMMANDS, f"ner {name}", Command(f"tasks.ner.{module}:{name}_command"))


@pytest.mark.usefixtures("commands")
def test_commands(
    files: dict[str, Path],
    tmp_path: Path,
    encoder: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = str(tmp_path / "out")
    flags = "--max_epochs 12 --lstm_dim 8 --dropout 0 --inputs.dropout 0 --representation.dropout 0 --words trainable"
    training = f"--finetune.learning_rate 0.02 --finetune.batch_size 4 --finetune.cache_dir {tmp_path / 'cache'}"
    data = ["--train", str(files["train"]), "--dev", str(files["dev"]), "--test", str(files["test"]), "--out", out]
    assert main(["ner", "train", "--encoder", str(encoder), *flags.split(), *training.split(), *data]) == 0
    shown = capsys.readouterr().out
    assert "dev   F1 100.00  precision 100.00  recall 100.00\ntest  F1 " in shown and f"model {out}\n" in shown

    assert main(["ner", "evaluate", out, str(files["test"])]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["unseen_types"] == {"ORG": 1} and scores["recall"] == pytest.approx(100 * 12 / 13)

    text = tmp_path / "in.txt"
    text.write_text("Anna lives in Rome .\n\nnobody came .\n")
    with caplog.at_level("INFO", logger="elmo_lite"):
        assert main(["ner", "predict", out, str(text)]) == 0
    assert capsys.readouterr().out == "[PER Anna] lives in [LOC Rome] .\n\nnobody came .\n"
    assert caplog.messages[-1].startswith("3 sentences, ") and caplog.messages[-1].endswith("encoder included")

    target = tmp_path / "predicted.jsonl"
    assert main(["ner", "predict", out, str(text), str(target), "--probabilities"]) == 0
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [entity["text"] for entity in rows[0]["entities"]] == ["Anna", "Rome"]
    assert len(rows) == 3 and set(rows[0]["probabilities"][0]) >= {"O", "B-PER", "S-LOC"}

    columns = tmp_path / "predicted.conll"
    assert main(["ner", "predict", out, str(files["dev"]), str(columns)]) == 0
    assert columns.read_text().split("\n\n")[0] == "Anna\tB-PER\nlives\tO\nin\tO\nRome\tB-LOC\n.\tO"


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["train", "--train", "{absent}", "--dev", "{dev}", "--out", "{out}"],
            "absent.conll: expected a file, found nothing there",
        ),
        (["train", "--train", "{train}", "--dev", "{dev}", "--out", "{out}", "--tag_column", "7"], "tag_column: exp"),
        (
            ["train", "--train", "{train}", "--dev", "{dev}", "--out", "{out}", "--encodr", "x"],
            "did you mean --encoder",
        ),
        (["evaluate", "{out}", "{dev}"], "expected the directory of a task model"),
        (["predict", "{out}", "{dev}", "a", "b"], "expected INPUT and OUTPUT, found 3 paths"),
        (["predict", "{out}", "{dev}", "{train}"], "train.conll: expected no such file (or --overwrite), found one"),
    ],
)
def test_mistakes_are_one_line(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    names = {**files, "absent": tmp_path / "absent.conll", "out": tmp_path / "out"}
    assert main(["ner", *(argument.format(**names) for argument in argv)]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1
    assert message in output.err


@pytest.mark.usefixtures("commands")
def test_a_table_of_seeds(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--train", str(files["train"]), "--dev", str(files["dev"]), "--out", str(tmp_path / "out")]
    small = ["--max_epochs", "1", "--lstm_dim", "4", "--finetune.pictures", "false", "--seeds", "2"]
    assert main(["ner", "train", *data, *small]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("dev   F1 ") and "  (2 seeds: mean, deviation)\nmodel " in shown


@pytest.mark.usefixtures("commands")
def test_sigterm_keeps_the_best_model_and_ends_with_143(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_loss, calls = TaggingModel.loss, []

    def loss(self: TaggingModel, batch: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain_loss(self, batch)

    monkeypatch.setattr(TaggingModel, "loss", loss)
    data = ["--train", str(files["train"]), "--dev", str(files["dev"]), "--out", str(tmp_path / "out")]
    small = ["--max_epochs", "9", "--lstm_dim", "4", "--finetune.batch_size", "4", "--finetune.pictures", "false"]
    assert main(["ner", "train", *data, *small]) == 143
    output = capsys.readouterr()
    assert output.out.startswith("dev   F1 ")
    out = tmp_path / "out"
    assert output.err.endswith(f"elmo-lite: stopped in epoch 2; the model of epoch 1 is in {out}\n")
    NerTagger.from_pretrained(out)
    assert main(["ner", "train", *data, *small, "--out", str(tmp_path / "seeds"), "--seeds", "2"]) == 0
    calls.clear()
    assert main(["ner", "train", *data, *small, "--out", str(tmp_path / "more"), "--seeds", "2"]) == 143
    expected = f"elmo-lite: stopped in {tmp_path / 'more' / 'seed-0'}; the same command continues\n"
    assert capsys.readouterr().err.endswith(expected)


def test_words_outside_entities_do_not_outshine_the_others() -> None:
    confusion = Ner().confusion({"confusion": {"labels": ["O", "PER"], "matrix": [[90, 0], [1, 9]]}})
    assert (confusion.outside, confusion.unit) == ("O", "words")


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import tasks.ner.training, sys; from tasks.ner import train; assert callable(train); "
        "print([m for m in ('pytorch_lightning', 'seqeval', 'sklearn', 'datasets', 'matplotlib', 'gensim') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

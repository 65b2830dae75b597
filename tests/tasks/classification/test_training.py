"""Training end to end on toy data: one label, several, numbers, pairs, long texts; and bad input in one line."""

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
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.classification import Classifier, ClassifierConfig, LabelledText, train  # noqa: E402
from tasks.classification.bcn import BCNConfig  # noqa: E402
from tasks.classification.outputs import OneLabelOutputs  # noqa: E402
from tasks.classification.pooled_head import PooledConfig  # noqa: E402
from tasks.classification.training import Classification  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

CONFIG = ClassifierConfig(
    inputs=WordInputConfig(word_dim=6, char_filters=3, dropout=0.0, unknown_rate=0.0),
    pooled=PooledConfig(hidden_dim=16, dropout=0.0),
    bcn=BCNConfig(
        feed_forward_dim=8,
        lstm_dim=8,
        maxout_dims=(8,),
        pool_size=2,
        feed_forward_dropout=0.0,
        pooled_dropout=0.0,
        maxout_dropout=0.0,
    ),
    finetune=FinetuneConfig(
        max_epochs=16, batch_size=4, learning_rate=0.02, precision="float32", device="cpu", cache="off", pictures=False
    ),
)
BRIEF = dataclasses.replace(CONFIG, max_epochs=1)
WORDS = ["red", "green", "blue", "cold", "warm", "old"]


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    bilm = BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1))
    Elmo(bilm, Tokenization(kind="whitespace")).save_pretrained(tmp_path / "encoder")
    return str(tmp_path / "encoder")


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_several_labels(tmp_path: Path) -> None:
    """The labels of a text are the colours and temperatures that it names."""
    texts = [f"a {first} and {second} sea" for first in WORDS for second in WORDS if first != second] + ["a sea"]
    labels = [[word for word in WORDS[:5] if word in text] for text in texts]
    config = dataclasses.replace(CONFIG, multi_label=True, max_epochs=40)
    found = train(config, (texts, labels), (texts, labels), tmp_path / "out", progress=False)
    assert found["dev"]["micro_f1"] == found["dev"]["macro_f1"] == found["dev"]["exact"] == 100
    classifier = Classifier.from_pretrained(tmp_path / "out")
    assert classifier.labels == sorted(WORDS[:5])
    assert [p.labels for p in classifier.predict(["red and cold", "the sea", ""])] == [("cold", "red"), (), ()]
    assert classifier.predict_proba(["red and cold", ""])[1].tolist() == [0.0] * 5
    rows = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()[1:]]
    assert rows[0]["gold"][0] == "red, green" and 0 <= rows[0]["gold"][1] <= 1
    again = classifier.evaluate((texts, labels))
    assert again["micro_f1"] == 100 and again["per_label"]["red"]["sentences"] == 10


def test_only_one_label_for_each_text_has_a_least_score(tmp_path: Path) -> None:
    texts, config = ["good", "bad", "so so"], dataclasses.replace(CONFIG, multi_label=True, max_epochs=1)
    labels = [["a"], ["b"], ["a", "b"]]
    facts = train(config, (texts, labels), (texts, labels), tmp_path / "out", progress=False)
    assert facts["dev"]["interval"] is not None
    classifier = Classifier.from_pretrained(tmp_path / "out")
    assert len(classifier.predict(texts)) == 3 and classifier.model.temperature != 1
    with pytest.raises(ConfigError, match="min_score: expected a classifier with one label for each text"):
        classifier.predict(texts, min_score=0.5)


def test_numbers(tmp_path: Path) -> None:
    texts = [" ".join(["x"] * n + ["good"] * (n % 4) + ["bad"] * (n % 3)) for n in range(2, 26)]
    numbers = [100 + 10.0 * (n % 4) - 7 * (n % 3) for n in range(2, 26)]
    config = dataclasses.replace(CONFIG, regression=True, max_epochs=60)
    found = train(config, (texts, numbers), (texts, numbers), tmp_path / "out", test=(texts, numbers), progress=False)
    assert found["test"]["pearson"] > 85 and found["test"]["mse"] < found["test"]["mse_of_mean"]
    assert json.loads((tmp_path / "out" / "training.json").read_text())["measure"] == "Pearson"
    assert not (tmp_path / "out" / "predictions.jsonl").exists()
    assert sum(group["sentences"] for group in found["dev"]["groups"]) == 24
    page = make_report([tmp_path / "out"])[0]
    assert "Predicted numbers on dev" in page and "By gold number, dev" in page
    classifier = Classifier.from_pretrained(tmp_path / "out")
    first, nothing = classifier.predict([texts[0], ""])
    assert 80 < first.value < 150 and nothing.value is None
    assert classifier.evaluate((texts, numbers))["mse"] == pytest.approx(found["test"]["mse"], rel=1e-3)
    with pytest.raises(ConfigError, match="predict_proba: expected a classifier of labels, found one of numbers"):
        classifier.predict_proba(texts)


@pytest.mark.parametrize("head", ["pooled", "bcn"])
def test_pairs(encoder: str, tmp_path: Path, head: Any) -> None:
    """Whether both texts name the same word; neither text alone tells."""
    no_dropout = dataclasses.replace(CONFIG.representation, dropout=0.0)
    rows = [
        {"premise": f"it is {first}", "hypothesis": f"{second} it is", "label": str(first == second), "id": number}
        for number, (first, second) in enumerate((a, b) for a in WORDS[:3] for b in WORDS[:3])
    ]
    rows += [row for row in rows if row["label"] == "True"]
    path = write(tmp_path / "a.jsonl", rows)
    config = dataclasses.replace(
        CONFIG, pair=True, head=head, representation=no_dropout, encoder=encoder, max_epochs=40
    )
    found = train(config, path, path, tmp_path / "out", progress=False)
    assert found["dev"]["accuracy"] > 80  # 50 for one label alone
    classifier = Classifier.from_pretrained(tmp_path / "out")
    pairs: list[Any] = [(row["premise"], row["hypothesis"].split()) for row in rows]  # type: ignore[attr-defined]
    right = [p.label == row["label"] for p, row in zip(classifier.predict(pairs), rows, strict=True)]
    assert 100 * sum(right) / len(right) == pytest.approx(found["dev"]["accuracy"])
    assert [p.label for p in classifier.predict([("", "it is red"), ("it is red", "  ")])] == ["", ""]
    for wrong in (["one text"], [("a", "b", "c")], [3]):
        with pytest.raises(CorpusError, match="^pair 0: expected two texts, found "):
            classifier.predict(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("cache", ["on", "off"])
def test_long_texts(encoder: str, tmp_path: Path, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One telling word anywhere in hundreds; pieces of 20 words, read 64 at a time."""
    monkeypatch.setattr("tasks.classification.documents.CHUNK_WORDS", 64)
    monkeypatch.setattr("tasks.classification.documents.WHOLE_WORDS", 200)
    longest: list[int] = []
    embed = Elmo.embed

    def watched(self: Elmo, sentences: Any, *args: Any, **settings: Any) -> Any:
        longest.append(sum(map(len, sentences)))
        return embed(self, sentences, *args, **settings)

    monkeypatch.setattr(Elmo, "embed", watched)
    texts = [
        " ".join([*["x"] * (37 * n), word, *["y ."] * (150 - 5 * n)]) for n in range(6) for word in ("good", "bad")
    ]
    labels = ["positive", "negative"] * 6
    finetune = dataclasses.replace(CONFIG.finetune, cache=cache, cache_dir=str(tmp_path / "cache"), max_epochs=10)
    config = dataclasses.replace(CONFIG, encoder=encoder, piece_words=20, finetune=finetune)
    found = train(config, (texts, labels), (texts, labels), tmp_path / "out", progress=False)
    assert found["dev"]["accuracy"] == 100
    assert not longest or max(longest) <= 64
    classifier = Classifier.from_pretrained(tmp_path / "out")
    (prediction,) = classifier.predict([" ".join([*["x"] * 5_000, "bad", *["y"] * 5_000])])
    assert prediction.label in ("negative", "positive")


def test_uneven_classes_choose_by_macro_f1(tmp_path: Path) -> None:
    texts = ["a b", "b a", "a a", "b b"] * 3
    for labels, measure in ((["x", "y", "x", "y"] * 3, "accuracy"), (["x", "x", "x", "y"] * 3, "macro-F1")):
        out = tmp_path / measure
        train(BRIEF, (texts, labels), (texts, labels), out, progress=False)
        metrics = json.loads((out / "metrics.json").read_text())
        assert json.loads((out / "training.json").read_text())["measure"] == measure
        scores = metrics["epochs"][0]["dev"]
        assert scores["main"] == scores[{"accuracy": "accuracy", "macro-F1": "macro_f1"}[measure]]
    chosen = dataclasses.replace(BRIEF, choose_by="accuracy")
    train(chosen, (texts, labels), (texts, labels), tmp_path / "chosen", progress=False)
    assert json.loads((tmp_path / "chosen" / "training.json").read_text())["measure"] == "accuracy"


def test_class_weights_are_in_the_loss() -> None:
    examples = [LabelledText(("a",), label) for label in "xxxy"]
    for weights in ("none", "balanced"):
        config = dataclasses.replace(CONFIG, class_weights=weights)  # type: ignore[arg-type]
        classifier = Classifier.untrained(config, ["x", "y"], None, [["a"]])
        Classification(config).prepare(classifier, config, examples)
        outputs = classifier.model.outputs
        assert isinstance(outputs, OneLabelOutputs)
        if weights == "none":
            assert outputs.weights is None
            continue
        torch.testing.assert_close(outputs.weights, torch.tensor([4 / 6, 2.0]))
        assert not any("weights" in name for name in classifier.model.outputs.state_dict())
        logits, targets = torch.randn(3, 2), torch.tensor([0, 1, 1])
        expected = torch.nn.functional.cross_entropy(logits, targets, weight=torch.tensor([4 / 6, 2.0]))
        torch.testing.assert_close(outputs.loss(logits, targets), expected)


def test_ten_thousand_labels(tmp_path: Path) -> None:
    texts = [f"word{number % 300}" for number in range(10_000)]
    labels = [f"label {number}" for number in range(10_000)]
    finetune = dataclasses.replace(CONFIG.finetune, batch_size=5000, max_epochs=1, pictures=True)
    config = dataclasses.replace(CONFIG, finetune=finetune, chars=False)
    dev = (texts[:50], labels[:50])
    found = train(config, (texts, labels), dev, tmp_path / "out", progress=False)
    assert "confusion" not in found["dev"] and not (tmp_path / "out" / "confusion-dev.png").exists()
    assert "and 9,900 others" in (tmp_path / "out" / "README.md").read_text()
    classifier = Classifier.from_pretrained(tmp_path / "out")
    assert classifier.predict_proba(texts[:3]).shape == (3, 10_000)
    several = dataclasses.replace(config, multi_label=True)
    tens = [labels[start : start + 10] for start in range(0, 10_000, 10)]
    found = train(several, (texts[:1000], tens), (texts[:9], [["label 3"]] * 9), tmp_path / "several", progress=False)
    assert found["dev"]["sentences"] == 9


@pytest.mark.parametrize(
    ("settings", "content", "expected"),
    [
        ({}, "text\tlabel\na\tx\nb\tx\n", "a.tsv: expected at least two labels in the training data, found only 'x'"),
        ({}, "text\tlabel\n \tx\n\ty\n", "a.tsv: expected labelled sentences, found none"),
        ({"regression": True}, "text\tscore\na\t1\nb\thigh\n", "a.tsv, line 3: expected a number, found 'high'"),
        ({"regression": True}, "text\tscore\na\t1\nb\t1.0\n", "a.tsv: expected different numbers in the training data"),
        ({"pair": True}, "text\tlabel\na\tx\nb\ty\n", "a.tsv, line 1: expected two text columns for a pair of texts"),
        ({"pair": True}, "text1\ttext2\ttext3\tlabel\na\tb\tc\tx\n", "found 'text1', 'text2', 'text3' (choose with"),
        ({"pair": True}, "text1\ttext2\tlabel\na\t\tx\n\tb\ty\n", "a.tsv: expected labelled sentences, found none"),
        ({"multi_label": True}, "text\tlabels\na\t\nb\t\n", "a.tsv: expected labels in the training data, found none"),
    ],
)
def test_bad_data(settings: dict[str, bool], content: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(content)
    with pytest.raises(CorpusError) as error:
        train(dataclasses.replace(CONFIG, **settings), path, path, tmp_path / "out")  # type: ignore[arg-type]
    assert expected in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("multi_label", [False, True])
def test_labels_that_training_never_had(multi_label: bool, tmp_path: Path) -> None:
    paths = [tmp_path / "train.tsv", tmp_path / "dev.tsv"]
    paths[0].write_text("text\tlabel\na\tx\nb\ty\n")
    paths[1].write_text("text\tlabel\na\tx\nb\tz\n")
    config = dataclasses.replace(CONFIG, multi_label=multi_label)
    with pytest.raises(CorpusError) as error:
        train(config, *paths, tmp_path / "out")
    assert str(error.value) == f"{paths[1]}, line 3: expected a label of the training data (x, y), found 'z'"


def test_trees_have_one_text_and_one_label(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("(4 (2 a) (4 good))\n(0 (2 a) (0 bad))\n")
    assert train(BRIEF, path, path, tmp_path / "out")["dev"]["labels"] == ["very negative", "very positive"]
    with pytest.raises(CorpusError, match="expected pairs of texts, found trees, which have one text and one label"):
        train(dataclasses.replace(CONFIG, pair=True), path, path, tmp_path / "pair")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = {"train": "training:train_command", "evaluate": "commands:evaluate_command"}
    functions["predict"] = "commands:predict_command"
    points = [
        EntryPoint(f"classify.{name}", f"tasks.classification.{target}", "elmo_lite.commands")
        for name, target in functions.items()
    ]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: points if group == "elmo_lite.commands" else []
    )


FLAGS = "--max_epochs 2 --pooled.hidden_dim 4 --finetune.cache off --inputs.word_dim 3 --chars false".split()


@pytest.mark.usefixtures("program")
def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pairs from files without telling names; other fields are kept in the predictions, row for row."""
    table = tmp_path / "sick.txt"
    rows = [("A", "B", "3.5"), ("red sea", "blue sea", "2"), ("cold", "warm", "4.25")] * 2
    header = "id\tsentence_A\tsentence_B\tscore\n"
    table.write_text(header + "".join(f"{n}\t{a}\t{b}\t{c}\n" for n, (a, b, c) in enumerate(rows)))
    out = str(tmp_path / "out")
    data = ["--train", str(table), "--dev", str(table), "--out", out]
    assert main(["classify", "train", "--pair", "--regression", *data, *FLAGS]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["dev", "model", "next"]
    assert main(["classify", "evaluate", out, str(table)]) == 0
    assert json.loads(capsys.readouterr().out)["sentences"] == 6
    assert main(["classify", "predict", out, str(table), f"{out}/p.jsonl"]) == 0
    found = [json.loads(line) for line in Path(out, "p.jsonl").read_text().splitlines()]
    assert [row["id"] for row in found] == [str(number) for number in range(6)]
    assert list(found[1]) == ["id", "score", "text", "text_pair", "value", "line"]
    assert (found[1]["score"], found[1]["text"], found[1]["text_pair"]) == ("2", "red sea", "blue sea")
    (tmp_path / "plain.txt").write_text("one\ttwo\n\nthree\tfour\n")
    assert main(["classify", "predict", out, str(tmp_path / "plain.txt")]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1:] for line in lines] == [["one", "two"], ["", ""], ["three", "four"]] and lines[1][0] == ""
    for line, number in (("three", 1), ("three\tfour\tfive", 3)):
        (tmp_path / "plain.txt").write_text(f"one\ttwo\n{line}\n")
        assert main(["classify", "predict", out, str(tmp_path / "plain.txt")]) == 2
        expected = f"plain.txt, line 2: expected two texts separated by a TAB, found {number} in {line!r}"
        assert expected in capsys.readouterr().err


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--regression", "--multi_label"], "regression: expected false with --multi_label, found True"),
        (["--regression", "--class_weights", "balanced"], "class_weights: expected none with --regression"),
        (["--choose_by", "micro_f1"], "choose_by: expected one of auto, accuracy, macro_f1, found 'micro_f1'"),
        (["--text_pair_column", "b"], "text_pair_column: expected none without --pair, found 'b'"),
        (["--piece_words", "0"], "piece_words: expected 1 or more, found 0"),
        (["--threshold", "1"], "threshold: expected a probability in (0, 1), found 1.0"),
        (["--label_colum", "b"], "--label_colum: unknown flag; did you mean --label_column?"),
        (
            ["--label_column", "grade"],
            "a.tsv, line 1: expected columns 'text' and 'grade', found 'text', 'label' (",
        ),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\na\tx\nb\ty\n")
    data = ["--train", str(path), "--dev", str(path), "--out", str(tmp_path / "out")]
    assert main(["classify", "train", *data, *argv]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("elmo-lite: error: ") and expected in error
    assert "--data." not in error
    assert not (tmp_path / "out").exists()

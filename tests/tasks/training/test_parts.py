"""Labelled data of a training that has no dev: what is held out, what is said of it, and what repeats it."""

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

import tasks.ner  # noqa: E402
import tasks.sentiment  # noqa: E402
import tasks.tagging  # noqa: E402
from elmo_lite import CorpusError, Tokenization  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, read_tagged  # noqa: E402
from tasks.ner.training import Ner  # noqa: E402
from tasks.sentiment import SentimentConfig  # noqa: E402
from tasks.sentiment.training import Sentiment  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.parts import hold_out_dev, read_parts  # noqa: E402

BLANKS = Tokenization(kind="whitespace")
INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=1, batch_size=8, precision="float32", device="cpu", pictures=False)
NER = NerConfig(lstm_dim=4, inputs=INPUTS, finetune=FINETUNE)
SENTIMENT = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
BLOCK = "Anna{0} B-PER\nsleeps O\n\nNew{0} B-LOC\nYork I-LOC\n\nnobody{0} O\ncame O\n"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Twenty documents of three sentences each."""
    path = tmp_path / "data.conll"
    path.write_text("\n".join(f"-DOCSTART- O\n\n{BLOCK.format(number)}" for number in range(20)))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.tsv"
    path.write_text("text\tlabel\n" + "".join(f"text {n}\t{'good' if n % 3 else 'bad'}\n" for n in range(60)))
    return path


def test_documents_of_column_files(documents: Path) -> None:
    found = read_tagged(documents).sentences
    assert [sentence.document for sentence in found] == [number for number in range(1, 21) for _ in range(3)]


def test_the_tenth_is_said_in_one_line(documents: Path, table: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="elmo_lite"):
        tagged = read_parts(Ner(), NER, {"train": documents}, BLANKS)
        labelled = read_parts(Sentiment(SENTIMENT), SENTIMENT, {"train": table}, BLANKS)
    how = "of train held out, stratified by label (split seed 0)"
    assert f"dev: 6 of 60 sentences {how}, 2 of 20 documents whole" in caplog.messages
    assert f"dev: 6 of 60 sentences {how}" in caplog.messages
    assert len(tagged.train.sentences) == 54 and len(labelled.train) == 54
    assert sorted(example.label for example in labelled.scored["dev"]) == ["bad"] * 2 + ["good"] * 4
    assert "dev" not in tagged.names


def test_the_tenth_depends_on_its_own_seed(table: Path) -> None:
    def dev_of(**changes: Any) -> list[int]:
        config = dataclasses.replace(SENTIMENT, finetune=dataclasses.replace(FINETUNE, **changes))
        return [
            example.line for example in read_parts(Sentiment(config), config, {"train": table}, BLANKS).scored["dev"]
        ]

    assert dev_of() == dev_of(seed=7, learning_rate=0.5) != dev_of(split_seed=7)


def test_trees_are_held_out_with_their_phrases(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("".join(f"({n % 5} (2 It{n}) ({4 - n % 5} (1 works) (3 well{n})))\n" for n in range(50)))
    config = dataclasses.replace(SENTIMENT, data=dataclasses.replace(SENTIMENT.data, phrases=True))
    data = read_parts(Sentiment(config), config, {"train": path}, BLANKS)
    dev = data.scored["dev"]
    assert len(dev) == 5 and not any(example.is_phrase for example in dev)
    assert {example.document for example in dev}.isdisjoint(example.document for example in data.train)


def test_data_in_memory(tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(30)]
    facts = tasks.sentiment.train(SENTIMENT, (texts, ["good", "bad"] * 15), None, tmp_path / "out", progress=False)
    assert facts["dev"]["sentences"] == 3
    assert json.loads((tmp_path / "out" / "training.json").read_text())["command"] is None


def test_one_text(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="train: expected at least 2 sentences to split, found 1; give --dev"):
        hold_out_dev(
            Sentiment(SENTIMENT), SENTIMENT, tasks.sentiment.read_labelled((["a"], ["b"]), SENTIMENT.data, str.split)
        )


def test_the_command_repeats_it(documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    tiny = ["--lstm_dim", "4", "--inputs.word_dim", "4", "--max_epochs", "1", "--finetune.pictures", "false"]
    assert main(["ner", "train", "--train", str(documents), "--out", str(out), *tiny, "--quiet"]) == 0
    weights = (out / "model.safetensors").read_bytes()
    journal = json.loads((out / "training.json").read_text())
    assert journal["data"]["dev"] == {"name": "held out of train", "sentences": 6, "words": 12}
    argv = shlex.split(journal["command"])
    assert "--dev" not in argv
    assert main([*argv[1:], "--overwrite", "--quiet"]) == 0
    assert (out / "model.safetensors").read_bytes() == weights
    assert "held out of train: 6 sentences" in make_report([out])[0]


def test_documents_of_conllu_and_folds_of_labels_of_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "data.conllu", tmp_path / "out"
    rows = "1\tAnna{0}\t_\tPROPN" + "\t_" * 6 + "\n2\tsleeps\t_\tVERB" + "\t_" * 6 + "\n\n"
    path.write_text("".join(f"# newdoc id = {number}\n" + rows.format(number) * 2 for number in range(12)))
    found = tasks.tagging.read_tagged(str(path), labels="tokens").sentences
    assert [sentence.document for sentence in found] == [number for number in range(1, 13) for _ in range(2)]
    tiny = ["--lstm_dim", "4", "--inputs.word_dim", "4", "--max_epochs", "1", "--finetune.pictures", "false", "--quiet"]
    assert main(["tag", "train", "--train", str(path), "--out", str(out), "--folds", "2", *tiny]) == 0
    assert capsys.readouterr().out.startswith("folds accuracy ")
    parts = [json.loads((out / f"fold-{n}" / "training.json").read_text())["data"] for n in (1, 2)]
    assert [part["test"]["sentences"] for part in parts] == [12, 12]

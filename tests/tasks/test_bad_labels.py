"""Labels and texts that cannot be used as they are: one clear line for the user, before anything is trained."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

from elmo_lite.cli.main import main  # noqa: E402

COMMANDS = {
    "ner.train": "tasks.ner.training:train_command",
    "tag.train": "tasks.tagging.training:train_command",
    "classify.train": "tasks.classification.training:train_command",
    "classify.predict": "tasks.classification.commands:predict_command",
}
QUICK = (
    "--max_epochs 1 --chars false --inputs.word_dim 2 --finetune.device cpu --finetune.pictures false "
    "--finetune.calibrate false --finetune.keep_predictions false --quiet"
)


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name, place, "elmo_lite.commands") for name, place in COMMANDS.items()]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: points if group == "elmo_lite.commands" else []
    )


def tsv(*rows: str, head: str = "text\tlabel") -> str:
    return "".join(f"{row}\n" for row in (head, *rows))


GOOD = tsv("a\tx", "b\ty")
NUMBERS = tsv("a\t1", "b\t2.5", head="text\tscore")
CASES = {
    "a label that train never had": (
        "classify",
        {"train": GOOD, "dev": GOOD, "test": tsv("a\tz")},
        "test.tsv, line 2: expected a label of the training data (x, y), found 'z'",
    ),
    "one class only": (
        "classify",
        {"train": tsv("a\tx", "b\tx"), "dev": GOOD},
        "train.tsv: expected at least two labels in the training data, found only 'x'",
    ),
    "empty documents": (
        "classify",
        {"train": tsv(" \tx", "\ty"), "dev": GOOD},
        "train.tsv: expected labelled sentences, found none",
    ),
    "empty documents in dev": (
        "classify",
        {"train": GOOD, "dev": tsv("\tx")},
        "dev.tsv: expected labelled sentences, found none",
    ),
    "a pair file with three texts": (
        "classify --pair",
        {"train": tsv("a\tb\tc\tx", head="text1\ttext2\ttext3\tlabel"), "dev": GOOD},
        "train.tsv, line 1: expected two text columns for a pair of texts, found 'text1', 'text2', 'text3' "
        "(choose with --text_column and --text_pair_column)",
    ),
    "a row of a pair file with a cell too many": (
        "classify --pair",
        {"train": tsv("a\tb\tx", "a\tb\tc\tx", head="text1\ttext2\tlabel"), "dev": GOOD},
        "train.tsv, line 3: expected 3 columns, found 4",
    ),
    "a number with a fraction where a label is expected": (
        "classify",
        {"train": json.dumps({"text": "a", "label": 2.5}) + "\n", "dev": GOOD},
        "train.tsv, line 1: expected a label (text or a whole number), found 2.5",
    ),
    "a label where a number is expected": (
        "classify --regression",
        {"train": NUMBERS, "dev": tsv("a\t1", "b\thigh", head="text\tscore")},
        "dev.tsv, line 3: expected a number, found 'high'",
    ),
    "no number": (
        "classify --regression",
        {"train": tsv("a\t1", "b\t", head="text\tscore"), "dev": NUMBERS},
        "train.tsv, line 3: expected a number, found none",
    ),
    **{
        f"{value} as a number": (
            "classify --regression",
            {"train": tsv("a\t1", f"b\t{value}", head="text\tscore"), "dev": NUMBERS},
            f"train.tsv, line 3: expected a finite number, found '{value}'",
        )
        for value in ("nan", "inf", "-Infinity", "1e999")
    },
    "NaN in JSON": (
        "classify --regression",
        {"train": '{"text": "a", "score": NaN}\n', "dev": NUMBERS},
        "train.tsv, line 1: expected a finite number, found nan",
    ),
    "one number only": (
        "classify --regression",
        {"train": tsv("a\t1", "b\t1.0", head="text\tscore"), "dev": NUMBERS},
        "train.tsv: expected different numbers in the training data, found only 1",
    ),
    "no entities": (
        "ner",
        {"train": "a\tO\nb\tO\n", "dev": "a\tB-X\n"},
        "train.tsv: expected entities to learn from, found O alone",
    ),
    "one tag only": (
        "tag",
        {"train": "a\tX\nb\tX\n", "dev": "a\tX\n"},
        "train.tsv: expected two labels or more to learn from, found 'X' alone",
    ),
    "sentences without words": (
        "tag",
        {"train": '{"tokens": [], "tags": []}\n', "dev": "a\tX\n"},
        "train.tsv: expected labelled sentences, found none",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, files, expected = CASES[case]
    monkeypatch.chdir(tmp_path)
    task, *flags = command.split()
    for part, text in files.items():
        Path(f"{part}.tsv").write_text(text)
        flags += [f"--{part}", f"{part}.tsv"]
    assert main([task, "train", *flags, "--out", "out", *QUICK.split()]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.splitlines()[-1] == f"elmo-lite: error: {expected}"
    assert not Path("out").exists()


TWINS = {
    "classify": (tsv("a\tGood", "b\tgood", "c\tbad", "d\tvery  bad", "e\tVery bad"), "'Good' and 'good'; 'Very bad'"),
    "classify --multi_label": (tsv("a\tx,Y", "b\ty", head="text\tlabels"), "'Y' and 'y'"),
    "tag": ("a\tNoun\nb\tNOUN\nc\tVerb\n", "'NOUN' and 'Noun'"),
    "ner": ("a\tB-PER\nb\tB-Per\n", "'PER' and 'Per'"),
}


@pytest.mark.parametrize("command", TWINS)
def test_labels_that_differ_by_blanks_or_case_only(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    text, expected = TWINS[command]
    Path("train.tsv").write_text(text)
    task, *flags = command.split()
    with caplog.at_level("WARNING", logger="elmo_lite"):
        data = ["--train", "train.tsv", "--dev", "train.tsv", "--out", "out"]
        assert main([task, "train", *flags, *data, *QUICK.split()]) == 0
    found = [message for message in caplog.messages if "differ by blanks or case only" in message]
    assert len(found) == 1
    assert found[0].startswith(f"train.tsv: labels that differ by blanks or case only are different labels: {expected}")


def test_numbers_as_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.tsv").write_text(tsv("a\t1.5", "b\t2.25", "c\t3"))
    with caplog.at_level("WARNING", logger="elmo_lite"):
        data = ["--train", "a.tsv", "--dev", "a.tsv", "--out", "out"]
        assert main(["classify", "train", *data, *QUICK.split()]) == 0
    expected = 'a.tsv: 3 labels are numbers, such as 1.5, each a class of its own ("elmo-lite classify" predicts '
    assert f"{expected}numbers with --regression)" in caplog.messages
    Path("a.tsv").write_text(tsv("a\t1", "b\t2", "c\t3.0"))
    caplog.clear()
    assert main(["classify", "train", *data, "--overwrite", *QUICK.split()]) == 0
    assert not [message for message in caplog.messages if "are numbers" in message]


def test_three_texts_where_two_are_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.tsv").write_text(tsv("a\tb\tx", "b\ta\ty", head="text1\ttext2\tlabel"))
    data = ["--pair", "--train", "pairs.tsv", "--dev", "pairs.tsv", "--out", "out"]
    assert main(["classify", "train", *data, *QUICK.split()]) == 0
    Path("new.txt").write_text("a\tb\n\na\tb\tc\n")
    capsys.readouterr()
    assert main(["classify", "predict", "out", "new.txt", "found.jsonl"]) == 2
    error = "elmo-lite: error: new.txt, line 3: expected two texts separated by a TAB, found 3 in 'a\\tb\\tc'"
    assert capsys.readouterr().err.splitlines()[-1] == error
    assert not Path("found.jsonl").exists()

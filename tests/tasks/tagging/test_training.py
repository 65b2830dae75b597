"""Training, scoring and prediction with any labels, at the command line and from Python."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("seqeval")

import tasks.tagging  # noqa: E402
from elmo_lite.cli.main import COMMANDS, Command, main  # noqa: E402
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.tagging import TaggedSentence, Tagger, TaggerConfig, train  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

INPUTS = WordInputConfig(word_dim=8, char_filters=4, dropout=0.0, unknown_rate=0.0)
FINETUNE = FinetuneConfig(max_epochs=20, batch_size=4, learning_rate=0.02, patience=20, pictures=False, device="cpu")
QUICK = FinetuneConfig(max_epochs=1, batch_size=4, pictures=False, device="cpu")
LEXICON = {"the": "DET", "a": "DET", "cat": "NOUN", "dog": "NOUN", "sees": "VERB", "hears": "VERB", "it": "PRON"}
SENTENCES = ["the cat sees a dog", "a dog hears it", "it sees the cat", "the dog hears the cat"] * 2
FLAGS = "--max_epochs 20 --lstm_dim 8 --dropout 0 --inputs.dropout 0 --inputs.unknown_rate 0 --inputs.word_dim 8"
TRAINING = "--finetune.learning_rate 0.02 --finetune.batch_size 4 --finetune.pictures false --finetune.device cpu"


def config(**changes: Any) -> TaggerConfig:
    return TaggerConfig(**{"lstm_dim": 8, "dropout": 0.0, "inputs": INPUTS, "finetune": FINETUNE, **changes})


def conllu(path: Path, sentences: list[str] = SENTENCES, unseen: str = "") -> Path:
    """Every word with its label as UPOS, and the label in small letters as XPOS."""
    blocks = []
    for number, sentence in enumerate([*sentences, *([unseen] if unseen else [])]):
        rows = [f"# sent_id = {number}", "1-2\tboth\t" + "\t".join("_" * 8)]
        for place, word in enumerate(sentence.split(), start=1):
            upos = LEXICON.get(word, "ADJ")
            rows.append(f"{place}\t{word}\t_\t{upos}\t{upos.lower()}" + "\t_" * 5)
        blocks.append("\n".join(rows) + "\n\n")
    path.write_text("".join(blocks))
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "train": conllu(tmp_path / "train.conllu"),
        "dev": conllu(tmp_path / "dev.conllu", unseen="the big cat"),
        "chunks": chunks(tmp_path / "chunks.conll"),
    }


def chunks(path: Path) -> Path:
    """Column file of CoNLL-2000: a word, its part of speech and its chunk."""
    rows = ["the DET B-NP", "cat NOUN I-NP", "sees VERB B-VP", "it PRON B-NP", ". . O"]
    path.write_text(("\n".join(rows) + "\n\n") * 8)
    return path


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train", "evaluate", "predict"):
        module = "training" if name == "train" else "commands"
        monkeypatch.setitem(COMMANDS, f"tag {name}", Command(f"tasks.tagging.{module}:{name}_command"))


def test_commands(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    out, dev = str(tmp_path / "out"), str(files["dev"])
    data = ["--train", str(files["train"]), "--dev", dev, "--test", dev, "--out", out, "--column", "xpos"]
    with caplog.at_level("WARNING", logger="elmo_lite"):
        assert main(["tag", "train", *FLAGS.split(), *TRAINING.split(), *data]) == 0
    assert f"{dev}: labels missing from the training data count as errors: adj (1)" in caplog.messages
    shown = capsys.readouterr().out
    assert "dev   accuracy 97.44  macro-F1 " in shown and "  unseen words 0.00\ntest  accuracy 97.44" in shown

    assert main(["tag", "evaluate", out, dev]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["accuracy"] == pytest.approx(100 * 38 / 39) and scores["unseen_labels"] == {"adj": 1}
    assert (scores["unseen_accuracy"], scores["num_unseen_words"]) == (0, 1)
    assert scores["per_label"]["det"]["support"] == 13 and scores["confusion"]["labels"][0] == "adj"
    assert main(["tag", "evaluate", out, dev, "--column", "upos"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 0

    text = tmp_path / "in.txt"
    text.write_text("the cat sees it\n\n")
    assert main(["tag", "predict", out, str(text)]) == 0
    assert capsys.readouterr().out == "the/det cat/noun sees/verb it/pron\n\n"
    assert main(["tag", "predict", out, str(text), str(tmp_path / "p.tsv")]) == 0
    assert (tmp_path / "p.tsv").read_text() == "the\tdet\ncat\tnoun\nsees\tverb\nit\tpron\n\n\n"

    expected = files["train"].read_text()
    emptied = tmp_path / "emptied.conllu"
    emptied.write_text(expected.replace("\tdet\t", "\t_\t").replace("\tverb\t", "\t_\t"))
    assert main(["tag", "predict", out, str(emptied)]) == 0
    assert capsys.readouterr().out == expected
    assert main(["tag", "predict", out, str(emptied), str(tmp_path / "p.conllu")]) == 0
    assert (tmp_path / "p.conllu").read_text() == expected
    assert main(["tag", "predict", out, str(emptied), str(tmp_path / "p.txt"), "--probabilities"]) == 0
    assert (tmp_path / "p.txt").read_text().startswith("the/det(")


def test_spans_have_entity_scores(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, data = str(tmp_path / "out"), str(files["chunks"])
    assert main(["tag", "train", *FLAGS.split(), *TRAINING.split(), "--train", data, "--dev", data, "--out", out]) == 0
    assert "dev   F1 100.00  precision 100.00  recall 100.00\n" in capsys.readouterr().out
    tagger = Tagger.from_pretrained(out)
    assert (tagger.config.labels, tagger.config.output_layer, tagger.types) == ("spans", "crf", ["NP", "VP"])
    assert tagger.predict([["the", "cat", "sees"]]) == [["B-NP", "I-NP", "B-VP"]]
    assert main(["tag", "evaluate", out, data]) == 0
    assert json.loads(capsys.readouterr().out)["types"]["NP"]["support"] == 16
    (tmp_path / "in.txt").write_text("the cat sees\n")
    assert main(["tag", "predict", out, str(tmp_path / "in.txt")]) == 0
    assert capsys.readouterr().out == "[NP the cat] [VP sees]\n"


def test_from_data_in_memory(tmp_path: Path) -> None:
    data = [TaggedSentence(tuple(s.split()), tuple(LEXICON[word] for word in s.split())) for s in SENTENCES]
    facts = train(config(), iter(data), data, tmp_path / "out", progress=False)  # read but once
    assert facts["dev"]["accuracy"] == 100 and facts["dev"]["num_unseen_words"] == 0
    back = Tagger.from_pretrained(tmp_path / "out")
    assert back.predict([["the", "cat"]]) == [["DET", "NOUN"]]
    assert tasks.tagging.evaluate(back, tasks.tagging.read_tagged(data))["accuracy"] == 100


def test_a_crf_learns_labels_of_words(files: dict[str, Path], tmp_path: Path) -> None:
    settings = config(output_layer="crf", labels="tokens")
    facts = train(settings, files["chunks"], files["chunks"], tmp_path / "out", progress=False)
    assert facts["dev"]["accuracy"] == 100 and set(facts["dev"]["per_label"]) == {"B-NP", "I-NP", "B-VP", "O"}
    assert Tagger.from_pretrained(tmp_path / "out").model.crf is not None


def test_several_seeds_and_the_report(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = train(config(finetune=QUICK), files["train"], files["dev"], out, seeds=2, progress=False)
    assert set(facts["mean"]) >= {"dev.accuracy", "dev.macro_f1", "dev.unseen_accuracy", "dev.per_label.DET.f1"}
    page = make_report([out])[0]
    for text in ("words, by label", "By label, dev", "a word that the training data lack", "labels predicted"):
        assert text in page
    assert "accuracy of unseen words" in page and "entities" not in page
    journal = json.loads((out / "seed-0" / "training.json").read_text())
    assert journal["measure"] == "accuracy" and journal["command"].startswith("elmo-lite tag train ")
    assert "--labels tokens" in journal["command"]
    first = json.loads((out / "seed-0" / "predictions.jsonl").read_text().splitlines()[-1])
    assert [gold[:3] for gold in first["gold"]] == [[0, 1, "DET"], [1, 2, "ADJ"], [2, 3, "NOUN"]]
    assert first["gold"][1][3:] == [0.0, 0] and first["gold"][0][4] == 2 and first["unseen"] == [1]


def test_ten_thousand_labels(tmp_path: Path) -> None:
    path = tmp_path / "many.tsv"
    path.write_text("".join(f"w{number % 99}\tL{number}\n" + "\n" * (number % 20 == 0) for number in range(10_000)))
    facts = train(config(finetune=QUICK), path, path, tmp_path / "out", progress=False)
    assert facts["dev"]["words"] == 10_000
    assert "and 9,900 others" in (tmp_path / "out" / "README.md").read_text()
    assert len(Tagger.from_pretrained(tmp_path / "out").labels) == 10_000


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            "train --train {one} --dev {dev} --out {out}",
            "one.conll: expected two labels or more to learn from, found 'X'",
        ),
        ("train --train {empty} --dev {dev} --out {out}", "empty.conllu: expected one word per line, found none"),
        ("train --train {train} --dev {empty} --out {out}", "empty.conllu: expected one word per line, found none"),
        (
            "train --train {train} --dev {dev} --out {out} --column upso",
            "column: expected one of id, form, lemma, upos,",
        ),
        ("train --train {chunks} --dev {chunks} --out {out} --column 5", "column: expected 0..2 or negative for"),
        ("train --train {chunks} --dev {dev} --out {out}", "expected O or B-, I-, E- or S- and a type, found 'DET'"),
        (
            "train --train {train} --dev {dev} --out {out} --output_layer rnn",
            "output_layer: expected one of",
        ),
        ("train --train {binary} --dev {dev} --out {out}", "binary: expected text, found a PDF"),
        ("evaluate {out} {dev}", "expected the directory of a task model"),
        ("predict {out} {one} {out}.conllu", "out.conllu: expected CoNLL-U as INPUT, to fill a column of, found"),
        ("predict {out} {one} {out}.xlsx", "expected a name that ends in .txt,"),
    ],
)
def test_mistakes_are_one_line(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: str, message: str
) -> None:
    one, empty, binary = (tmp_path / name for name in ("one.conll", "empty.conllu", "binary"))
    one.write_text("a X\nb X\n")
    empty.write_text("")
    binary.write_bytes(b"%PDF-1.7\n\x80")
    names = {**files, "one": one, "empty": empty, "binary": binary, "out": tmp_path / "out"}
    assert main(["tag", *argv.format(**names).split()]) == 2
    output = capsys.readouterr()
    assert output.out == "" and message in output.err.splitlines()[-1]
    assert "Traceback" not in output.err

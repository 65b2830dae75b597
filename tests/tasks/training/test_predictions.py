"""What a task training leaves for its report: predictions on dev, the journal, the command that repeats it."""

import dataclasses
import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

import tasks.ner  # noqa: E402
import tasks.sentiment  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from elmo_lite.report.groups import group_tables  # noqa: E402
from elmo_lite.report.predictions import read_predictions  # noqa: E402
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, NerTagger, TaggedSentence  # noqa: E402
from tasks.sentiment import LabelledText, SentimentConfig  # noqa: E402
from tasks.training import predictions as written  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.predictions import PREDICTIONS, Seen, write_predictions  # noqa: E402

INPUTS = WordInputConfig(word_dim=8, char_filters=4, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=2, batch_size=4, precision="float32", device="cpu", pictures=False)
NER = NerConfig(lstm_dim=8, inputs=INPUTS, finetune=FINETUNE)
SENTIMENT = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
SENTENCES = [["Anna", "sleeps"], ["New", "York", "never", "sleeps"], ["nobody", "came"]] * 4
TAGS = [["B-PER", "O"], ["B-LOC", "I-LOC", "O", "O"], ["O", "O"]] * 4
DEV: Any = ([["York", "came"], ["Anna", "saw", "New", "York"]], [["B-ORG", "O"], ["B-PER", "O", "B-LOC", "I-LOC"]])
TEXTS = ["a good film", "so bad", "good !", "a bad one"] * 2
LABELS = ["positive", "negative"] * 4


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / PREDICTIONS).read_text(encoding="utf-8").splitlines()]


def test_of_a_tagger(tmp_path: Path) -> None:
    facts = tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    header, first, second = rows_of(tmp_path / "out")
    assert header == {"format_version": 1, "task": "ner", "part": "dev", "sentences": 2, "kept": 2}
    assert first["words"] == ["York", "came"] and first["unseen"] == [] and second["unseen"] == [1]
    assert first["gold"] == [[0, 1, "ORG", 0.0, 1]]  # the tagger has no such type; a known word, but no known entity
    assert [span[:3] + span[4:] for span in second["gold"]] == [[0, 1, "PER", 2], [2, 4, "LOC", 2]]
    tagged = NerTagger.from_pretrained(tmp_path / "out").tag(DEV[0])
    for row, found in zip((first, second), tagged, strict=True):
        assert [span[:3] for span in row["predicted"]] == [list(entity) for entity in found.decoded.entities]
        assert [span[3] for span in row["predicted"]] == [pytest.approx(s, abs=1e-4) for s in found.decoded.scores]
    gold = tagged[1].decoded.probabilities[0][NerTagger.from_pretrained(tmp_path / "out").labels.index("S-PER")]
    assert second["gold"][0][3] == pytest.approx(gold, abs=1e-4)
    found = read_predictions(tmp_path / "out")
    assert found is not None
    whole = group_tables(found)[0].rows[-1]
    measured = [None if cell is None else round(cell.percent, 6) for cell in whole[3:]]  # type: ignore[union-attr]
    expected = [round(facts["dev"][name], 6) for name in ("precision", "recall", "f1")]
    assert [cell or 0.0 for cell in measured] == expected


def test_of_a_classifier(tmp_path: Path) -> None:
    texts, labels = ["a good one", "an odd one"], ["positive", "negative"]
    facts = tasks.sentiment.train(SENTIMENT, (TEXTS, LABELS), (texts, labels), tmp_path / "out", progress=False)
    header, *rows = rows_of(tmp_path / "out")
    assert header["task"] == "sentiment" and rows[1]["unseen"] == [0, 1] and rows[0]["gold"][0] == "positive"
    predicted = tasks.sentiment.SentimentClassifier.from_pretrained(tmp_path / "out").predict(texts)
    for row, found, label in zip(rows, predicted, labels, strict=True):
        assert row["predicted"] == [found.label, pytest.approx(found.score, abs=1e-4)]
        assert row["gold"][1] == pytest.approx(found.probabilities[label], abs=1e-4)
    kept = read_predictions(tmp_path / "out")
    assert kept is not None
    assert group_tables(kept)[0].rows[-1][2].percent == pytest.approx(facts["dev"]["accuracy"])  # type: ignore[union-attr]


def test_they_are_no_part_of_the_saved_model(tmp_path: Path) -> None:
    tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    tagger = NerTagger.from_pretrained(tmp_path / "out")
    tagger.save(tmp_path / "copy")
    assert PREDICTIONS not in {path.name for path in (tmp_path / "copy").rglob("*")}
    (tmp_path / "out" / PREDICTIONS).unlink()
    assert NerTagger.from_pretrained(tmp_path / "out").tag(DEV[0])


def test_they_can_be_left_out_and_old_ones_go(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PREDICTIONS).write_text("of an earlier model")
    config = dataclasses.replace(NER, finetune=dataclasses.replace(FINETUNE, keep_predictions=False))
    tasks.ner.train(config, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / PREDICTIONS).exists()
    make_report([tmp_path / "out"])


def write(out: Path, examples: list[TaggedSentence]) -> list[dict[str, Any]]:
    answers = [{"line": number, "gold": [], "predicted": []} for number in range(len(examples))]
    write_predictions(out, "ner", examples, answers, Seen([["known"]], set()))
    return rows_of(out)


def test_their_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [TaggedSentence(("known", "unknown"), ("O", "O"))] * 10
    monkeypatch.setattr(written, "MAX_SENTENCES", 4)
    header, *rows = write(tmp_path, examples)
    assert header["sentences"] == 10 and [row["line"] for row in rows] == [0, 3, 6, 9]
    monkeypatch.setattr(written, "MAX_BYTES", 200)
    header, *rows = write(tmp_path, examples)
    assert header["kept"] == len(rows) == 2
    monkeypatch.setattr(written, "MAX_WORDS", 3)
    (_, row) = write(tmp_path, [TaggedSentence(("known",) * 5 + ("unknown",), ("O",) * 6)])
    assert row["words"] == ["known"] * 3 and row["unseen"] == [5]


def test_thousands_take_less_than_a_second(tmp_path: Path) -> None:
    examples = [TaggedSentence(("known", "unknown") * 10, ("O",) * 20)] * 3000
    answers = [{"line": 1, "gold": [[0, 2, "PER", 0.5]], "predicted": [[0, 1, "PER", 0.5]]}] * 3000
    begun = time.process_time()
    write_predictions(tmp_path, "ner", examples, answers, Seen([["known"]], set()))
    assert time.process_time() - begun < 1


def test_words_that_are_not_unicode(tmp_path: Path) -> None:
    example = LabelledText(("a\udc80b", "\u2028"), "x")
    answer = {"line": 1, "gold": ["x", 1.0], "predicted": ["x", 1.0]}
    write_predictions(tmp_path, "sentiment", [example], [answer], Seen([], ()))
    found = read_predictions(tmp_path)
    assert found is not None and found.rows[0].words == example.words


def test_a_full_disk_leaves_none(tmp_path: Path, small_files: Any) -> None:
    examples = [TaggedSentence(("word",) * 100, ("O",) * 100)] * 20
    with small_files(2000), pytest.raises(OSError, match=PREDICTIONS):
        write(tmp_path, examples)
    assert not list(tmp_path.iterdir())


# The journal


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for part, (sentences, tags) in {"train": (SENTENCES, TAGS), "dev": DEV}.items():
        pairs = [zip(*row, strict=True) for row in zip(sentences, tags, strict=True)]
        blocks = ["".join(f"{word}\t{tag}\n" for word, tag in pair) for pair in pairs]
        found[part] = tmp_path / f"{part}.conll"
        found[part].write_text("\n".join(blocks))
    return found


def test_the_command_repeats_the_run(files: dict[str, Path], tmp_path: Path) -> None:
    tasks.ner.train(NER, files["train"], files["dev"], tmp_path / "out", progress=False)
    journal = json.loads((tmp_path / "out" / "training.json").read_text())
    assert journal["complete"] and journal["measure"] == "F1"
    assert journal["data"]["train"] == {"name": str(files["train"]), "sentences": 12, "words": 32}
    argv = shlex.split(journal["command"])
    assert argv[:3] == ["elmo-lite", "ner", "train"] and argv[-2:] == ["--out", str(tmp_path / "out")]
    weights = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert main([*argv[1:], "--overwrite", "--quiet"]) == 0
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights


def test_data_in_memory_have_no_command(tmp_path: Path) -> None:
    tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    journal = json.loads((tmp_path / "out" / "training.json").read_text())
    assert journal["command"] is None and journal["data"]["dev"] == {"name": None, "sentences": 2, "words": 6}
    assert "No command: the data were in memory" in make_report([tmp_path / "out"])[0]


def test_a_training_is_shown_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []

    def look(*_: Any) -> None:
        pages.append(make_report([tmp_path / "out"])[0])
        raise RuntimeError("as if killed")

    start = "tasks.training.loop.Progress.start_epoch"
    monkeypatch.setattr(start, lambda self, epoch, _: look() if epoch == 2 else None)
    with pytest.raises(RuntimeError, match="as if killed"):
        tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    assert "in progress, 1 epoch" in pages[0]
    assert "unfinished, 1 epoch" in make_report([tmp_path / "out"])[0]


def test_a_journal_that_cannot_be_written_stops_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = []

    def write_json(path: Path, content: Any, *_: Any, **__: Any) -> None:
        written.append(content)
        if len(written) > 1:
            raise OSError(28, "No space left on device", str(path))
        path.parent.mkdir()

    monkeypatch.setattr("tasks.training.journal.write_json", write_json)
    facts = tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", progress=False)
    assert facts["num_epochs"] == 2 and len(written) == 4
    assert f"{tmp_path / 'out' / 'training.json'}: is not up to date (No space left on device)" in caplog.messages


def test_the_end_of_a_training_names_the_report(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my out"
    argv = ["--train", files["train"], "--dev", files["dev"], "--out", out, "--max_epochs", 1, "--quiet"]
    assert main(["ner", "train", *map(str, argv)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"next  elmo-lite report '{out}'"
    assert main([*shlex.split(last)[2:], "--out", str(tmp_path / "page.html")]) == 0


def test_several_seeds(tmp_path: Path) -> None:
    tasks.ner.train(NER, (SENTENCES, TAGS), DEV, tmp_path / "out", seeds=2, progress=False)
    page, number = make_report([tmp_path / "out"])
    assert number == 2 and "out: 2 seeds" in page and "finetune.seed" in page

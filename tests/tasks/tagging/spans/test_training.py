"""Training and scoring on texts with spans of characters, at the command line and from Python."""

import json
from pathlib import Path

import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

from elmo_lite.cli.main import main  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, NerTagger, train  # noqa: E402
from tasks.tagging import TaggerConfig  # noqa: E402
from tasks.tagging import train as train_tagger  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

NAMES = {"PER": ["Anna", "Bob Ray", "Carla"], "LOC": ["Rome", "New York City", "Oslo"]}
FAST = FinetuneConfig(max_epochs=20, batch_size=4, learning_rate=0.02, patience=20, pictures=False, device="cpu")
INPUTS = WordInputConfig(word_dim=8, char_filters=4, dropout=0.0, unknown_rate=0.0)
CONFIG = NerConfig(lstm_dim=8, dropout=0.0, inputs=INPUTS, finetune=FAST)


def rows() -> list[dict[str, object]]:
    """Two sentences a text, with an emoji in front and the line end of Windows between."""
    found = []
    for person, place in zip(NAMES["PER"], NAMES["LOC"], strict=True):
        text = f"👍 {person} lives in {place}.\r\nNobody came."
        spans = [
            [text.index(name), text.index(name) + len(name), kind] for name, kind in ((person, "PER"), (place, "LOC"))
        ]
        found += [{"text": text, "label": spans}] * 4
    return found


def test_from_training_to_the_tool_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "train.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    facts = train(CONFIG, source, source, out, progress=False)
    assert facts["dev"]["f1"] == 100
    tagger = NerTagger.from_pretrained(out)
    assert tagger.evaluate(source)["f1"] == 100
    texts = [str(row["text"]) for row in rows()]
    found = [[[span.start, span.end, span.type] for span in spans] for spans in tagger.predict_texts(texts)]
    assert found == [row["label"] for row in rows()]
    assert main(["ner", "evaluate", str(out), str(source)]) == 0
    assert json.loads(capsys.readouterr().out)["f1"] == 100
    assert main(["ner", "predict", str(out), str(source), str(tmp_path / "found.jsonl")]) == 0
    assert [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()] == rows()
    assert main(["ner", "predict", str(out), str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl: expected a file, found nothing there" in capsys.readouterr().err


def test_without_dev_whole_texts_are_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = tmp_path / "train.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    quick = FinetuneConfig(max_epochs=1, pictures=False, device="cpu")
    with caplog.at_level("INFO", logger="elmo_lite"):
        train(NerConfig(lstm_dim=4, inputs=INPUTS, finetune=quick), source, None, tmp_path / "out", progress=False)
    assert "of 12 documents whole" in caplog.text
    assert caplog.text.count("read as JSON lines, doccano") == 1


def test_tag_detects_spans(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    quick = FinetuneConfig(max_epochs=1, pictures=False, device="cpu")
    config = TaggerConfig(lstm_dim=4, inputs=INPUTS, finetune=quick)
    facts = train_tagger(config, source, source, tmp_path / "out", progress=False)
    assert "f1" in facts["dev"]

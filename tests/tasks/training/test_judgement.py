"""What a result says beside its scores: unseen words, known entities, worst sentences; at the command line too."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

import tasks.ner  # noqa: E402
import tasks.sentiment  # noqa: E402
from elmo_lite import CheckpointError, ConfigError  # noqa: E402
from elmo_lite.report import error_lines, error_page, knowledge_scores, prediction_of  # noqa: E402
from elmo_lite.saved_model import write_tensors  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, NerTagger  # noqa: E402
from tasks.ner.commands import evaluate_command as evaluate_tagger  # noqa: E402
from tasks.ner.training import Ner  # noqa: E402
from tasks.sentiment import SentimentClassifier, SentimentConfig  # noqa: E402
from tasks.sentiment.commands import evaluate_command as evaluate_classifier  # noqa: E402
from tasks.sentiment.training import Sentiment  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.judgement import judge  # noqa: E402
from tasks.training.predictions import row_of  # noqa: E402
from tasks.training.seen import SEEN, Seen  # noqa: E402

INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=1, batch_size=4, precision="float32", device="cpu", pictures=False)
NER = NerConfig(lstm_dim=4, inputs=INPUTS, finetune=FINETUNE)
SENTIMENT = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
TRAIN: Any = (
    [["Anna", "sleeps"], ["New", "York", "never", "sleeps"], ["nobody", "came"]],
    [["B-PER", "O"], ["B-LOC", "I-LOC", "O", "O"], ["O", "O"]],
)
DEV: Any = ([["York", "came"], ["Anna", "saw", "Oslo"]], [["B-LOC", "O"], ["B-PER", "O", "B-LOC"]])
TEXTS: Any = (["a good film", "so bad"], ["good", "bad"])


def test_seen_comes_back(tmp_path: Path) -> None:
    seen = Seen([["New", "York"], ["Anna", "a\udc80"]], {("New", "York"), ("Anna",)})
    seen.save(tmp_path)
    again = Seen.load(tmp_path)
    assert again is not None and (tmp_path / SEEN).stat().st_size < 300
    assert b"York" not in (tmp_path / SEEN).read_bytes()
    for found in (seen, again):
        assert found.has_word("York") and found.has_word("a\udc80") and not found.has_word("york")
        assert [found.how_known(name) for name in (("New", "York"), ("York",), ("New", "Oslo"))] == [2, 1, 0]
    assert Seen.load(tmp_path / "elsewhere") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / SEEN).write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=f"{SEEN}: expected safetensors"):
        Seen.load(tmp_path)
    Seen((), ()).save(tmp_path)
    write_tensors(tmp_path / SEEN, {})
    with pytest.raises(CheckpointError, match=f"{SEEN}: expected hashes of words and names, found none"):
        Seen.load(tmp_path)


SEEN_WORDS = Seen([["Anna", "saw", "New", "York"]], {("New", "York")})


def rows(*answers: tuple[str, Any, Any]) -> list[Any]:
    return [
        prediction_of(row_of(words.split(), {"line": 1, "gold": gold, "predicted": found}, SEEN_WORDS))
        for words, gold, found in answers
    ]


def test_scores_of_seen_and_unseen_entities() -> None:
    found = knowledge_scores(
        rows(
            ("Anna saw New York", [[0, 1, "PER", 0.9], [2, 4, "LOC", 0.9]], [[2, 4, "LOC", 0.9]]),
            ("Oslo saw New York", [[0, 1, "LOC", 0.9], [2, 4, "LOC", 0.9]], [[0, 1, "PER", 0.6], [2, 4, "ORG", 0.9]]),
        )
    )
    assert found == {
        "seen_entities": {"support": 2, "precision": 50.0, "recall": 50.0, "f1": 50.0},
        "new_of_known_words": {"support": 1, "precision": None, "recall": 0.0, "f1": 0.0},
        "with_unseen_word": {"support": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0},
    }


def test_scores_of_texts_with_unseen_words() -> None:
    found = knowledge_scores(
        rows(("Anna saw", ["a", 0.8], ["a", 0.8]), ("she saw", ["a", 0.1], ["b", 0.9]), ("he saw", ["b", 1], ["b", 1]))
    )
    assert found == {
        "all_words_seen": {"support": 1, "accuracy": 100.0},
        "with_unseen_words": {"support": 2, "accuracy": 50.0},
    }


def test_the_worst_sentences() -> None:
    found = rows(
        ("Anna saw", [[0, 1, "PER", 0.2]], []),  # missed: 0.8 sure
        ("New York", [[0, 2, "LOC", 0.9]], [[0, 2, "LOC", 0.9]]),  # right
        ("saw <b>York</b>", [], [[1, 2, "LOC", 0.95]]),
        *[("Anna saw", [], [[0, 1, "PER", 0.5]])] * 20,
    )
    lines = [json.loads(line) for line in error_lines(found).splitlines()]
    assert len(lines) == 10 and [line["doubt"] for line in lines[:3]] == [0.05, 0.2, 0.5]
    assert lines[0]["words"] == ["saw", "<b>York</b>"] and lines[0]["unseen"] == [1]
    assert lines[0]["predicted"] == [{"start": 1, "end": 2, "type": "LOC", "text": "<b>York</b>", "probability": 0.95}]
    page = error_page(found, "<script>alert(1)</script>", "dev")
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;York&lt;/b&gt;" in page
    assert (
        "Worst sentences on dev" in page
        and "22 of 23 sentences are wrong; the 10 of which the model was surest" in page
    )
    assert "doubt 0.05" in page and "http" not in page.replace("http-equiv", "")
    assert "no sentence is wrong" in error_page(found[1:2], "x", "dev") and error_lines(found[1:2]) == ""


def test_of_a_label_for_each_word_the_wrong_ones_are_shown() -> None:
    gold = [[0, 1, "NOUN", 0.9], [1, 2, "VERB", 0.1]]
    found = rows(("Anna saw", gold, [gold[0], [1, 2, "NOUN", 0.9]]))
    page = error_page(found, "x", "dev")
    assert "VERB “saw”" in page and "NOUN “saw”" in page and "NOUN “Anna”" not in page


def test_after_a_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="elmo_lite"):
        facts = tasks.ner.train(NER, TRAIN, DEV, tmp_path / "out", test=TRAIN, progress=False)
    assert caplog.messages[0].endswith("classes: LOC, PER; words unseen in training: dev 40.0 %, test 0.0 %")
    assert facts["dev"]["unseen_words"] == 40 and facts["test"]["unseen_words"] == 0
    assert facts["dev"]["known"]["new_of_known_words"]["support"] == 1
    assert facts["dev"]["known"]["seen_entities"]["support"] == 1
    assert set(facts["dev"]["interval"]) == {"low", "high", "level"}
    lines = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert {" ".join(line["words"]) for line in lines} == {"York came", "Anna saw Oslo"}
    assert "Worst sentences on dev" in (tmp_path / "out" / "errors.html").read_text()


@pytest.mark.parametrize("task", ["ner", "sentiment"])
def test_what_evaluate_lacks_is_computed_from_the_answers(task: str, tmp_path: Path, monkeypatch: Any) -> None:
    chosen: Any = Ner() if task == "ner" else Sentiment(SENTIMENT)
    if task == "ner":
        tasks.ner.train(NER, TRAIN, TRAIN, tmp_path, progress=False)
        data: Any = tasks.ner.read_tagged(TRAIN)
    else:
        tasks.sentiment.train(SENTIMENT, TEXTS, TEXTS, tmp_path, progress=False)
        data = tasks.sentiment.read_labelled(TEXTS, SENTIMENT.data, str.split)
    model = chosen.load(tmp_path, "cpu")
    scores, predicted = chosen.evaluate(model, data)
    bare = {key: value for key, value in scores.items() if key not in ("interval", "calibration")}
    monkeypatch.setattr(type(chosen), "evaluate", lambda *_: (bare, predicted))
    found = judge(chosen, model, data, None)[0]
    assert found["interval"] == scores["interval"]
    errors = [each["calibration"] and each["calibration"]["error"] for each in (found, scores)]
    assert errors[0] == (errors[1] and pytest.approx(errors[1], abs=0.01))


def test_answers_that_cannot_be_kept(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(Sentiment, "has_answers", property(lambda _: False, lambda *_: None), raising=False)
    facts = tasks.sentiment.train(SENTIMENT, TEXTS, TEXTS, tmp_path, progress=False)
    assert "known" not in facts["dev"] and not list(tmp_path.glob("*.jsonl"))


def test_text_is_not_kept_where_predictions_are_not(tmp_path: Path) -> None:
    tasks.ner.train(NER, TRAIN, DEV, tmp_path / "out", progress=False)
    config = NerConfig(lstm_dim=4, inputs=INPUTS, finetune=FinetuneConfig(max_epochs=1, keep_predictions=False))
    tasks.ner.train(config, TRAIN, DEV, tmp_path / "out", progress=False, overwrite=True)
    assert not list((tmp_path / "out").glob("errors.*")) and (tmp_path / "out" / SEEN).exists()


@pytest.mark.parametrize("task", ["ner", "sentiment"])
def test_evaluate(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: Any) -> None:
    out, data, errors = tmp_path / "out", tmp_path / "data.tsv", tmp_path / "errors"
    evaluate: Any
    if task == "ner":
        tasks.ner.train(NER, TRAIN, TRAIN, out, progress=False)
        data.write_text("York\tB-LOC\ncame\tO\n\nOslo\tB-LOC\nsleeps\tO\n")
        evaluate = evaluate_tagger
    else:
        tasks.sentiment.train(SENTIMENT, TEXTS, TEXTS, out, progress=False)
        data.write_text("text\tlabel\na good one\tgood\nso so\tbad\nunheard\tbad\n")
        evaluate = evaluate_classifier
    with caplog.at_level("INFO", logger="elmo_lite"):
        evaluate(str(out), str(data), errors=str(errors))
    scores = json.loads(capsys.readouterr().out)
    share = {"ner": 100 / 4, "sentiment": 100 * 2 / 6}[task]
    assert scores["unseen_words"] == pytest.approx(share)
    assert f"{data}: {share:.1f} % of the words unseen in training" in caplog.messages
    assert sum(group["support"] for group in scores["known"].values()) == {"ner": 2, "sentiment": 3}[task]
    assert f"Worst sentences on {data}" in (errors / "errors.html").read_text()
    assert (errors / "errors.jsonl").exists()
    (out / SEEN).unlink()  # as of a model of an earlier version
    evaluate(str(out), str(data))
    assert not {"unseen_words", "known"} & set(json.loads(capsys.readouterr().out))
    with pytest.raises(ConfigError, match=r"data.tsv: expected a directory to write errors to, found a file"):
        evaluate(str(out), str(data), errors=str(data))


def test_models_are_the_same_without_it(tmp_path: Path) -> None:
    tasks.ner.train(NER, TRAIN, DEV, tmp_path / "out", progress=False)
    NerTagger.from_pretrained(tmp_path / "out").save(tmp_path / "copy")
    assert not (tmp_path / "copy" / SEEN).exists()
    assert NerTagger.from_pretrained(tmp_path / "copy").evaluate(DEV)["f1"] >= 0
    tasks.sentiment.train(SENTIMENT, TEXTS, TEXTS, tmp_path / "texts", progress=False)
    assert "interval" in SentimentClassifier.from_pretrained(tmp_path / "texts").evaluate(TEXTS)

"""One training for all tasks: data in memory, what makes a seed the same, what is left behind."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

import tasks.ner  # noqa: E402
import tasks.sentiment  # noqa: E402
from elmo_lite import ConfigError, CorpusError  # noqa: E402
from elmo_lite.locks import hold  # noqa: E402
from elmo_lite.stopping import Stopped  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, TaggedSentence  # noqa: E402
from tasks.sentiment import LabelledText, SentimentConfig  # noqa: E402
from tasks.training import train_task  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.seeds import SEED_FILE  # noqa: E402

INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=1, batch_size=4, precision="float32", device="cpu", pictures=False)
NER = NerConfig(lstm_dim=4, inputs=INPUTS, finetune=FINETUNE)
SENTIMENT = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
SENTENCES = [["Anna", "sleeps"], ["New", "York", "never", "sleeps"], ["nobody", "came"]] * 3
TAGS = [["B-PER", "O"], ["B-LOC", "I-LOC", "O", "O"], ["O", "O"]] * 3
TEXTS = ["a good film", "so bad", "good !", "a bad one"] * 2
LABELS = ["positive", "negative"] * 4


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    path = tmp_path / "data.conll"
    blocks = ["".join(f"{w}\t{t}\n" for w, t in zip(*row, strict=True)) for row in zip(SENTENCES, TAGS, strict=True)]
    path.write_text("\n".join(blocks))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{t}\t{label}\n" for t, label in zip(TEXTS, LABELS, strict=True)))
    return path


def weights(directory: Path) -> bytes:
    return (directory / "model.safetensors").read_bytes()


def ner_sources() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"tokens": SENTENCES, "ner_tags": TAGS})
    return {
        "lists": (SENTENCES, TAGS),
        "arrays": (list(map(np.array, SENTENCES)), np.array(TAGS, dtype=object)),
        "columns of a DataFrame": (frame["tokens"], frame["ner_tags"]),
        "examples": [TaggedSentence(tuple(w), tuple(t)) for w, t in zip(SENTENCES, TAGS, strict=True)],
        "what was read": tasks.ner.read_tagged((SENTENCES, TAGS)),
    }


@pytest.mark.parametrize("kind", ["lists", "arrays", "columns of a DataFrame", "examples", "what was read"])
def test_a_tagger_from_memory_is_the_tagger_from_a_file(kind: str, columns: Path, tmp_path: Path) -> None:
    source = ner_sources()[kind]
    facts = tasks.ner.train(NER, columns, columns, tmp_path / "file", test=columns, progress=False)
    found = tasks.ner.train(NER, source, source, tmp_path / "memory", test=source, progress=False)
    assert weights(tmp_path / "file") == weights(tmp_path / "memory")
    assert found["test"]["f1"] == facts["test"]["f1"] and found["test"]["confusion"] == facts["test"]["confusion"]


def sentiment_sources() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": TEXTS, "label": LABELS})
    return {
        "lists": (TEXTS, LABELS),
        "words": ([tuple(text.split()) for text in TEXTS], LABELS),
        "arrays": (np.array(TEXTS), np.array(LABELS)),
        "columns of a DataFrame": (frame["text"], frame["label"]),
        "examples": [LabelledText(tuple(t.split()), label) for t, label in zip(TEXTS, LABELS, strict=True)],
    }


@pytest.mark.parametrize("kind", ["lists", "words", "arrays", "columns of a DataFrame", "examples"])
def test_a_classifier_from_memory_is_the_classifier_from_a_file(kind: str, table: Path, tmp_path: Path) -> None:
    source = sentiment_sources()[kind]
    tasks.sentiment.train(SENTIMENT, table, table, tmp_path / "file", progress=False)
    tasks.sentiment.train(SENTIMENT, source, source, tmp_path / "memory", progress=False)
    assert weights(tmp_path / "file") == weights(tmp_path / "memory")


def test_labels_may_be_numbers() -> None:
    given = (np.array(["good", "bad"]), np.array([1, 0]))
    assert [example.label for example in tasks.sentiment.read_labelled(given, SENTIMENT.data, str.split)] == ["1", "0"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (([["a"], ["b"]], [["O"]]), "dev: expected tags for each of 2 sentences, found 1"),
        (([["a"], ["b", "c"]], [["O"], ["O"]]), "dev, sentence 2: expected one tag for each of 2 words, found 1"),
        (([["a"], []], [["O"], []]), "dev, sentence 2: expected a sentence with words, found none"),
        ((["a b"], [["O", "O"]]), "dev, sentence 1: expected a list of words, found 'a b'"),
        (([["a"]], ["O"]), "dev, sentence 1: expected a list of tags, found 'O'"),
        (([["a"]], [["PER"]]), "dev, sentence 1: expected O or B-, I-, E- or S- and a type, found 'PER'"),
        (([["a"]], None), "dev, tags: expected a sequence, found NoneType"),
        (([["a", 3]], [["O", "O"]]), "dev, sentence 1: expected words that are not empty, found 3"),
        (([], []), "dev: expected labelled sentences, found none"),
        (3, "dev: expected a path, a pair (sentences, tags) or a list of TaggedSentence, found int"),
        (SENTENCES, "or a list of TaggedSentence, found list of list"),
    ],
)
def test_tagged_data_that_cannot_be_used(source: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        tasks.ner.train(NER, (SENTENCES, TAGS), source, tmp_path / "out", progress=False)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((["a", "b"], ["positive"]), "dev: expected labels for each of 2 texts, found 1"),
        ((["a", 3], ["positive"] * 2), "dev, text 2: expected text or a list of words, found int"),
        ((["a"], [float("nan")]), "dev, text 1: expected a label (text or a whole number), found nan"),
        ((["a"], ["neutral"]), "dev, text 1: expected a label of the training data (negative, positive), found 'neut"),
        ([LabelledText((), "positive")], "dev, text 1: expected words and a label, found LabelledText("),
        (("a", "b"), "dev, texts: expected a sequence, found str"),
        (TEXTS, "expected a path, a pair (texts, labels) or a list of LabelledText, found list of str"),
    ],
)
def test_labelled_data_that_cannot_be_used(source: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        tasks.sentiment.train(SENTIMENT, (TEXTS, LABELS), source, tmp_path / "out", progress=False)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


# Seeds


def with_finetune(config: Any, **changes: Any) -> Any:
    return dataclasses.replace(config, finetune=dataclasses.replace(config.finetune, **changes))


def test_a_seed_is_the_same_wherever_its_files_are(
    columns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    found = tasks.ner.train(NER, columns, columns, out, seeds=2, progress=False)
    assert "stop_signal" not in found["mean"]
    monkeypatch.setattr(train_task, "finetune", None)  # nothing is trained again
    changed = with_finetune(
        NER, cache="off", cache_dir=str(tmp_path), pictures=True, device="auto", seed=7, keep_predictions=False
    )
    moved = columns.rename(tmp_path / "moved.conll")
    for source in (moved, (SENTENCES, TAGS)):
        assert tasks.ner.train(changed, source, source, out, seeds=2, progress=False) == found


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lstm_dim": 5}, "lstm_dim"),
        ({"finetune": dataclasses.replace(FINETUNE, learning_rate=0.5)}, "finetune.learning_rate"),
        ({"finetune": dataclasses.replace(FINETUNE, precision="bfloat16")}, "finetune.precision"),
        ({"finetune": dataclasses.replace(FINETUNE, calibrate=False)}, "finetune.calibrate"),
    ],
)
def test_a_seed_with_other_settings_is_another(changes: Any, named: str, columns: Path, tmp_path: Path) -> None:
    tasks.ner.train(NER, columns, columns, tmp_path / "out", seeds=2, progress=False)
    with pytest.raises(ConfigError, match=f"found others in {named};"):
        changed = dataclasses.replace(NER, **changes)
        tasks.ner.train(changed, columns, columns, tmp_path / "out", seeds=2, progress=False)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_a_seed_with_other_data_is_another(part: str, columns: Path, tmp_path: Path) -> None:
    sources: dict[str, Any] = {"train": columns, "dev": columns, "test": columns}
    tasks.ner.train(NER, **sources, out=tmp_path / "out", seeds=2, progress=False)
    sources[part] = (SENTENCES[1:], TAGS[1:])
    with pytest.raises(ConfigError, match=f"found others in {part}_hash;"):
        tasks.ner.train(NER, **sources, out=tmp_path / "out", seeds=2, progress=False)


def test_other_word_vectors_of_the_same_name_are_noticed(columns: Path, tmp_path: Path) -> None:
    configs = []
    for folder, number in (("a", 1), ("b", 2), ("c", 1)):
        path = tmp_path / folder / "wiki.vec"
        path.parent.mkdir()
        path.write_text(f"Anna {number} 0\nsleeps 0 1\n")
        configs.append(dataclasses.replace(NER, words=str(path)))
    first = tasks.ner.train(configs[0], columns, columns, tmp_path / "out", seeds=2, progress=False)
    with pytest.raises(ConfigError, match="found others in words_hash;"):
        tasks.ner.train(configs[1], columns, columns, tmp_path / "out", seeds=2, progress=False)
    assert tasks.ner.train(configs[2], columns, columns, tmp_path / "out", seeds=2, progress=False) == first
    absent = dataclasses.replace(NER, words=str(tmp_path / "absent.vec"))
    with pytest.raises(CorpusError, match=r"absent.vec: expected word vectors, found No such file"):
        tasks.ner.train(absent, columns, columns, tmp_path / "other", seeds=2, progress=False)


def test_seeds_of_an_older_version_are_named(columns: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "seed-0" / SEED_FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"settings": {"config": {}, "data": "0" * 64}, "scores": {"dev": {}}}))
    with pytest.raises(ConfigError, match="seed.json: expected a run of this version, found one of an older version"):
        tasks.ner.train(NER, columns, columns, tmp_path / "out", seeds=2, progress=False)


# Around the training


@pytest.mark.parametrize(("package", "config"), [("seqeval", NER), ("sklearn", SENTIMENT)])
def test_a_missing_package_is_found_before_the_training(
    package: str, config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("elmo_lite.extras.import_module", missing)
    module: Any = tasks.ner if config is NER else tasks.sentiment
    expected = "^ner train: expected seqeval" if config is NER else "^sentiment train: expected scikit-learn"
    with pytest.raises(ModuleNotFoundError, match=expected) as error:
        module.train(config, "absent", "absent", tmp_path / "out")
    assert error.value.name == package
    with pytest.raises(ConfigError, match="seeds: expected 1 or more, found 0"):
        module.train(config, "absent", "absent", tmp_path / "out", seeds=0)


def test_pictures_have_the_same_names_for_all_tasks(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tagged: Any = (SENTENCES, TAGS)
    labelled: Any = (TEXTS, LABELS)
    ner, sentiment = (with_finetune(config, pictures=True) for config in (NER, SENTIMENT))
    tasks.ner.train(ner, tagged, tagged, tmp_path / "ner", test=tagged, progress=False)
    tasks.sentiment.train(sentiment, labelled, labelled, tmp_path / "sentiment", test=labelled, progress=False)
    for task in ("ner", "sentiment"):
        pictures = {path.name for path in (tmp_path / task).glob("*.png")}
        of_parts = {f"{kind}-{part}.png" for kind in ("confusion", "reliability") for part in ("dev", "test")}
        assert pictures == {"learning_curve.png", *of_parts}


def test_nothing_is_shown_where_no_progress_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled: Any = (TEXTS, LABELS)
    facts = tasks.sentiment.train(SENTIMENT, labelled, labelled, tmp_path / "out", progress=False)
    assert facts["num_epochs"] == 1
    output = capsys.readouterr()
    assert output.out == output.err == ""


@pytest.mark.gpu
def test_scores_are_computed_where_the_model_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    judge = tasks.ner.NerTagger.judge
    monkeypatch.setattr(
        tasks.ner.NerTagger, "judge", lambda tagger, data: (seen.append(tagger.device.type), judge(tagger, data))[1]
    )
    tagged: Any = (SENTENCES, TAGS)
    tasks.ner.train(with_finetune(NER, device="auto"), tagged, tagged, tmp_path / "out", test=tagged, progress=False)
    assert seen == ["cuda", "cuda"]


# What is saved before it is scored


@pytest.mark.parametrize(
    ("error", "expected", "status"),
    [(KeyboardInterrupt(), Stopped, 130), (Stopped("terminated", 15), Stopped, 143), (OSError("full"), OSError, None)],
    ids=["Ctrl-C", "SIGTERM", "failure"],
)
@pytest.mark.parametrize("where", ["scoring", "drawing"])
def test_a_model_is_saved_before_it_is_scored(
    where: str,
    error: BaseException,
    expected: type[BaseException],
    status: int | None,
    columns: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise error

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    tasks.ner.train(NER, columns, columns, whole, progress=False)
    config = NER
    if where == "scoring":
        monkeypatch.setattr("tasks.ner.training.Ner.evaluate", stop)
    else:
        config = with_finetune(NER, pictures=True)
        monkeypatch.setattr("tasks.training.pictures.draw_training", stop)
    with pytest.raises(expected) as stopped:
        tasks.ner.train(config, columns, columns, cut, progress=False)
    if isinstance(stopped.value, Stopped):
        assert stopped.value.exit_status == status
        assert str(stopped.value) == f"stopped before all scores were written; the model of epoch 1 is in {cut}"
    assert weights(cut) == weights(whole)
    assert tasks.ner.NerTagger.from_pretrained(cut).predict([SENTENCES[0]])
    assert json.loads((cut / "config.json").read_text())["metrics"] == {}
    assert json.loads((whole / "config.json").read_text())["metrics"]["dev"]["sentences"] == 9
    assert "## Scores" in (whole / "README.md").read_text() and "## Scores" not in (cut / "README.md").read_text()


def test_two_trainings_exclude_each_other(columns: Path, tmp_path: Path) -> None:
    with hold(tmp_path / "out"), pytest.raises(ConfigError, match="out: expected an output directory for itself"):
        tasks.ner.train(NER, columns, columns, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_the_same_file_in_two_parts_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, link = tmp_path / "a.conll", tmp_path / "b.conll"
    path.write_text("Anna B-PER\nworks O\n\nBob B-PER\n")
    link.symlink_to(path)
    with caplog.at_level("WARNING", logger="elmo_lite"):
        tasks.ner.train(NER, path, link, tmp_path / "out", progress=False)
    assert f"{link}: is the file of train too, so dev scores tell nothing about new text" in caplog.messages

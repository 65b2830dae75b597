"""The temperature of a model: fitted on dev, kept with the model, in every probability, without another prediction."""

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

pytest.importorskip("seqeval")
pytest.importorskip("sklearn")

import tasks.ner  # noqa: E402
import tasks.sentiment  # noqa: E402
from elmo_lite import CheckpointError, ConfigError  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from elmo_lite.metadata import read_json, write_json  # noqa: E402
from tasks.inputs.batch import collate  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.ner import NerConfig, NerTagger  # noqa: E402
from tasks.saved_task.directory import save_scores  # noqa: E402
from tasks.saved_task.scores import reliability  # noqa: E402
from tasks.sentiment import SentimentClassifier, SentimentConfig  # noqa: E402
from tasks.training.calibration import draw_reliability, fit_scales  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0, unknown_rate=0.0)
FINETUNE = FinetuneConfig(
    max_epochs=3, batch_size=4, learning_rate=0.05, precision="float32", device="cpu", pictures=False
)
LONGER = dataclasses.replace(FINETUNE, max_epochs=12, patience=12)
NER = NerConfig(lstm_dim=8, dropout=0.0, inputs=INPUTS, finetune=LONGER)
SENTIMENT = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
TRAIN: Any = (
    [["Anna", "sleeps"], ["New", "York", "never", "sleeps"], ["nobody", "came"]] * 4,
    [["B-PER", "O"], ["B-LOC", "I-LOC", "O", "O"], ["O", "O"]] * 4,
)
DEV: Any = (TRAIN[0][:3] + [["Anna", "saw", "Oslo"], ["Acme"]], TRAIN[1][:3] + [["B-PER", "O", "B-LOC"], ["B-ORG"]])
TEXTS: Any = (["a good film", "so bad", "good !", "a bad one"] * 3, ["good", "bad"] * 6)
NOISY: Any = (["a good film", "so bad", "good !", "a bad one"] * 3, ["good", "bad", "bad", "good"] * 3)


@pytest.fixture(scope="module")
def tagger_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A tagger, and its scores."""
    out = tmp_path_factory.mktemp("tagger") / "out"
    config = dataclasses.replace(NER, finetune=dataclasses.replace(LONGER, pictures=True))
    return out, tasks.ner.train(config, TRAIN, DEV, out, test=DEV, progress=False)


@pytest.fixture(scope="module")
def classifier_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A classifier of which half of dev is wrong, and its scores."""
    out = tmp_path_factory.mktemp("classifier") / "out"
    return out, tasks.sentiment.train(SENTIMENT, TEXTS, NOISY, out, progress=False)


class Words:
    def __init__(self, number: int) -> None:
        self.words = [str(number)]


class Overconfident:
    """Logits that are three times those of the distribution that labels are drawn from."""

    labels = ["a", "b", "c"]
    scales: ClassVar = {"temperature": 1.0}

    def __init__(self, num: int) -> None:
        self.logits = torch.randn(num, 3, generator=torch.Generator().manual_seed(0))
        self.drawn = torch.multinomial(self.logits.softmax(-1), 1, generator=torch.Generator().manual_seed(1))[:, 0]

    def evidence(self, batch: Any) -> torch.Tensor:
        return 3 * self.logits[[int(words[0]) for words in batch.words]]

    def log_likelihood(self, scores: torch.Tensor, batch: Any, temperature: float) -> torch.Tensor:
        return -torch.nn.functional.cross_entropy(scores / temperature, batch.targets, reduction="none")


def fit(model: Any, examples: list[Any]) -> Any:
    def make_batch(some: Any) -> Any:
        return collate([e.words for e in some], [int(model.drawn[int(e.words[0])]) for e in some])

    return fit_scales(model, examples, make_batch, torch.device("cpu"))


def test_the_temperature_is_found() -> None:
    fitted = fit(Overconfident(2000), [Words(number) for number in range(2000)])
    assert fitted.temperature == pytest.approx(3, rel=0.1) and fitted.nll_after < fitted.nll_before


def test_few_sentences_without_an_error_do_not_make_it_certain() -> None:
    model = Overconfident(5)
    model.drawn = model.logits.argmax(-1)
    assert 0.3 < fit(model, [Words(number) for number in range(5)]).temperature < 1


def test_the_sample_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.training.calibration.MAX_SENTENCES", 40)
    model = Overconfident(100)
    fitted = fit(model, [Words(number) for number in range(100)])
    assert fitted == fit(model, [Words(number) for number in range(0, 100, 3)])
    monkeypatch.setattr("tasks.training.calibration.MAX_SCORES", 30)
    assert fit(model, [Words(number) for number in range(100)]) == fit(model, [Words(n) for n in range(0, 100, 10)])


def test_nothing_to_fit() -> None:
    assert fit(Overconfident(1), []).temperature == 1
    model = Overconfident(3)
    model.logits[0] = -math.inf
    assert fit(model, [Words(0), Words(1)]).temperature == 1


def test_reliability_against_its_definition() -> None:
    random = np.random.default_rng(0)
    given = random.random(1000)
    right = random.random(1000) < given**2
    found = reliability(given, right)
    assert found is not None
    parts = [(given >= low / 10) & (given < (low + 1) / 10) for low in range(10)]
    expected = sum(part.mean() * abs(given[part].mean() - right[part].mean()) for part in parts)
    assert found["error"] == pytest.approx(100 * expected)
    assert [size for _, _, size in found["bins"]] == [int(part.sum()) for part in parts]


@pytest.mark.parametrize(
    ("given", "right", "error"), [([], [], None), ([1.0, 1.0], [True, True], 0), ([0.0, 1.0], [True, False], 100)]
)
def test_reliability_at_the_ends(given: list[float], right: list[bool], error: float | None) -> None:
    found = reliability(given, right)
    assert (found and found["error"]) == error


def test_a_tagger_has_the_temperature_of_dev(tagger_run: Any, tmp_path: Path) -> None:
    out, facts = tagger_run
    assert facts["temperature"] != 1  # dev has a type that the tagger does not know: that sentence does not count
    tagger = NerTagger.from_pretrained(out)
    assert tagger.model.temperature == facts["temperature"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["calibration"]["nll_after"] <= metrics["calibration"]["nll_before"]
    warm = tagger.tag(DEV[0])
    tagger.save(tmp_path / "copy")
    assert NerTagger.from_pretrained(tmp_path / "copy").tag(DEV[0]) == warm
    tagger.model.temperature = 1.0
    plain = tagger.tag(DEV[0])
    assert [found.decoded.tags for found in plain] == [found.decoded.tags for found in warm]
    assert [found.decoded.scores for found in plain] != [found.decoded.scores for found in warm]
    assert facts["dev"]["calibration"]["error"] == facts["test"]["calibration"]["error"]
    pytest.importorskip("matplotlib")
    assert {"reliability-dev.png", "reliability-test.png"} <= {path.name for path in out.iterdir()}


def test_a_classifier_has_the_temperature_of_dev(classifier_run: Any) -> None:
    out, facts = classifier_run
    assert facts["temperature"] > 1.2
    classifier = SentimentClassifier.from_pretrained(out)
    warm = classifier.predict_proba(TEXTS[0])
    classifier.model.temperature = 1.0
    plain = classifier.predict_proba(TEXTS[0])
    expected = plain ** (1 / facts["temperature"])
    np.testing.assert_allclose(warm, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)
    assert (warm.argmax(1) == plain.argmax(1)).all()


def test_without_calibration(tmp_path: Path) -> None:
    config = SentimentConfig(inputs=INPUTS, finetune=FinetuneConfig(max_epochs=1, pictures=False, calibrate=False))
    facts = tasks.sentiment.train(config, TEXTS, NOISY, tmp_path / "out", progress=False)
    assert facts["temperature"] == 1


def test_models_of_earlier_versions_have_temperature_1(classifier_run: Any, tmp_path: Path) -> None:
    shutil.copytree(classifier_run[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "config.json"
    settings = read_json(path)
    del settings["settings"]["temperature"]
    write_json(path, {k: v for k, v in settings.items() if k != "checksum"}, with_checksum=True)
    assert SentimentClassifier.from_pretrained(tmp_path).model.temperature == 1


@pytest.mark.parametrize("temperature", [0, -1.0, "hot"])
def test_temperatures_that_cannot_be(temperature: Any, classifier_run: Any, tmp_path: Path) -> None:
    shutil.copytree(classifier_run[0], tmp_path, dirs_exist_ok=True)
    save_scores(tmp_path, "sentiment", {}, {"temperature": temperature})
    with pytest.raises(CheckpointError, match=r"config.json: settings.temperature: expected a .* number, found"):
        SentimentClassifier.from_pretrained(tmp_path)


def test_min_score(tagger_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(tagger_run[0])
    tagger = NerTagger.from_pretrained(saved)
    scores = sorted(span.score for spans in tagger.predict(TRAIN[0][:2]) for span in spans)
    assert len(scores) == 2 and scores[0] < scores[1]
    least = sum(scores) / 2
    kept = [span for spans in tagger.predict(TRAIN[0][:2], min_score=least) for span in spans]
    assert [span.score for span in kept] == [scores[1]]
    source, target = tmp_path / "in.txt", tmp_path / "out.conll"
    source.write_text("Anna sleeps\nNew York never sleeps\n")
    assert main(["ner", "predict", saved, str(source), str(target), "--min_score", str(least)]) == 0
    tags = [line.split("\t")[1] for line in target.read_text().splitlines() if line]
    assert sum(tag.startswith("B-") for tag in tags) == 1 and len(tags) == 6
    assert main(["ner", "predict", saved, str(source), "--min_score", "90"]) == 2
    assert "min_score: expected a probability in 0..1, found 90" in capsys.readouterr().err


def test_min_score_of_labels(classifier_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(classifier_run[0])
    classifier = SentimentClassifier.from_pretrained(saved)
    sure = classifier.predict(["good"])[0].score
    assert classifier.predict(["good"], min_score=sure)[0].label
    found = classifier.predict(["good", ""], min_score=min(1.0, sure + 1e-6))
    assert [each.label for each in found] == ["", ""] and found[0].score == sure and found[1].score == 0
    (tmp_path / "in.txt").write_text("good\nbad\n")
    assert main(["sentiment", "predict", saved, str(tmp_path / "in.txt"), "--min_score", "1"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(label, text) for label, _, text in lines] == [("", "good"), ("", "bad")] and float(lines[0][1]) > 0
    with pytest.raises(ConfigError, match="min_score: expected a probability in 0..1, found 2"):
        classifier.predict(["good"], min_score=2)


def test_the_picture_names_its_part(tmp_path: Path, drawn_figures: list[Any]) -> None:
    found = reliability([0.2, 0.7, 0.9], [False, True, True])
    path = draw_reliability(found, "test", tmp_path, "entities")
    assert path is not None and path.name == "reliability-test.png"
    (axes,) = drawn_figures[0].axes
    assert axes.get_title(loc="left") == "Reliability on test" and "entities" in axes.get_ylabel()
    assert draw_reliability(None, "test", tmp_path, "entities") is None

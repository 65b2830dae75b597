"""The classifier of n-grams: scikit-learn's scores, its bounds, and its part in the probabilities of a model."""

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from scipy.sparse import hstack  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

import tasks.sentiment  # noqa: E402
from elmo_lite import CheckpointError  # noqa: E402
from elmo_lite.metadata import read_json, write_json  # noqa: E402
from tasks.classification import Classifier, ClassifierConfig, ngrams, train  # noqa: E402
from tasks.classification.documents import batch_of, items_of  # noqa: E402
from tasks.classification.linear_models import STRENGTH, of_one_label  # noqa: E402
from tasks.classification.ngrams import NgramModel  # noqa: E402
from tasks.classification.outputs import OneLabelOutputs, SeveralLabelsOutputs  # noqa: E402
from tasks.classification.pooled_head import PooledConfig  # noqa: E402
from tasks.classification.training import Classification  # noqa: E402
from tasks.inputs.batch import collate  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.sentiment import SentimentConfig  # noqa: E402
from tasks.training.calibration import fit_scales  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.summary import print_scores  # noqa: E402

TEXTS = [
    "a Good film".split(),
    "so bad , so very bad".split(),
    "a good good one".split(),
    "a bad film".split(),
    "the sea is cold".split(),
    "the old cold sea".split(),
]
TARGETS = [0, 1, 0, 1, 2, 2]
NEW = ["a very good sea".split(), "Bad , bad film".split(), "nothing known".split(), ["good"]]
CONFIG = ClassifierConfig(
    inputs=WordInputConfig(word_dim=4, char_filters=2, dropout=0.0, unknown_rate=0.0),
    pooled=PooledConfig(hidden_dim=4, dropout=0.0),
    finetune=FinetuneConfig(max_epochs=3, batch_size=4, learning_rate=0.02, device="cpu", cache="off", pictures=False),
)
LABELLED: Any = ([" ".join(text) for text in TEXTS] * 3, [["good", "bad", "cold"][target] for target in TARGETS] * 3)


def tfidf() -> Any:
    def analyzer(words: list[str]) -> list[str]:
        lower = [word.lower() for word in words]
        return [*lower, *map(" ".join, pairwise(lower))]

    return TfidfVectorizer(analyzer=analyzer, sublinear_tf=True)


def fit(
    texts: Any, targets: list[int], num_labels: int, *, pairs: bool = False, is_balanced: bool = False
) -> NgramModel:
    items = texts if pairs else [(text,) for text in texts]

    def solve(table: Any, kept: Any) -> Any:
        return of_one_label(table, [targets[index] for index in kept], is_balanced=is_balanced)

    return NgramModel.fit(items, [[target] for target in targets], num_labels, solve, pairs=pairs)


@pytest.mark.parametrize(("number", "is_balanced"), [(4, False), (6, False), (5, True)])
def test_the_probabilities_are_those_of_scikit_learn(number: int, is_balanced: bool) -> None:
    """Two labels and three."""
    texts, targets = TEXTS[:number], TARGETS[:number]
    model = fit(texts, targets, max(targets) + 1, is_balanced=is_balanced)
    vectorizer, weights = tfidf(), "balanced" if is_balanced else None
    regression = LogisticRegression(C=STRENGTH, class_weight=weights).fit(vectorizer.fit_transform(texts), targets)
    expected = regression.predict_proba(vectorizer.transform(NEW))
    found = model([(text,) for text in NEW]).softmax(-1)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_pairs_have_what_they_share_and_what_they_do_not() -> None:
    first, second = TEXTS, TEXTS[1:] + TEXTS[:1]
    model = fit(list(zip(first, second, strict=True)), TARGETS, 3, pairs=True)
    counts = tfidf().fit([[*a, "|", *b] for a, b in zip(first, second, strict=True)])
    vectorizer = tfidf().set_params(vocabulary={name: number for number, name in enumerate(model.names)})
    vectorizer.fit(first)
    vectorizer.idf_ = np.array([counts.idf_[counts.vocabulary_[name]] for name in model.names])

    def features(one: Any, other: Any) -> Any:
        u, v = vectorizer.transform(one), vectorizer.transform(other)
        return hstack([u.multiply(v), abs(u - v)]).tocsr()

    regression = LogisticRegression(C=STRENGTH).fit(features(first, second), TARGETS)
    expected = regression.predict_proba(features(NEW, TEXTS[:4]))
    found = model(list(zip(NEW, TEXTS[:4], strict=True))).softmax(-1)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


@pytest.fixture(scope="module")
def fitted() -> NgramModel:
    return fit(TEXTS, TARGETS, 3)


@settings(deadline=None)
@given(texts=st.lists(st.sampled_from(NEW + TEXTS), min_size=1, max_size=5))
def test_texts_do_not_depend_on_each_other(texts: list[list[str]], fitted: NgramModel) -> None:
    together = fitted([(text,) for text in texts])
    torch.testing.assert_close(together, torch.cat([fitted([(text,)]) for text in texts]))


def test_what_is_not_known_says_what_the_bias_says() -> None:
    model = fit(TEXTS, TARGETS, 3)
    torch.testing.assert_close(model([(["nothing", "known"],)])[0], model.bias)
    torch.testing.assert_close(NgramModel([], 3, False)([(["good"],)]), torch.zeros(1, 3))


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = ngrams._document_counts([(text,) for text in TEXTS], 3)
    assert counted == {"a": 3, "a good": 2, "bad": 2}  # texts, not words; by name where they are as frequent
    with monkeypatch.context() as patch:
        patch.setattr(ngrams, "MAX_WEIGHTS", 9)
        assert len(fit(TEXTS, TARGETS, 3).names) == 3
    monkeypatch.setattr(ngrams, "MAX_COUNTED", 4)
    assert ngrams._document_counts([(["a", "b"],), (["a"],), (["a", "c"],), (["a"],)], 9)["a"] == 4


def test_few_of_many_texts_have_all_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    items, labels = [(["x"] * 10,)] * 100, [[0]] * 57 + [[1, 0]] + [[0]] * 42
    assert ngrams._sample(items, labels, 2) == list(range(100))
    monkeypatch.setattr(ngrams, "MAX_WORDS", 100)
    assert ngrams._sample(items, labels, 2) == sorted([*range(0, 100, 10), 57])
    monkeypatch.setattr(ngrams, "MAX_SCORES", 10)
    assert ngrams._sample(items, labels, 2) == [0, 20, 40, 57, 60, 80]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("piece_words", [2, None])
def test_texts_of_a_batch_are_whole(pairs: bool, piece_words: int | None) -> None:
    items = [(TEXTS[0], TEXTS[1]), (TEXTS[2], TEXTS[4])] if pairs else [(text,) for text in TEXTS]
    assert [tuple(map(list, item)) for item in items_of(batch_of(items, piece_words), pairs)] == items


class TwoExperts:
    """Labels are drawn from the sum of one expert and three times the other, which the scores have half of."""

    labels = ["a", "b", "c"]
    scales: ClassVar = {"temperature": 1.0, "ngram_weight": 1.0}

    def __init__(self, num: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.logits = torch.randn(2, num, 3, generator=generator)
        probabilities = (self.logits[0] + 3 * self.logits[1]).softmax(-1)
        self.drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]

    def evidence(self, batch: Any) -> torch.Tensor:
        return 2 * self.logits[:, [int(words[0]) for words in batch.words]]

    def log_likelihood(
        self, evidence: torch.Tensor, batch: Any, temperature: float, ngram_weight: float
    ) -> torch.Tensor:
        joined = (evidence[0] + ngram_weight * evidence[1]) / temperature
        return -torch.nn.functional.cross_entropy(joined, batch.targets, reduction="none")


@dataclasses.dataclass
class Words:
    words: list[str]


def scales(num: int) -> Any:
    model = TwoExperts(num)
    examples = [Words([str(number)]) for number in range(num)]

    def make_batch(some: Any) -> Any:
        return collate([e.words for e in some], [int(model.drawn[int(e.words[0])]) for e in some])

    return fit_scales(model, examples, make_batch, torch.device("cpu"))


def test_weight_and_temperature_are_found_together() -> None:
    found = scales(2000)
    assert found.scales["ngram_weight"] == pytest.approx(3, rel=0.15)
    assert found.temperature == pytest.approx(2, rel=0.15) and found.nll_after < found.nll_before
    assert all(0.3 < scale < 3 for scale in scales(3).scales.values())  # few texts say little
    assert scales(0).scales == {"temperature": 1, "ngram_weight": 1}


def test_a_model_has_the_weight_and_keeps_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    facts = train(CONFIG, LABELLED, LABELLED, tmp_path, progress=False)
    print_scores(Classification(CONFIG), facts, tmp_path, 1)
    assert f"n-grams weigh {facts['ngram_weight']:.2f} beside the network" in caplog.text
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["calibration"]["ngram_weight"] == facts["ngram_weight"] != 1
    classifier = Classifier.from_pretrained(tmp_path)
    model = classifier.model
    assert model.ngrams is not None and model.ngram_weight == facts["ngram_weight"]
    names = (tmp_path / "ngrams.txt").read_text().splitlines()
    assert names == model.ngrams.names and "very bad" in names and "good" in names
    together = classifier.predict_proba(NEW)
    with torch.inference_mode():
        network = torch.stack([model(batch_of([(text,)], None))[0] for text in NEW])
        counted = model.ngrams([(text,) for text in NEW])
    expected = ((network + model.ngram_weight * counted) / model.temperature).softmax(-1)
    np.testing.assert_allclose(together, expected.double().numpy(), atol=1e-5)
    assert [found.label for found in classifier.predict(NEW)] == [classifier.labels[i] for i in expected.argmax(-1)]
    classifier.save(tmp_path / "copy")
    np.testing.assert_array_equal(Classifier.from_pretrained(tmp_path / "copy").predict_proba(NEW), together)
    with pytest.raises(CheckpointError, match=r"ngrams.txt: expected"):
        (tmp_path / "ngrams.txt").write_text("good\n")
        Classifier.from_pretrained(tmp_path)


def test_a_model_of_pairs_has_them_too(tmp_path: Path) -> None:
    pairs = [(one, other) for one in LABELLED[0][:6] for other in LABELLED[0][:2]]
    data = pairs, ["same" if one == other else "not" for one, other in pairs]
    train(dataclasses.replace(CONFIG, pair=True), data, data, tmp_path, progress=False)
    model = Classifier.from_pretrained(tmp_path).model.ngrams
    assert model is not None and len(model.weights) == 2 * len(model.names)
    same, other = model([(TEXTS[0], TEXTS[0]), (TEXTS[0], TEXTS[4])]).softmax(-1)[:, 1]  # not, same
    assert same > other


def test_long_texts_are_counted_whole(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, piece_words=2)
    train(config, LABELLED, LABELLED, tmp_path, progress=False)
    classifier = Classifier.from_pretrained(tmp_path)
    assert classifier.model.ngrams is not None and "good film" in classifier.model.ngrams.names
    whole = classifier.model.ngrams([(TEXTS[1],)])
    batch = batch_of([(TEXTS[1],)], 2)
    torch.testing.assert_close(classifier.model.evidence(batch)[1], whole)


def test_without_ngrams(tmp_path: Path) -> None:
    facts = train(dataclasses.replace(CONFIG, ngrams=False), LABELLED, LABELLED, tmp_path, progress=False)
    assert "ngram_weight" not in facts and not (tmp_path / "ngrams.txt").exists()
    assert Classifier.from_pretrained(tmp_path).model.ngrams is None


def test_several_labels_have_the_sum_of_both_logits(tmp_path: Path) -> None:
    labels = [[["x"], ["x", "bad"], ["x"], ["x", "bad"], ["x", "sea"], []][number % 6] for number in range(18)]
    data = LABELLED[0], labels
    facts = train(dataclasses.replace(CONFIG, multi_label=True), data, data, tmp_path, progress=False)
    model = Classifier.from_pretrained(tmp_path).model
    assert model.ngrams is not None and facts["ngram_weight"] != 1 and facts["temperature"] != 1
    batch = batch_of([(text,) for text in TEXTS], None)
    with torch.inference_mode():
        network, counted = model(batch), model.ngrams([(text,) for text in TEXTS])
        found = model.probabilities(batch)
    expected = ((network + model.ngram_weight * counted) / model.temperature).sigmoid()
    torch.testing.assert_close(found, expected)
    bad, sea = counted[:, model.labels.index("bad")], counted[:, model.labels.index("sea")]
    assert bad[[1, 3]].min() > bad[[0, 2, 4, 5]].max() and sea[4] > sea[:4].max()


def test_numbers_are_the_mean_of_both(tmp_path: Path) -> None:
    data = LABELLED[0], [10.0, 2.0, 14.0, 3.0, 8.0, 7.0] * 3
    config = dataclasses.replace(CONFIG, regression=True)
    facts = train(config, data, data, tmp_path / "fitted", progress=False)
    assert facts["ngram_weight"] != 1
    finetune = dataclasses.replace(CONFIG.finetune, calibrate=False)
    train(dataclasses.replace(config, finetune=finetune), data, data, tmp_path / "plain", progress=False)
    batch = batch_of([(text,) for text in TEXTS], None)
    for name in ("fitted", "plain"):
        model = Classifier.from_pretrained(tmp_path / name).model
        assert model.ngrams is not None
        with torch.inference_mode():
            network, counted = model(batch)[:, 0], model.ngrams([(text,) for text in TEXTS])[:, 0]
            found = model.probabilities(batch)[:, 0]
        weight = model.ngram_weight
        mean = (network + weight * counted) / (1 + weight) / model.temperature
        torch.testing.assert_close(found, model.outputs.activated(mean))
        by_counting = model.outputs.activated(counted).numpy()
        assert np.abs(by_counting - data[1][:6]).mean() < 0.3 * np.std(data[1]) < 2
    assert (weight, model.temperature) == (1, 1)


def test_what_is_fitted_to_dev_does_not_weigh_classes() -> None:
    logits = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]])
    for outputs, targets in ((OneLabelOutputs(), [2, 0]), (SeveralLabelsOutputs(0.5), [[0, 1], [2, -1]])):
        wanted = torch.tensor(targets)
        plain = outputs.log_likelihood(logits, wanted)
        assert plain.shape == (2,) and float(-plain.mean()) == pytest.approx(float(outputs.loss(logits, wanted)))
        outputs.set_weights([1.0, 2.0, 5.0])
        assert (
            torch.equal(outputs.log_likelihood(logits, wanted), plain) and outputs.loss(logits, wanted) != -plain.mean()
        )


def test_a_line_says_that_many_words_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for limit, number in ((1000, 0), (10, 1)):
        monkeypatch.setattr("tasks.classification.training.MANY_WORDS", limit)
        train(CONFIG, LABELLED, LABELLED, tmp_path / str(limit), progress=False)
        assert caplog.text.count("n-grams: learning the weights of words and pairs of words of 18 texts") == number


def test_many_labels_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.classification.training.MAX_LABELS", 2)
    train(CONFIG, LABELLED, LABELLED, tmp_path, progress=False)
    assert Classifier.from_pretrained(tmp_path).model.ngrams is None


def test_sentiment_has_them_too_and_without_calibration_they_count_once(tmp_path: Path) -> None:
    finetune = dataclasses.replace(CONFIG.finetune, calibrate=False)
    config = SentimentConfig(inputs=CONFIG.inputs, pooled=CONFIG.pooled, finetune=finetune)
    facts = tasks.sentiment.train(config, LABELLED, LABELLED, tmp_path, progress=False)
    assert facts["ngram_weight"] == facts["temperature"] == 1
    assert tasks.sentiment.SentimentClassifier.from_pretrained(tmp_path).model.ngrams is not None


@pytest.mark.parametrize("weight", [0, -1.0, math.inf])
def test_weights_that_cannot_be(weight: float, tmp_path: Path) -> None:
    train(CONFIG, LABELLED, LABELLED, tmp_path, progress=False)
    path = tmp_path / "config.json"
    saved = read_json(path)
    saved["settings"]["ngram_weight"] = weight
    write_json(path, {k: v for k, v in saved.items() if k != "checksum"}, with_checksum=True, allow_nan=True)
    with pytest.raises(CheckpointError, match=r"config.json"):
        Classifier.from_pretrained(tmp_path)

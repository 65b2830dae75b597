"""The classifier as one object: predictions, saving and loading, tokenisation, bad texts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, CorpusError, Elmo, Tokenization
from tasks.classification.bcn import BCNConfig
from tasks.classification.pooled_head import PooledConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.sentiment.classifier import Prediction, SentimentClassifier, new_classifier
from tasks.sentiment.config import SentimentConfig

SENTENCES = [["a", "good", "film"], ["bad"], ["so", "so"]]
SETTINGS: dict[str, Any] = {
    "inputs": WordInputConfig(word_dim=3, char_filters=2),
    "pooled": PooledConfig(hidden_dim=4),
    "bcn": BCNConfig(feed_forward_dim=4, lstm_dim=3, maxout_dims=(4,), pool_size=2),
}


def encoder(kind: str = "whitespace") -> Elmo:
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    bilm = BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1))
    return Elmo(bilm, Tokenization(kind=kind)).eval()  # type: ignore[arg-type]


def classifier(elmo: Elmo | None = None, **settings: Any) -> SentimentClassifier:
    config = SentimentConfig(**{**SETTINGS, **settings})
    return new_classifier(config, ["negative", "positive"], elmo, SENTENCES)


def test_predictions() -> None:
    found = classifier().predict(["a good film", ["bad"], "so so"])
    for prediction in found:
        assert list(prediction.probabilities) == ["negative", "positive"]
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.score == prediction.probabilities[prediction.label] >= 0.5


def test_order_and_company_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = classifier(encoder(), head="bcn")
    texts = ["a b c d e", "bad", "a good film", "so so", "bad"]
    together = network.predict(texts)
    monkeypatch.setattr("tasks.classification.classifier.BATCH_WORDS", 5)
    assert together[1] == together[4]
    for prediction, text in zip(network.predict(texts), texts, strict=True):
        (alone,) = network.predict([text])
        assert prediction.probabilities == pytest.approx(alone.probabilities, abs=1e-5)
    assert [p.label for p in together] == [p.label for p in network.predict(texts)]


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    network = classifier()
    shapes = []
    run = network.model.probabilities
    monkeypatch.setattr(network.model, "probabilities", lambda batch: shapes.append(batch.mask.shape) or run(batch))
    monkeypatch.setattr("tasks.classification.classifier.BATCH_WORDS", 9)
    network.predict([["a"] * length for length in (2, 9, 1, 3, 2)])
    assert shapes == [(3, 2), (1, 3), (1, 9)]


@pytest.mark.parametrize("head", ["pooled", "bcn"])
@pytest.mark.parametrize("freeze", [True, False])
def test_saved_and_loaded(tmp_path: Path, head: str, freeze: bool) -> None:
    network = classifier(encoder("words"), head=head, freeze=freeze, encoder="somewhere/model")
    with torch.no_grad():
        for parameter in network.model.parameters():
            parameter.normal_()
    expected = network.predict(["a good film!", "unseen words"])
    network.save(tmp_path / "saved", {"accuracy": 81.5})
    again = SentimentClassifier.from_pretrained(tmp_path / "saved")
    assert again.predict(["a good film!", "unseen words"]) == expected
    assert again.labels == ["negative", "positive"] and again.tokenization == Tokenization(kind="words")
    assert "81.5" in (tmp_path / "saved" / "README.md").read_text()
    assert not list((tmp_path / "saved").rglob("*.pkl")) and not list((tmp_path / "saved").rglob("*.ckpt"))


def test_without_words_or_encoder_inside(tmp_path: Path) -> None:
    encoder().save_pretrained(tmp_path / "model")
    elmo = Elmo.from_pretrained(tmp_path / "model")
    network = classifier(
        elmo, words="none", spelling=False, chars=False, encoder_inside=False, encoder=str(tmp_path / "model")
    )
    assert network.model.representation.word_inputs is None
    network.save(tmp_path / "saved", encoder_path=str(tmp_path / "model"))
    assert not (tmp_path / "saved" / "encoder").exists()
    again = SentimentClassifier.from_pretrained(tmp_path / "saved")
    assert again.predict(["a good film"]) == network.predict(["a good film"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("one text", "texts: expected a list of texts, found one string: put it in a list"),
        ({"text": ["good"]}, "texts: expected a list of texts, found dict"),
        (np.array([["good", "bad"]]), "texts: expected one text per item, found ndarray of shape (1, 2): pass one col"),
        (3, "texts: expected a list of texts, found int"),
        ([["a", ""]], "text 0: expected a text or a list of words, found ['a', '']"),
        ([None], "text 0: expected a text or a list of words, found None"),
        ([b""], "text 0: expected a text or a list of words, found b''"),
        ([3.5], "found 3.5"),
    ],
)
def test_bad_texts(texts: Any, expected: str) -> None:
    with pytest.raises(CorpusError) as error:
        classifier().predict(texts)
    assert expected in str(error.value)


def test_no_texts() -> None:
    assert classifier().predict([]) == []
    assert classifier().predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("head", ["pooled", "bcn"])
def test_texts_without_words_have_an_answer(head: str) -> None:
    """No label, score 0 and equal probabilities, in their place in the list."""
    network = classifier(head=head)
    texts: list[Any] = ["", "so so", "  \n", [], ("bad",)]
    found = network.predict(texts)
    nothing = Prediction("", 0.0, {"negative": 0.5, "positive": 0.5})
    assert [found[0], found[2], found[3]] == [nothing] * 3
    assert [found[1], found[4]] == network.predict(["so so", ("bad",)])
    assert network.predict_proba(texts)[[0, 2, 3]].tolist() == [[0.5, 0.5]] * 3


def test_probabilities_as_in_scikit_learn() -> None:
    network = classifier(encoder())
    texts = ["a good film", np.array(["bad"]), "so so"]
    found = network.predict_proba(texts)
    assert found.shape == (3, 2) and found.dtype == np.float64
    assert network.classes_.tolist() == network.labels == ["negative", "positive"]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    expected = [list(prediction.probabilities.values()) for prediction in network.predict(texts)]
    assert found.tolist() == expected
    labels = network.classes_[found.argmax(axis=1)].tolist()
    assert labels == [prediction.label for prediction in network.predict(texts)]


def test_evaluate_takes_files_and_data_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    network = classifier()
    texts = ["a good film", "bad", "so so"]
    labels = [prediction.label for prediction in network.predict(texts)]
    labels[0] = {"negative": "positive", "positive": "negative"}[labels[0]]
    table = tmp_path / "a.tsv"
    table.write_text("body\tlabel\n" + "".join(f"{t}\t{label}\n" for t, label in zip(texts, labels, strict=True)))
    in_memory = network.evaluate((texts, labels))
    assert in_memory["accuracy"] == pytest.approx(200 / 3) and in_memory["sentences"] == 3
    assert in_memory.pop("words_per_second") > 0
    from_file = network.evaluate(table, text_column="body")
    del from_file["words_per_second"]
    assert from_file == in_memory
    with pytest.raises(CorpusError, match=r"^data, text 1: expected a label of the training data \(negative,"):
        network.evaluate((["good"], ["neutral"]))


def test_damaged_weights_give_no_probabilities() -> None:
    network = classifier()
    with torch.no_grad():
        network.model.head.logits.bias[0] = torch.nan  # type: ignore[union-attr, index]
    for method in (network.predict, network.predict_proba):
        with pytest.raises(CheckpointError, match="weights: expected finite scores of labels, found NaN or infinity"):
            method(["good"])


def test_repr_is_one_line() -> None:
    assert repr(classifier(encoder(), encoder="en", words="none", spelling=False, chars=False)) == (
        "SentimentClassifier(labels=['negative', 'positive'], num_labels=2, encoder='en', layers='top', freeze=True, "
        "num_word_vectors=0, spelling=False, chars=False, head='pooled', num_parameters=46, "
        "tokenization='whitespace', device='cpu')"
    )
    many = new_classifier(SentimentConfig(**SETTINGS), [f"l{n}" for n in range(25)], None, SENTENCES)
    assert "'l9', ...], num_labels=25, encoder=None, num_word_vectors=5, spelling=True, chars=True" in repr(many)


def test_damaged_models(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected the directory of a task model"):
        SentimentClassifier.from_pretrained(tmp_path)
    classifier().save(tmp_path / "saved")
    path = tmp_path / "saved" / "config.json"
    stored = json.loads(path.read_text())
    del stored["checksum"]
    path.write_text(json.dumps({**stored, "settings": {**stored["settings"], "config": {}}}))
    with pytest.raises(CheckpointError, match="config.json: inputs: expected an object, found nothing"):
        SentimentClassifier.from_pretrained(tmp_path / "saved")
    path.write_text(json.dumps({**stored, "labels": ["a", "b", "c"]}))
    with pytest.raises(CheckpointError, match="model.safetensors: head.logits"):
        SentimentClassifier.from_pretrained(tmp_path / "saved")

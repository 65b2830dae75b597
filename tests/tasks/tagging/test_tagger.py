"""A tagger of words and a tagger of spans: labels, probabilities, scores, saved and loaded."""

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import CheckpointError, ConfigError
from tasks.inputs.word_input_config import WordInputConfig
from tasks.tagging.config import TaggerConfig
from tasks.tagging.tagger import MAX_CRF_LABELS, Tagger, new_tagger
from tasks.tagging.tags import repairs

WORDS = [["the", "cat"], ["it", "runs"]]
TAGS = [["DET", "NOUN"], ["PRON", "VERB"]]
CLASSES = ["DET", "NOUN", "PRON", "VERB"]


def tagger(classes: list[str] = CLASSES, **settings: Any) -> Tagger:
    inputs = WordInputConfig(word_dim=3, chars=False)
    config = TaggerConfig(inputs=inputs, lstm_dim=2, tokenizer="whitespace", **settings)
    made = new_tagger(config, classes, None, WORDS)
    torch.nn.init.normal_(made.model.tag_scores.weight, std=5)
    return made


@pytest.mark.parametrize("output_layer", ["softmax", "crf"])
def test_labels_of_words(output_layer: Any) -> None:
    made = tagger(output_layer=output_layer)
    sentences: list[Any] = ["the cat runs", "", [], ["it"]]
    found = made.predict(sentences)
    assert [len(labels) for labels in found] == [3, 0, 0, 1] and made.labels == CLASSES
    probabilities = made.predict_proba(sentences)
    assert [rows.shape for rows in probabilities] == [(3, 4), (0, 4), (0, 4), (1, 4)]
    for tagged, labels, rows in zip(made.tag(sentences), found, probabilities, strict=True):
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
        assert tagged.tags == labels == [span.type for span in tagged.spans]
        chosen = [row[CLASSES.index(label)] for row, label in zip(rows, labels, strict=True)]
        assert [span.score for span in tagged.spans] == tagged.decoded.scores == pytest.approx(chosen)
        assert output_layer == "crf" or [CLASSES[k] for k in rows.argmax(axis=1)] == labels
    assert all(not tagged.decoded.probabilities for tagged in made.tag(sentences, probabilities=False))


@pytest.mark.parametrize("output_layer", ["softmax", "crf"])
def test_spans(output_layer: Any) -> None:
    made = tagger(["NP", "VP"], labels="spans", output_layer=output_layer)
    assert made.types == ["NP", "VP"] and len(made.labels) == 9
    sentence = ["the", "cat", "it", "runs"] * 5
    (tagged,) = made.tag([sentence])
    assert repairs(tagged.decoded.tags, "BIOES") == repairs(tagged.tags, "IOB2") == 0
    assert made.predict([sentence]) == [tagged.tags]
    assert all(0 <= span.score <= 1 for span in tagged.spans)


def test_the_output_layer_suits_the_labels() -> None:
    assert tagger().config.output_layer == "softmax" and tagger().model.crf is None
    spans = tagger(["NP"], labels="spans")
    assert spans.config.output_layer == "crf" and spans.model.crf is not None
    assert spans.model.crf.forbidden_first.any() and not tagger(output_layer="crf").model.crf.forbidden_first.any()


def test_a_crf_of_too_many_labels_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    many = [f"L{number}" for number in range(MAX_CRF_LABELS + 1)]
    with pytest.raises(ConfigError, match=r"^output_layer: expected softmax or auto for 513 labels .*, found crf$"):
        tagger(many, output_layer="crf")
    with caplog.at_level(logging.WARNING, logger="elmo_lite"):
        assert tagger(many, labels="spans").config.output_layer == "softmax"
    assert caplog.messages == ["2,053 labels: too many for a CRF (512), so that a softmax is used"]


def test_ten_thousand_labels() -> None:
    labels = [f"L{number}" for number in range(10_000)]
    made = tagger(labels)
    data = [(words * 10, labels[start : start + 20]) for start, words in enumerate(WORDS * 50)]
    begun = time.perf_counter()
    scores = made.evaluate(tuple(zip(*data, strict=True)))
    assert scores["words"] == 2000 and len(scores["confusion"]["labels"]) == 51
    assert time.perf_counter() - begun < 10
    targets = torch.arange(40).reshape(2, 20)
    assert made.model.output_layer.log_likelihood(torch.randn(2, 20, 10_000), targets, targets >= 0).shape == (2,)


def test_scores_and_unseen_labels(tmp_path: Path) -> None:
    made = tagger()
    scores = made.evaluate((WORDS, [["DET", "NOUN"], ["X", "Y"]]))
    assert scores["unseen_labels"] == {"X": 1, "Y": 1} and scores["per_label"]["X"]["recall"] == 0
    assert scores["accuracy"] <= 50 and scores["words"] == 4
    assert scores["num_unseen_words"] == 0
    assert made.evaluate(([["a", "the"]], [["DET", "DET"]]))["num_unseen_words"] == 1
    path = tmp_path / "a.tsv"
    path.write_text("the\tDET\ncat\tNOUN\n\nit\tPRON\nruns\tVERB\n")
    of_file, in_memory = made.evaluate(path), made.evaluate((WORDS, TAGS))
    del of_file["words_per_second"], in_memory["words_per_second"]
    assert of_file == in_memory


def test_gold_labels_have_probabilities() -> None:
    made = tagger(output_layer="crf")
    _, (first, _) = made.judge(made.read((WORDS, [["DET", "X"], ["PRON", "VERB"]])))
    (expected, _) = made.predict_proba([WORDS[0]])[0]
    assert first.decoded.gold == pytest.approx([expected[0], 0.0]) and first.decoded.probabilities == []


@pytest.mark.parametrize("settings", [{}, {"output_layer": "crf"}, {"labels": "spans"}])
def test_saved_and_loaded(tmp_path: Path, settings: dict[str, Any]) -> None:
    made = tagger(column="upos", **settings)
    made.save(tmp_path / "saved")
    back = Tagger.from_pretrained(tmp_path / "saved")
    assert (back.labels, back.config) == (made.labels, made.config) and back.config.column == "upos"
    assert back.tag(["the cat runs"]) == made.tag(["the cat runs"])
    assert back.training_words == made.training_words == {"the", "cat", "it", "runs"}
    assert "Labels of words" in (tmp_path / "saved" / "README.md").read_text()
    with pytest.raises(CheckpointError, match="expected a model for the task ner, found one for 'tag'"):
        from tasks.ner import NerTagger

        NerTagger.from_pretrained(tmp_path / "saved")


def test_repr_is_one_line() -> None:
    assert repr(tagger()).startswith("Tagger(labels=['DET', 'NOUN', 'PRON', 'VERB'], num_labels=4, encoder=None, ")
    assert repr(tagger(["NP"], labels="spans")).startswith("Tagger(types=['NP'], num_types=1, ")

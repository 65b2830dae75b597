"""Predictions in bfloat16: near those in float32, and weights that stay as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, Elmo
from elmo_lite.hardware import has_bfloat16
from tasks.classification.classifier import Classifier
from tasks.classification.config import ClassifierConfig
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.tagging.config import TaggerConfig
from tasks.tagging.tagger import Tagger, new_tagger

WORDS = [["the", "cat", "sleeps"], ["it", "runs"], ["it"]]
SETTINGS: dict[str, Any] = {
    "inputs": WordInputConfig(word_dim=8),
    "representation": EncoderConfig(encoder="tiny"),
    "tokenizer": "whitespace",
}


@pytest.fixture
def tiny_elmo() -> Elmo:
    torch.manual_seed(0)
    characters = CharCNNConfig(embedding_dim=4, filters=((1, 8), (2, 8)), num_highway=0)
    return Elmo(BiLM(BiLMConfig(char_cnn=characters, dim=16, lstm_dim=16)).requires_grad_(False)).eval()


def tagger(elmo: Elmo, layer: str) -> Tagger:
    return new_tagger(TaggerConfig(lstm_dim=8, output_layer=layer, **SETTINGS), ["D", "N", "V"], elmo, WORDS)  # type: ignore[arg-type]


MAKERS = {
    "crf": lambda elmo: tagger(elmo, "crf"),
    "softmax": lambda elmo: tagger(elmo, "softmax"),
    "classifier": lambda elmo: Classifier.untrained(ClassifierConfig(**SETTINGS), ["a", "b", "c"], elmo, WORDS),
}


@pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="the processor has no bfloat16")
@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_predictions_are_near_those_in_float32(kind: str, tiny_elmo: Elmo, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made: Any = MAKERS[kind](tiny_elmo)
    made.save(tmp_path / "model")
    exact = type(made).from_pretrained(tmp_path / "model")
    quick = type(made).from_pretrained(tmp_path / "model", precision="bfloat16")
    assert (exact.precision, quick.precision) == ("float32", "bfloat16")
    ours, theirs = (np.vstack(list(model.predict_proba(WORDS))) for model in (quick, exact))
    assert np.abs(ours - theirs).max() < 0.02
    assert not np.array_equal(ours, theirs), "bfloat16 was not used"
    np.testing.assert_allclose(ours.sum(axis=-1), 1, atol=1e-5)
    assert quick.model.representation.elmo.dtype == torch.bfloat16
    for name, weight in exact.model.state_dict().items():
        assert torch.equal(weight, quick.model.state_dict()[name]), name


@pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="the processor has no bfloat16")
def test_the_head_predicts_in_bfloat16_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings: dict[str, Any] = {**SETTINGS, "representation": EncoderConfig()}
    Classifier.untrained(ClassifierConfig(**settings), ["a", "b", "c"], None, WORDS).save(tmp_path / "model")
    exact, quick = (Classifier.from_pretrained(tmp_path / "model", precision=name) for name in ("float32", "bfloat16"))
    ours, theirs = (np.vstack(list(model.predict_proba(WORDS))) for model in (quick, exact))
    assert 0 < np.abs(ours - theirs).max() < 0.02


def test_unknown_precision(tiny_elmo: Elmo, tmp_path: Path) -> None:
    MAKERS["crf"](tiny_elmo).save(tmp_path / "model")
    with pytest.raises(ConfigError, match="precision: expected auto, float32 or bfloat16, found 'half'"):
        Tagger.from_pretrained(tmp_path / "model", precision="half")  # type: ignore[arg-type]
    assert Tagger.from_pretrained(tmp_path / "model", precision="auto").precision in ("float32", "bfloat16")

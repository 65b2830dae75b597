"""The drop-in's token layer: boundaries, vectors that are remembered; and models with every part spelt out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from elmo_lite.allennlp import _ElmoCharacterEncoder, batch_to_ids
from elmo_lite.allennlp.layers import spell_out
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from tests.elmo_lite.published.reference import PublishedModel, random_model

BATCH = [["The", "cat", "sat"], ["naïve", "🙂", "a" * 60, "b"], []]
IDS = batch_to_ids([["two", "words"], ["one"]])


def test_encoder(tmp_path: Path) -> None:
    files = random_model(tmp_path)
    encoder, model = _ElmoCharacterEncoder(*files), PublishedModel(*files)
    assert encoder.get_output_dim() == 6
    assert not any(weight.requires_grad for weight in encoder.parameters())
    encoded = encoder(batch_to_ids(BATCH))
    assert encoded["mask"].sum(dim=1).tolist() == [5, 6, 2]
    for found, sentence in zip(encoded["token_embedding"], BATCH, strict=True):
        expected = model.token_vectors(model.encode(sentence))
        np.testing.assert_allclose(found[: len(expected)], expected, rtol=0, atol=1e-5)
    nothing = model.token_vectors(np.zeros((1, 50), dtype=np.int64))  # behind the end, as in AllenNLP
    np.testing.assert_allclose(encoded["token_embedding"][2, 2:], nothing.repeat(4, axis=0), rtol=0, atol=1e-5)


def test_encoder_computes_each_word_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = _ElmoCharacterEncoder(*random_model(tmp_path))
    ids = batch_to_ids([["a", "b", "a"]])
    expected = encoder(ids)["token_embedding"]
    monkeypatch.setattr(encoder.char_cnn, "forward", lambda _: pytest.fail("computed again"))
    assert torch.equal(encoder(ids)["token_embedding"], expected)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
@pytest.mark.parametrize("lstm_dim", [6, 8])
def test_spelling_out_changes_nothing(forget_bias: float, lstm_dim: int) -> None:
    cnn = CharCNNConfig(embedding_dim=3, filters=((1, 4), (2, 5)))
    bilm = BiLM(BiLMConfig(char_cnn=cnn, dim=6, lstm_dim=lstm_dim, forget_bias=forget_bias, dropout=0.5)).eval()
    with torch.no_grad():
        for name, weight in bilm.named_parameters():
            if "bias_hh" not in name:
                weight.normal_(std=0.5)
    before = {name: weight.clone() for name, weight in bilm.state_dict().items()}
    spelt_out = spell_out(bilm, requires_grad=True)
    found, expected = spelt_out.train()(IDS), bilm(IDS)
    torch.testing.assert_close(found.layers[:, found.mask], expected.layers[:, expected.mask])
    assert all(torch.equal(weight, before[name]) for name, weight in bilm.state_dict().items())
    assert all(weight.requires_grad for weight in spelt_out.parameters())
    assert spelt_out.config.has_lstm_projection and spelt_out.config.forget_bias == 0

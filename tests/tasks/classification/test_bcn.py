"""The biattentive network against the paper's equations written out, word by word."""

import pytest
import torch
from torch import nn

from elmo_lite import ConfigError
from tasks.classification.bcn import BCN, BCNConfig, Maxout, self_attended

CONFIG = BCNConfig(feed_forward_dim=4, lstm_dim=3, maxout_dims=(5, 4), pool_size=2)
MASK = torch.arange(4) < torch.tensor([4, 2])[:, None]


def test_attention_against_loops() -> None:
    states = torch.randn(2, 4, 3)
    found = self_attended(states, MASK)
    for row, length in enumerate((4, 2)):
        for position in range(length):
            products = torch.stack([states[row, position] @ states[row, other] for other in range(length)])
            weights = products.exp() / products.exp().sum()
            expected = sum(weights[other] * states[row, other] for other in range(length))
            torch.testing.assert_close(found[row, position], expected)


def test_attention_of_a_long_sentence_runs_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same result, of a matrix with a bounded number of rows."""
    states, mask = torch.randn(2, 2500, 3), torch.arange(2500) < torch.tensor([2500, 1300])[:, None]
    affinity = (states @ states.transpose(1, 2)).masked_fill(~mask[:, None, :], -torch.inf)
    expected = torch.softmax(affinity, dim=-1) @ states
    rows, softmax = [], torch.softmax
    monkeypatch.setattr(torch, "softmax", lambda scores, dim: rows.append(scores.shape[1]) or softmax(scores, dim))
    torch.testing.assert_close(self_attended(states, mask), expected)
    assert rows == [1024, 1024, 452]


def test_maxout_against_loops() -> None:
    layer = Maxout(3, 2, 4)
    layer.norm.running_mean.uniform_()
    layer.eval()
    inputs = torch.randn(5, 3)
    pieces = layer.norm(inputs) @ layer.pieces.weight.T + layer.pieces.bias
    expected = torch.stack([pieces[:, :4].max(dim=1).values, pieces[:, 4:].max(dim=1).values], dim=1)
    torch.testing.assert_close(layer(inputs), expected)


def test_one_sentence_can_be_trained_on() -> None:
    layer = Maxout(3, 2, 4)
    assert layer.train()(torch.randn(1, 3)).isfinite().all()


def scores_of_paper(model: BCN, words: torch.Tensor) -> torch.Tensor:
    """One sentence (T, D) without padding, as the paper pairs it with itself (equations 7 to 15)."""
    mask = torch.ones(1, len(words), dtype=torch.bool)
    x = model.encoder(torch.relu(words @ model.feed_forward[0].weight.T + model.feed_forward[0].bias)[None], mask)[0]
    y = x
    a = x @ y.T
    c_y = torch.softmax(a.T, dim=0).T @ y
    x_given_y = model.integrator(torch.cat([x, x - c_y, x * c_y], dim=1)[None], mask)[0]
    beta = torch.softmax(model.attentive_pooling.score(x_given_y)[:, 0], dim=0)
    pooled = [x_given_y.max(dim=0).values, x_given_y.mean(dim=0), x_given_y.min(dim=0).values, beta @ x_given_y]
    scores = torch.cat(pooled)[None]
    for layer in model.maxout:
        scores = layer(scores)
    return scores[0]


def test_against_the_paper() -> None:
    model = BCN(3, 2, CONFIG).eval()
    vectors = torch.randn(2, 4, 3)
    found = model(vectors, MASK)
    assert found.shape == (2, 2)
    torch.testing.assert_close(found[0], scores_of_paper(model, vectors[0]))
    torch.testing.assert_close(found[1], scores_of_paper(model, vectors[1, :2]))


def test_order_matters() -> None:
    model = BCN(3, 2, CONFIG).eval()
    vectors = torch.randn(1, 4, 3)
    mask = MASK[:1]
    assert not torch.allclose(model(vectors, mask), model(vectors.flip(1), mask), atol=1e-4)


def test_output_mix_is_read() -> None:
    model = BCN(3, 2, CONFIG, output_mix_dim=6).eval()
    vectors, mix = torch.randn(2, 4, 3), torch.randn(2, 4, 6)
    assert not torch.allclose(model(vectors, MASK, mix), model(vectors, MASK, 2 * mix))


def test_layers() -> None:
    model = BCN(3, 2, CONFIG)
    kinds = [type(layer) for layer in model.maxout]
    assert kinds == [Maxout, nn.Dropout, Maxout, nn.Dropout, Maxout]
    assert [layer.pieces.out_features for layer in model.maxout if isinstance(layer, Maxout)] == [10, 8, 4]
    assert [type(layer) for layer in BCN(3, 2, BCNConfig(maxout_dims=())).maxout] == [Maxout]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("lstm_dim", 0), ("feed_forward_dim", -1), ("pool_size", 0), ("maxout_dims", [3, 0]), ("pooled_dropout", 1.0)],
)
def test_bad_settings(setting: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^bcn.{setting}: expected "):
        BCNConfig(**{setting: value})  # type: ignore[arg-type]

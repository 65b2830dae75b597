"""The biattentive network of pairs against the paper's equations written out."""

import torch

from tasks.classification.bcn import BCNConfig, attended
from tasks.classification.pair_bcn import PairBCN

CONFIG = BCNConfig(feed_forward_dim=4, lstm_dim=3, maxout_dims=(5, 4), pool_size=2)
LENGTHS = (4, 2, 3, 3)
"""Words of the texts of two pairs."""
MASK = torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def encoded(model: PairBCN, words: torch.Tensor) -> torch.Tensor:
    linear = model.feed_forward[0]
    hidden = torch.relu(words @ linear.weight.T + linear.bias)
    return model.encoder(hidden[None], torch.ones(1, len(words), dtype=torch.bool))[0]


def scores_of_paper(model: PairBCN, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """One pair (S, D) and (T, D) without padding (equations 6 to 15)."""
    x, y = encoded(model, first), encoded(model, second)
    a = x @ y.T
    a_x, a_y = torch.softmax(a, dim=0), torch.softmax(a.T, dim=0)
    c_x, c_y = a_x.T @ x, a_y.T @ y
    pooled = []
    for side, (states, context) in enumerate(((x, c_y), (y, c_x))):
        mask = torch.ones(1, len(states), dtype=torch.bool)
        joined = torch.cat([states, states - context, states * context], dim=1)[None]
        read = model.integrators[side](joined, mask)[0]
        beta = torch.softmax(model.attentive_poolings[side].score(read)[:, 0], dim=0)
        pooled += [read.max(dim=0).values, read.mean(dim=0), read.min(dim=0).values, beta @ read]
    scores = torch.cat(pooled)[None]
    for layer in model.maxout:
        scores = layer(scores)
    return scores[0]


def test_against_the_paper() -> None:
    model = PairBCN(3, 2, CONFIG).eval()
    vectors = torch.randn(4, 4, 3)
    found = model.judge([model.read(vectors, MASK)], torch.arange(4), 4)
    assert found.shape == (2, 2)
    texts = [vectors[row, :length] for row, length in enumerate(LENGTHS)]
    torch.testing.assert_close(found[0], scores_of_paper(model, texts[0], texts[1]))
    torch.testing.assert_close(found[1], scores_of_paper(model, texts[2], texts[3]))


def test_order_of_the_texts_matters() -> None:
    model = PairBCN(3, 2, CONFIG).eval()
    vectors = torch.randn(4, 4, 3)
    swapped = [1, 0, 3, 2]
    scores = [model.judge([model.read(vectors[rows], MASK[rows])], torch.arange(4), 4) for rows in (range(4), swapped)]
    assert not torch.allclose(*scores, atol=1e-4)


def test_attention_in_blocks_has_the_same_gradients() -> None:
    queries, states = torch.randn(2, 1500, 3, requires_grad=True), torch.randn(2, 40, 3, requires_grad=True)
    mask = torch.arange(40) < torch.tensor([40, 13])[:, None]
    affinity = (queries @ states.transpose(1, 2)).masked_fill(~mask[:, None, :], -torch.inf)
    expected = torch.softmax(affinity, dim=-1) @ states
    found = attended(queries, states, mask)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(value.square().sum(), (queries, states)) for value in (found, expected)]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)

"""The small head: a loop gives the same, words in any order too, and bad sizes."""

import pytest
import torch

from elmo_lite import ConfigError
from tasks.classification.pooled_head import PooledConfig, PooledHead


def test_scores() -> None:
    head = PooledHead(3, 2, PooledConfig(hidden_dim=4)).eval()
    words = torch.randn(2, 3)
    vectors = torch.cat([words, torch.full((1, 3), 9.0)])[None]
    mask = torch.tensor([[True, True, False]])
    linear = head.hidden[0]
    hidden = [torch.relu(linear.weight @ word + linear.bias) for word in words]
    pooled = torch.cat([(hidden[0] + hidden[1]) / 2**0.5, torch.maximum(*hidden)])
    expected = head.logits.weight @ pooled + head.logits.bias
    torch.testing.assert_close(head(vectors, mask)[0], expected)
    torch.testing.assert_close(head(vectors[:, [1, 0, 2]], mask)[0], expected)


@pytest.mark.parametrize(("setting", "value"), [("hidden_dim", 0), ("dropout", 1.0), ("dropout", -0.1)])
def test_bad_settings(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^pooled.{setting}: expected .*, found {value}"):
        PooledConfig(**{setting: value})  # type: ignore[arg-type]


def test_scores_of_a_pair() -> None:
    head = PooledHead(3, 2, PooledConfig(hidden_dim=4), pairs=True).eval()
    vectors, mask = torch.randn(4, 3, 3), torch.ones(4, 3, dtype=torch.bool)
    hidden = head.hidden(vectors)
    u, v = (torch.cat([hidden[row].sum(dim=0) / 3**0.5, hidden[row].amax(dim=0)]) for row in (2, 3))
    first = head.compare[0]
    joined = torch.cat([u, v, (u - v).abs(), u * v])
    expected = head.logits(torch.relu(joined @ first.weight.T + first.bias))
    found = head.judge([head.read(vectors, mask)], torch.arange(4), 4)
    assert found.shape == (2, 2)
    torch.testing.assert_close(found[1], expected)

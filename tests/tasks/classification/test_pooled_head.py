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
    pooled = torch.cat([(hidden[0] + hidden[1]) / 2, torch.maximum(*hidden)])
    expected = head.scores.weight @ pooled + head.scores.bias
    torch.testing.assert_close(head(vectors, mask)[0], expected)
    torch.testing.assert_close(head(vectors[:, [1, 0, 2]], mask)[0], expected)


@pytest.mark.parametrize(("setting", "value"), [("hidden_dim", 0), ("dropout", 1.0), ("dropout", -0.1)])
def test_bad_settings(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^pooled.{setting}: expected .*, found {value}"):
        PooledConfig(**{setting: value})  # type: ignore[arg-type]

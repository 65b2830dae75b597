"""Pooling: plain loops over the words give the same, and padding counts for nothing."""

import torch

from tasks.classification.pooling import AttentivePooling, masked_max, masked_mean, masked_min

MASK = torch.arange(4) < torch.tensor([4, 1, 3])[:, None]


def test_against_loops() -> None:
    vectors = torch.randn(3, 4, 5)
    attentive = AttentivePooling(5)
    for row, length in enumerate((4, 1, 3)):
        words = vectors[row, :length]
        torch.testing.assert_close(masked_mean(vectors, MASK)[row], words.mean(dim=0))
        torch.testing.assert_close(masked_max(vectors, MASK)[row], words.max(dim=0).values)
        torch.testing.assert_close(masked_min(vectors, MASK)[row], words.min(dim=0).values)
        weights = torch.softmax(words @ attentive.score.weight[0] + attentive.score.bias, dim=0)
        torch.testing.assert_close(attentive(vectors, MASK)[row], weights @ words)


def test_no_gradient_reaches_padding() -> None:
    vectors = torch.randn(3, 4, 5, requires_grad=True)
    pools = (masked_mean, masked_max, masked_min, AttentivePooling(5))
    torch.stack([pool(vectors, MASK) for pool in pools]).sum().backward()
    assert vectors.grad is not None
    assert not vectors.grad[~MASK].any() and vectors.grad.isfinite().all() and vectors.grad[MASK].any()

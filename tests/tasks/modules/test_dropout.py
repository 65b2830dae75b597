"""Tests of the dropout that keeps one mask a sentence."""

from __future__ import annotations

import pytest
import torch

from tasks.modules.dropout import VariationalDropout


def test_a_sentence_has_one_mask_and_sentences_have_their_own() -> None:
    torch.manual_seed(0)
    dropped = VariationalDropout(0.5)(torch.ones(8, 5, 64))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(dropped[0, 0], dropped[1, 0])


def test_the_mean_stays() -> None:
    torch.manual_seed(0)
    dropped = VariationalDropout(0.3)(torch.ones(2000, 1, 50))
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)


def test_nothing_is_left_out_in_use_or_at_rate_zero() -> None:
    vectors = torch.randn(2, 3, 4)
    assert torch.equal(VariationalDropout(0.5).eval()(vectors), vectors)
    assert torch.equal(VariationalDropout(0.0)(vectors), vectors)


def test_gradients_pass_what_was_kept() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(4, 3, 8, requires_grad=True)
    dropped = VariationalDropout(0.5)(vectors)
    dropped.sum().backward()
    torch.testing.assert_close(vectors.grad, torch.where(dropped == 0, 0.0, 2.0))

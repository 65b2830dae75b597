"""Concatenation, projection and learned function against plain products; random weights that stay."""

import pytest
import torch

from tasks.inputs.combination import Concatenation, random_mix

LAYERS = torch.arange(2 * 2 * 3 * 4, dtype=torch.float32).view(2, 2, 3, 4).sin()


def side_by_side(layers: torch.Tensor) -> torch.Tensor:
    return torch.cat(list(layers), dim=-1)


def test_concatenation_has_no_parameters() -> None:
    combined = Concatenation(2, 4)
    assert combined.output_dim == 8 and list(combined.parameters()) == []
    assert torch.equal(combined(LAYERS), side_by_side(LAYERS))
    assert combined.weights() is None and float(combined.penalty()) == 0


def test_projection() -> None:
    combined = Concatenation(2, 4, 5)
    weight, bias = combined.parameters()
    assert combined.output_dim == 5
    torch.testing.assert_close(combined(LAYERS), side_by_side(LAYERS) @ weight.T + bias)


@pytest.mark.parametrize(("output_dim", "width"), [(None, 4), (6, 6)])
def test_learned_function(output_dim: int | None, width: int) -> None:
    combined = Concatenation(2, 4, output_dim, hidden=True)
    first, first_bias, last, last_bias = combined.parameters()
    hidden = (side_by_side(LAYERS) @ first.T + first_bias).clamp(min=0)
    assert combined.output_dim == width
    torch.testing.assert_close(combined(LAYERS), hidden @ last.T + last_bias)


def test_each_layer_is_normalised() -> None:
    found = Concatenation(2, 4, layer_norm=True)(LAYERS * 7 + 3).unflatten(-1, (2, 4))
    assert found.mean(-1).abs().max() < 1e-5
    torch.testing.assert_close(found.var(-1, unbiased=False), torch.ones(2, 3, 2), atol=1e-3, rtol=0)


def test_whole_layers_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    combined, ones = Concatenation(2, 4, dropout=0.5), torch.ones(2, 2, 3, 4)
    seen = set()
    for _ in range(40):
        found = combined(ones).unflatten(-1, (2, 4))
        seen.add(tuple(found[0, 0, :, 0].tolist()))
        assert torch.equal(found, found[:1, :1, :, :1].expand_as(found))
    assert seen == {(0.0, 0.0), (0.0, 2.0), (2.0, 0.0), (2.0, 2.0)}
    assert torch.equal(combined.eval()(ones), torch.ones(2, 3, 8))


def test_random_weights_stay() -> None:
    torch.manual_seed(0)
    mix = random_mix(3)
    shares, gamma = mix.weights()
    assert len(set(shares)) == 3 and sum(shares) == pytest.approx(1) and gamma == 1
    mix(torch.randn(3, 2, 4)).sum().backward()
    assert mix.weight.grad is None and mix.gamma.grad is not None
    other = random_mix(3)
    other.load_state_dict(mix.state_dict())
    assert other.weights() == mix.weights()

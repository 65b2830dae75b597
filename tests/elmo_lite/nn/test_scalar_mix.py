"""The mixture against the formula, its penalty, and names that old checkpoints have."""

import math

import pytest
import torch

from elmo_lite.errors import ConfigError
from elmo_lite.nn.scalar_mix import ScalarMix


def trained(**options: float) -> ScalarMix:
    mix = ScalarMix(3, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        mix.weight.copy_(torch.tensor([0.3, -1.0, 2.0]))
        mix.gamma.fill_(1.7)
    return mix


def test_mixture_is_the_formula() -> None:
    torch.manual_seed(0)
    layers = torch.randn(3, 2, 5, 8)
    exponentials = [math.exp(0.3), math.exp(-1.0), math.exp(2.0)]
    expected = sum(1.7 * e / sum(exponentials) * layer for e, layer in zip(exponentials, layers, strict=True))
    torch.testing.assert_close(trained()(layers), expected)
    torch.testing.assert_close(ScalarMix(3)(layers), layers.mean(dim=0))
    assert ScalarMix(3)(layers[:, 0, 0]).shape == (8,)


def test_layer_norm_is_per_token() -> None:
    torch.manual_seed(0)
    layers = torch.randn(3, 2, 5, 8) * 10 + 3
    mix = trained(layer_norm=True)
    normal = (layers - layers.mean(-1, keepdim=True)) / (layers.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(mix(layers), trained()(normal), atol=1e-4, rtol=1e-4)
    longer = torch.cat([layers, torch.randn(3, 2, 2, 8)], dim=2)
    torch.testing.assert_close(mix(longer)[:, :5], mix(layers))


def test_weights_penalty_and_gradients() -> None:
    mix = trained(l2=0.5)
    shares, gamma = mix.weights()
    assert sum(shares) == pytest.approx(1) and gamma == pytest.approx(1.7)
    mean = (0.3 - 1.0 + 2.0) / 3
    assert mix.penalty().item() == pytest.approx(0.5 * sum((w - mean) ** 2 for w in (0.3, -1.0, 2.0)))
    assert ScalarMix(3, l2=1.0).penalty().item() == 0
    (mix(torch.randn(3, 4)).sum() + mix.penalty()).backward()
    assert mix.weight.grad is not None and mix.gamma.grad is not None


def test_dropout_leaves_layers_out_in_training_alone() -> None:
    torch.manual_seed(0)
    mix, layers = trained(dropout=0.5), torch.eye(3)
    seen = {tuple((mix(layers) > 0).tolist()) for _ in range(200)}
    assert len(seen) == 7  # every set of layers but the empty one
    for _ in range(20):
        assert mix(layers).sum().item() == pytest.approx(1.7)
    mix.eval()
    torch.testing.assert_close(mix(layers), trained()(layers))


def test_half_precision() -> None:
    layers = torch.randn(3, 2, 4).to(torch.bfloat16)
    assert trained()(layers).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(2, 1, 4, 8), (3,), ()])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"layers: expected \(3, ..., 2D\), found \("):
        ScalarMix(3)(torch.zeros(shape))


def test_wrong_settings() -> None:
    for options in ({"num_layers": 0}, {"num_layers": 3, "dropout": 1.0}, {"num_layers": 3, "l2": -1.0}):
        with pytest.raises(ConfigError, match=rf"{list(options)[-1]}: expected .* found"):
            ScalarMix(**options)  # type: ignore[arg-type]


def test_old_names_are_read() -> None:
    old = {f"mix.scalar_parameters.{k}": torch.tensor([float(k)]) for k in range(3)} | {
        "mix.gamma": torch.tensor([2.0])
    }
    model = torch.nn.ModuleDict({"mix": ScalarMix(3)})
    model.load_state_dict(old)
    torch.testing.assert_close(model["mix"].weight.data, torch.tensor([0.0, 1.0, 2.0]))
    assert "mix.scalar_parameters.0" in old  # the caller's dictionary stays as it was
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="weight"):
        model.load_state_dict({"mix.scalar_parameters.0": torch.zeros(1), "mix.gamma": torch.ones(1)})


def test_start_from_one_layer() -> None:
    for layer in range(3):
        shares, gamma = ScalarMix(3, start=layer).weights()
        assert shares == pytest.approx([0.9 if k == layer else 0.05 for k in range(3)]) and gamma == 1
    assert ScalarMix(1, start=0).weights() == ([1.0], 1.0)
    with pytest.raises(ConfigError, match=r"^start: expected a layer in 0..2, found 3$"):
        ScalarMix(3, start=3)


def test_autocast_does_not_round_the_layers() -> None:
    mix, layers = ScalarMix(3), torch.randn(3, 2, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = mix(layers)
    assert mixed.dtype == torch.float32 and torch.equal(mixed, mix(layers))

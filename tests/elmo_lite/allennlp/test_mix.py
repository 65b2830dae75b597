"""The drop-in's mixture: weights, freezing, and the layer norm over a whole batch."""

import numpy as np
import pytest
import torch

from elmo_lite.allennlp.mix import ScalarMix
from elmo_lite.errors import ConfigError

LAYERS = [torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(seed)) * (seed + 1) + seed for seed in range(3)]
MASK = torch.tensor([[True, True, True, False], [True, True, False, False]])


@pytest.mark.parametrize("layer_norm", [False, True])
def test_mixes_as_the_paper_says(layer_norm: bool) -> None:
    mix = ScalarMix(3, layer_norm, [0.5, -1.0, 2.0])
    with torch.no_grad():
        mix.gamma.fill_(1.7)
    shares = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    layers = [layer.numpy() for layer in LAYERS]
    if layer_norm:  # over all unmasked numbers of the batch together
        layers = [(layer - layer[MASK.numpy()].mean()) / layer[MASK.numpy()].std() for layer in layers]
    expected = 1.7 * sum(share * layer for share, layer in zip(shares, layers, strict=True))
    np.testing.assert_allclose(mix(LAYERS, MASK).detach(), expected, rtol=0, atol=1e-5)


def test_layer_norm_ignores_padding() -> None:
    mix = ScalarMix(3, do_layer_norm=True)
    filled = [layer.masked_fill(~MASK[:, :, None], 100) for layer in LAYERS]
    assert torch.equal(mix(filled, MASK)[MASK], mix(LAYERS, MASK)[MASK])


def test_layer_norm_of_equal_numbers_is_finite() -> None:
    same = [torch.ones(2, 4, 6, dtype=dtype) for dtype in (torch.float32, torch.float16, torch.bfloat16)]
    assert all(torch.isfinite(ScalarMix(1, do_layer_norm=True).to(layer.dtype)([layer], MASK)).all() for layer in same)


@pytest.mark.parametrize("trainable", [True, False])
def test_one_parameter_a_layer(trainable: bool) -> None:
    mix = ScalarMix(3, trainable=trainable)
    shapes = {name: tuple(parameter.shape) for name, parameter in mix.named_parameters()}
    assert shapes == {"gamma": (1,), **{f"scalar_parameters.{index}": (1,) for index in range(3)}}
    assert {parameter.requires_grad for parameter in mix.parameters()} == {trainable}


@pytest.mark.parametrize("initial", [[], [1.0], [1.0, 2.0, 3.0, 4.0]])
def test_number_of_parameters(initial: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"^scalar_mix_parameters: expected 3 numbers, found \["):
        ScalarMix(3, initial_scalar_parameters=initial)


def test_number_of_layers() -> None:
    with pytest.raises(ConfigError, match="^tensors: expected 3 layers, found 2$"):
        ScalarMix(3)(LAYERS[:2])


def test_layer_norm_needs_a_mask() -> None:
    with pytest.raises(ConfigError, match="^mask: expected one"):
        ScalarMix(3, do_layer_norm=True)(LAYERS)

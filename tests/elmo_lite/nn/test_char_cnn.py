"""The token layer against loops over words, windows and filters."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from elmo_lite.errors import ConfigError
from elmo_lite.nn import pooled_convolution
from elmo_lite.nn.char_cnn import CharCNN
from elmo_lite.nn.pooled_convolution import pooled_convolutions
from elmo_lite.text.characters import NO_TOKEN, NUM_CHAR_IDS, begin_sentence_row, encode_words

FILTERS = ((1, 3), (2, 4), (5, 6), (7, 2))
NUM_FILTERS = 15
WORDS = ["a", "of", "naïve", "дом", "x" * 20, "y" * 47, "z" * 48, "z" * 200, "", "😀"]


def make(activation: str = "relu", num_highway: int = 2, max_characters: int = 50, projection: bool = True) -> CharCNN:
    torch.manual_seed(0)
    cnn = CharCNN(
        embedding_dim=4,
        filters=FILTERS,
        num_highway=num_highway,
        activation=activation,
        max_characters=max_characters,
        output_dim=5 if projection else NUM_FILTERS,
        projection=projection,
    )
    with torch.no_grad():  # biases start at constants, which would hide a mistake
        for name, parameter in cnn.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return cnn


@torch.no_grad()
def plain(cnn: CharCNN, row: Tensor, activation: str) -> Tensor:
    """One word at its full width, window by window."""
    embedded = [cnn.embedding.weight[int(char_id)] for char_id in row]
    pooled = []
    for convolution, (width, number) in zip(cnn.convolutions, FILTERS, strict=True):
        for which in range(number):
            values = []
            for start in range(len(row) - width + 1):
                value = convolution.bias[which]
                for k in range(width):
                    value = value + convolution.weight[which, :, k] @ embedded[start + k]
                values.append(float(value))
            pooled.append(max(values))
    vector = torch.tensor(pooled)
    vector = torch.tanh(vector) if activation == "tanh" else vector.clamp(min=0)
    for highway in cnn.highways:
        gate = torch.sigmoid(highway.gate.weight @ vector + highway.gate.bias)
        new = (highway.transform.weight @ vector + highway.transform.bias).clamp(min=0)
        vector = gate * new + (1 - gate) * vector
    if isinstance(cnn.projection, nn.Identity):
        return vector
    return cnn.projection.weight @ vector + cnn.projection.bias


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("num_highway", [0, 2])
@pytest.mark.parametrize("projection", [True, False])
@pytest.mark.parametrize("recorded", [True, False])
def test_equals_the_plain_loop(activation: str, num_highway: int, projection: bool, recorded: bool) -> None:
    cnn = make(activation, num_highway, projection=projection)
    rows = torch.from_numpy(encode_words(WORDS))
    expected = torch.stack([plain(cnn, row, activation) for row in rows])
    with torch.set_grad_enabled(recorded):
        found = cnn(rows)
    assert found.requires_grad == recorded
    torch.testing.assert_close(found.detach(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("word", ["a", "ab", "z" * 42, "z" * 48])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_word_alone_is_as_in_company(word: str, activation: str) -> None:
    """The batch is cut to its longest word: a short word alone is cut most, beside a word of 50 not at all."""
    cnn = make(activation)
    alone = cnn(torch.from_numpy(encode_words([word])))
    together = cnn(torch.from_numpy(encode_words([word, "z" * 60, "b"])))
    torch.testing.assert_close(alone[0], together[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(alone[0], plain(cnn, torch.from_numpy(encode_words([word]))[0], activation))


def test_gradients_do_not_depend_on_company() -> None:
    """Windows of padding alone may hold the maximum; cutting them must move no gradient."""
    found = []
    for words in (["a", "bcd"], ["a", "bcd", "z" * 48]):
        cnn = make()
        cnn(torch.from_numpy(encode_words(words)))[:2].square().sum().backward()
        found.append([parameter.grad for parameter in cnn.parameters()])
    for cut, whole in zip(*found, strict=True):
        torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("max_characters", [7, 9])
def test_width_as_narrow_as_the_widest_filter(max_characters: int) -> None:
    cnn = make(max_characters=max_characters)
    rows = torch.from_numpy(encode_words(WORDS, max_characters))
    expected = torch.stack([plain(cnn, row, "relu") for row in rows])
    torch.testing.assert_close(cnn(rows).detach(), expected, rtol=1e-4, atol=1e-5)


def test_integer_types_and_shapes() -> None:
    cnn = make()
    rows = torch.from_numpy(encode_words(WORDS))
    assert cnn(rows).shape == (len(WORDS), 5)
    assert torch.equal(cnn(rows), cnn(rows.long())) and torch.equal(cnn(rows), cnn(rows.int()))
    assert rows.dtype == torch.int16
    assert cnn(torch.from_numpy(begin_sentence_row()[None])).shape == (1, 5)
    assert cnn(torch.zeros(2, 50, dtype=torch.long)).isfinite().all()  # rows of padding, whatever they give


def test_initial_weights() -> None:
    cnn = make()
    assert cnn.embedding.weight.shape == (NUM_CHAR_IDS, 4)
    assert not cnn.embedding.weight[NO_TOKEN].any()
    fresh = CharCNN(embedding_dim=4, filters=FILTERS, num_highway=1, activation="relu", max_characters=50, output_dim=5)
    assert (fresh.highways[0].gate.bias < 0).all()  # the input passes at first


def test_without_a_projection_there_is_none() -> None:
    with_projection, without = (set(make(projection=projection).state_dict()) for projection in (True, False))
    assert with_projection - without == {"projection.weight", "projection.bias"} and without < with_projection
    assert make(projection=False)(torch.from_numpy(encode_words(WORDS))).shape == (len(WORDS), NUM_FILTERS)


@pytest.mark.parametrize("projection", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_vectors_follow_the_weights(projection: bool, fused: bool) -> None:
    """As in training, where each validation runs without a graph: packed weights must not outlive a step."""
    cnn, rows = make(projection=projection), torch.from_numpy(encode_words(WORDS))
    optimizer = torch.optim.AdamW(cnn.parameters(), lr=0.05, fused=fused)
    for _ in range(3):
        with torch.no_grad():
            before = cnn(rows)
        recorded = cnn(rows)
        torch.testing.assert_close(before, recorded.detach(), rtol=1e-4, atol=1e-5)
        optimizer.zero_grad()
        recorded.square().sum().backward()
        optimizer.step()
        with torch.no_grad():
            assert not torch.allclose(cnn(rows), before, atol=1e-2)


@pytest.mark.parametrize("projection", [True, False])
def test_every_weight_is_trained(projection: bool) -> None:
    cnn = make(projection=projection)
    cnn(torch.from_numpy(encode_words(WORDS))).square().sum().backward()
    for name, parameter in cnn.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ConfigError, match="^activation: expected relu or tanh, found 'gelu'$"):
        make(activation="gelu")


def by_convolution(cnn: CharCNN, rows: Tensor) -> Tensor:
    """The maxima over positions, from the scores of all of them."""
    embedded = cnn.embedding(rows.int()).transpose(1, 2)
    return torch.cat([convolution(embedded).amax(dim=2) for convolution in cnn.convolutions], dim=1)


@pytest.mark.parametrize("max_characters", [7, 50])
@pytest.mark.parametrize("number", [1, 24, 27])
def test_maxima_and_gradients_are_those_of_the_convolutions(
    number: int, max_characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words of more than one block, in any order, with windows of padding and of the same letters."""
    monkeypatch.setattr(pooled_convolution, "BLOCK", 4)
    cnn = make(max_characters=max_characters).double()
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcé"), generator.integers(0, 60))) for _ in range(number - 1)]
    rows = torch.from_numpy(encode_words([*words, "aaaaaaaa"], max_characters))
    weights = [cnn.embedding.weight, *cnn.convolutions.parameters()]
    factors = torch.randn(number, NUM_FILTERS, dtype=torch.double)
    expected, found = by_convolution(cnn, rows), pooled_convolutions(rows, cnn.embedding.weight, cnn.convolutions)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad((factors * maxima).sum(), weights) for maxima in (found, expected)]
    torch.testing.assert_close(*gradients)
    assert all(gradient.is_contiguous() for gradient in gradients[0])  # as several processes exchange them


def test_no_words() -> None:
    cnn = make(projection=False, num_highway=0)
    assert pooled_convolutions(torch.zeros(0, 50), cnn.embedding.weight, cnn.convolutions).shape == (0, NUM_FILTERS)


@pytest.mark.parametrize("mixed", [False, True])
def test_bfloat16_by_convolutions(mixed: bool) -> None:
    """Weights of bfloat16, and autocast."""
    cnn, rows = make(), torch.from_numpy(encode_words(WORDS))
    expected = cnn(rows).detach()
    model = cnn if mixed else copy.deepcopy(cnn).bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        found = model(rows)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.detach().float(), expected, rtol=0.05, atol=0.05)
    found.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())

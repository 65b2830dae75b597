from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, Elmo, ScalarMix
from tasks.inputs.batch import collate
from tasks.inputs.representation import (
    EncoderConfig,
    OneLayer,
    Representation,
)
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs
from tasks.training.task_config import TaskConfig

SENTENCES = [["The", "cat", "sat"], ["dog"]]
CONFIG = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4))), dim=4, lstm_dim=4, dropout=0.5)


@pytest.fixture
def elmo() -> Elmo:
    return Elmo(BiLM(CONFIG))


def words(**settings: Any) -> WordInputs:
    return WordInputs.build(
        WordInputConfig(word_dim=3, char_filters=2, spelling=False, dropout=0.0, **settings), SENTENCES
    )


def make(elmo: Elmo | None, word_inputs: WordInputs | None = None, **settings: Any) -> Representation:
    return Representation(word_inputs, elmo, EncoderConfig(**{"dropout": 0.0, **settings}))


def frozen_layers(elmo: Elmo) -> torch.Tensor:
    """(L, B, T, 2D) of the sentences, as a cache would give them."""
    arrays = elmo.embed(SENTENCES)
    layers = np.zeros((elmo.layers, 2, 3, elmo.dim), dtype=np.float32)
    for row, array in enumerate(arrays):
        layers[:, row, : array.shape[1]] = array
    return torch.from_numpy(layers)


def test_words_alone() -> None:
    inputs = words()
    model = make(None, inputs).eval()
    batch = collate(SENTENCES)
    assert (model.dim, model.encoder_dim, model.output_dim) == (5, 0, 0)
    assert torch.equal(model(batch), inputs(batch))
    assert model.output(batch) is None and model.mix_weights() == {} and float(model.penalty()) == 0
    assert model.with_layers(batch) is batch


def test_words_and_mix_side_by_side(elmo: Elmo) -> None:
    inputs = words().eval()
    model = make(elmo, inputs, layers="mix").eval()
    batch = collate(SENTENCES, layers=frozen_layers(elmo))
    assert model.dim == 5 + elmo.dim
    expected = torch.cat([inputs(batch), frozen_layers(elmo).mean(dim=0)], dim=-1)
    torch.testing.assert_close(model(batch), expected)


def test_neither_words_nor_encoder() -> None:
    for inputs in (None, words(words="none", chars=False)):
        with pytest.raises(ConfigError, match="expected an encoder, words, spelling or chars"):
            make(None, inputs)


def test_encoder_without_words_of_its_own(elmo: Elmo) -> None:
    for inputs in (None, words(words="none", chars=False)):
        assert make(elmo, inputs)(collate(SENTENCES)).shape == (2, 3, elmo.dim)


@pytest.mark.parametrize("freeze", [True, False])
def test_layers_are_computed_where_the_batch_has_none(elmo: Elmo, freeze: bool) -> None:
    model = make(elmo, freeze=freeze).eval()
    live, given = model(collate(SENTENCES)), model(collate(SENTENCES, layers=frozen_layers(elmo)))
    torch.testing.assert_close(live, given)
    assert live[1, 1:].abs().max() == 0


def test_layers_of_a_batch_are_those_of_each_sentence_with_zeros_behind_the_backward_half(elmo: Elmo) -> None:
    elmo.eval().requires_grad_(False)
    layers = elmo(SENTENCES).layers
    for row, sentence in enumerate(SENTENCES):
        torch.testing.assert_close(layers[:, row, : len(sentence)], torch.from_numpy(elmo.embed([sentence])[0]))
        assert not layers[:, row, len(sentence) :, elmo.dim // 2 :].any()


def test_nothing_behind_the_ends_gets_through(elmo: Elmo) -> None:
    layers = frozen_layers(elmo)
    layers[:, 1, 1:] = torch.nan
    assert torch.isfinite(make(elmo, output_mix=True, layer_norm=True)(collate(SENTENCES, layers=layers))).all()


@pytest.mark.parametrize(("layers", "number"), [("top", 2), ("0", 0), ("1", 1), ("-1", 2)])
def test_one_layer(elmo: Elmo, layers: str, number: int) -> None:
    model = make(elmo, layers=layers, mix_l2=1.0).eval()
    batch = collate(SENTENCES, layers=frozen_layers(elmo))
    torch.testing.assert_close(model(batch), frozen_layers(elmo)[number])
    assert model.mix_weights() == {}
    assert list(model.parameters()) == [] and float(model.penalty()) == 0


def test_one_layer_is_normalised_as_in_a_mix() -> None:
    layers = torch.randn(1, 2, 4, 6) * 5 + 1
    torch.testing.assert_close(OneLayer(layer_norm=True)(layers), ScalarMix(1, layer_norm=True)(layers))


@pytest.mark.parametrize("layers", ["bottom", "", "1.5", "--1"])
def test_bad_layers(layers: str) -> None:
    with pytest.raises(ConfigError, match="layers: expected auto, mix, top or a layer's number"):
        EncoderConfig(layers=layers)


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        ({}, "top"),
        ({"encoder": "en", "output_mix": True}, "top"),
        ({"encoder": "en", "mix_start": "uniform"}, "top"),
        ({"encoder": "hf:bert"}, "mix"),
        ({"encoder": "hf:bert", "layers": "top"}, "top"),
        ({"encoder": "en", "mix_start": "1"}, "mix"),
        ({"encoder": "en", "mix_dropout": 0.1}, "mix"),
        ({"encoder": "en", "mix_l2": 0.1}, "mix"),
        ({"encoder": "en", "mix_l2": 0.1, "layers": "1,2"}, "1,2"),
    ],
    ids=str,
)
def test_default_layers(settings: dict[str, Any], layers: str) -> None:
    config = EncoderConfig(**settings)
    assert config.resolved_layers == layers and config.choice == EncoderConfig(layers=layers).choice


def test_default_layers_of_an_encoder_that_is_named_later() -> None:
    assert TaskConfig(encoder="hf:bert").representation.resolved_layers == "mix"
    config = TaskConfig(encoder="en", representation=EncoderConfig(encoder="hf:bert"))
    assert config.representation.resolved_layers == "top"
    assert config.to_dict()["representation"]["layers"] == "top"  # what a saved model keeps


def test_no_such_layer(elmo: Elmo) -> None:
    with pytest.raises(ConfigError, match="layers: expected mix, top or a number in -3..2, found 3"):
        make(elmo, layers="3")


@pytest.mark.parametrize("settings", [{"dropout": 1.0}, {"mix_dropout": -0.1}, {"mix_l2": -1.0}])
def test_bad_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(settings))}: expected"):
        EncoderConfig(**settings)


def test_mix_settings_reach_the_mix(elmo: Elmo) -> None:
    mix = make(elmo, layer_norm=True, mix_dropout=0.3, mix_l2=0.7).input_mix
    assert isinstance(mix, ScalarMix)
    assert (mix.layer_norm, mix.dropout, mix.l2) == (True, 0.3, 0.7)


def test_second_mix(elmo: Elmo) -> None:
    model = make(elmo, words(), output_mix=True, mix_l2=0.5).eval()
    assert isinstance(model.input_mix, ScalarMix) and isinstance(model.output_mix, ScalarMix)
    with torch.no_grad():
        model.input_mix.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        model.output_mix.weight[0] = 100
        model.output_mix.gamma.fill_(2)
    batch = collate(SENTENCES, layers=frozen_layers(elmo))
    second = model.output(batch)
    assert second is not None and model.output_dim == elmo.dim
    torch.testing.assert_close(second, 2 * frozen_layers(elmo)[0])
    assert set(model.mix_weights()) == {"input", "output"}
    assert model.mix_weights()["output"][1] == 2.0
    torch.testing.assert_close(model.penalty(), model.input_mix.penalty() + model.output_mix.penalty())
    assert model.input_mix.penalty().item() == pytest.approx(0.5 * 2)


def test_dropout_of_the_mix_in_training_only(elmo: Elmo) -> None:
    model = make(elmo, dropout=0.5, output_mix=True)
    batch = collate([["a", "b", "c", "d"] * 5])
    for vectors in (model(batch), model.output(batch)):
        assert vectors is not None and 0.3 < float((vectors == 0).float().mean()) < 0.7
    assert not (model.eval()(batch) == 0).any()


class Counting(nn.Module):
    """Counts how often the encoder inside is run."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside
        self.calls = 0

    def forward(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.inside(*arguments)


def test_encoder_runs_once_for_both_mixes(elmo: Elmo) -> None:
    elmo.bilm.char_cnn = Counting(elmo.bilm.char_cnn)  # type: ignore[assignment]
    model = make(elmo, output_mix=True, freeze=False)
    batch = model.with_layers(collate(SENTENCES))
    assert batch.layers is not None and batch.layers.requires_grad
    model(batch)
    model.output(batch)
    assert elmo.bilm.char_cnn.calls == 1


def test_frozen_encoder_is_no_part_of_the_model(elmo: Elmo) -> None:
    model = make(elmo, words(), layers="mix").train()
    assert not any("bilm" in name for name in model.state_dict())
    assert not any("bilm" in name for name, _ in model.named_parameters())
    assert not any(parameter.requires_grad for parameter in elmo.parameters())
    assert not elmo.bilm.training
    batch = collate(SENTENCES)
    assert torch.equal(model(batch)[..., 5:], model(batch)[..., 5:])  # no dropout inside the encoder
    model(batch).sum().backward()
    assert model.input_mix is not None and model.input_mix.weight.grad is not None


def test_frozen_encoder_moves_along(elmo: Elmo) -> None:
    model = make(elmo, words()).to(torch.float64)
    assert elmo.dtype == torch.float64
    assert model.word_inputs is not None and model.word_inputs.unknown.dtype == torch.float64


def test_trained_encoder_is_part_of_the_model(elmo: Elmo) -> None:
    elmo.requires_grad_(False)
    model = make(elmo, freeze=False).train()
    assert any("bilm" in name for name in model.state_dict())
    batch = collate(SENTENCES)
    assert not torch.equal(model(batch), model(batch))  # its own dropout
    model(batch).sum().backward()
    assert all(parameter.grad is not None for parameter in elmo.bilm.parameters())


def test_saved_head_fits_a_new_one(elmo: Elmo, tmp_path: Path) -> None:
    model = make(elmo, words(), layers="mix").eval()
    assert isinstance(model.input_mix, ScalarMix)
    with torch.no_grad():
        model.input_mix.weight.normal_()
    elmo.save_pretrained(tmp_path / "encoder")
    again = make(Elmo.from_pretrained(tmp_path / "encoder"), words(), layers="mix").eval()
    again.load_state_dict(model.state_dict())
    batch = collate(SENTENCES)
    assert torch.equal(again(batch), model(batch))


@pytest.mark.gpu
def test_frozen_encoder_on_a_gpu(elmo: Elmo) -> None:
    model = make(elmo, words(), mix_l2=0.1).to("cuda")
    vectors = model(collate(SENTENCES).to("cuda"))
    (vectors.sum() + model.penalty()).backward()
    assert vectors.device.type == "cuda" and elmo.bilm.boundary_char_ids.device.type == "cuda"


@pytest.mark.parametrize("given", ["all", "chosen", "none"])
def test_mix_of_some_layers(elmo: Elmo, given: str) -> None:
    model = make(elmo, layers="1,2").eval()
    layers = frozen_layers(elmo)
    batch = collate(SENTENCES, layers={"all": layers, "chosen": layers[1:], "none": None}[given])
    assert model.layers == [1, 2]
    torch.testing.assert_close(model(batch), layers[1:].mean(dim=0))
    assert model.mix_weights() == {"input": ([0.0, 0.5, 0.5], 1.0)}


def test_other_layers_than_the_chosen_ones(elmo: Elmo) -> None:
    batch = collate(SENTENCES, layers=frozen_layers(elmo)[:2])
    with pytest.raises(ValueError, match=r"^layers: expected the chosen \[2\] or all, found 2 layers$"):
        make(elmo, layers="top")(batch)


@pytest.mark.parametrize(
    ("settings", "width"),
    [
        ({"layers": "concat"}, 24),
        ({"layers": "concat:2,0"}, 16),
        ({"layers": "concat:1,2", "projection": 5}, 5),
        ({"layers": "function"}, 8),
        ({"layers": "function:1,2", "projection": 6}, 6),
    ],
    ids=str,
)
def test_layers_side_by_side(elmo: Elmo, settings: dict[str, Any], width: int) -> None:
    model = make(elmo, words(), output_mix=True, **settings).eval()
    layers = frozen_layers(elmo)
    layers[:, 1, 1:] = torch.nan  # padding
    batch = collate(SENTENCES, layers=layers)
    second = model.output(batch)
    assert second is not None
    assert (model.dim, model.encoder_dim, model.output_dim) == (5 + width, width, width)
    assert model(batch).shape == (2, 3, 5 + width) and second.shape == (2, 3, width)
    assert torch.isfinite(model(batch)).all() and not model(batch)[1, 1:, 5:].any()
    assert model.mix_weights() == {} and float(model.penalty()) == 0
    if settings["layers"] == "concat:2,0":
        torch.testing.assert_close(second[0], torch.cat([layers[0, 0], layers[2, 0]], dim=-1))


def test_random_mix_is_not_trained(elmo: Elmo) -> None:
    model = make(elmo, layers="random:0,2", mix_dropout=0.1)
    assert isinstance(model.input_mix, ScalarMix) and not model.input_mix.weight.requires_grad
    ((weights, gamma),) = model.mix_weights().values()
    assert weights[1] == 0 and weights[0] != weights[2] and sum(weights) == pytest.approx(1) and gamma == 1
    assert model.input_mix.dropout == 0.1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"mix_start": "top"}, [0.05, 0.05, 0.9]),
        ({"mix_start": "0"}, [0.9, 0.05, 0.05]),
        ({"layers": "0,1", "mix_start": "top"}, [0.1, 0.9, 0.0]),
        ({"layers": "mix", "mix_start": "uniform"}, [1 / 3, 1 / 3, 1 / 3]),
    ],
    ids=str,
)
def test_start_of_the_mix(elmo: Elmo, settings: dict[str, Any], expected: list[float]) -> None:
    assert make(elmo, **settings).mix_weights()["input"][0] == pytest.approx(expected)


def test_uniform_is_the_default_start() -> None:
    assert EncoderConfig(mix_start="uniform") == EncoderConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"projection": 4}, "projection: expected none for layers top, found 4"),
        ({"layers": "concat", "projection": 0}, "projection: expected an integer in 1.."),
        ({"mix_start": "bottom"}, "mix_start: expected uniform, top or a layer's number, found 'bottom'"),
        ({"layers": "concat", "mix_start": "top"}, "mix_start: expected uniform for layers concat"),
        ({"layers": "random", "mix_start": "1"}, "mix_start: expected uniform for layers random"),
        ({"layers": "1,,2"}, "layers: expected auto, mix, top or a layer's number"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EncoderConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": "1,3"}, "layers: expected mix, top or a number in -3..2, found 3"),
        ({"layers": "1,1"}, "layers: expected each layer once, found 1 twice"),
        ({"layers": "1,2", "mix_start": "0"}, "mix_start: expected uniform, top or one of the layers 1, 2, found 0"),
    ],
    ids=str,
)
def test_layers_that_the_encoder_lacks(elmo: Elmo, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(elmo, **settings)


@pytest.mark.gpu
@pytest.mark.parametrize("layers", ["1,2", "concat:0,2", "function"])
def test_combined_layers_on_a_gpu(elmo: Elmo, layers: str) -> None:
    model = make(elmo, layers=layers, mix_dropout=0.1).to("cuda")
    vectors = model(collate(SENTENCES, layers=frozen_layers(elmo.to("cpu"))).to("cuda"))
    assert vectors.device.type == "cuda" and vectors.shape[-1] == model.dim

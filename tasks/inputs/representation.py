"""The word representation of a task model: x_k and the mixed layers of a pretrained encoder, concatenated."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elmo_lite import ConfigError, ScalarMix
from elmo_lite.errors import require, require_range
from elmo_lite.nn import WIDEST
from tasks.inputs.batch import Batch
from tasks.inputs.combination import Concatenation, OneLayer, random_mix
from tasks.inputs.combination import MixWeights as MixWeights
from tasks.inputs.encoders import Encoder, is_transformer
from tasks.inputs.layer_choice import LayerChoice, check_start, start_of
from tasks.inputs.transformer_encoder import Pieces
from tasks.inputs.word_inputs import WordInputs
from tasks.modules.dropout import VariationalDropout
from tasks.modules.parts import side_by_side


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The pretrained model, and its use."""

    encoder: str = "none"
    """Pretrained model: none, a directory, a packaged name such as "en", or a hub name; hf: and a directory or hub name
    for a transformer (safetensors, frozen)."""
    freeze: bool = True
    """Keep the encoder as it is, instead of training it along with the task."""
    layers: str = "auto"
    """Layers to use: top, or the number of one, 0 for the token layer; mix for a learned mix of all, 1,2 for a mix of
    some; concat for all side by side, function for a hidden layer over them, random for a mix with random weights that
    are not trained, each of some layers as in concat:1,2. auto is mix for a transformer, or where a setting of the mix
    is given, and top otherwise."""
    projection: int | None = None
    """Width of a learned projection of concat, and of the hidden layer and the output of function. Defaults to none for
    concat, and to the width of a layer for function."""
    layer_norm: bool = False
    """Normalise each layer's vector of a word to mean 0 and variance 1 before mixing."""
    mix_start: str | None = None
    """Layer that starts with nine tenths of the weight of a learned mix: top, or its number. Defaults to uniform, equal
    weights."""
    mix_dropout: float = 0.0
    """Probability that a layer is left out of a training step, in [0, 1)."""
    mix_l2: float = 0.0
    """Strength of the L2 penalty that keeps the layer weights near their mean, 0 or more; 0.001 is weak, 1 strong."""
    pieces: Pieces = "mean"
    """Vector of a word that a transformer reads in several pieces: mean of them all, or that of the first."""
    dropout: float = 0.5
    """Dropout probability of the combined vector, in [0, 1)."""
    output_mix: bool = False
    """Add a second mix to the output of the task's RNN (Peters et al. 2018, section 3.3)."""

    def __post_init__(self) -> None:
        """Check ranges."""
        expected = f"true for the transformer {self.encoder}, which is not trained"
        require(self.freeze or not is_transformer(self.encoder), "freeze", expected, self.freeze)
        require(self.pieces in ("mean", "first"), "pieces", "mean or first", self.pieces)
        if self.mix_start == "uniform":
            object.__setattr__(self, "mix_start", None)
        way = self.choice.way
        if self.projection is not None:
            expected = f"none for layers {self.resolved_layers}"
            require(way in ("concat", "function"), "projection", expected, self.projection)
            require_range(self.projection, "projection", 1, WIDEST)
        check_start(self.mix_start)
        expected = f"uniform for layers {self.resolved_layers}, which are no learned mix"
        require(self.mix_start is None or way == "mix", "mix_start", expected, self.mix_start)
        for name in ("dropout", "mix_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a probability in [0, 1), found {getattr(self, name)!r}")
        if not 0 <= self.mix_l2 < math.inf:
            raise ConfigError(f"mix_l2: expected 0 or more, found {self.mix_l2!r}")

    @property
    def resolved_layers(self) -> str:
        """``layers``, or what auto stands for."""
        if self.layers != "auto":
            return self.layers
        has_mix = is_transformer(self.encoder) or self.mix_start is not None or self.mix_dropout or self.mix_l2
        return "mix" if has_mix else "top"

    @property
    def choice(self) -> LayerChoice:
        """The layers, and the way to combine them."""
        return LayerChoice.of(self.resolved_layers)

    @property
    def has_encoder(self) -> bool:
        """Whether an encoder is used."""
        return self.encoder != "none"


class Representation(nn.Module):
    """Word vectors x_k of the task, the combined layers of the encoder, or both.

    A frozen encoder is not a submodule: its weights are neither in ``parameters`` nor in ``state_dict``, and ``train``
    does not enable its dropout. ``to`` moves it as well.
    """

    elmo: Encoder | None

    def __init__(self, word_inputs: WordInputs | None, elmo: Encoder | None, config: EncoderConfig) -> None:
        """Combine word vectors and an encoder.

        Args:
            word_inputs: Module that computes x_k, if any.
            elmo: Encoder, if any. It is used, not copied; ``config.freeze`` sets whether it requires gradients.
            config: Use of the encoder.

        Raises:
            ConfigError: There are neither word vectors nor an encoder, or the encoder does not have a layer.
        """
        super().__init__()
        self.config = config
        self.layers: list[int] = []
        """Numbers of the layers that are used, ascending; empty without an encoder."""
        self.word_inputs = word_inputs
        self.input_mix = self.output_mix = None
        if elmo is not None:
            elmo.requires_grad_(not config.freeze)
            self.layers = config.choice.layers(elmo.num_layers)
            self.input_mix = _combination(elmo, config, self.layers)
            self.output_mix = _combination(elmo, config, self.layers) if config.output_mix else None
            elmo.train(self.training)
        if config.freeze:
            self.__dict__["elmo"] = elmo  # not registered
        else:
            self.elmo = elmo
        self.dropout = VariationalDropout(config.dropout)
        if self.dim == 0:
            raise ConfigError(
                "expected an encoder, words, spelling or chars, found encoder: none, words: none and the others: false"
            )

    @property
    def encoder_dim(self) -> int:
        """Width of the combined layers, 2D for one layer or a mix; 0 without an encoder."""
        if self.elmo is None:
            return 0
        return self.input_mix.output_dim if isinstance(self.input_mix, Concatenation) else self.elmo.output_dim

    @property
    def dim(self) -> int:
        """Width of the vector of a word."""
        return self.encoder_dim + (0 if self.word_inputs is None else self.word_inputs.dim)

    @property
    def output_dim(self) -> int:
        """Width of the vectors that ``output`` returns; 0 without a second mix."""
        return 0 if self.output_mix is None else self.encoder_dim

    def with_layers(self, batch: Batch) -> Batch:
        """Return the batch with the chosen layers, computed if it has none; ``forward`` and ``output`` call this.

        A model that calls both calls this first, so that the encoder runs once.

        Raises:
            ValueError: The batch has neither the chosen layers nor all.
        """
        if self.elmo is None or (batch.layers is not None and len(batch.layers) == len(self.layers)):
            return batch
        layers = self.elmo(batch.words).layers if batch.layers is None else batch.layers
        if len(layers) != len(self.layers):
            if len(layers) != self.elmo.num_layers:
                raise ValueError(f"layers: expected the chosen {self.layers} or all, found {len(layers)} layers")
            layers = layers[self.layers]
        return dataclasses.replace(batch, layers=layers.float().to(batch.mask.device))

    def forward(self, batch: Batch) -> Tensor:
        """Vectors of words, (B, T, dim): x_k, then the combined layers; zero at padding."""
        return side_by_side(self.parts(batch))

    def parts(self, batch: Batch) -> list[Tensor]:
        """The same in parts, for heads to read without a gradient of what is frozen."""
        parts = [] if self.word_inputs is None else [_narrow(self.word_inputs(batch))]
        if self.input_mix is not None:
            parts.append(self._mixed(self.input_mix, batch))
        return parts

    def output(self, batch: Batch) -> Tensor | None:
        """The second mix, (B, T, output_dim), to concatenate with the output of the task's RNN; None without one."""
        return None if self.output_mix is None else self._mixed(self.output_mix, batch)

    def _mixed(self, mix: nn.Module, batch: Batch) -> Tensor:
        mixed = _narrow(mix(self.with_layers(batch).layers))
        return self.dropout(mixed.masked_fill(~batch.mask[..., None], 0))  # type: ignore[no-any-return]

    def penalty(self) -> Tensor:
        """The L2 penalty of both mixes, a scalar to add to the loss."""
        terms = [mix.penalty() for mix in (self.input_mix, self.output_mix) if mix is not None]
        return sum(terms, start=torch.zeros(()))

    def mix_weights(self) -> dict[str, MixWeights]:
        """Layer weights and gamma by place: "input", and "output" with a second mix.

        There is a weight for each of the L layers, 0 for those that are not used. Places without an encoder, or whose
        layers have no weights (one layer, or layers side by side), are left out.
        """
        mixes = {"input": self.input_mix, "output": self.output_mix}
        found = {place: mix.weights() for place, mix in mixes.items() if mix is not None}
        return {place: (self._of_all(pair[0]), pair[1]) for place, pair in found.items() if pair is not None}

    def _of_all(self, weights: list[float]) -> list[float]:
        """The weights of all L layers of the encoder, from those of the chosen ones."""
        of_chosen = dict(zip(self.layers, weights, strict=True))
        return [of_chosen.get(layer, 0.0) for layer in range(0 if self.elmo is None else self.elmo.num_layers)]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Representation:
        """Apply ``fn`` to a frozen encoder as well; ``to`` and similar methods call this."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.elmo is not None and self.config.freeze:
            self.elmo._apply(fn, recurse)
        return self


def _narrow(vectors: Tensor) -> Tensor:
    """Vectors in the data type of autocast, in which the head reads them: half the memory in between."""
    device = vectors.device.type
    return vectors.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else vectors


def _combination(elmo: Encoder, config: EncoderConfig, layers: list[int]) -> ScalarMix | OneLayer | Concatenation:
    """The module that combines the chosen layers as the settings say."""
    way, number, norm, dropout = config.choice.way, len(layers), config.layer_norm, config.mix_dropout
    if way == "one":
        return OneLayer(norm)
    if way == "mix":
        start = None if config.mix_start is None else start_of(config.mix_start, layers, elmo.num_layers)
        return ScalarMix(number, layer_norm=norm, dropout=dropout, l2=config.mix_l2, start=start)
    if way == "random":
        return random_mix(number, layer_norm=norm, dropout=dropout)
    width, hidden = config.projection, way == "function"
    return Concatenation(number, elmo.output_dim, width, hidden=hidden, layer_norm=norm, dropout=dropout)

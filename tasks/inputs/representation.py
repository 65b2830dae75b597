"""The word representation of a task model: x_k and the mixed layers of a pretrained encoder, concatenated."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import ConfigError, Elmo, ScalarMix
from tasks.inputs.batch import Batch
from tasks.inputs.word_inputs import WordInputs
from tasks.modules.dropout import VariationalDropout

MixWeights = tuple[list[float], float]
"""The weights of the layers, which sum to 1, and gamma."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The pretrained model, and its use."""

    encoder: str = "none"
    """Pretrained model: none, a directory, a packaged name such as "en", or a hub name."""
    freeze: bool = True
    """Keep the encoder as it is, instead of training it along with the task."""
    layers: str = "mix"
    """Layers to use: mix for a learned mix of all, top, or the number of one, 0 for the token layer."""
    layer_norm: bool = False
    """Normalise each layer's vector of a word to mean 0 and variance 1 before mixing."""
    mix_dropout: float = 0.0
    """Probability that a layer is left out of a training step, in [0, 1)."""
    mix_l2: float = 0.0
    """Strength of the L2 penalty that keeps the layer weights near their mean, 0 or more; 0.001 is weak, 1 strong."""
    dropout: float = 0.5
    """Dropout probability of the mixed vector, in [0, 1)."""
    output_mix: bool = False
    """Add a second mix to the output of the task's RNN (Peters et al. 2018, section 3.3)."""

    def __post_init__(self) -> None:
        """Check ranges."""
        digits = self.layers.removeprefix("-")
        if self.layers not in ("mix", "top") and not (digits.isdecimal() and len(digits) <= 3):
            raise ConfigError(f"layers: expected mix, top or a layer's number, found {self.layers!r}")
        for name in ("dropout", "mix_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a probability in [0, 1), found {getattr(self, name)!r}")
        if not 0 <= self.mix_l2 < math.inf:
            raise ConfigError(f"mix_l2: expected 0 or more, found {self.mix_l2!r}")

    @property
    def has_encoder(self) -> bool:
        """Whether an encoder is used."""
        return self.encoder != "none"


class OneLayer(nn.Module):
    """A single layer in place of a ``ScalarMix``, without parameters."""

    def __init__(self, layer: int, num_layers: int, layer_norm: bool = False) -> None:
        """Select ``layer`` in 0..num_layers - 1."""
        super().__init__()
        self.layer = layer
        self.num_layers = num_layers
        self.layer_norm = layer_norm

    def forward(self, layers: Tensor) -> Tensor:
        """Select the layer: (L, ..., 2D) to (..., 2D)."""
        chosen = layers[self.layer]
        return F.layer_norm(chosen, chosen.shape[-1:]) if self.layer_norm else chosen

    def weights(self) -> MixWeights:
        """1 for the layer, 0 for the others; gamma is 1."""
        return [float(layer == self.layer) for layer in range(self.num_layers)], 1.0

    def penalty(self) -> Tensor:
        """Zero, since there are no weights to penalise."""
        return torch.zeros(())


class Representation(nn.Module):
    """Word vectors x_k of the task, the mixed layers of the encoder, or both.

    A frozen encoder is not a submodule: its weights are neither in ``parameters`` nor in ``state_dict``, and ``train``
    does not enable its dropout. ``to`` moves it as well.
    """

    elmo: Elmo | None

    def __init__(self, word_inputs: WordInputs | None, elmo: Elmo | None, config: EncoderConfig) -> None:
        """Combine word vectors and an encoder.

        Args:
            word_inputs: Module that computes x_k, if any.
            elmo: Encoder, if any. It is used, not copied; ``config.freeze`` sets whether it requires gradients.
            config: Use of the encoder.

        Raises:
            ConfigError: There are neither word vectors nor an encoder, or the encoder does not have the layer.
        """
        super().__init__()
        self.config = config
        self.word_inputs = word_inputs
        self.input_mix = self.output_mix = None
        if elmo is not None:
            elmo.requires_grad_(not config.freeze)
            self.input_mix = _mix(elmo, config)
            self.output_mix = _mix(elmo, config) if config.output_mix else None
            elmo.train(self.training)
        if config.freeze:
            self.__dict__["elmo"] = elmo  # not registered
        else:
            self.elmo = elmo
        self.dropout = VariationalDropout(config.dropout)
        if self.dim == 0:
            raise ConfigError("expected an encoder, words or chars, found encoder: none, words: none and chars: false")

    @property
    def encoder_dim(self) -> int:
        """Width 2D of a layer; 0 without an encoder."""
        return 0 if self.elmo is None else self.elmo.output_dim

    @property
    def dim(self) -> int:
        """Width of the vector of a word."""
        return self.encoder_dim + (0 if self.word_inputs is None else self.word_inputs.dim)

    @property
    def output_dim(self) -> int:
        """Width of the vectors that ``output`` returns; 0 without a second mix."""
        return 0 if self.output_mix is None else self.encoder_dim

    def with_layers(self, batch: Batch) -> Batch:
        """Return the batch with its layers, computed if they are missing; ``forward`` and ``output`` call this.

        A model that calls both calls this first, so that the encoder runs once.
        """
        if self.elmo is None or batch.layers is not None:
            return batch
        layers = self.elmo(batch.words).layers.float().to(batch.mask.device)
        return dataclasses.replace(batch, layers=layers)

    def forward(self, batch: Batch) -> Tensor:
        """Vectors of words, (B, T, dim): x_k, then the mixed layers; zero at padding."""
        parts = [] if self.word_inputs is None else [self.word_inputs(batch)]
        if self.input_mix is not None:
            parts.append(self._mixed(self.input_mix, batch))
        return torch.cat(parts, dim=-1)

    def output(self, batch: Batch) -> Tensor | None:
        """The second mix, (B, T, 2D), to concatenate with the output of the task's RNN; None without a second mix."""
        return None if self.output_mix is None else self._mixed(self.output_mix, batch)

    def _mixed(self, mix: nn.Module, batch: Batch) -> Tensor:
        mixed = mix(self.with_layers(batch).layers)
        return self.dropout(mixed.masked_fill(~batch.mask[..., None], 0))  # type: ignore[no-any-return]

    def penalty(self) -> Tensor:
        """The L2 penalty of both mixes, a scalar to add to the loss."""
        terms = [mix.penalty() for mix in (self.input_mix, self.output_mix) if mix is not None]
        return sum(terms, start=torch.zeros(()))

    def mix_weights(self) -> dict[str, MixWeights]:
        """Layer weights and gamma by place: "input", and "output" with a second mix; empty without an encoder."""
        mixes = {"input": self.input_mix, "output": self.output_mix}
        return {place: mix.weights() for place, mix in mixes.items() if mix is not None}

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Representation:
        """Apply ``fn`` to a frozen encoder as well; ``to`` and similar methods call this."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.elmo is not None and self.config.freeze:
            self.elmo._apply(fn, recurse)
        return self


def _mix(elmo: Elmo, config: EncoderConfig) -> ScalarMix | OneLayer:
    if config.layers == "mix":
        return ScalarMix(elmo.num_layers, layer_norm=config.layer_norm, dropout=config.mix_dropout, l2=config.mix_l2)
    layer = -1 if config.layers == "top" else int(config.layers)
    if not -elmo.num_layers <= layer < elmo.num_layers:
        expected = f"mix, top or a number in {-elmo.num_layers}..{elmo.num_layers - 1}"
        raise ConfigError(f"layers: expected {expected}, found {layer}")
    return OneLayer(layer % elmo.num_layers, elmo.num_layers, config.layer_norm)

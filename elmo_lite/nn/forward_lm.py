"""A language model of the forward direction alone, without its head; the biLM is two of them over one token layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from elmo_lite.nn.bilm import BiLM, Direction, make_char_cnn, make_stack
from elmo_lite.nn.bilstm import LSTMState
from elmo_lite.nn.cells import RecurrentLayer, WindowLayer
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.forward_config import ForwardLMConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.nn.sampled_softmax import GatherRows


class ForwardLM(nn.Module):
    """Word vectors or a character CNN, and layers of one cell that read from left to right.

    A model that reads words has no vectors of its own: the vector of a class is that of the softmax times the square
    root of its width (weight tying: Press and Wolf 2017; Inan et al. 2017), so that it needs ``tie`` before its use.
    """

    directions: tuple[Direction, ...] = ("forward",)

    def __init__(self, config: ForwardLMConfig) -> None:
        """Create an untrained model."""
        super().__init__()
        self.config = config
        self.reads_characters = config.token_layer == "characters"
        if self.reads_characters:
            self.char_cnn = make_char_cnn(config)
        self.stack = make_stack(config, None if config.cell == "lstm" else self._layer)
        self._tied: tuple[LMHead, ...] = ()  # in a tuple, as it is not a part of this module

    def _layer(self) -> nn.Module:
        config = self.config
        assert config.cell != "lstm"
        if config.cell == "window":
            return WindowLayer(config.dim, config.window)
        return RecurrentLayer(config.cell, config.dim)

    def tie(self, head: LMHead) -> None:
        """Use the class vectors of a head as word vectors."""
        self._tied = (head,)

    def token_vectors(self, rows: Tensor, longest: int | None = None) -> Tensor:
        """Compute context-independent vectors of words.

        Args:
            rows: Character ids (N, C), or classes (N,) of a model that reads words.
            longest: Number of characters of the longest word, if it is known; see ``CharCNN``.

        Returns:
            Token vectors (N, D).
        """
        if self.reads_characters:
            return self.char_cnn(rows, longest)  # type: ignore[no-any-return]
        (head,) = self._tied
        distinct, places = torch.unique(rows, return_inverse=True)
        vectors: Tensor = GatherRows.apply(head.weight, distinct)  # type: ignore[no-untyped-call]
        return vectors[places] * math.sqrt(self.config.dim)

    def run_direction(
        self,
        direction: Direction,
        token_vectors: Tensor,
        state: LSTMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[list[Tensor], LSTMState]:
        """Run over sequences (B, T, D); see ``BiLM.run_direction``. The direction is "forward"."""
        assert direction == "forward"
        return self.stack(token_vectors, state, lengths)  # type: ignore[no-any-return]


Encoder = BiLM | ForwardLM


def make_encoder(config: BiLMConfig) -> Encoder:
    """The untrained encoder of its settings."""
    return ForwardLM(config) if isinstance(config, ForwardLMConfig) else BiLM(config)

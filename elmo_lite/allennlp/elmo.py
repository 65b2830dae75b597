"""AllenNLP's ``Elmo`` and ``ElmoTokenEmbedder``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, TypedDict, cast

from torch import Tensor, nn

from elmo_lite.allennlp.bilm import BiLMActivations, PathLike, _ElmoBiLm
from elmo_lite.allennlp.mix import ScalarMix
from elmo_lite.errors import ConfigError

_log = logging.getLogger(__name__)


class ElmoRepresentations(TypedDict):
    """Output of ELMo for a batch."""

    elmo_representations: list[Tensor]
    """One tensor (B, T, 2D) for each requested representation, zero at padding."""
    mask: Tensor
    """(B, T) bool, True at words."""


class Elmo(nn.Module):
    """The layers of a published model, mixed with weights learned by the task."""

    def __init__(
        self,
        options_file: PathLike | None,
        weight_file: PathLike | None,
        num_output_representations: int,
        requires_grad: bool = False,
        do_layer_norm: bool = False,
        dropout: float = 0.5,
        vocab_to_cache: Sequence[str] | None = None,
        keep_sentence_boundaries: bool = False,
        scalar_mix_parameters: Sequence[float] | None = None,
        module: nn.Module | None = None,
    ) -> None:
        """Load a model, or use a loaded one.

        Args:
            options_file: The model's ``options.json``; None if ``module`` is given.
            weight_file: The model's HDF5 file; None if ``module`` is given.
            num_output_representations: Number of mixtures, 1 or more. The layers are computed once for all of them.
            requires_grad: Whether the model's weights are trainable. Defaults to False. The mixtures are trainable
                unless ``scalar_mix_parameters`` is given.
            do_layer_norm: Whether to normalise each layer to mean 0 and variance 1 over the whole batch before mixing.
                Defaults to False.
            dropout: Dropout probability of the mixtures, in [0, 1]. Defaults to 0.5.
            vocab_to_cache: Words in the order of their ids, of which ``forward`` then accepts word ids; id 0 is
                padding. Defaults to no vocabulary.
            keep_sentence_boundaries: Whether to return the vectors of BOS and EOS too. Defaults to False.
            scalar_mix_parameters: Fixed weights before the softmax, one for each layer; the mixtures are then frozen.
                Defaults to trainable weights, initially zero.
            module: An ``_ElmoBiLm``, or a module with its interface, instead of the files.

        Raises:
            CheckpointError: The files are not a published model.
            ConfigError: An argument is invalid.
        """
        super().__init__()
        if num_output_representations < 1:
            raise ConfigError(f"num_output_representations: expected 1 or more, found {num_output_representations}")
        if not 0 <= dropout <= 1:
            raise ConfigError(f"dropout: expected a probability in [0, 1], found {dropout}")
        if module is None and options_file is not None and weight_file is not None:
            module = _ElmoBiLm(options_file, weight_file, requires_grad, vocab_to_cache)
        elif module is None or options_file is not None or weight_file is not None:
            given = {"options_file": options_file, "weight_file": weight_file, "module": module}
            found = " and ".join(name for name, value in given.items() if value is not None) or "none of them"
            raise ConfigError(f"Elmo: expected options_file and weight_file, or module alone, found {found}")
        self._elmo_lstm = cast(Any, module)
        self._has_vocabulary = bool(vocab_to_cache) or getattr(module, "_word_embedding", None) is not None
        self._keep_sentence_boundaries = keep_sentence_boundaries
        self._dropout = nn.Dropout(dropout)
        self._num_mixes = num_output_representations
        learns, size = scalar_mix_parameters is None, self._elmo_lstm.num_layers
        for number in range(num_output_representations):
            self.add_module(f"scalar_mix_{number}", ScalarMix(size, do_layer_norm, scalar_mix_parameters, learns))

    def get_output_dim(self) -> int:
        """Width of a representation, 2D."""
        return int(self._elmo_lstm.get_output_dim())

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Reset the states of the stored rows at which ``mask`` (N,) is True to zero. Defaults to all rows."""
        self._elmo_lstm.reset_states(mask)

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> ElmoRepresentations:
        """Compute representations; row b starts from the final states of row b of the previous batch.

        Args:
            inputs: Character ids (B, T, C) or (B, ..., T, C), 0 at padding.
            word_inputs: Word ids (B, T) or (B, ..., T) of ``vocab_to_cache``, 0 at padding. Used instead of
                ``inputs`` if all of them are in the vocabulary.

        Returns:
            ``elmo_representations`` and ``mask`` with the leading dimensions of the inputs; T + 2 instead of T if
            ``keep_sentence_boundaries`` is true.

        Raises:
            ConfigError: The inputs have another rank or width.
            CorpusError: An id is out of range, or padding precedes a word; the position is named.
        """
        if inputs.dim() < 3:
            raise ConfigError(f"inputs: expected (sentences, words, characters), found shape {tuple(inputs.shape)}")
        if word_inputs is not None and not self._has_vocabulary:
            _log.warning("word_inputs: ignored, as the model was made without vocab_to_cache")
            word_inputs = None
        if word_inputs is not None and word_inputs.dim() < 2:
            raise ConfigError(f"word_inputs: expected (sentences, words), found shape {tuple(word_inputs.shape)}")
        leading = inputs.shape[:-2] if word_inputs is None else word_inputs.shape[:-1]
        words = None if word_inputs is None else word_inputs.flatten(0, -2)
        activations: BiLMActivations = self._elmo_lstm(inputs.flatten(0, -3), words)
        mask = activations["mask"]
        mixes = [getattr(self, f"scalar_mix_{number}") for number in range(self._num_mixes)]
        mixed: list[Tensor] = [mix(activations["activations"], mask) for mix in mixes]
        if not self._keep_sentence_boundaries:
            mask = mask[:, 2:]  # True as often as there are words
            mixed = [vectors[:, 1:-1].masked_fill(~mask[:, :, None], 0) for vectors in mixed]
        return {
            "elmo_representations": [self._dropout(vectors).view(*leading, *vectors.shape[1:]) for vectors in mixed],
            "mask": mask.view(*leading, mask.shape[1]),
        }


class ElmoTokenEmbedder(nn.Module):
    """A single ELMo representation, optionally projected."""

    def __init__(
        self,
        options_file: PathLike,
        weight_file: PathLike,
        do_layer_norm: bool = False,
        dropout: float = 0.5,
        requires_grad: bool = False,
        projection_dim: int | None = None,
        vocab_to_cache: Sequence[str] | None = None,
        scalar_mix_parameters: Sequence[float] | None = None,
    ) -> None:
        """Load a model.

        Args:
            options_file: The model's ``options.json``.
            weight_file: The model's HDF5 file.
            do_layer_norm: As in ``Elmo``.
            dropout: As in ``Elmo``.
            requires_grad: As in ``Elmo``.
            projection_dim: Width of a trainable projection. Defaults to no projection.
            vocab_to_cache: As in ``Elmo``.
            scalar_mix_parameters: As in ``Elmo``.

        Raises:
            CheckpointError: The files are not a published model.
            ConfigError: An argument is invalid.
        """
        super().__init__()
        self._elmo = Elmo(
            options_file,
            weight_file,
            1,
            requires_grad=requires_grad,
            do_layer_norm=do_layer_norm,
            dropout=dropout,
            vocab_to_cache=vocab_to_cache,
            scalar_mix_parameters=scalar_mix_parameters,
        )
        self.output_dim = projection_dim or self._elmo.get_output_dim()
        self._projection = nn.Linear(self._elmo.get_output_dim(), projection_dim) if projection_dim else None

    def get_output_dim(self) -> int:
        """Width of a vector: ``projection_dim``, or 2D without a projection."""
        return self.output_dim

    def forward(self, elmo_tokens: Tensor, word_inputs: Tensor | None = None) -> Tensor:
        """Compute the vectors of words.

        Args:
            elmo_tokens: Character ids, as in ``Elmo``.
            word_inputs: Word ids, as in ``Elmo``.

        Returns:
            (B, T, 2D), or (B, T, projection_dim) with a projection.

        Raises:
            ConfigError: The inputs have another rank or width.
            CorpusError: An id is out of range, or padding precedes a word; the position is named.
        """
        vectors: Tensor = self._elmo(elmo_tokens, word_inputs)["elmo_representations"][0]
        return vectors if self._projection is None else self._projection(vectors)

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
    """What ELMo says of a batch."""

    elmo_representations: list[Tensor]
    """One (B, T, 2D) for each representation asked for, zero where there is no word."""
    mask: Tensor
    """(B, T) bool."""


class Elmo(nn.Module):
    """A published model's layers, mixed by weights that a task learns."""

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
        """Read a model, or take one that was read.

        Args:
            options_file: the model's ``options.json``; None with ``module``.
            weight_file: the model's HDF5 file; None with ``module``.
            num_output_representations: mixtures to learn, 1 or more; the layers are computed once.
            requires_grad: whether the model's weights learn; those of the mixtures do anyway.
            do_layer_norm: bring each layer to mean 0 and variance 1 over the whole batch before mixing.
            dropout: probability in [0, 1] on the mixtures.
            vocab_to_cache: words by their ids, id 0 being padding, to give ``forward`` word ids.
            keep_sentence_boundaries: give vectors of the begin and the end of a sentence too.
            scalar_mix_parameters: weights before the softmax, one for each layer; they freeze the mixtures.
            module: an ``_ElmoBiLm``, or what behaves like one, instead of the files.

        Raises:
            CheckpointError: the files are no published model.
            ConfigError: a setting is impossible.
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
        """2D, width of a representation."""
        return int(self._elmo_lstm.get_output_dim())

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Start at zero again, where ``mask`` (N,) over the rows kept is True; all rows where None."""
        self._elmo_lstm.reset_states(mask)

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> ElmoRepresentations:
        """Compute representations; row b goes on where row b of the last batch ended.

        Args:
            inputs: character ids (B, T, C), zeros behind a sentence's end; or (B, ..., T, C).
            word_inputs: word ids (B, T) or (B, ..., T) of ``vocab_to_cache``; read instead of ``inputs`` where all of
                them are in the vocabulary.

        Returns:
            ``elmo_representations`` and ``mask`` with the leading dimensions of the inputs; T + 2 instead of T with
            ``keep_sentence_boundaries``.

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
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
            mask = mask[:, 2:]  # as many True values as there are words
            mixed = [vectors[:, 1:-1].masked_fill(~mask[:, :, None], 0) for vectors in mixed]
        return {
            "elmo_representations": [self._dropout(vectors).view(*leading, *vectors.shape[1:]) for vectors in mixed],
            "mask": mask.view(*leading, mask.shape[1]),
        }


class ElmoTokenEmbedder(nn.Module):
    """One ELMo representation, projected where asked for."""

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
        """Read a model.

        Args:
            options_file: the model's ``options.json``.
            weight_file: the model's HDF5 file.
            do_layer_norm: as for ``Elmo``.
            dropout: as for ``Elmo``.
            requires_grad: as for ``Elmo``.
            projection_dim: width of a learned projection; none where None.
            vocab_to_cache: as for ``Elmo``.
            scalar_mix_parameters: as for ``Elmo``.

        Raises:
            CheckpointError: the files are no published model.
            ConfigError: a setting is impossible.
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
        """Width of a vector."""
        return self.output_dim

    def forward(self, elmo_tokens: Tensor, word_inputs: Tensor | None = None) -> Tensor:
        """Vectors of words.

        Args:
            elmo_tokens: character ids, as for ``Elmo``.
            word_inputs: word ids, as for ``Elmo``.

        Returns:
            (B, T, 2D), or (B, T, projection_dim).

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
        """
        vectors: Tensor = self._elmo(elmo_tokens, word_inputs)["elmo_representations"][0]
        return vectors if self._projection is None else self._projection(vectors)

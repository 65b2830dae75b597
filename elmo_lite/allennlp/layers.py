"""Layers of AllenNLP's ELMo, built from this package's: a token layer with BOS and EOS, and stateful LSTMs."""

from __future__ import annotations

import dataclasses
import threading
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from elmo_lite.allennlp.ids import enclose, lengths_of
from elmo_lite.allennlp.names import AllenNLPNames
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.nn.bilm import BiLM, distinct_rows, reverse_sequences
from elmo_lite.nn.bilstm import ClippedLSTM, LSTMState
from elmo_lite.text.characters import NUM_CHAR_IDS, token_mask

_WORDS_AT_ONCE = 8192
"""Number of words computed at once when a vocabulary is cached."""


def spell_out(bilm: BiLM, requires_grad: bool) -> BiLM:
    """Convert a model to the parametrisation of AllenNLP: with a projection, and the forget bias within the weights.

    Checkpoints are thus loaded and saved bit for bit. A model without projections gets identity projections.

    Args:
        bilm: The model. Weights that do not change are shared with the result.
        requires_grad: Whether the weights of the result are trainable.
    """
    config = dataclasses.replace(
        bilm.config,
        lstm_projection=True,
        projection_clip=bilm.config.projection_clip if bilm.config.has_lstm_projection else None,
        forget_bias=0.0,
        dropout=0.0,
    )
    with torch.device("meta"):  # allocates no memory, as the weights exist already
        spelt_out = BiLM(config)
    weights = {name: tensor for name, tensor in bilm.state_dict().items() if name.startswith("char_cnn.")}
    for stack in ("forward_lstm", "backward_lstm"):
        for index, layer in enumerate(getattr(bilm, stack).layers):
            weights |= {f"{stack}.layers.{index}.lstm.{name}": weight for name, weight in _weights(layer.lstm).items()}
    spelt_out.load_state_dict(weights, assign=True)
    return spelt_out.requires_grad_(requires_grad)


@torch.no_grad()
def _weights(lstm: nn.Module) -> dict[str, Tensor]:
    """Weights of ``nn.LSTM`` or of the LSTM with projection, under the names of the latter."""
    if isinstance(lstm, nn.LSTM):
        own = {name.removesuffix("_l0"): weight for name, weight in lstm.state_dict().items()}
        bias, projection = own["bias_ih"] + own["bias_hh"], None
    else:
        own = lstm.state_dict()
        bias, projection = own["bias"].clone(), own.get("weight_projection")
        bias.chunk(4)[1].add_(cast(float, lstm.forget_bias))
    if projection is None:
        projection = torch.eye(len(bias) // 4, dtype=bias.dtype, device=bias.device)
    return {"weight_ih": own["weight_ih"], "weight_hh": own["weight_hh"], "bias": bias, "weight_projection": projection}


class CharacterEncoder(AllenNLPNames):
    """Token layer that maps character ids to token vectors and adds BOS and EOS."""

    def __init__(self, bilm: BiLM) -> None:
        """Wrap the token layer of a model."""
        super().__init__()
        self.output_dim = bilm.config.dim
        self.char_cnn = bilm.char_cnn
        self.register_buffer("boundary_char_ids", bilm.boundary_char_ids.long(), persistent=False)
        self._words = WordVectors(bilm)

    def get_output_dim(self) -> int:
        """Width of a token vector, D."""
        return self.output_dim

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Encode a batch.

        Args:
            inputs: Character ids (B, T, C) in [0, 261], 0 at padding.

        Returns:
            ``mask`` (B, T + 2) bool and ``token_embedding`` (B, T + 2, D). BOS is at position 0, EOS after the last
            word.

        Raises:
            ConfigError: The inputs have another rank or width.
            CorpusError: An id is out of range, or padding precedes a word; the position is named.
        """
        self._check(inputs)
        lengths = lengths_of(token_mask(inputs), "inputs")
        begin, end = cast(Tensor, self.boundary_char_ids).to(inputs)
        char_ids, mask = enclose(inputs, lengths, begin, end)
        vectors = self.vectors(char_ids.flatten(0, 1))
        return {"mask": mask, "token_embedding": vectors.view(*mask.shape, self.output_dim)}

    def vectors(self, char_ids: Tensor) -> Tensor:
        """Token vectors (N, D) of character ids (N, C); each distinct row is computed once."""
        distinct, inverse = distinct_rows(char_ids)
        if self._is_plain():
            vectors: Tensor = self.char_cnn(distinct)
            return vectors[inverse]
        ids, places = distinct.short().cpu().numpy(), inverse.cpu().numpy()
        return self._words.gather(lambda: self._words.rows(ids)[places])

    def boundary_vectors(self) -> Tensor:
        """Token vectors (2, D) of BOS and EOS."""
        return self.vectors(cast(Tensor, self.boundary_char_ids))

    @torch.no_grad()
    def vocabulary_vectors(self, char_ids: Tensor) -> Tensor:
        """Token vectors (V, D) of a vocabulary of character ids (V, C), without caching them."""
        vectors = torch.cat([self.vectors(part) for part in torch.split(char_ids, _WORDS_AT_ONCE)])
        self._words.clear()
        return vectors

    def _is_plain(self) -> bool:
        """Whether the cache cannot be used: the weights are being trained, or this is a DataParallel replica."""
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.char_cnn.parameters())
        return learns or getattr(self, "_is_replica", False)

    def _check(self, inputs: Tensor) -> None:
        width = self.char_cnn.max_characters
        if inputs.dim() != 3 or inputs.shape[2] != width or inputs.is_floating_point() or len(inputs) == 0:
            found = f"{str(inputs.dtype).removeprefix('torch.')} {tuple(inputs.shape)}"
            raise ConfigError(f"inputs: expected integers of shape (sentences, words, {width}), found {found}")
        wrong = (inputs < 0) | (inputs >= NUM_CHAR_IDS)
        if bool(wrong.any()):
            row, word, place = wrong.nonzero()[0].tolist()
            expected = f"a character id in 0..{NUM_CHAR_IDS - 1}, found {int(inputs[row, word, place])}"
            raise CorpusError(f"inputs: sentence {row}, word {word}, character {place}: expected {expected}")

    def _apply(self, fn: Any, recurse: bool = True) -> CharacterEncoder:
        self._words.clear()  # frees the memory on the old device at once
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


class StatefulLSTM(AllenNLPNames):
    """LSTMs of both directions; each row of a batch starts from the final states of that row in the previous batch.

    Attributes:
        stateful: Whether states are carried over between batches. If false, every sentence starts from zero states.
    """

    def __init__(self, bilm: BiLM) -> None:
        """Wrap the LSTMs of a model."""
        super().__init__()
        self.forward_lstm, self.backward_lstm = bilm.forward_lstm, bilm.backward_lstm
        self.stateful = True
        self._states: list[Tensor] = []  # h (N, D) and c (N, lstm_dim) of each layer, forward before backward
        self._lock = threading.Lock()  # held for a batch, as the next one starts from its states

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state with a lock of its own."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Run both directions. Batches of several threads run one after the other.

        Args:
            inputs: Token vectors (B, T, D), BOS and EOS included.
            mask: (B, T) bool, False at padding, which must follow the tokens.

        Returns:
            Outputs (L - 1, B, T, 2D) of each LSTM layer, zero at padding.
        """
        with self._lock:
            return self._run(inputs, mask)

    def _run(self, inputs: Tensor, mask: Tensor) -> Tensor:
        lengths = mask.sum(dim=1)
        ends = lengths.cpu()
        # A DataParallel replica can neither find the states of its rows nor return them.
        carries = self.stateful and not getattr(self, "_is_replica", False)
        before_begin, before_end = self._start(len(inputs)) if carries else (None, None)
        ahead, after_end = self.forward_lstm(inputs, before_begin, ends)
        back, after_begin = self.backward_lstm(reverse_sequences(inputs, lengths), before_end, ends)
        if carries:
            self._keep([*after_end, *after_begin])
        layers = zip(ahead, back, strict=True)
        return torch.stack([torch.cat([one, reverse_sequences(other, lengths)], dim=-1) for one, other in layers])

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Reset the stored states to zero.

        Args:
            mask: (N,) bool, True at the stored rows to reset. Defaults to all rows.

        Raises:
            ConfigError: ``mask`` does not have one value for each stored row.
        """
        if mask is None or not self._states:
            self._states = []
            return
        rows = len(self._states[0])
        if mask.shape != (rows,):
            raise ConfigError(f"mask: expected one value for each of {rows} rows, found shape {tuple(mask.shape)}")
        self._states = [state.masked_fill(mask.to(state.device)[:, None], 0) for state in self._states]

    def _start(self, batch: int) -> tuple[LSTMState, LSTMState]:
        """Initial forward and backward states of a batch's rows; zero for new rows."""
        layers = cast(list[ClippedLSTM], [*self.forward_lstm.layers, *self.backward_lstm.layers])
        weights = [layer.lstm.weight_hh for layer in layers]  # (4 * lstm_dim, D)
        pairs: LSTMState = [(w.new_zeros(batch, w.shape[1]), w.new_zeros(batch, w.shape[0] // 4)) for w in weights]
        for start, kept in zip(chain.from_iterable(pairs), self._states, strict=False):
            start[: len(kept)] = kept[:batch]  # copies across devices and dtypes
        return pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]

    def _keep(self, pairs: LSTMState) -> None:
        """Store the detached final states of a batch; further stored rows are kept."""
        last = [state.detach() for state in chain.from_iterable(pairs)]
        kept = self._states or [state[:0] for state in last]
        self._states = [torch.cat([new, old[len(new) :].to(new)]) for new, old in zip(last, kept, strict=True)]

    def _apply(self, fn: Any, recurse: bool = True) -> StatefulLSTM:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._states = [fn(state) for state in self._states]
        return self

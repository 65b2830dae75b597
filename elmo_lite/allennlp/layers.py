"""What AllenNLP's ELMo is made of, on this package's layers: tokens with their boundaries, and LSTMs with a memory."""

from __future__ import annotations

import dataclasses
from itertools import chain
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.allennlp.ids import enclose, lengths_of
from elmo_lite.allennlp.names import AllenNLPNames
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.nn.bilm import BiLM, distinct_rows, reverse_sequences
from elmo_lite.nn.bilstm import ClippedLSTM, LSTMState
from elmo_lite.text.characters import NUM_CHAR_IDS, token_mask

_WORDS_AT_ONCE = 8192
"""Words whose vectors are computed together when a vocabulary is."""


def spell_out(bilm: BiLM, requires_grad: bool) -> BiLM:
    """The same model with every part that AllenNLP keeps: a projection, and the whole forget bias as a weight.

    So a checkpoint's weights go in and come out bit for bit. A projection that is not there becomes the identity.

    Args:
        bilm: the model; shares its weights with the result, as far as they are the same.
        requires_grad: whether the result's weights learn.
    """
    config = dataclasses.replace(
        bilm.config,
        lstm_projection=True,
        projection_clip=bilm.config.projection_clip if bilm.config.has_lstm_projection else None,
        forget_bias=0.0,
        dropout=0.0,
    )
    with torch.device("meta"):  # shapes without memory: the weights are there already
        spelt_out = BiLM(config)
    weights = {name: tensor for name, tensor in bilm.state_dict().items() if name.startswith("char_cnn.")}
    for stack in ("forward_lstm", "backward_lstm"):
        for index, layer in enumerate(getattr(bilm, stack).layers):
            weights |= {f"{stack}.layers.{index}.lstm.{name}": weight for name, weight in _weights(layer.lstm).items()}
    spelt_out.load_state_dict(weights, assign=True)
    return spelt_out.requires_grad_(requires_grad)


@torch.no_grad()
def _weights(lstm: nn.Module) -> dict[str, Tensor]:
    """Weights of either engine, under the names of the one with projection."""
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
    """Character ids to token vectors, those of the sentences' boundaries included."""

    def __init__(self, bilm: BiLM) -> None:
        """Take over a model's token layer."""
        super().__init__()
        self.output_dim = bilm.config.dim
        self.char_cnn = bilm.char_cnn
        self.register_buffer("boundary_char_ids", bilm.boundary_char_ids.long(), persistent=False)
        self._words = WordVectors(bilm)

    def get_output_dim(self) -> int:
        """D, width of a token vector."""
        return self.output_dim

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Encode a batch.

        Args:
            inputs: character ids (B, T, C) in 0..261, rows of zeros behind a sentence's end.

        Returns:
            ``mask`` (B, T + 2) bool and ``token_embedding`` (B, T + 2, D), where position 0 is the begin of the
            sentence and the one behind its last word its end.

        Raises:
            ConfigError: another rank or width.
            CorpusError: an id out of range, or padding before a word; says where.
        """
        self._check(inputs)
        lengths = lengths_of(token_mask(inputs), "inputs")
        begin, end = cast(Tensor, self.boundary_char_ids).to(inputs)
        char_ids, mask = enclose(inputs, lengths, begin, end)
        vectors = self.vectors(char_ids.flatten(0, 1))
        return {"mask": mask, "token_embedding": vectors.view(*mask.shape, self.output_dim)}

    def vectors(self, char_ids: Tensor) -> Tensor:
        """Token vectors of N rows of character ids, each distinct one computed once: (N, C) to (N, D)."""
        distinct, inverse = distinct_rows(char_ids)
        if self._is_plain():
            vectors: Tensor = self.char_cnn(distinct)
            return vectors[inverse]
        slots = torch.from_numpy(self._words.rows(distinct.short().cpu().numpy()))
        return F.embedding(slots.to(inverse.device)[inverse], self._words.table)

    def boundary_vectors(self) -> Tensor:
        """Token vectors of a sentence's begin and end, (2, D)."""
        return self.vectors(cast(Tensor, self.boundary_char_ids))

    @torch.no_grad()
    def vocabulary_vectors(self, char_ids: Tensor) -> Tensor:
        """Token vectors of a whole vocabulary, (V, C) to (V, D), which are not remembered."""
        vectors = torch.cat([self.vectors(part) for part in torch.split(char_ids, _WORDS_AT_ONCE)])
        self._words.clear()
        return vectors

    def _is_plain(self) -> bool:
        """Whether vectors must be computed anew: they learn, or this is a copy that DataParallel made for one batch."""
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.char_cnn.parameters())
        return learns or getattr(self, "_is_replica", False)

    def _check(self, inputs: Tensor) -> None:
        width = self.char_cnn.max_characters
        if inputs.dim() != 3 or inputs.shape[2] != width or inputs.is_floating_point() or len(inputs) == 0:
            found = f"{str(inputs.dtype).removeprefix('torch.')} {tuple(inputs.shape)}"
            raise ConfigError(f"inputs: expected whole numbers (sentences, words, {width}), found {found}")
        wrong = (inputs < 0) | (inputs >= NUM_CHAR_IDS)
        if bool(wrong.any()):
            row, word, place = wrong.nonzero()[0].tolist()
            expected = f"a character id in 0..{NUM_CHAR_IDS - 1}, found {int(inputs[row, word, place])}"
            raise CorpusError(f"inputs: sentence {row}, word {word}, character {place}: expected {expected}")

    def _apply(self, fn: Any, recurse: bool = True) -> CharacterEncoder:
        self._words.clear()  # at once, not when it is needed next: another device's memory
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


class StatefulLSTM(AllenNLPNames):
    """Both directions' LSTMs, each row of a batch going on where that row of the last batch ended.

    Attributes:
        stateful: whether states are carried over; without, every sentence starts at zero.
    """

    def __init__(self, bilm: BiLM) -> None:
        """Take over a model's LSTMs."""
        super().__init__()
        self.forward_lstm, self.backward_lstm = bilm.forward_lstm, bilm.backward_lstm
        self.stateful = True
        self._states: list[Tensor] = []  # h (N, D) and c (N, lstm_dim) of each layer, forward, then backward

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Run both directions.

        Args:
            inputs: token vectors (B, T, D), boundaries included.
            mask: (B, T) bool, True up to each row's end.

        Returns:
            (L - 1, B, T, 2D), zero behind each row's end.
        """
        lengths = mask.sum(dim=1)
        ends = lengths.cpu()
        # A copy that DataParallel made for one batch could neither find its rows' states nor hand them back.
        carries = self.stateful and not getattr(self, "_is_replica", False)
        before_begin, before_end = self._start(len(inputs)) if carries else (None, None)
        ahead, after_end = self.forward_lstm(inputs, before_begin, ends)
        back, after_begin = self.backward_lstm(reverse_sequences(inputs, lengths), before_end, ends)
        if carries:
            self._keep([*after_end, *after_begin])
        layers = zip(ahead, back, strict=True)
        return torch.stack([torch.cat([one, reverse_sequences(other, lengths)], dim=-1) for one, other in layers])

    def reset_states(self, mask: Tensor | None = None) -> None:
        """Start at zero again.

        Args:
            mask: (N,) bool, which of the N rows kept; all where None.

        Raises:
            ConfigError: another number of rows than are kept.
        """
        if mask is None or not self._states:
            self._states = []
            return
        rows = len(self._states[0])
        if mask.shape != (rows,):
            raise ConfigError(f"mask: expected one value for each of {rows} rows, found shape {tuple(mask.shape)}")
        self._states = [state.masked_fill(mask.to(state.device)[:, None], 0) for state in self._states]

    def _start(self, batch: int) -> tuple[LSTMState, LSTMState]:
        """States of a batch's rows, forward and backward; zero where a row is new."""
        layers = cast(list[ClippedLSTM], [*self.forward_lstm.layers, *self.backward_lstm.layers])
        weights = [layer.lstm.weight_hh for layer in layers]  # (4 * lstm_dim, D)
        pairs = [(w.new_zeros(batch, w.shape[1]), w.new_zeros(batch, w.shape[0] // 4)) for w in weights]
        for start, kept in zip(chain.from_iterable(pairs), self._states, strict=False):
            start[: len(kept)] = kept[:batch]  # whatever its device and dtype
        return pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]

    def _keep(self, pairs: LSTMState) -> None:
        """Remember a batch's last states, without their graph, and those of rows that it did not have."""
        last = [state.detach() for state in chain.from_iterable(pairs)]
        kept = self._states or [state[:0] for state in last]
        self._states = [torch.cat([new, old[len(new) :].to(new)]) for new, old in zip(last, kept, strict=True)]

    def _apply(self, fn: Any, recurse: bool = True) -> StatefulLSTM:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._states = [fn(state) for state in self._states]
        return self

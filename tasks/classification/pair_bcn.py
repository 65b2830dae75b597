"""The biattentive classification network (McCann et al. 2017, section 5) for pairs of texts.

One biLSTM encodes both texts; each word attends to the words of the other text; a biLSTM for the first text and one for
the second integrate states and contexts. Both are pooled in four ways and classified together by a maxout network.
Attention needs both texts as a whole: their encoder states are kept, however many pieces they are read in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tasks.classification.bcn import BCNConfig, attended, feed_forward, four_pools, integrated, maxout_layers
from tasks.classification.pooling import AttentivePooling, pool_all
from tasks.modules.bilstm import BiLSTM
from tasks.modules.parts import Parts


class EncodedWords(NamedTuple):
    """The words of N pieces of texts, one after the other, without padding."""

    states: Tensor
    """(W, D), encoder states."""
    output_mix: Tensor | None
    """(W, output_mix_dim), the second mix."""
    lengths: Tensor
    """(N,), number of words of each piece."""


class PairBCN(nn.Module):
    """Biattentive classification network from the word vectors of two texts to logits of the classes."""

    def __init__(self, input_dim: int, num_classes: int, config: BCNConfig, output_mix_dim: int = 0) -> None:
        """Build the network; see ``BCN``."""
        super().__init__()
        self.feed_forward = feed_forward(input_dim, config)
        self.encoder = BiLSTM(config.feed_forward_dim, config.lstm_dim)
        self.integrators = nn.ModuleList(BiLSTM(3 * self.encoder.dim, config.lstm_dim) for _ in range(2))
        read_dim = 2 * config.lstm_dim + output_mix_dim
        self.attentive_poolings = nn.ModuleList(AttentivePooling(read_dim) for _ in range(2))
        self.pooled_dropout = nn.Dropout(config.pooled_dropout)
        self.maxout = maxout_layers(8 * read_dim, num_classes, config)

    def read(self, vectors: Parts, mask: Tensor, output_mix: Tensor | None = None) -> EncodedWords:
        """Encode N pieces of texts: word vectors (N, T, input_dim) with mask (N, T), and the second mix."""
        states = self.encoder(self.feed_forward(vectors), mask)
        mix = None if output_mix is None else output_mix[mask]
        return EncodedWords(states[mask], mix, mask.sum(dim=1))

    def judge(self, pieces: Sequence[EncodedWords], owner: Tensor, num_texts: int) -> Tensor:
        """Logits (B, num_classes) of pairs, from their encoded pieces.

        Args:
            pieces: Encoded words of all pieces, in order, any number of pieces in each.
            owner: (P,), index of the text of each of the P pieces; texts 2n and 2n + 1 are a pair.
            num_texts: Number of texts, 2B.
        """
        lengths = torch.cat([part.lengths for part in pieces])
        of_texts = lengths.new_zeros(num_texts).index_add(0, owner, lengths)
        states = _by_text(torch.cat([part.states for part in pieces]), of_texts)
        mixes = [part.output_mix for part in pieces if part.output_mix is not None]
        mixed = _by_text(torch.cat(mixes), of_texts) if mixes else [None, None]
        masks = [
            torch.arange(part.shape[1], device=part.device) < of_texts[side::2, None]
            for side, part in enumerate(states)
        ]
        pooled = []
        for side, other in ((0, 1), (1, 0)):
            context = attended(states[side], states[other], masks[other])
            read = integrated(self.integrators[side], states[side], context, masks[side], mixed[side])  # type: ignore[arg-type]
            pooled.append(four_pools(pool_all(read, masks[side], self.attentive_poolings[side])))  # type: ignore[arg-type]
        scores: Tensor = self.maxout(self.pooled_dropout(torch.cat(pooled, dim=-1)))
        return scores


def _by_text(words: Tensor, lengths: Tensor) -> list[Tensor]:
    """The words (W, D) of texts of these lengths, (2B,), as two padded batches (B, T, D): first texts, second texts."""
    texts = torch.split(words, lengths.tolist())
    return [pad_sequence(list(texts[side::2]), batch_first=True) for side in range(2)]

"""Long texts and pairs of texts in batches: texts are read in pieces, a bounded number of words at a time.

A text of up to ``piece_words`` words is one piece. A longer one is cut into pieces of at most that many words, at the
ends of sentences where there are any. The encoder reads each piece as it reads a sentence; the heads pool over all
pieces of a text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from tasks.inputs.batch import Batch, collate, moved

Words = Sequence[str]
CHUNK_WORDS = 4096
"""Maximum number of positions of the pieces that are read at a time, padding included."""
WHOLE_WORDS = 16_384
"""Maximum number of positions of a batch whose pieces are all kept in memory in training."""
_ENDS = frozenset(".!?…。！？؟।")
_CLOSING = frozenset("\"'”’»)]")


def pieces_of(words: Words, piece_words: int | None) -> list[Words]:
    """Cut a text into pieces.

    Args:
        words: Words of the text, one or more.
        piece_words: Maximum number of words of a piece. None for one piece.

    Returns:
        Pieces of one or more words. A piece ends after the last sentence that fits, if that fills at least half of it;
        otherwise it is cut after ``piece_words`` words.
    """
    if piece_words is None or len(words) <= piece_words:
        return [words]
    pieces, start = [], 0
    while len(words) - start > piece_words:
        limit, least = start + piece_words, start + (piece_words + 1) // 2
        end = next((stop for stop in range(limit, least - 1, -1) if _ends_sentence(words, stop)), limit)
        pieces.append(words[start:end])
        start = end
    return [*pieces, words[start:]]


def _ends_sentence(words: Words, stop: int) -> bool:
    """Whether a sentence ends before ``words[stop]``: after its last mark and the quotes and brackets that close."""
    last = stop - 1
    while last > 0 and words[last] in _CLOSING:
        last -= 1
    return words[last][-1] in _ENDS and words[stop] not in _CLOSING


@dataclass(frozen=True, kw_only=True)
class DocumentBatch:
    """A batch of B long texts, or of B pairs of texts, read in pieces."""

    pieces: list[Words]
    """Words of all P pieces, in the order of the texts."""
    owner: Tensor
    """(P,) long, index of the text of each piece. Texts 2n and 2n + 1 are a pair, if there are pairs."""
    num_texts: int
    """Number of texts: B, or 2B for pairs."""
    lengths: Tensor
    """(B,) long, number of words of each text or pair. Always on the CPU."""
    targets: Tensor | None = None
    """One target per text or pair; None in prediction."""
    layers: Callable[[Sequence[int]], Tensor] | None = None
    """Function from indices of pieces to their layers, see ``Batch.layers``; None without a frozen encoder."""

    def __len__(self) -> int:
        """Number of texts or pairs."""
        return len(self.lengths)

    def to(self, device: torch.device | str) -> DocumentBatch:
        """Return the batch with its tensors, except ``lengths``, on a device."""
        targets = None if self.targets is None else moved(self.targets, device)
        return dataclasses.replace(self, owner=moved(self.owner, device), targets=targets)

    def pin_memory(self) -> DocumentBatch:
        """Pin the tensors that ``to`` moves in memory; layers are read in pieces, and are not."""
        targets = None if self.targets is None else self.targets.pin_memory()
        return dataclasses.replace(self, owner=self.owner.pin_memory(), targets=targets)

    def chunks(self) -> list[range]:
        """Indices of the pieces that are read at a time, at most 4,096 positions or one piece."""
        return list(_chunks([len(piece) for piece in self.pieces]))

    def is_small(self) -> bool:
        """Whether all pieces can be kept in memory in training."""
        return sum(map(len, self.pieces)) <= WHOLE_WORDS

    def read(self, indices: range) -> Batch:
        """The pieces with these indices as a batch on the device of ``owner``, with their layers."""
        layers = None if self.layers is None else self.layers(indices)
        return collate([self.pieces[index] for index in indices], None, layers).to(self.owner.device)


def _chunks(lengths: Sequence[int]) -> Iterator[range]:
    start, longest = 0, 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if index > start and (index - start + 1) * longest > CHUNK_WORDS:
            yield range(start, index)
            start, longest = index, length
    yield range(start, len(lengths))


def batch_of(
    texts: Sequence[Sequence[Words]],
    piece_words: int | None,
    targets: Tensor | None = None,
    layers: Callable[[Sequence[int]], Tensor] | None = None,
) -> Batch | DocumentBatch:
    """Make a batch of B texts or pairs.

    Args:
        texts: B tuples of one text, or of the two texts of a pair; each has one or more words.
        piece_words: Maximum number of words of a piece, see ``pieces_of``.
        targets: B targets.
        layers: Function from indices of pieces, counted over the batch, to their layers.

    Returns:
        A plain batch if each item is a single text of one piece, and all are short enough to be read at once, or may
        not be cut.
    """
    by_text = [pieces_of(words, piece_words) for item in texts for words in item]
    lengths = [sum(map(len, item)) for item in texts]
    is_whole = len(by_text) == len(texts) and all(len(pieces) == 1 for pieces in by_text)
    if is_whole and (piece_words is None or len(texts) * max(lengths) <= WHOLE_WORDS):
        plain = collate([item[0] for item in texts], None, None if layers is None else layers(range(len(texts))))
        return dataclasses.replace(plain, targets=targets)
    owner = [number for number, pieces in enumerate(by_text) for _ in pieces]
    return DocumentBatch(
        pieces=list(chain.from_iterable(by_text)),
        owner=torch.tensor(owner),
        num_texts=len(by_text),
        lengths=torch.tensor(lengths),
        targets=targets,
        layers=layers,
    )


def items_of(batch: Batch | DocumentBatch, pairs: bool) -> list[tuple[Words, ...]]:
    """The texts of a batch as they were before they were cut: B tuples of one text, or of the two texts of a pair."""
    if isinstance(batch, Batch):
        return [(words,) for words in batch.words]
    texts: list[list[str]] = [[] for _ in range(batch.num_texts)]
    for piece, owner in zip(batch.pieces, batch.owner.tolist(), strict=True):
        texts[owner].extend(piece)
    return list(zip(texts[0::2], texts[1::2], strict=True)) if pairs else [(words,) for words in texts]

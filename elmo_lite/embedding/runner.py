"""Inference over sentences: each direction runs in chunks that pass the state on, into arrays or tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite.embedding.eval_mode import EvalMode
from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.nn.bilm import DIRECTIONS, BiLM, BiLMOutput, Direction, reverse_sequences
from elmo_lite.text.length_batches import batches_by_length

FloatArray = npt.NDArray[np.float32]

WINDOW_BATCHES = 4
"""Number of batches in a window, the sentences that are read before they are sorted by length."""


def run_chunks(
    bilm: BiLM, direction: Direction, lengths: Tensor, size: int, vectors_at: Callable[[int, int], Tensor]
) -> Iterator[tuple[int, Tensor, list[Tensor]]]:
    """Run one direction over B sequences from zero states, ``size`` positions at a time.

    Args:
        bilm: The encoder.
        direction: The direction to run.
        lengths: Number of positions of each sequence, (B,), on the CPU.
        size: Maximum number of positions in a chunk, 1 or more.
        vectors_at: Function of start and stop that returns the token vectors (T', B, D) of positions start..stop - 1 in
            reading order. Padding may hold any finite vector.

    Yields:
        The first position of the chunk, its token vectors (T', B, D), and the output of each LSTM layer (T', B, D),
        which is arbitrary at padding.
    """
    longest, state = int(lengths.max()), None
    for start in range(0, longest, size):
        stop = min(start + size, longest)
        vectors = vectors_at(start, stop)
        ends = (lengths - start).clamp(0, stop - start)
        outputs, state = bilm.run_direction(direction, vectors.transpose(0, 1), state, ends)
        yield start, vectors, [output.transpose(0, 1) for output in outputs]


class Runner:
    """An encoder that runs over batches of sentences and caches the token vectors of recently used words."""

    def __init__(self, bilm: BiLM, cache_words: int) -> None:
        """Wrap an encoder and cache the token vectors of up to ``cache_words`` words."""
        self.bilm = bilm
        self.words = WordVectors(bilm, cache_words)
        self.eval_mode = EvalMode(bilm)
        self.num_layers = bilm.config.num_layers + 1
        self.output_dim = 2 * bilm.config.dim

    def arrays(
        self, sentences: Iterable[list[str]], layer: LayerChoice, batch_tokens: int, batch_sentences: int | None
    ) -> Iterator[FloatArray]:
        """Yield the arrays of sentences, in order; see ``Elmo.embed_iter``."""
        window: list[list[str]] = []
        size = 0
        for sentence in sentences:
            window.append(sentence)
            size += len(sentence) + 1
            if size >= WINDOW_BATCHES * batch_tokens:
                yield from self._window(window, layer, batch_tokens, batch_sentences)
                window, size = [], 0
        yield from self._window(window, layer, batch_tokens, batch_sentences)

    def _window(
        self, sentences: list[list[str]], layer: LayerChoice, batch_tokens: int, batch_sentences: int | None
    ) -> Iterator[FloatArray]:
        """Yield the arrays of the sentences of a window, in order. No reference to a yielded array is kept."""
        arrays = [self._empty(len(sentence), layer) for sentence in sentences]
        with self.eval_mode.entered(), torch.inference_mode():
            words = list(chain.from_iterable(sentences))
            if len(words) <= self.words.capacity:
                self.words.rows(words)  # all new words of the window at once, in well-filled blocks
            for batch in batches_by_length([len(s) for s in sentences], batch_tokens, batch_sentences):
                filled = [_as_layers(arrays[index]) for index in batch]
                self._fill([sentences[index] for index in batch], filled, layer, batch_tokens)
        arrays.reverse()
        while arrays:
            yield arrays.pop()

    def _empty(self, length: int, layer: LayerChoice) -> FloatArray:
        shape = (self.num_layers, length, self.output_dim) if layer == "all" else (length, self.output_dim)
        return np.empty(shape, dtype=np.float32)

    def _fill(
        self, sentences: list[list[str]], arrays: list[FloatArray], layer: LayerChoice, batch_tokens: int
    ) -> None:
        """Write the layers of a batch of sentences into arrays (K, T, 2D), one direction after the other."""
        width = self.output_dim // 2
        for direction in DIRECTIONS:
            step, half = (1, slice(width)) if direction == "forward" else (-1, slice(width, None))
            read = [sentence[::step] for sentence in sentences]
            targets = [array[:, ::step, half] for array in arrays]  # in reading order
            for start, outputs in self._run(direction, read, batch_tokens):
                chunk = _select(outputs, layer)  # (K, T', B, D)
                stop = start + chunk.shape[1]
                for row, target in enumerate(targets):
                    # Position 0 is the boundary token, position p > 0 the p-th word in reading order.
                    first, last = max(start, 1), min(stop, target.shape[1] + 1)
                    if first < last:
                        target[:, first - 1 : last - 1] = chunk[:, first - start : last - start, row]

    def tensors(self, sentences: list[list[str]]) -> BiLMOutput:
        """Compute the layers of a batch in one chunk from cached token vectors. The backward half of padding is 0."""
        lengths = torch.tensor([len(sentence) for sentence in sentences], dtype=torch.long)
        longest = int(lengths.max()) if sentences else 0
        table = self.words.table
        layers = table.new_zeros((self.num_layers, len(sentences), longest, self.output_dim))
        mask = (torch.arange(longest) < lengths[:, None]).to(table.device)
        if longest > 0:
            width, positions = self.output_dim // 2, (longest + 1) * len(sentences)
            (_, ahead), *_ = self._run("forward", sentences, positions)
            (_, back), *_ = self._run("backward", [sentence[::-1] for sentence in sentences], positions)
            lengths = lengths.to(table.device)
            for layer, of_ahead, of_back in zip(layers, ahead, back, strict=True):
                layer[..., :width] = of_ahead[1:].transpose(0, 1)
                layer[..., width:] = reverse_sequences(of_back[1:].transpose(0, 1), lengths)
            layers[..., width:].masked_fill_(~mask[..., None], 0)
        return BiLMOutput(layers, mask)

    def _run(
        self, direction: Direction, sentences: list[list[str]], batch_tokens: int
    ) -> Iterator[tuple[int, list[Tensor]]]:
        """Run one direction over sentences in its reading order, in chunks of at most ``batch_tokens`` positions.

        Yields:
            The first position of the chunk (0 is the boundary token), its token vectors and layers, each (T', B, D).
        """

        def vectors_at(start: int, stop: int) -> Tensor:
            return self.words.gather(lambda: self._rows(direction, sentences, start, stop))

        lengths = torch.tensor([len(sentence) + 1 for sentence in sentences])
        size = max(1, batch_tokens // len(sentences))
        for start, vectors, outputs in run_chunks(self.bilm, direction, lengths, size, vectors_at):
            yield start, [vectors, *outputs]

    def _rows(self, direction: Direction, sentences: list[list[str]], start: int, stop: int) -> npt.NDArray[np.int64]:
        """The rows of ``words.table`` for positions start..stop - 1 of each sentence, (stop - start, B)."""
        pieces = [sentence[max(start - 1, 0) : stop - 1] for sentence in sentences]
        # Padding may be any row, as its output is not used.
        rows = np.zeros((len(sentences), stop - start), dtype=np.int64)
        first = 0
        if start == 0:
            first = 1
            rows[:, 0] = BEGIN_ROW if direction == "forward" else END_ROW
        lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        real = np.arange(stop - start - first) < lengths[:, None]
        rows[:, first:][real] = self.words.rows(list(chain.from_iterable(pieces)))
        return np.ascontiguousarray(rows.T)


def _as_layers(array: FloatArray) -> FloatArray:
    """Reshape (T, 2D) or (L, T, 2D) to (K, T, 2D)."""
    return array if array.ndim == 3 else array[None]


def _select(outputs: list[Tensor], layer: LayerChoice) -> FloatArray:
    """The chosen layers (K, T', B, D), float32. The mean is computed in float32."""
    if layer == "all":
        chosen = torch.stack([output.float() for output in outputs])
    elif layer == "mean":
        chosen = torch.stack([output.float() for output in outputs]).mean(dim=0, keepdim=True)
    else:
        chosen = outputs[layer].float()[None]
    return chosen.cpu().numpy()

"""Building an index of occurrences: in blocks of bounded memory, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap
from tqdm import tqdm

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.files import describe_file, put_in_place, scratch_directory
from elmo_lite.neighbors.contexts import Context, Contexts
from elmo_lite.neighbors.index_metadata import Metadata, Selection, layer_file
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex, unit
from elmo_lite.neighbors.spelling import nearest_spellings
from elmo_lite.saved_model import encoder_hash

MAX_STATIC_WORDS = 50_000
"""Number of the most frequent words of a text whose token vectors are kept."""
_WORDS_AT_ONCE = 4096


def build_index(
    elmo: Elmo,
    contexts: Contexts,
    selection: Selection,
    directory: Path,
    *,
    text: dict[str, Any] | None = None,
    progress: bool = False,
) -> OccurrenceIndex:
    """Compute the vectors of the chosen occurrences, and put an index in place of what lies at ``directory``.

    Args:
        elmo: The model.
        contexts: The sentences of the text that hold one of the chosen words, and the counts of its words.
        selection: The words to index, which occur in the text.
        directory: The index.
        text: What the text is, by its hashes. Defaults to a text that cannot be compared.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Raises:
        CorpusError: A word of the selection does not occur in the text; similar ones are named.
        CheckpointError: Vectors are not finite.
        ConfigError: The index does not fit on the disk.
    """
    _check_words(contexts, selection)
    chosen = {word: n for word, n in contexts.counts.items() if selection.includes(word, n)}
    metadata = Metadata(
        encoder_hash(elmo.bilm),
        text or {},
        selection,
        elmo.num_layers,
        sum(map(selection.number_of, chosen.values())),
    )
    frequent = [word for word, _ in contexts.counts.most_common(MAX_STATIC_WORDS)]
    words = list(dict.fromkeys([*frequent, *sorted(chosen, key=lambda word: -chosen[word])]))
    with scratch_directory(directory) as scratch:
        _check_space(metadata.num_occurrences * (elmo.num_layers - 1) * (2 * elmo.output_dim + 4), directory)
        _write_words(elmo, words, contexts.counts, scratch)
        writer = _Writer(scratch, metadata, elmo.output_dim, words)
        sampled = _with_layers(elmo, _sampled(contexts, chosen, selection))
        bar = tqdm(total=len(writer.occurrences), unit="occurrence", unit_scale=True, disable=not progress)
        with closing(bar):
            for context, positions, layers in sampled:
                writer.write(context, positions, layers[1:, positions])
                bar.update(len(positions))
        writer.close()
        metadata = replace(metadata, files={name: describe_file(scratch / name) for name in metadata.file_names})
        metadata.write(scratch)
        put_in_place(scratch, directory)
    return OccurrenceIndex(directory, metadata)


def _check_words(contexts: Contexts, selection: Selection) -> None:
    """Check that the words occur."""
    for word in (word for word in selection.words if not contexts.counts[word]):
        near = nearest_spellings(word, contexts.counts)
        hint = f"; did you mean {near}?" if near else ""
        with suppress(ModuleNotFoundError):  # a corpus is split already, and can be read without its segmenter
            if len(parts := contexts.tokenization.words(word)) > 1:
                hint = f", as the tokenisation splits it into {', '.join(map(repr, parts))}"
        raise CorpusError(f"{contexts.name}: expected the word {word!r}, found no occurrence of it{hint}")


def _check_space(needed: int, directory: Path) -> None:
    free = shutil.disk_usage(directory.parent).free
    if needed > free:
        raise ConfigError(
            f"{directory}: expected {needed:,} bytes of free disk space for the vectors, found {free:,} "
            "(--max_occurrences N takes fewer)"
        )


def _sampled(contexts: Contexts, chosen: dict[str, int], selection: Selection) -> Iterator[tuple[Context, list[int]]]:
    """Iterate over sentences with the positions that are indexed, which are spread evenly over the occurrences."""
    seen: Counter[str] = Counter()
    for context in contexts:
        positions = []
        for position, word in enumerate(context.words):
            if word in chosen:
                number, total, wanted = seen[word], chosen[word], selection.number_of(chosen[word])
                seen[word] += 1
                if number * wanted // total < (number + 1) * wanted // total:
                    positions.append(position)
        if positions:
            yield context, positions


def _with_layers(
    elmo: Elmo, sampled: Iterator[tuple[Context, list[int]]]
) -> Iterator[tuple[Context, list[int], FloatArray]]:
    """Add the layers (L, T, 2D) of each sentence; a window of sentences is read ahead."""
    waiting: deque[tuple[Context, list[int]]] = deque()

    def sentences() -> Iterator[list[str]]:
        for context, positions in sampled:
            waiting.append((context, positions))
            yield context.words

    for layers in elmo.embed_iter(sentences(), "all"):
        yield *waiting.popleft(), layers


def _write_words(elmo: Elmo, words: list[str], counts: Counter[str], scratch: Path) -> None:
    """Write words with their counts and token vectors."""
    (scratch / "words.txt").write_bytes("".join(f"{word}\n" for word in words).encode())
    np.save(scratch / "counts.npy", np.array([counts[word] for word in words], dtype=np.int64))
    vectors = np.concatenate(
        [token_vectors(elmo, words[start : start + _WORDS_AT_ONCE]) for start in range(0, len(words), _WORDS_AT_ONCE)]
    )
    if not np.isfinite(vectors).all():
        word = words[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]
        raise CheckpointError(f"{elmo.name}: expected finite vectors, found others for the word {word!r:.60}")
    np.save(scratch / "token_vectors.npy", unit(vectors).astype(np.float16))
    np.save(scratch / "token_norms.npy", np.linalg.norm(vectors, axis=1))


def token_vectors(elmo: Elmo, words: list[str]) -> FloatArray:
    """The token layer of words, once, not for each direction: (N, D), float32."""
    table = WordVectors(elmo.bilm, capacity=len(words))
    vectors: FloatArray = table.gather(lambda: table.rows(words)).float().cpu().numpy()
    return vectors


class _Writer:
    """The files of an index that grow with the occurrences."""

    def __init__(self, scratch: Path, metadata: Metadata, width: int, words: list[str]) -> None:
        num, self.scratch = metadata.num_occurrences, scratch
        self.number_of = {word: number for number, word in enumerate(words)}
        self.occurrences = self._array("occurrences.npy", np.int32, (num, 3))
        self.norms = self._array("norms.npy", np.float32, (metadata.num_layers - 1, num))
        self.layers = [
            self._array(layer_file(layer), np.float16, (num, width)) for layer in range(1, metadata.num_layers)
        ]
        self.sentences: IO[bytes] = (scratch / "sentences.jsonl").open("wb")
        self.offsets = [0]
        self.row = 0

    def _array(self, name: str, dtype: type[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = open_memmap(self.scratch / name, "w+", dtype, shape)
        return array

    def write(self, context: Context, positions: list[int], layers: FloatArray) -> None:
        """Add the occurrences of a sentence.

        Args:
            context: The sentence.
            positions: P positions in it.
            layers: LSTM layers at these positions, (L - 1, P, 2D).
        """
        rows = slice(self.row, self.row + len(positions))
        norms = np.linalg.norm(layers, axis=2)
        if not np.isfinite(norms).all():
            start = " ".join(context.words)[:40]
            raise CheckpointError(f"{context.place}: expected finite vectors, found others for {start!r}")
        for array, vectors in zip(self.layers, unit(layers), strict=True):
            array[rows] = vectors
        self.norms[:, rows] = norms
        numbers = [self.number_of[context.words[position]] for position in positions]
        self.occurrences[rows] = [(len(self.offsets) - 1, *pair) for pair in zip(positions, numbers, strict=True)]
        line = json.dumps([context.words, context.place]).encode() + b"\n"
        self.sentences.write(line)
        self.offsets.append(self.offsets[-1] + len(line))
        self.row = rows.stop

    def close(self) -> None:
        """Write what is buffered."""
        assert self.row == len(self.occurrences), "a sentence was left out"
        self.sentences.close()
        np.save(self.scratch / "sentence_offsets.npy", np.array(self.offsets, dtype=np.int64))
        for array in (self.occurrences, self.norms, *self.layers):
            array.flush()  # type: ignore[attr-defined]

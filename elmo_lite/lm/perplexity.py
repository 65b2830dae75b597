"""Perplexity by the full softmax, the same for a pretraining run's validation and for ``elmo-lite evaluate``.

A text is a stream of word ids ``0 w w w 0 w w 0`` with the boundary id 0 before, between and after its sentences. The
forward model predicts each id from those before it, the backward model each from those after it: a sentence of n words
has n + 1 predictions in each direction, the last one its boundary.
"""

from __future__ import annotations

import json
import math
import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from elmo_lite.corpus.blocks import encode_block
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.nn.bilm import DIRECTIONS, BiLM, Direction
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import SavedModel, load_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.length_batches import batches_by_length
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS

Positions = npt.NDArray[np.int64]

BATCH_POSITIONS = 4096
"""Predictions that are scored at a time."""


@dataclass(frozen=True)
class LMScore:
    """How well both directions predict a text."""

    forward_nats: float
    """Cross-entropy of the forward model: nats for each prediction, on average."""
    backward_nats: float
    """The same of the backward model."""
    num_predictions: int
    """Predictions of one direction."""

    @property
    def forward_perplexity(self) -> float:
        """Exp of ``forward_nats``."""
        return _exp(self.forward_nats)

    @property
    def backward_perplexity(self) -> float:
        """Exp of ``backward_nats``."""
        return _exp(self.backward_nats)

    @property
    def mean_nats(self) -> float:
        """Mean of both directions' cross-entropy, which pretraining minimises."""
        return (self.forward_nats + self.backward_nats) / 2

    @property
    def mean_perplexity(self) -> float:
        """Exp of ``mean_nats``: the geometric mean of both perplexities."""
        return _exp(self.mean_nats)


def stream_perplexity(
    bilm: BiLM,
    head: LMHead,
    stream: npt.NDArray[np.int32],
    char_ids: npt.NDArray[np.int16],
    class_of_word: npt.NDArray[np.integer[Any]],
    *,
    stateful: bool,
    rows: int = 1,
    max_words: int | None = None,
    batch_positions: int = BATCH_POSITIONS,
    autocast: torch.dtype | None = None,
    progress: bool = False,
) -> LMScore:
    """Score a stream in both directions, by the full softmax over all classes.

    Args:
        bilm: the encoder; runs in eval mode on the device it is on, and is left in the mode it was in.
        head: the softmax.
        stream: (S,) word ids, beginning and ending with 0.
        char_ids: (num_words, C), row k - 1 = word id k.
        class_of_word: (num_words + 1,) class of each word id; of 0 the boundary class.
        stateful: carry states over sentences: forward from the first to the last, backward from the last to the first.
            Otherwise each sentence is scored on its own.
        rows: with ``stateful``, equal parts of the stream that run side by side, each from zero states: faster, and no
            longer exact at its joints.
        max_words: predictions to make at most, from the stream's begin to the last whole sentence; all where None.
        batch_positions: predictions made at a time; bounds memory, changes nothing.
        autocast: dtype to run the network in, by torch's autocast; as the caller has it where None.
        progress: show a bar on standard error.

    Raises:
        CorpusError: the stream has no sentence.
    """
    starts, ends = _segments(_cut(stream, max_words), rows if stateful else None)
    words = _Words(bilm, char_ids)
    was_training = bilm.training
    bilm.eval()
    device = bilm.boundary_char_ids.device
    context: AbstractContextManager[Any] = torch.autocast(device.type, autocast) if autocast else nullcontext()
    predictions = int((ends - starts).sum())
    bar = tqdm(total=2 * predictions, unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    try:
        with torch.inference_mode(), context, bar:
            words.remember(stream[starts[0] : ends[-1] + 1])
            nats = [
                -sum(
                    _scores(bilm, head, words, stream, class_of_word, direction, starts[batch], ends[batch], size, bar)
                    for batch, size in _batches(ends - starts, batch_positions)
                )
                for direction in DIRECTIONS
            ]
    finally:
        bilm.train(was_training)
    return LMScore(nats[0] / predictions, nats[1] / predictions, predictions)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf


def _cut(stream: npt.NDArray[np.int32], max_words: int | None) -> npt.NDArray[np.int32]:
    """The stream up to the last sentence that ends within ``max_words`` predictions; the first sentence at least."""
    boundaries = np.flatnonzero(np.asarray(stream) == 0)
    if len(boundaries) < 2:
        raise CorpusError(f"text to score: expected at least one sentence, found {max(0, len(stream) - 1)} words")
    within = boundaries[1:] if max_words is None else boundaries[1:][boundaries[1:] - boundaries[0] <= max_words]
    last = within[-1] if len(within) else boundaries[1]
    return stream[: last + 1]


def _segments(stream: npt.NDArray[np.int32], rows: int | None) -> tuple[Positions, Positions]:
    """First and last positions of what is read from zero states: sentences, or ``rows`` equal parts.

    A segment's forward model reads the ids at first..last - 1 and predicts those at first + 1..last; its backward model
    reads last..first + 1 and predicts last - 1..first.
    """
    boundaries = np.flatnonzero(np.asarray(stream) == 0)
    if rows is None:
        return boundaries[:-1], boundaries[1:]
    first, last = int(boundaries[0]), int(boundaries[-1])
    joints = np.linspace(first, last, min(rows, last - first) + 1).round().astype(np.int64)
    return joints[:-1], joints[1:]


def _batches(lengths: Positions, batch_positions: int) -> Iterator[tuple[Positions, int]]:
    """Segments to run side by side, and how many positions of each to run at a time."""
    for batch in batches_by_length(lengths.tolist(), batch_positions):
        yield np.array(batch), max(1, batch_positions // len(batch))


def _scores(
    bilm: BiLM,
    head: LMHead,
    words: _Words,
    stream: npt.NDArray[np.int32],
    class_of_word: npt.NDArray[np.integer[Any]],
    direction: Direction,
    starts: Positions,
    ends: Positions,
    size: int,
    bar: Any,
) -> float:
    """Sum of log probabilities of segments, ``size`` positions at a time with the state handed on."""
    lengths = ends - starts
    total, state = 0.0, None
    for begin in range(0, int(lengths.max()), size):
        steps = np.arange(begin, min(begin + size, int(lengths.max())))
        # Beyond a segment's end any valid position will do: nothing of it is scored.
        offsets = np.minimum(steps, lengths[:, None] - 1)  # (B, T)
        inputs, step = (starts[:, None] + offsets, 1) if direction == "forward" else (ends[:, None] - offsets, -1)
        vectors = words.vectors(stream[inputs], direction)
        outputs, state = bilm.run_direction(direction, vectors, state)
        real = torch.from_numpy(np.flatnonzero(steps < lengths[:, None])).to(vectors.device)
        targets = torch.from_numpy(class_of_word[stream[inputs + step]].astype(np.int64).reshape(-1)).to(vectors.device)
        states = outputs[-1].reshape(-1, vectors.shape[-1])[real]
        total += float(head.log_probabilities(states, targets[real]).double().sum())
        bar.update(len(real))
    return total


class _Words:
    """Token vectors by word id, computed once for the whole stream where they fit."""

    MAX_REMEMBERED = 2**27
    """Numbers of the table at most: half a gigabyte."""

    def __init__(self, bilm: BiLM, char_ids: npt.NDArray[np.int16]) -> None:
        self.bilm = bilm
        self.char_ids = char_ids
        self.remembered: tuple[npt.NDArray[np.int32], Tensor] | None = None

    def remember(self, stream: npt.NDArray[np.int32]) -> None:
        """Compute the vectors of all words of a stream, unless they are too many."""
        distinct = np.unique(stream)
        if len(distinct) * self.bilm.config.dim <= self.MAX_REMEMBERED:
            self.remembered = self._table(distinct)

    def vectors(self, ids: npt.NDArray[np.int32], direction: Direction) -> Tensor:
        """(B, T) word ids to (B, T, D); id 0 is a sentence's begin to the forward model, its end to the backward."""
        distinct, table = self.remembered or self._table(np.unique(ids))
        rows = np.where(ids > 0, np.searchsorted(distinct, ids) + 2, 0 if direction == "forward" else 1)
        index = torch.from_numpy(rows.T.copy()).to(table.device)  # (T, B): as the LSTMs read
        return table[index].transpose(0, 1)

    def _table(self, ids: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], Tensor]:
        """Word ids without 0, and vectors: the sentence's begin, its end, then the words."""
        ids = ids[ids > 0]
        boundaries = self.bilm.boundary_char_ids
        rows = torch.from_numpy(np.asarray(self.char_ids[ids - 1])).to(boundaries.dtype)
        parts = torch.split(torch.cat([boundaries.cpu(), rows]), 1024)
        return ids, torch.cat([self.bilm.token_vectors(part.to(boundaries.device)) for part in parts])


# A saved model on a text


def evaluate(
    model: SavedModel,
    text: Sequence[str],
    *,
    stateful: bool = False,
    keep_empty_lines: bool = False,
    tokenization: Tokenization | None = None,
    text_field: str = "text",
    progress: bool = False,
) -> dict[str, Any]:
    """Perplexity of a saved model on text files.

    Args:
        model: with its head and vocabulary.
        text: paths, globs or hub names, as for ``elmo-lite corpus``.
        stateful: carry states over sentences, exactly.
        keep_empty_lines: a blank line is an empty sentence of one prediction, as language-model literature counts.
        tokenization: how to split; as the model's training text was where None.
        text_field: field of JSONL, Parquet or hub records.
        progress: show a bar on standard error.

    Returns:
        Cross-entropy and perplexity of each direction and of both, counts, share of words outside the vocabulary.

    Raises:
        CorpusError: text that cannot be read, or none.
        CheckpointError: the model was saved without head or vocabulary.
    """
    words, stream = read_stream(text, tokenization or model.tokenization, text_field, keep_empty_lines)
    return _evaluate_stream(model, words, stream, stateful, progress)


def evaluate_held_out(
    model: SavedModel, corpus: Corpus, *, stateful: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Perplexity of a saved model on the held-out part of a corpus directory; see ``evaluate``.

    Raises:
        CorpusError: nothing is held out.
        CheckpointError: the model was saved without head, or read text that was split in another way.
    """
    if len(corpus.held_out) < 2:
        raise CorpusError(f"{corpus.directory}: expected a held-out part, found none")
    if corpus.tokenization != model.tokenization:
        raise CheckpointError(
            f"{corpus.directory}: expected the model's tokenization {model.tokenization.to_dict()}, "
            f"found {corpus.tokenization.to_dict()}"
        )
    distinct, places = np.unique(corpus.held_out, return_inverse=True)
    words = [corpus.words[number - 1] for number in distinct[1:].tolist()]
    return _evaluate_stream(model, words, places.astype(np.int32), stateful, progress)


def _evaluate_stream(
    model: SavedModel, words: Sequence[str], stream: npt.NDArray[np.int32], stateful: bool, progress: bool
) -> dict[str, Any]:
    """Score a stream whose word id k is ``words[k - 1]``."""
    if model.lm_head is None or model.vocabulary is None:
        raise CheckpointError("model to evaluate: expected one with its language model head, found an encoder alone")
    classes = [BOUNDARY_CLASS, *map(model.vocabulary.class_of, words)]
    class_of_word = np.array(classes, dtype=np.int64)
    char_ids = encode_words(words, model.bilm.config.char_cnn.max_characters)
    score = stream_perplexity(
        model.bilm, model.lm_head, stream, char_ids, class_of_word, stateful=stateful, progress=progress
    )
    num_sentences = int((stream == 0).sum()) - 1
    num_words = len(stream) - 1 - num_sentences
    unknown = int((class_of_word[stream] == UNKNOWN_CLASS).sum())
    return {
        "forward_perplexity": score.forward_perplexity,
        "backward_perplexity": score.backward_perplexity,
        "mean_perplexity": score.mean_perplexity,
        "forward_nats": score.forward_nats,
        "backward_nats": score.backward_nats,
        "predictions": score.num_predictions,
        "words": num_words,
        "sentences": num_sentences,
        "out_of_vocabulary_share": unknown / num_words if num_words else 0.0,
        "classes": len(model.vocabulary),
        "stateful": stateful,
    }


def read_stream(
    text: Sequence[str], tokenization: Tokenization, text_field: str = "text", keep_empty: bool = False
) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Read text as a stream: distinct words in the order in which they come (word id k is number k - 1), and ids.

    Raises:
        CorpusError: text that cannot be read, or without a sentence.
    """
    id_of: dict[str, int] = {}
    stream = array("i", [0])
    for source in find_sources(text):
        for block in source.blocks(text_field):
            encoded = encode_block(block, tokenization, text_field, keep_empty)
            names = encoded.words.decode().split("\n") if encoded.words else []
            to_global = np.zeros(len(names) + 1, dtype=np.int32)
            to_global[1:] = [id_of.setdefault(name, len(id_of) + 1) for name in names]
            stream.frombytes(to_global[np.frombuffer(encoded.ids, dtype=np.int32)].tobytes())
    if len(stream) == 1:
        raise CorpusError(f"{', '.join(text)}: expected at least one sentence, found none")
    return list(id_of), np.frombuffer(stream, dtype=np.int32)


def evaluate_command(
    model: str,
    text: str,
    *,
    stateful: bool = False,
    keep_empty_lines: bool = False,
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str = "text",
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Measure a saved model's perplexity on a text, by the full softmax; prints JSON.

    Args:
        model: Saved model directory, packaged name or hub name.
        text: File (.txt, .jsonl, .parquet; .gz, .xz, .zst), glob, hub data set, or a corpus directory's held-out part.
        stateful: Carry states over lines: forward from the first to the last, backward from the last to the first.
        keep_empty_lines: Count a blank line as an empty sentence of one prediction.
        tokenizer: How the text is split into words; as the model's training text was where not given.
        text_field: Field of JSONL, Parquet or hub records.
        device: Where to run, such as cpu or cuda.
        quiet: No progress bar.
    """
    keep_freed_memory()
    # A wrong path is told before the model is read.
    corpus = Corpus.open(text) if os.path.isdir(text) else None
    if corpus is None:
        find_sources([text])
    saved = load_model(model, with_head=True)
    assert saved.lm_head is not None
    try:
        saved.bilm.to(device)
        saved.lm_head.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device: expected one that torch can use, found {device} ({error})") from None
    if corpus is not None:
        result = evaluate_held_out(saved, corpus, stateful=stateful, progress=not quiet)
    else:
        result = evaluate(
            saved,
            [text],
            stateful=stateful,
            keep_empty_lines=keep_empty_lines,
            tokenization=Tokenization(kind=tokenizer) if tokenizer else None,
            text_field=text_field,
            progress=not quiet,
        )
    print(json.dumps({"model": model, "text": text, **result}, indent=2, ensure_ascii=False))

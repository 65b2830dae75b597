"""All predictions of a text, each once, as batches of the language model; and a model's perplexity on them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.batches import Ids, WordTable, make_batch
from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.text.characters import encode_words
from elmo_lite.text.length_batches import batches_by_length
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, Vocabulary

BATCH_POSITIONS = 4096
"""Number of predictions of a batch of sentences."""
CHUNK = 512
"""Number of predictions of a batch where states are carried, in one row."""


class TextWords:
    """Character ids and classes of the words of a text; a ``WordTable``."""

    def __init__(self, words: Sequence[str], vocabulary: Vocabulary, max_characters: int) -> None:
        """Encode distinct words; word id k is ``words[k - 1]``."""
        self.char_ids: npt.NDArray[np.int16] = encode_words(words, max_characters)
        classes = [BOUNDARY_CLASS, *map(vocabulary.class_of, words)]
        self.class_of_word: Ids = np.array(classes, dtype=np.int32)


@dataclass(frozen=True)
class WholeText:
    """A text to predict: each sentence on its own, or all of it in one row whose states are carried."""

    words: WordTable
    stream: Ids
    """(S,) word ids, the boundary id first and last."""
    carries_states: bool

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """(S,) classes of the stream."""
        return self.words.class_of_word[self.stream].astype(np.int64)

    def batches(self) -> Iterator[Batch]:
        """Yield batches of all S - 1 predictions of each direction."""
        if not self.carries_states:
            yield from self._sentences()
            return
        last = len(self.stream) - 1
        for start in range(0, last, CHUNK):
            places = np.arange(start, min(start + CHUNK, last) + 1)[None]
            yield make_batch(self.words, self.stream, places, last - places, starts_afresh=start == 0)

    def _sentences(self) -> Iterator[Batch]:
        boundaries = np.flatnonzero(self.stream == BOUNDARY_ID)
        lengths = np.diff(boundaries)
        for rows in batches_by_length(lengths.tolist(), BATCH_POSITIONS):
            first, number = boundaries[rows][:, None], lengths[rows]
            places = np.minimum(np.arange(number.max() + 1), number[:, None])
            yield make_batch(self.words, self.stream, first + places, first + number[:, None] - places, number)


@torch.no_grad()
def perplexities(module: LanguageModel, text: WholeText, *, progress: bool = False) -> dict[str, float]:
    """Full-softmax perplexity of each direction of a model on a text, in float32.

    Args:
        module: The model; its training mode is restored afterwards.
        text: The text.
        progress: Whether to show a progress bar on standard error. Defaults to False.
    """
    was_training = module.training
    module.eval()
    module.on_validation_epoch_start()
    with tqdm(
        total=len(text.stream) - 1,
        desc="measure",
        unit="word",
        unit_scale=True,
        disable=not progress,
        file=sys.stderr,
        delay=3.0,
        leave=False,
    ) as bar:
        for number, batch in enumerate(text.batches()):
            module.validation_step(batch.to(module.head.weight.device), number)
            bar.update(batch.num_words)
    module.train(was_training)
    nats, _ = module.validation_nats()
    return {direction: math.exp(min(value, 700.0)) for direction, value in nats.items()}

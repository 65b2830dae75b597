"""Text by repeated sampling, many samples at a time, states carried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from elmo_lite.lm.detokenization import prose
from elmo_lite.lm.predictor import Predictor, from_zero
from elmo_lite.lm.sampling import Sampling
from elmo_lite.nn.bilm import Direction
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary

ROWS = 32
"""Number of samples that run at a time. It is fixed, and rows without a sample run empty, so that the rounding errors
of a sample, and with them its words, do not depend on the number of samples."""

Event = tuple[int, str | None]
"""A sample and its next word in reading order of the model; None ends a sentence."""


@dataclass(eq=False)
class GeneratedText:
    """A prompt and what a model writes after it, or before it in direction "backward"."""

    prompt: list[list[str]]
    """Sentences of the prompt, at least one; the last one (backward: the first one) may be empty or unfinished."""
    direction: Direction
    words: list[str | None] = field(default_factory=list)
    """Words in the order in which they were drawn; None ends a sentence."""

    @property
    def sentences(self) -> list[list[str]]:
        """All sentences in the order of the text, those of the prompt included, empty ones left out."""
        forward = self.direction == "forward"
        near = self.prompt[-1] if forward else self.prompt[0][::-1]
        written = [list(near)]
        for word in self.words:
            if word is None:
                written.append([])
            else:
                written[-1].append(word)
        if forward:
            found = [*self.prompt[:-1], *written]
        else:
            found = [*(sentence[::-1] for sentence in written[::-1]), *self.prompt[1:]]
        return [sentence for sentence in found if sentence]

    @property
    def text(self) -> str:
        """The sentences as prose, see ``detokenization.prose``."""
        return prose(self.sentences)


@torch.inference_mode()
def continuations(
    predictor: Predictor,
    vocabulary: Vocabulary,
    prompt: Sequence[Sequence[str]],
    *,
    num_words: int,
    num_samples: int,
    sampling: Sampling,
    seed: int,
    unknown: bool,
    stateful: bool,
) -> Iterator[Event]:
    """Continue a prompt by repeated sampling. Sample i depends on the seed and on i, not on the number of samples.

    A boundary ends a sentence; the next one begins at zero states, or goes on from the state if ``stateful``. It has a
    word at least. The words are drawn from the classes of the vocabulary without the unknown word, unless ``unknown``.

    Args:
        predictor: Direction to write in; its encoder is in evaluation mode.
        vocabulary: Classes of its softmax, with a word at least.
        prompt: One or more sentences. All are read if ``stateful``, otherwise the nearest alone.
        num_words: Number of words of each sample, 1 or more; boundaries do not count.
        num_samples: Number of samples, 1 or more.
        sampling: How a class is chosen.
        seed: Random seed.
        unknown: Whether the unknown word may be drawn.
        stateful: Whether states are carried over sentences.

    Yields:
        Samples and their words as they are drawn: all samples of a block of ``ROWS`` in turn.
    """
    nearest = prompt[-1] if predictor.direction == "forward" else prompt[0]
    logits, state = predictor.read(prompt if stateful else [nearest])
    for first in range(0, num_samples, ROWS):
        block = _Block(range(first, min(first + ROWS, num_samples)), seed, at_beginning=not nearest)
        rows = logits.expand(ROWS, -1).clone()
        carried = [tuple(part.expand(ROWS, -1).contiguous() for part in layer) for layer in state]
        while True:
            scores = rows if len(block.running) == ROWS else rows[block.running]
            if not unknown:
                scores[:, UNKNOWN_CLASS] = -torch.inf
            begins = [block.at_beginning[row] for row in block.running]
            scores[torch.tensor(begins, device=scores.device), BOUNDARY_CLASS] = -torch.inf
            draws = torch.tensor(block.draws(), dtype=scores.dtype, device=scores.device)
            words = block.take(sampling.choose(scores, draws).tolist(), vocabulary)
            yield from ((block.samples[row], words[row]) for row in block.running)
            block.finish(num_words)
            if not block.running:
                break
            if not stateful:
                carried = from_zero(carried, torch.tensor([word is None for word in words], device=rows.device))
            rows, carried = predictor.step(words, carried)


class _Block:
    """The samples that run at a time, one in each of ``ROWS`` rows; rows without a sample read boundaries."""

    def __init__(self, samples: range, seed: int, at_beginning: bool) -> None:
        self.samples = samples
        self.generators = [np.random.default_rng([seed, sample]) for sample in samples]
        self.running = list(range(len(samples)))
        self.num_words = [0] * len(samples)
        self.at_beginning = [at_beginning] * ROWS

    def draws(self) -> list[float]:
        """A random number for each row that runs."""
        return [self.generators[row].random() for row in self.running]

    def take(self, classes: list[int], vocabulary: Vocabulary) -> list[str | None]:
        """Words of the classes that the running rows drew; None for the boundary and in the other rows."""
        words: list[str | None] = [None] * ROWS
        for row, number in zip(self.running, classes, strict=True):
            if number != BOUNDARY_CLASS:
                words[row] = vocabulary.entries[number]
                self.num_words[row] += 1
        self.at_beginning = [word is None for word in words]
        return words

    def finish(self, num_words: int) -> None:
        """Stop the samples that have all their words."""
        self.running = [row for row in self.running if self.num_words[row] < num_words]

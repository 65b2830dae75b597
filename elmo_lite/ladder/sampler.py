"""Sentences generated word by word, by any model that gives the probabilities of the next word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.text.characters import begin_sentence_row, encode_words
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary

NextWord = Callable[[Sequence[int]], npt.NDArray[np.floating]]
"""Function of a history of classes, the boundary class first, that returns the probabilities (V,) of the next class."""
LONGEST = 30
"""Maximum number of words of a generated sentence."""


def generate(next_word: NextWord, seed: int, longest: int = LONGEST) -> list[int]:
    """Draw a sentence.

    The unknown class is never drawn. All models draw by the same random numbers: each picks the class at a quantile.

    Args:
        next_word: The model.
        seed: Random seed.
        longest: Maximum number of words.

    Returns:
        Classes of the words, without the boundary class that ends the sentence.
    """
    history = [BOUNDARY_CLASS]
    for quantile in np.random.default_rng(seed).random(longest):
        shares = np.array(next_word(history), dtype=np.float64)
        shares[UNKNOWN_CLASS] = 0
        cumulative = np.cumsum(shares)
        drawn = int(np.searchsorted(cumulative, quantile * cumulative[-1], side="right"))
        if drawn == BOUNDARY_CLASS:
            break
        history.append(min(drawn, len(shares) - 1))
    return history[1:]


class NeuralNextWord:
    """The forward direction of a neural model as a ``NextWord``; it reads the whole history for each word."""

    def __init__(self, module: LanguageModel, vocabulary: Vocabulary) -> None:
        """Wrap a model on the CPU, in eval mode."""
        self.module = module
        width = module.bilm.config.char_cnn.max_characters
        self.char_ids = encode_words(vocabulary.entries, width)
        self.char_ids[BOUNDARY_CLASS] = begin_sentence_row(width)

    @torch.no_grad()
    def __call__(self, history: Sequence[int]) -> npt.NDArray[np.float32]:
        """Probabilities (V,) of the class after a history."""
        encoder, head = self.module.bilm, self.module.head
        classes = torch.tensor(history)
        rows = torch.from_numpy(self.char_ids[list(history)]) if encoder.reads_characters else classes
        layers, _ = encoder.run_direction("forward", encoder.token_vectors(rows)[None])
        logits = F.linear(layers[-1][0, -1], head.weight, head.bias)
        shares: npt.NDArray[np.float32] = logits.softmax(dim=0).numpy()
        return shares

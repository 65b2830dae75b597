"""Two models on one text: perplexities over the classes that both predict.

Perplexities over different classes are not comparable. Here the classes are the boundary token, the words that all
vocabularies hold, and the unknown word. Each model adds the probabilities of its other classes to that of the unknown
word, so that every distribution sums to 1; a word of the text outside the shared ones counts as the unknown word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elmo_lite.errors import CheckpointError
from elmo_lite.lm.perplexity import LMScore, stream_perplexity
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import SavedModel
from elmo_lite.text.characters import encode_words
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary


class SharedHead(nn.Module):
    """A softmax over the boundary token, the unknown word with the mass of all other classes, and chosen words."""

    is_other: Tensor
    column: Tensor

    def __init__(self, head: LMHead, vocabulary: Vocabulary, words: Sequence[str]) -> None:
        """Choose ``words``, all of them in ``vocabulary``; word k is class k + 2."""
        super().__init__()
        self.head = head
        kept = torch.tensor([BOUNDARY_CLASS, UNKNOWN_CLASS, *map(vocabulary.class_of, words)])
        is_other = torch.ones(len(vocabulary), dtype=torch.bool)
        is_other[kept] = False
        is_other[UNKNOWN_CLASS] = True
        device = head.weight.device
        self.register_buffer("is_other", is_other.to(device), persistent=False)
        self.register_buffer("column", kept.to(device), persistent=False)

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probabilities of shared classes in nats, computed in chunks.

        Args:
            states: Outputs of the top layer, (N, D).
            targets: Shared classes, (N,).

        Returns:
            Log probabilities (N,), float32.
        """
        result = []
        for rows, logits in self.head.logits(states):
            total, target = logits.logsumexp(dim=1), targets[rows]
            of_target = logits.gather(1, self.column[target][:, None]).squeeze(1)
            of_others = logits.masked_fill_(~self.is_other, -torch.inf).logsumexp(dim=1)
            result.append(torch.where(target == UNKNOWN_CLASS, of_others, of_target) - total)
        return torch.cat(result) if result else states.new_zeros(0, dtype=torch.float32)


def shared_words(vocabularies: Sequence[Vocabulary]) -> list[str]:
    """The words of all vocabularies, in the order of the first."""
    shared = set.intersection(*(set(vocabulary.entries[2:]) for vocabulary in vocabularies))
    return [word for word in vocabularies[0].entries[2:] if word in shared]


def shared_score(
    model: SavedModel,
    shared: Sequence[str],
    words: Sequence[str],
    stream: npt.NDArray[np.int32],
    *,
    stateful: bool = False,
    progress: bool = False,
) -> LMScore:
    """Score a stream over shared classes.

    Args:
        model: Saved model with head and vocabulary.
        shared: Words of the shared classes, all in the vocabulary of the model.
        words: Distinct words of the text; word id k of the stream is ``words[k - 1]``.
        stream: (S,) word ids.
        stateful: Whether to carry states over sentences. Defaults to False.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Raises:
        CheckpointError: The model was saved without head or vocabulary.
    """
    if model.lm_head is None or model.vocabulary is None:
        raise CheckpointError("model to compare: expected one with a language model head, found an encoder alone")
    char_ids = encode_words(words, model.bilm.config.char_cnn.max_characters)
    head, classes = SharedHead(model.lm_head, model.vocabulary, shared), shared_class_of(shared, words)
    return stream_perplexity(model.bilm, head, stream, char_ids, classes, stateful=stateful, progress=progress)


def shared_class_of(shared: Sequence[str], words: Sequence[str]) -> npt.NDArray[np.int64]:
    """(num_words + 1,): shared class of each word id; that of the boundary token for id 0."""
    class_of = {word: number for number, word in enumerate(shared, start=2)}
    return np.array([BOUNDARY_CLASS, *(class_of.get(word, UNKNOWN_CLASS) for word in words)], dtype=np.int64)


def compare(
    model: SavedModel,
    against: SavedModel,
    words: Sequence[str],
    stream: npt.NDArray[np.int32],
    *,
    stateful: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Perplexities of two models on one text, over the classes that they share.

    The arguments are those of ``shared_score``.

    Returns:
        "scores" of "model" and "against": cross-entropy in nats and perplexity of each direction, mean perplexity, and
        "without_unknown", the same over the predictions of shared words and boundary tokens alone; counts; the fraction
        of words outside the shared classes.

    Raises:
        CheckpointError: A model was saved without head or vocabulary, or their tokenisations differ.
    """
    if model.tokenization != against.tokenization:
        raise CheckpointError(
            f"model to compare with: expected the other model's tokenization {model.tokenization.to_dict()}, "
            f"found {against.tokenization.to_dict()}"
        )
    if model.vocabulary is None or against.vocabulary is None:
        raise CheckpointError("model to compare: expected one with a vocabulary, found an encoder alone")
    shared = shared_words([model.vocabulary, against.vocabulary])
    found = {
        name: shared_score(one, shared, words, stream, stateful=stateful, progress=progress)
        for name, one in (("model", model), ("against", against))
    }
    classes = shared_class_of(shared, words)[stream]
    num_words = int((classes != BOUNDARY_CLASS).sum())
    score = found["model"]
    return {
        "scores": {
            name: {**score.to_dict(), "without_unknown": score.known.to_dict() if score.known else None}
            for name, score in found.items()
        },
        "predictions": score.num_predictions,
        "predictions_without_unknown": score.known.num_predictions if score.known else 0,
        "words": num_words,
        "sentences": len(classes) - num_words - 1,
        "out_of_vocabulary_share": float((classes == UNKNOWN_CLASS).sum() / num_words) if num_words else 0.0,
        "classes": len(shared) + 2,
        "stateful": stateful,
    }

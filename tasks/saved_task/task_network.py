"""What every network of a task has: labels, word vectors, and numbers that are fitted to dev after its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from tasks.inputs.representation import MixWeights, Representation


class TaskNetwork(nn.Module):
    """The network of a task, without its head.

    Its scores are divided by ``temperature`` before they become probabilities.
    """

    def __init__(self, representation: Representation, labels: Sequence[str]) -> None:
        """Take the word vectors, and the labels in the order of the outputs."""
        super().__init__()
        self.representation = representation
        self.labels = list(labels)
        self.temperature = 1.0

    @property
    def scales(self) -> dict[str, float]:
        """The attributes that are fitted to dev, positive numbers, by name; 1 before they are."""
        return {"temperature": self.temperature}

    @property
    def fitted(self) -> dict[str, float]:
        """All attributes that are fitted to dev, by name; ``scales`` by likelihood, any others by a score."""
        return self.scales

    def set_fitted(self, values: Mapping[str, float]) -> None:
        """Set attributes among ``fitted``."""
        for name, value in values.items():
            setattr(self, name, value)

    def evidence(self, batch: Any) -> Tensor:
        """What ``log_likelihood`` scales: the scores of the labels."""
        scores: Tensor = self(batch)
        return scores

    def lists(self) -> dict[str, list[str]]:
        """Strings of which some tensors have a row each, by name, for a saved model. Defaults to none."""
        return {}

    def set_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Make the parts that have ``lists``, whose tensors follow."""

    def mix_weights(self) -> dict[str, MixWeights]:
        """The learned weights of each layer mix, see ``Representation.mix_weights``."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The L2 penalty on the weights of the layer mixes, which the loss includes."""
        return self.representation.penalty()

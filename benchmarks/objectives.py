"""Objectives beside the two language models, and averaged weights, as variants of ``recipe.py``.

Each class takes the place of the library's module. They need batches of sentences, whose rows both directions read.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from elmo_lite.corpus.batch import Batch
from elmo_lite.pretraining.optimizers import CombinedOptimizer
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import load_model, save_model


def places_in_rows(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """First index, place and length of the row of each of the P positions without padding, 3 x (P,)."""
    rows = batch.real // batch.forward_inputs.shape[1]
    lengths = torch.bincount(rows)
    starts = torch.cumsum(lengths, 0) - lengths
    index = torch.arange(len(rows))
    return starts[rows], index - starts[rows], lengths[rows]


class Cloze(LanguageModel):
    """A word is also predicted from both sides together, on the same table: from the sum of both states.

    Over the unigram distribution, which the bias holds, the sum is the product of the predictions of both sides. The
    loss of these predictions has the weight of one direction.
    """

    def loss(self, batch: Batch) -> Tensor:
        """Sampled softmax loss of both directions and of both together, in nats per word."""
        forward, backward = self.top_states(batch, self._carried)
        ahead, back = self.targets(batch)
        first, place, length = places_in_rows(batch)
        inner = (place < length - 1).nonzero().squeeze(1)  # the last word of a row is not read by the other direction
        other = (first + length - 2 - place)[inner]
        states = torch.cat([forward, backward, forward[inner] + backward[other]])
        targets = torch.cat([ahead, back, ahead[inner]])
        return self.head.sampled_loss(states, targets) / (2 * batch.num_words)


class BagOfNextWords(LanguageModel):
    """A linear map of each state also predicts a word two to five words ahead, which is drawn anew in every step."""

    weight = 0.25

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Start the map as the identity."""
        super().__init__(*arguments, **options)
        self.map = nn.Linear(self.bilm.config.dim, self.bilm.config.dim, bias=False)
        nn.init.eye_(self.map.weight)

    def loss(self, batch: Batch) -> Tensor:
        """Sampled softmax loss of the next word, and of a later one with a smaller weight, in nats per word."""
        states, targets = self.top_states(batch, self._carried), self.targets(batch)
        _, place, length = places_in_rows(batch)
        ahead = torch.randint(1, 5, place.shape)
        inner = (place + ahead < length).nonzero().squeeze(1)
        later = torch.cat([target[(inner + ahead[inner])] for target in targets])
        mapped = self.map(torch.cat([state[inner] for state in states]))
        nats = self.head.sampled_loss(torch.cat(states), torch.cat(targets))
        nats = nats + self.weight * self.head.sampled_loss(mapped, later)
        return nats / (2 * batch.num_words)

    def configure_optimizers(self) -> Any:
        """Train the map as well."""
        configured = super().configure_optimizers()
        extra = torch.optim.AdamW(self.map.parameters(), lr=self.config.optimizer.learning_rate, weight_decay=0.0)
        optimizer = CombinedOptimizer([*configured["optimizer"].optimizers, extra])
        schedule = LambdaLR(optimizer, lambda step: self.schedule.factor(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Averaged(LanguageModel):
    """The plain run, which also leaves exponential averages of its weights, as saved models beside its own."""

    decays = (0.99, 0.998)

    def on_train_start(self) -> None:
        """Begin the averages."""
        super().on_train_start()
        self.averages = [copy.deepcopy((self.bilm, self.head)) for _ in self.decays]

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the averages."""
        with torch.no_grad():
            for decay, average in zip(self.decays, self.averages, strict=True):
                for module, trained in zip(average, (self.bilm, self.head), strict=True):
                    mine, theirs = list(module.parameters()), list(trained.parameters())
                    torch._foreach_lerp_(mine, theirs, 1 - decay)

    def on_train_end(self) -> None:
        """Save the averages."""
        out = Path(self.trainer.default_root_dir)
        saved = load_model(out / "model", with_head=True)
        for decay, (bilm, head) in zip(self.decays, self.averages, strict=True):
            target = out.parent / f"average {decay}" / "model"
            target.parent.mkdir(exist_ok=True)
            save_model(target, bilm.eval(), saved.tokenization, saved.vocabulary, head, {}, overwrite=True)

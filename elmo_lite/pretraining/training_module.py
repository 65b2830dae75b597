"""Lightning module of the language model: loss of both directions, optimizer, and states carried between windows."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from elmo_lite.corpus.batch import Batch
from elmo_lite.distributed.group import share, total
from elmo_lite.errors import TrainingError
from elmo_lite.hardware import choose_precision
from elmo_lite.nn.bilm import Direction
from elmo_lite.nn.bilstm import LSTMState
from elmo_lite.nn.forward_lm import Encoder, ForwardLM
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.optimizers import clip_gradients, make_optimizer
from elmo_lite.pretraining.schedule import Schedule
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

_no_sums = partial(torch.zeros, 2, 4, dtype=torch.float64)
"""Sums of each direction: nats of all predictions and of known words, and the numbers of both."""
CarriedStates = dict[Direction, LSTMState]


class LanguageModel(pl.LightningModule):
    """Forward and backward language models with a shared token layer and a shared softmax, or a forward one alone.

    The loss is the mean cross-entropy of the directions (Peters et al. 2018, section 3.1).
    """

    def __init__(self, bilm: Encoder, head: LMHead, config: PretrainConfig, max_steps: int) -> None:
        """Wrap the encoder and the LM head, to be trained for ``max_steps`` optimizer steps."""
        super().__init__()
        self.bilm, self.head, self.config = bilm, head, config
        if isinstance(bilm, ForwardLM):
            bilm.tie(head)
        self.schedule = Schedule(config.optimizer.warmup_steps, max_steps)
        self._class_draws: torch.Generator | None = None
        self._carried: CarriedStates = {}
        self._validation_states: CarriedStates = {}
        self._validation_sums = _no_sums()

    @property
    def carries_states(self) -> bool:
        """Whether states carry over from batch to batch."""
        return self.config.data.batching == "windows"

    def top_states(self, batch: Batch, states: CarriedStates) -> list[Tensor]:
        """Last layer of each direction at the P positions without padding, (P, D).

        Carried ``states`` are updated in place.
        """
        vectors = self.token_vectors(batch)
        if batch.starts_afresh or not self.carries_states:
            states.clear()
        tops = []
        for direction in self.bilm.directions:
            inputs = batch.forward_inputs if direction == "forward" else batch.backward_inputs
            layers, state = self.bilm.run_direction(direction, F.embedding(inputs, vectors), states.get(direction))
            if self.carries_states:
                states[direction] = [tuple(part.detach() for part in layer) for layer in state]
            tops.append(layers[-1].reshape(-1, layers[-1].shape[-1]).index_select(0, batch.real))
        return tops

    def token_vectors(self, batch: Batch) -> Tensor:
        """Token vectors (K, D) of a batch's distinct words; of characters in two blocks, of short and of long words."""
        if not self.bilm.reads_characters:
            return self.bilm.token_vectors(batch.classes)
        blocks = batch.char_ids[: batch.num_short], batch.char_ids[batch.num_short :]
        pairs = zip(blocks, batch.longest, strict=True)
        return torch.cat([self.bilm.token_vectors(block, longest) for block, longest in pairs if len(block)])

    def targets(self, batch: Batch) -> list[Tensor]:
        """Target classes of each direction at the P positions without padding, (P,)."""
        of_direction = {"forward": batch.forward_targets, "backward": batch.backward_targets}
        chosen = [of_direction[direction] for direction in self.bilm.directions]
        return [targets.reshape(-1).index_select(0, batch.real) for targets in chosen]

    def loss(self, batch: Batch) -> Tensor:
        """Sampled softmax loss of a batch in nats per word of the step, the mean of the directions.

        The losses of the shares of several processes add up to that of the whole batch.
        """
        states = torch.cat(self.top_states(batch, self._carried))
        targets = torch.cat(self.targets(batch))
        nats = self.head.sampled_loss(states, targets, self._class_draws, batch.step_classes)
        return nats / (len(self.bilm.directions) * batch.step_words)

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, as a wrapper of this module calls it."""
        return self.loss(batch)

    def on_train_start(self) -> None:
        """Set the learning rate by this run's schedule, and move carried states to the device of the model.

        A saved rate is outdated if the end of the run was moved; saved states are read to the CPU.
        """
        self._carried = {
            direction: [tuple(part.to(self.device) for part in layer) for layer in state]
            for direction, state in self._carried.items()
        }
        schedule = self.lr_schedulers()
        assert isinstance(schedule, LambdaLR)
        for group, peak, factor in zip(
            schedule.optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True
        ):
            group["lr"] = peak * factor(schedule.last_epoch)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed by the number of the step, so that randomness does not depend on where a run was interrupted."""
        self.seed_step(self.global_step)

    def seed_step(self, step: int) -> None:
        """Seed the dropout and the sampled classes of a step.

        Several processes draw the same classes, those of one process if there is no dropout, and each its own dropout.
        """
        own, seed = share(), (self.config.seed * 1_000_003 + step) * 1_009
        torch.manual_seed(seed + own.rank)
        self._class_draws = torch.Generator(self.device).manual_seed(seed) if own.size > 1 else None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss of a step, and log that of all processes."""
        loss = self.loss(batch)
        self.log("train/sampled_loss", total(loss))
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip dense and sparse gradients together, before any weight is updated.

        Raises:
            TrainingError: A gradient is infinite or NaN.
        """
        self.clip(self.global_step)

    def clip(self, step: int) -> None:
        """Clip the gradients of a step; see ``configure_gradient_clipping``."""
        table = self.head.weight
        if not self.bilm.reads_characters and table.grad is not None:  # of a table that was read twice
            table.grad = table.grad.coalesce()
        norm = clip_gradients(self.parameters(), self.config.optimizer.gradient_clip)
        if not math.isfinite(norm):
            raise TrainingError(
                f"step {step}: expected finite gradients, found a norm of {norm}; the last saved state is kept: "
                "lower optimizer.learning_rate or optimizer.gradient_clip and start again"
            )

    def configure_optimizers(self) -> Any:
        """Build the optimizer and its learning rate schedule."""
        settings = self.config.optimizer
        optimizer = make_optimizer(
            self.bilm,
            self.head.parameters(),
            name=settings.name,
            learning_rate=settings.learning_rate,
            table_learning_rate=settings.table_learning_rate,
            weight_decay=settings.weight_decay,
            betas=settings.betas,
            precision=choose_precision(self.config.precision, self.device),
        )
        schedule = LambdaLR(optimizer, lambda step: self.schedule.factor(step))  # a function is not part of the state
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_validation_epoch_start(self) -> None:
        """Reset states and sums."""
        self._validation_states = {}
        self._validation_sums = _no_sums()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add the full-softmax loss of a batch, in nats."""
        tops, targets = self.top_states(batch, self._validation_states), self.targets(batch)
        for row, (states, classes) in enumerate(zip(tops, targets, strict=True)):
            nats = -self.head.log_probabilities(states, classes).double()
            known = classes != UNKNOWN_CLASS
            sums = (nats.sum(), nats.where(known, 0.0).sum(), nats.new_full((), len(nats)), known.double().sum())
            self._validation_sums[row] += torch.stack(sums).cpu()

    def validation_nats(self) -> tuple[dict[Direction, float], float]:
        """Nats per word of each direction in the validation so far, and their mean without unknown words."""
        nats, known_nats, number, num_known = self._validation_sums[: len(self.bilm.directions)].T
        known = float((known_nats / num_known.clamp(min=1)).mean())
        return dict(zip(self.bilm.directions, (nats / number).tolist(), strict=True)), known

    def on_validation_epoch_end(self) -> None:
        """Log nats per word and perplexity of each direction, the mean nats, and those without unknown words."""
        self._validation_sums = total(self._validation_sums)
        means, known = self.validation_nats()
        for direction, value in means.items():
            self.log(f"val/{direction}_nats", value)
            self.log(f"val/{direction}_perplexity", math.exp(min(value, 700.0)))
        self.log("val/nats", sum(means.values()) / len(means))
        self.log("val/perplexity_without_unknown", math.exp(min(known, 700.0)))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the carried states, which the next window needs, of the rows of all processes."""
        checkpoint["carried_states"] = {
            direction: [tuple(self._of_all_rows(part) for part in layer) for layer in state]
            for direction, state in self._carried.items()
        }

    def _of_all_rows(self, part: Tensor) -> Tensor:
        """A part of a state with the rows of all processes, which are summed, as each has zeros for those of others."""
        own, num_rows = share(), self.config.data.num_rows
        if own.size == 1:
            return part
        rows = part.new_zeros(num_rows, *part.shape[1:])
        if own.rank < num_rows:
            rows[own.rows] = part
        return total(rows)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the carried states, of the rows of this process; of any, where it has none."""
        own = share()
        rows = own.rows if own.rank < self.config.data.num_rows else slice(1)
        self._carried = {
            direction: [tuple(part[rows] for part in layer) for layer in state]
            for direction, state in checkpoint["carried_states"].items()
        }

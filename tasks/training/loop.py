"""The Lightning training loop of all heads: batches, steps, scores on dev, best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from elmo_lite import ElmoLiteError
from elmo_lite.hardware import choose_device, choose_precision, lightning_device, lightning_precision
from elmo_lite.quiet import quiet_libraries
from elmo_lite.stopping import Stopped, StopRequest, StopTraining, stop_on_request
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS
from tasks.inputs.encoders import Encoder
from tasks.training.config import FinetuneConfig
from tasks.training.head import Example, FinetuneResult
from tasks.training.length_pools import LengthPools
from tasks.training.loader import Numbered, SentenceBatches, data_loader, frozen_layers, trains_encoder
from tasks.training.progress import Progress
from tasks.training.unfreezing import GradualUnfreezing, parameter_groups, split_by_decay


class Loop(pl.LightningModule):
    """Train a head and record its epochs in ``result``."""

    def __init__(
        self,
        model: nn.Module,
        dev: Sequence[Example],
        score: Callable[[Any, list[Any]], dict[str, float]],
        config: FinetuneConfig,
        patience: int,
        request: StopRequest,
        progress: Progress,
        after_epoch: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    ) -> None:
        """Wrap a model; it is used, not copied."""
        super().__init__()
        self.after_epoch = after_epoch
        self.model = model
        self.dev, self.score, self.config, self.patience, self.progress = dev, score, config, patience, progress
        self.request = request
        self.result = FinetuneResult()
        self.best: dict[str, Tensor] = {}
        """Copies of the weights of the best epoch."""
        self._unfreezing = GradualUnfreezing(model) if config.gradual_unfreezing else None
        self._predictions: list[Any] = []
        self._begun = self._trained = self._rate = 0.0
        self._losses: list[float] = []
        self._words = 0

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with learning rates for the head and for each layer of a trained encoder, which decay linearly to 0."""
        config = self.config
        rates = config.learning_rate, config.encoder_learning_rate, config.layer_decay, config.mix_learning_rate
        groups = parameter_groups(self.model, *rates)
        split = [part for group in groups for part in split_by_decay(group, config.weight_decay)]
        optimizer = torch.optim.AdamW(split, weight_decay=config.weight_decay, fused=True)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Numbered, device: torch.device, dataloader_idx: int) -> Numbered:
        """Move the tensors of a batch to a device."""
        return batch[0], batch[1].to(device)

    # Training

    def on_train_start(self) -> None:
        """Take the signals back from Lightning, which ends the process on SIGTERM."""
        self.request.listen()

    def on_train_epoch_start(self) -> None:
        """Unfreeze the layers of the epoch and start the clock."""
        if self._unfreezing is not None:
            self._unfreezing.start_epoch(self.current_epoch)
        self._rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        self._losses, self._words = [], 0
        self.progress.start_epoch(self.current_epoch + 1, int(self.trainer.num_training_batches))
        self._begun = time.perf_counter()

    def training_step(self, batch: Numbered, batch_idx: int) -> Tensor:
        """Compute the loss of a batch.

        Raises:
            ElmoLiteError: The loss is not finite.
        """
        if self.request:
            raise StopTraining
        loss: Tensor = self.model.loss(batch[1])  # type: ignore[operator]
        value = float(loss.detach())
        if not math.isfinite(value):
            where = f"epoch {self.current_epoch + 1}, batch {batch_idx + 1}"
            raise ElmoLiteError(f"{where}: expected a finite loss, found {value}; a lower learning_rate may help")
        self._losses.append(value)
        self._words += int(batch[1].lengths.sum())
        self.progress.advance()
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the global norm of all gradients; Lightning does not support clipping for a fused optimizer."""
        bound = self.config.gradient_clip
        if not bound:
            return
        trained = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        norm = nn.utils.get_total_norm([parameter.grad for parameter in trained if parameter.grad is not None])
        # Most gradients are within, and are not multiplied by 1; but a GPU would have to be waited for.
        if self.device.type != "cpu" or not norm <= bound:
            nn.utils.clip_grads_with_norm_(trained, bound, norm)

    # Scores

    def on_validation_epoch_start(self) -> None:
        """Stop the clock of training."""
        self._trained = time.perf_counter()
        self._predictions = [None] * len(self.dev)

    def validation_step(self, batch: Numbered, batch_idx: int) -> None:
        """Predict a batch in float32, as a saved model does."""
        indices, sentences = batch
        with torch.autocast(self.device.type, enabled=False):
            predictions = self.model.predict(sentences)  # type: ignore[operator]
        for index, prediction in zip(indices, predictions, strict=True):
            self._predictions[index] = prediction

    def on_validation_epoch_end(self) -> None:
        """Score the predictions, keep the best weights, and stop when the patience is exhausted."""
        scores = {name: float(value) for name, value in self.score(self.dev, self._predictions).items()}
        result, epoch = self.result, self.current_epoch + 1
        # Of equal scores, the later: few examples of dev tell little, and later weights have learned more.
        is_best = not result.epochs or scores["main"] >= result.dev_scores["main"]
        if is_best:
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
            result.best_epoch, result.dev_scores = epoch, scores
        seconds = self._trained - self._begun
        result.epochs.append(
            {
                "epoch": epoch,
                "loss": sum(self._losses) / len(self._losses),
                "dev": scores,
                "mix": self.model.mix_weights(),  # type: ignore[operator]
                "learning_rate": self._rate,
                "seconds": seconds,
                "dev_seconds": time.perf_counter() - self._trained,
                "words_per_second": self._words / seconds,
            }
        )
        self.progress.end_epoch(result.epochs[-1], is_best)
        if self.after_epoch is not None:
            self.after_epoch(result.epochs)
        if epoch - result.best_epoch >= self.patience:
            self.trainer.should_stop = True


def fit(
    model: nn.Module,
    train: Sequence[Any],
    dev: Sequence[Any],
    targets: Callable[[Any], Any],
    score: Callable[[Any, list[Any]], dict[str, float]],
    config: FinetuneConfig,
    elmo: Encoder | None,
    model_hash: str,
    progress: bool,
    after_epoch: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    pool: Sequence[Sequence[str]] = (),
    batches: Callable[[Sequence[Any]], SentenceBatches] = SentenceBatches,
) -> FinetuneResult:
    """Train as ``finetune`` does, without its checks and files."""
    device = choose_device(config.device)
    torch.manual_seed(config.seed)
    begun = time.perf_counter()
    epochs, patience = config.epochs_and_patience(len(train))
    parts = [batches(train), batches(dev)]
    layers = [
        frozen_layers(model, part.sentences(), config, epochs, elmo, model_hash, device, progress, pool)
        for part in parts
    ]
    layer_seconds = time.perf_counter() - begun
    lengths = [[len(example.words) for example in examples] for examples in (train, dev)]
    batch_size = config.batch_size_for(len(train), trains_encoder=trains_encoder(model))
    pins, pools = device.type == "cuda", LengthPools(lengths[0], batch_size, config.seed)
    train_batches = data_loader(parts[0], pools, layers[0], [targets(e) for e in train], pins)
    in_order = list(batches_by_length(lengths[1], BATCH_WORDS, batch_size))
    dev_batches = data_loader(parts[1], in_order, layers[1], None, pins)
    model.train()  # Lightning does not change the mode of modules
    request = StopRequest()
    bar = Progress(shows=progress)
    loop = Loop(model, dev, score, config, patience, request, bar, after_epoch)
    with quiet_libraries():
        trainer = _trainer(config, device, epochs)
        try:
            with stop_on_request(request):
                trainer.fit(loop, train_batches, dev_batches)
        except StopTraining:
            loop.result.stop_signal = request.signal_number
        finally:
            bar.close()
    result = loop.result
    result.layer_seconds = layer_seconds
    if not loop.best:
        raise Stopped("stopped in the first epoch; nothing was saved", loop.result.stop_signal)
    model.load_state_dict(loop.best)
    model.to(device).eval()  # Lightning moves it to the CPU
    result.seconds_per_epoch = sum(facts["seconds"] for facts in result.epochs) / len(result.epochs)
    result.words_per_second = sum(lengths[0]) / result.seconds_per_epoch
    return result


def _trainer(config: FinetuneConfig, device: torch.device, epochs: int) -> pl.Trainer:
    return pl.Trainer(
        **lightning_device(device),
        precision=lightning_precision(choose_precision(config.precision, device)),
        max_epochs=epochs,
        num_sanity_val_steps=0,
        # A trained encoder caches tensors in scoring and reads them again in training.
        inference_mode=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )

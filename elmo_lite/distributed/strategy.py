"""Lightning's strategy of several processes, with gradients that are summed and a sparse table."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.plugins.environments import TorchElasticEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from elmo_lite.distributed.gradients import GradientSums
from elmo_lite.distributed.place import Place


class SummingStrategy(DDPStrategy):
    """DistributedDataParallel over a group that was joined; see ``GradientSums``."""

    def __init__(self, table: nn.Module) -> None:
        """Take ``table`` for the part of the module whose gradients are sparse."""
        super().__init__(cluster_environment=TorchElasticEnvironment())
        self._table = table
        self._sums = GradientSums()

    def _setup_model(self, model: nn.Module) -> DistributedDataParallel:
        return self._sums.wrap(model, self._table, self.root_device)

    def _register_ddp_hooks(self) -> None:
        """Wrapping has registered them."""

    def post_backward(self, closure_loss: Tensor) -> None:
        """Wait for the gradient of the table; that of the encoder is complete."""
        super().post_backward(closure_loss)
        self._sums.wait()


def trainer_arguments(place: Place, table: nn.Module, device: torch.device) -> dict[str, Any]:
    """Arguments of Lightning's trainer for a process of several."""
    return {
        "accelerator": "gpu" if device.type == "cuda" else "cpu",
        "devices": place.local_size,
        "num_nodes": place.num_nodes,
        "strategy": SummingStrategy(table),
    }

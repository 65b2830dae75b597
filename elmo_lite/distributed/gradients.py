"""Gradients summed over processes during the backward pass: dense ones by DistributedDataParallel, rows as a block.

The sum is not divided by the number of processes: each has the part of the loss of its rows, normalised by the number
of predictions of the whole step.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from elmo_lite.distributed.group import step_group, wait_for_all


class GradientSums:
    """Sums the gradients of all processes, so that each has those of the whole batch after its backward pass."""

    def __init__(self) -> None:
        """Sum nothing yet."""
        self.num_bytes = 0
        """Number of bytes of the gradients summed so far."""
        self._pending: list[dist.Work] = []

    def wrap(self, module: nn.Module, table: nn.Module, device: torch.device) -> DistributedDataParallel:
        """Wrap a module for training, with the weights of the first process.

        Args:
            module: Module of a run, on its device, the same on every process.
            table: Part of the module whose gradients are sparse. All processes must use the same rows in a step.
            device: Device of the module.
        """
        wait_for_all()  # patiently, as models differ in the time to build them, and machines too
        own = set(table.parameters())
        left_out = [name for name, parameter in module.named_parameters() if parameter in own]
        left_out += [name for name, _ in module.named_buffers()]  # they never change
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
            module, left_out
        )
        wrapped = DistributedDataParallel(
            module,
            device_ids=[device.index] if device.type == "cuda" else None,
            process_group=step_group(),
        )
        wrapped.register_comm_hook(self, _sum_bucket)
        for parameter in table.parameters():
            dist.broadcast(parameter.data, 0)
            parameter.register_post_accumulate_grad_hook(self._sum_rows)  # type: ignore[no-untyped-call]
        return wrapped

    def _sum_rows(self, parameter: Tensor) -> None:
        """Begin to sum the rows of a gradient as soon as it is known, which is before that of any dense weight."""
        assert parameter.grad is not None and parameter.grad.is_sparse
        self._pending.append(self.begin(parameter.grad._values()))

    def begin(self, values: Tensor) -> dist.Work:
        """Begin to sum a tensor in place."""
        self.num_bytes += values.numel() * values.element_size()
        work: dist.Work = dist.all_reduce(values, group=step_group(), async_op=True)
        return work

    def wait(self) -> None:
        """Wait for the sums of rows (on a GPU, let its stream wait), after each backward pass."""
        for work in self._pending:
            work.wait()
        self._pending.clear()


def _sum_bucket(sums, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations, and knows no strings
    """The hook of DistributedDataParallel, which waits for it: sum a bucket of dense gradients."""
    return sums.begin(bucket.buffer()).get_future().then(lambda future: future.value()[0])

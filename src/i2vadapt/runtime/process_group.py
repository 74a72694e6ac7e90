"""Processes that train together, started by `launch`: one per GPU, on one or several nodes.

DistributedDataParallel is not used. A step has one backward pass per forward pass, so that the activations of only one
are kept at a time. DDP expects one pass per step, or `no_sync` around all but the last, which must use all parameters.
Here the gradients of a step are summed once, in one buffer, after all passes. This gives up overlapping their transfer
(about 50 MB a step for I3D) with the last backward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from i2vadapt.runtime.devices import best_device
from i2vadapt.runtime.launch import is_launched
from i2vadapt.runtime.precision import at_least_float32

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together, as seen by one of them; in a group of one, every operation is a no-op.

    Attributes:
        rank: number of this process, counted from 0.
        world_size: number of processes.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and logs progress."""
        return self.rank == 0

    def part(self, batch: list[T]) -> list[T]:
        """This process's part of a batch; part sizes differ by at most one item, and the last parts may be empty."""
        whole, rest = divmod(len(batch), self.world_size)
        start = self.rank * whole + min(self.rank, rest)
        return batch[start : start + whole + (self.rank < rest)]

    def sum_gradients(self, weights: Iterable[nn.Parameter], values: Tensor) -> Tensor:
        """Sums gradients over the processes, in place, together with some numbers; the host does not wait for them.

        Args:
            weights: weights whose gradients are summed; every process must have gradients for the same weights.
            values: numbers to sum (n,), on the device of the weights.

        Returns:
            Sums of the numbers (n,).
        """
        if self.world_size == 1:
            return values
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        buffer = torch.cat([*(gradient.flatten() for gradient in gradients), values.to(gradients[0].dtype)])
        dist.all_reduce(buffer)
        place = 0
        for gradient in gradients:
            gradient.copy_(buffer[place : place + gradient.numel()].view_as(gradient))
            place += gradient.numel()
        return buffer[place:]

    def gather(self, value: T) -> list[T]:
        """Returns one value from each process, in order of rank, to every process."""
        if self.world_size == 1:
            return [value]
        values: list[T | None] = [None] * self.world_size
        dist.all_gather_object(values, value)
        return [part for part in values if part is not None]

    def barrier(self) -> None:
        """Waits until every process has called this."""
        if self.world_size > 1:
            dist.barrier()

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Copies the running statistics of rank 0 to all processes."""
        if self.world_size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def join_process_group() -> Iterator[ProcessGroup]:
    """Context in which the processes started by `launch` (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR) form a group.

    Any other process is a group of its own. Each process uses the GPU of its local rank; without GPUs, the processes
    communicate through gloo.
    """
    if not is_launched():
        yield SINGLE_PROCESS
        return
    on_gpu = best_device() == "cuda"
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """Sum over the processes, whose gradient is summed over the processes as well."""

    @staticmethod
    def forward(_: object, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncedBatchNorm3d(nn.BatchNorm3d):
    """Batch normalisation by the statistics of the whole batch, over all processes, on CPUs.

    PyTorch's SyncBatchNorm supports GPUs only.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalises (N,C,T,H,W)."""
        if not self.training:
            return super().forward(x)
        values, axes = at_least_float32(x), (0, 2, 3, 4)
        count = _Sum.apply(values.new_tensor([values.numel() / values.shape[1]]))
        mean = _Sum.apply(values.sum(axes)) / count
        centred = values - mean[:, None, None, None]
        variance = _Sum.apply(centred.square().sum(axes)) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), momentum)
            self.running_var.lerp_((variance * count / (count - 1)).detach(), momentum)
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale[:, None, None, None] + self.bias[:, None, None, None]).to(x.dtype)


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Makes the batch normalisation of a model use the whole batch, over all processes.

    Args:
        model: network whose layers are replaced in place; weights, statistics and their names stay the same.
        device: device of the network.
    """
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return
    for module in model.modules():
        for name, norm in module.named_children():
            if type(norm) is nn.BatchNorm3d:
                synced = SyncedBatchNorm3d(norm.num_features, norm.eps, norm.momentum)
                synced.weight, synced.bias = norm.weight, norm.bias
                synced.running_mean, synced.running_var = norm.running_mean, norm.running_var
                synced.num_batches_tracked = norm.num_batches_tracked
                setattr(module, name, synced.train(norm.training))

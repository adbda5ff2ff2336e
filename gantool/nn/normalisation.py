"""Batch normalisation over one process, or over all of them.

torch's own SyncBatchNorm refuses CPU tensors, and its backward cannot be differentiated again. Here the
statistics pass through an all-reduce that autograd knows: the gradient of a sum over processes is a sum over
processes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.nn.precision import full_precision


class BatchNorm(nn.Module):
    """Batch normalisation of N×C or N×C×H×W features (Ioffe & Szegedy 2015).

    Args:
        features: C.
        eps: added to the variance.
        momentum: weight of the new batch in the running statistics, ``(1 − momentum)·old + momentum·new``.

    Attributes:
        synchronised: take the statistics over the batches of all processes while training; every process then
            has to call the layer equally often.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.synchronised = False
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, features: Tensor) -> Tensor:
        """N×C or N×C×H×W → the same shape.

        Raises:
            ValueError: while training, when there is only one value per channel.
        """
        if self.training and self.synchronised and _processes() > 1:
            return self._over_all_processes(features)
        return F.batch_norm(
            features,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        return f"{self.weight.numel()}, eps={self.eps}, momentum={self.momentum}"

    def _over_all_processes(self, features: Tensor) -> Tensor:
        values = full_precision(features)
        dims = [0, *range(2, values.dim())]
        shape = [1, -1] + [1] * (values.dim() - 2)
        count = values.new_full((1,), values.numel() / values.shape[1])
        # Two reductions, the variance about the common mean: E[x²] − E[x]² would cancel in float32.
        sums = all_reduce_sum(torch.cat([values.sum(dims), count]))
        total = sums[-1]
        mean = sums[:-1] / total
        centred = values - mean.view(shape)
        variance = all_reduce_sum(centred.square().sum(dims)) / total
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * total / (total - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(shape) + self.bias.view(shape)).to(features.dtype)


def synchronise_batch_norm(module: nn.Module) -> None:
    """Let every `BatchNorm` within ``module`` take its statistics over all processes."""
    for layer in module.modules():
        if isinstance(layer, BatchNorm):
            layer.synchronised = True


def all_reduce_sum(values: Tensor) -> Tensor:
    """The sum of ``values`` over all processes; differentiable as often as wanted, on any backend."""
    total: Tensor = _AllReduceSum.apply(values)
    return total


class _AllReduceSum(torch.autograd.Function):
    """y = Σᵣ xᵣ on every process, so ∂(Σₛ Lₛ)/∂xᵣ = Σₛ ∂Lₛ/∂y: the same reduction, of the gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return all_reduce_sum(gradient)


def _processes() -> int:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 1
    return torch.distributed.get_world_size()

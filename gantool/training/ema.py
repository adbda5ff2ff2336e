"""The averaged generator: what is sampled, evaluated and shared.

β = 0.5^(batch / min(half_life, ramp · images_seen)), the half-life in images (Karras 2024, EDM, and StyleGAN2's
EMA). Parameters and batch-norm running statistics are averaged with the same weight; integer buffers are copied;
spectral-norm vectors are copied, and iterated again on the averaged weight before it is used.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gantool.models.base import Generator
from gantool.nn.spectral import SpectralNorm, settle_spectral_norm


def beta_at(batch: int, images_seen: int, half_life: float, ramp: float | None) -> float:
    """The weight of the old average after ``batch`` more images; ``images_seen`` counts them already."""
    if ramp is not None:
        half_life = min(half_life, ramp * images_seen)
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


class Ema:
    """The running average of a generator's weights, kept in float32 beside it.

    Args:
        generator: what is averaged.
        averages: False where the half-life is 0 throughout: the average then is the generator itself, and is
            copied when somebody looks instead of in every step.
    """

    def __init__(self, generator: Generator, *, averages: bool = True) -> None:
        self._averages = averages
        self._network = copy.deepcopy(generator).eval().requires_grad_(False)
        self._source = generator
        averaged, copied = _split(self._network)
        source = dict(_named_tensors(generator))
        self._averaged = [tensor for _, tensor in averaged]
        self._averaged_from = [source[name] for name, _ in averaged]
        self._copied = [tensor for _, tensor in copied]
        self._copied_from = [source[name] for name, _ in copied]

    @torch.no_grad()
    def update(self, beta: float) -> None:
        """Move the average towards the generator; ``beta`` is the weight of the old average."""
        if not self._averages:
            return
        torch._foreach_lerp_(self._averaged, self._averaged_from, 1.0 - beta)
        _copy(self._copied, self._copied_from)

    def tensors(self) -> dict[str, Tensor]:
        """The averaged state by name."""
        self._catch_up()
        return dict(_named_tensors(self._network))

    def network(self) -> Generator:
        """The averaged generator in eval mode, ready to sample from."""
        self._catch_up()
        if not _power_iteration_vectors(self._network):
            return self._network
        settled = copy.deepcopy(self._network)  # the saved vectors stay copies of the generator's own
        settle_spectral_norm(settled)
        return settled.eval()

    @torch.no_grad()
    def _catch_up(self) -> None:
        if not self._averages:
            _copy(self._averaged, self._averaged_from)
            _copy(self._copied, self._copied_from)


def _named_tensors(network: nn.Module) -> list[tuple[str, Tensor]]:
    return list(network.state_dict(keep_vars=True).items())


def _split(network: nn.Module) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]]:
    """(to be averaged, to be copied)."""
    vectors = _power_iteration_vectors(network)
    averaged: list[tuple[str, Tensor]] = []
    copied: list[tuple[str, Tensor]] = []
    for name, tensor in _named_tensors(network):
        average = tensor.is_floating_point() and name not in vectors
        (averaged if average else copied).append((name, tensor))
    return averaged, copied


def _power_iteration_vectors(network: nn.Module) -> set[str]:
    """The names of spectral norm's buffers: an average of unit vectors would be no unit vector."""
    owners = [(prefix, m) for prefix, m in network.named_modules() if isinstance(m, SpectralNorm)]
    return {f"{prefix}.{name}" for prefix, owner in owners for name, _ in owner.named_buffers()}


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)

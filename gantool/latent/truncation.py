"""Truncation: latents nearer to the middle make pictures nearer to the middle of the data, and less variety.

Two kinds, after the architecture:

- Where a network maps latents to styles (stylegan2), styles are drawn towards their mean, w̄ + ψ·(w − w̄) (Karras 2019,
  StyleGAN, appendix B). 1 changes nothing, 0 gives the mean picture. The mean is over 4,096 latents of a stream of its
  own, so that it is the same for every seed; with classes it is the class's own, or every class would fade into all.
- Elsewhere latents follow the normal distribution truncated to [−ψ, ψ] (Brock 2019, BigGAN, §3.1). Instead of
  drawing again what lies outside, each number goes to the same quantile of the truncated distribution: that is the
  same distribution, and picture i changes little by little with ψ. Beyond 4 there is no difference to speak of.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantool import seeding
from gantool.errors import UsageError
from gantool.models.base import Generator
from gantool.nn.conditioning import one_hot

_LATENTS = 4096
"""That the mean style is taken over."""


class Truncation:
    """Latents to styles (`Generator.styles`), truncated.

    Args:
        network: what maps them.
        psi: ψ ≥ 0; None for no truncation.

    Raises:
        UsageError: for a ψ that is negative or no number.
    """

    def __init__(self, network: Generator, psi: float | None) -> None:
        require_psi(psi)
        self._network = network
        self._psi = psi
        self._means: dict[int, Tensor] = {}

    @torch.no_grad()
    def __call__(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Latents N×latent_dim and labels (as `Generator.forward`) → styles N×…."""
        if self._psi is None:
            return self._network.styles(latents, labels)
        if not self._network.layers:
            return self._network.styles(truncated_normal(latents, self._psi), labels)
        styles = self._network.styles(latents, labels)
        mean = self._mean_of(labels)
        return mean + self._psi * (styles - mean)

    def _mean_of(self, labels: Tensor | None) -> Tensor:
        """1×layers×style_dim, or one for each of N labels."""
        if not self._network.classes or labels is None:
            return self._mean(-1)
        weights = labels if labels.is_floating_point() else one_hot(labels, self._network.classes)
        present = weights.any(dim=0).nonzero().flatten().tolist()
        means = torch.cat([self._mean(number) for number in present])  # classes × layers × style_dim
        return torch.einsum("nc,cls->nls", weights[:, present], means)

    def _mean(self, number: int) -> Tensor:
        if number not in self._means:
            self._means[number] = mean_style(self._network, None if number < 0 else number)
        return self._means[number]


def require_psi(psi: float | None) -> None:
    """Raise UsageError for a ψ that is negative or no number."""
    if psi is not None and not 0 <= psi < math.inf:
        raise UsageError(f"--truncation {psi}: must be a number from 0 up; 0.7 is a common choice")


@torch.no_grad()
def mean_style(network: Generator, label: int | None) -> Tensor:
    """The mean over 4,096 latents of the styles of a class (None: of an unconditional network): 1×…."""
    return some_styles(network, label, _LATENTS).mean(dim=0, keepdim=True)


@torch.no_grad()
def some_styles(network: Generator, label: int | None, count: int) -> Tensor:
    """The styles of ``count`` latents of a stream of their own, the same for every seed: count×…."""
    latents = torch.randn(count, network.latent_dim, generator=seeding.generator("mean-style"))
    device = next(network.parameters()).device
    labels = None if label is None else torch.full((count,), label, device=device)
    return network.styles(latents.to(device), labels)


def truncated_normal(latents: Tensor, psi: float) -> Tensor:
    """Standard normal numbers → the same quantiles of the normal distribution truncated to [−ψ, ψ].

    With Φ(z) = (1 + erf(z/√2))/2, Φ(z') = Φ(−ψ) + Φ(z)·(Φ(ψ) − Φ(−ψ)) is erf(z'/√2) = erf(z/√2)·erf(ψ/√2).
    """
    if psi == 0:
        return torch.zeros_like(latents)
    root = math.sqrt(2)
    within = torch.erf(latents.cpu().double() / root) * math.erf(psi / root)
    # erf is 1 to the last bit beyond 8: there the quantile is the number itself, or ψ where that is less.
    bent = torch.where(within.abs() < 1, root * torch.erfinv(within), latents.cpu().double())
    return bent.clamp(-psi, psi).to(latents)

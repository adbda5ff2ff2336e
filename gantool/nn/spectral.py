"""Spectral normalisation: every weight divided by its largest singular value (Miyato 2018).

The parametrization is ours for one reason: torch's lets autocast cast the product that the singular value
comes from, and then fails on CUDA on mixed dtypes. Here it is computed in float32, whatever surrounds it.
On the ``meta`` device, where a network is built for its names and shapes alone, nothing is computed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

_NORMALISED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
_FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """The parametrization W → W / σ(W), with σ estimated by one power iteration a training forward.

    Args:
        weight: the weight it is made for; it is read as a matrix, ``dim`` by all the rest.
        dim: the axis of the outputs: 0, and 1 for transposed convolutions.
        eps: what the vectors' lengths are clamped to.

    Attributes:
        left: estimate of the first left singular vector. right: of the right one. Buffers: they belong to the
            state of a run.
        fixed: keep the estimate: the weight does not learn, and should not seem to change.
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.fixed = False
        matrix = self._matrix(weight.detach())
        self.register_buffer("left", _unit_vector_like(matrix[:, 0], eps))
        self.register_buffer("right", _unit_vector_like(matrix[0], eps))
        self.iterate(weight, _FIRST_ITERATIONS)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight divided by its spectral norm; twice differentiable."""
        if weight.is_meta:
            return weight
        with torch.autocast(weight.device.type, enabled=False):
            if self.training and not self.fixed:
                self.iterate(weight, 1)
            # Clones: a later forward moves the buffers in place, and an earlier graph still needs these.
            left, right = self.left.clone(), self.right.clone()
            return weight / torch.dot(left, torch.mv(self._matrix(weight), right))  # Miyato 2018, eq. 8

    @torch.no_grad()
    def iterate(self, weight: Tensor, iterations: int) -> None:
        """Move both vectors ``iterations`` steps of the power method along (Miyato 2018, algorithm 1)."""
        if weight.is_meta:
            return
        matrix = self._matrix(weight)
        for _ in range(iterations):
            self.left.copy_(F.normalize(torch.mv(matrix, self.right), dim=0, eps=self.eps))
            self.right.copy_(F.normalize(torch.mv(matrix.t(), self.left), dim=0, eps=self.eps))

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.dim).flatten(1)


def _unit_vector_like(vector: Tensor, eps: float) -> Tensor:
    if vector.is_meta:
        return torch.empty_like(vector)
    return F.normalize(torch.randn_like(vector), dim=0, eps=eps)


def spectral_norm_everywhere(module: nn.Module, *, embeddings: bool = True) -> None:
    """Normalise every linear and convolution weight within ``module``, and the class vectors unless told otherwise.

    (A generator's are drawn as its latent is. With a spectral norm of 1 each would be far shorter, and the class would
    hardly be heard beside the latent.)
    """
    for layer in list(module.modules()):
        if isinstance(layer, _NORMALISED) and (embeddings or not isinstance(layer, nn.Embedding)):
            dim = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, dim))


@torch.no_grad()
def settle_spectral_norm(module: nn.Module, iterations: int = 10) -> None:
    """Run the power method on the weights as they are: for a copy whose weights were averaged or loaded."""
    for layer in module.modules():
        for parametrization in getattr(layer, "parametrizations", {}).values():
            for step in parametrization:
                if isinstance(step, SpectralNorm):
                    step.iterate(parametrization.original, iterations)

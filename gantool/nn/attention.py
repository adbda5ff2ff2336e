"""Self-attention over the places of a map, as plain matrix products, so that it can be differentiated twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool.nn.layout import as_laid_out


class SelfAttention(nn.Module):
    """x + γ·attention(x), with γ = 0 at first (Zhang 2019, SAGAN, eq. 1–3; keys and values at half the sides).

    Args:
        channels: C, at least 8: queries and keys have C/8 channels, values C/2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = nn.Conv2d(channels, narrow, 1, bias=False)
        self.key = nn.Conv2d(channels, narrow, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W, H and W at least 2 → the same shape."""
        count, _, height, width = x.shape
        query = self.query(x).flatten(2)  # N × C/8 × HW
        key = _largest(self.key(x)).flatten(2)  # N × C/8 × HW/4 (of even sides)
        value = _largest(self.value(x)).flatten(2)  # N × C/2 × HW/4
        weights = (query.transpose(1, 2) @ key).softmax(dim=2)  # N × HW × HW/4
        seen = (value @ weights.transpose(1, 2)).view(count, -1, height, width)
        mixed: Tensor = x + self.gamma * self.out(as_laid_out(seen, x))
        return mixed


def _largest(x: Tensor) -> Tensor:
    """The largest of each 2×2, N×C×H×W → N×C×⌊H/2⌋×⌊W/2⌋; an odd last row or column is left out, as pooling does.

    (The backward pass of CUDA's pooling adds in no fixed order.)
    """
    count, channels, height, width = x.shape
    rows, columns = height // 2, width // 2
    return x[:, :, : 2 * rows, : 2 * columns].reshape(count, channels, rows, 2, columns, 2).amax(dim=(3, 5))

"""Constants that live on the device: to copy one there in every step would make the host wait for it every time."""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """``values`` as a vector, on the device and in the precision of ``like``. Nobody may write into it."""
    return _kept(values, like.device, like.dtype)


@functools.cache
@torch.inference_mode(mode=False)  # what is kept must serve training too, whoever asked first
def _kept(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, device=device, dtype=dtype)

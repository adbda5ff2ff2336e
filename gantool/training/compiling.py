"""``compile: true``: torch.compile where a compiler is there, else the plain network and a word about it."""

from __future__ import annotations

import importlib.util
import shutil
import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from gantool.config.settings import TrainingSettings

Forward = Callable[[Tensor, Tensor | None], Tensor]
_COMPILERS = ("c++", "g++", "clang++", "cl")


def compiler_is_missing(device: torch.device) -> str | None:
    """Why torch.compile cannot work here, or None when it can."""
    if device.type == "cpu" and not any(shutil.which(name) for name in _COMPILERS):
        return "no C++ compiler is installed"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    return None


def compiled_or_plain(
    training: TrainingSettings, device: torch.device, say: Callable[[str], None]
) -> Callable[[nn.Module], Forward]:
    """How the steps call a network."""
    if not training.compile:
        return lambda network: network
    reason = compiler_is_missing(device)
    if reason is not None:
        say(f"warning: training.compile: {reason}; going on without it")
        return lambda network: network
    # torch 2.15 looks at `.grad` of the fakes while it traces, and warns about itself.
    warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf")
    return lambda network: cast(Forward, _compile(network, training.compile_mode))


def _compile(network: nn.Module, mode: str) -> Any:
    return torch.compile(network, dynamic=False, mode=mode)

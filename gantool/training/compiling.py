"""``compile: true``: torch.compile where a compiler is there, else the plain network and a word about it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from gantool.config.settings import TrainingSettings

Forward = Callable[[Tensor, Tensor | None], Tensor]
_COMPILERS = {"cpu": ("CXX", "C++", ("c++", "g++", "clang++", "cl")), "cuda": ("CC", "C", ("gcc", "clang", "cc"))}
"""By device: the variable that names one, its language, and what torch and triton look for."""


def compiler_is_missing(device: torch.device) -> str | None:
    """Why torch.compile cannot work here, or None when it can."""
    if device.type not in _COMPILERS:
        return None
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    if compiler_for(device.type) is None:
        return f"no {_COMPILERS[device.type][1]} compiler is installed"
    if sys.platform == "linux" and not has_headers():
        return "Python's headers are not installed (Python.h)"
    return None


def compiler_for(kind: str) -> str | None:
    """The compiler that torch (``cpu``) or triton (``cuda``) would call, by its path."""
    variable, _, names = _COMPILERS[kind]
    return next(
        (path for name in (os.environ.get(variable, ""), *names) if name and (path := shutil.which(name))), None
    )


def has_headers() -> bool:
    """Whether Python.h is where torch or triton look for it."""
    schemes = {sysconfig.get_default_scheme(), "posix_prefix"} & set(sysconfig.get_scheme_names())
    return any(Path(sysconfig.get_path("include", scheme), "Python.h").is_file() for scheme in schemes)


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

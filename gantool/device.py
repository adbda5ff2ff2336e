"""Where and in which numbers a run computes."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

from gantool.errors import NoDeviceError, UsageError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str = "auto", local_rank: int = 0) -> torch.device:
    """``auto`` takes cuda, then mps, then cpu. Several processes on CUDA take one device each.

    Raises:
        UsageError: for a name that torch does not know, or a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: unknown device; choices: auto, cpu, cuda, cuda:1, mps") from error
    if device.type == "cuda":
        return _cuda(name, device.index if device.index is not None else local_rank)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: this machine has no mps device; try --device cpu")
    if device.type not in {"cpu", "mps"}:
        raise UsageError(f"--device {name}: gantool runs on cpu, cuda and mps")
    return device


def _cuda(name: str, index: int) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        raise NoDeviceError(
            f"--device {name}: {_counted(count)} here, and this process takes number {index}; try --device cpu"
        )
    return torch.device("cuda", index)


def _counted(devices: int) -> str:
    return f"{devices} CUDA devices are" if devices > 1 else "1 CUDA device is" if devices else "no CUDA device is"


def require_devices(name: str, processes: int) -> None:
    """See before they are started that so many processes on this machine find a device each.

    Raises:
        UsageError: when they do not (a NoDeviceError), or where ``name`` is one device.
    """
    if choose_device(name).type != "cuda":
        return
    if name not in {"auto", "cuda"}:
        raise UsageError(f"--device {name}: {processes} processes take a device each; give --device cuda")
    there = torch.cuda.device_count()
    if there < processes:
        raise NoDeviceError(
            f"--device {name}: {processes} processes take a device each, and {_counted(there)} here; "
            f"try --processes {there}, or --device cpu"
        )


@functools.cache
def native_bfloat16(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 in hardware.

    CPU: avx512_bf16 or amx_bf16 (read from /proc/cpuinfo; other systems say no). CUDA: compute capability ≥ 8.0.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and platform.system() == "Linux":
        try:
            words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
        except OSError:
            return False
        return "avx512_bf16" in words or "amx_bf16" in words
    return False


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto`` is bfloat16 where the machine computes it natively, else float32.

    Raises:
        UsageError: for ``tf32`` on a device that has no such products.
    """
    if name == "auto":
        return torch.bfloat16 if native_bfloat16(device) else torch.float32
    if name == "tf32":
        if device.type != "cuda" or not native_bfloat16(device):  # both came with Ampere
            raise UsageError(f"training.precision: tf32 needs a CUDA device of capability 8.0, not {device}; use auto")
        return torch.float32
    return DTYPES[name]


def round_products(*, to_tf32: bool) -> None:
    """Whether float32 products on CUDA are rounded to TF32's 10 bits. (cuDNN rounds unless told otherwise.)"""
    torch.backends.cuda.matmul.allow_tf32 = to_tf32
    torch.backends.cudnn.allow_tf32 = to_tf32


@contextlib.contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """On CUDA torch may multiply in TF32, with 10 bits, and cuDNN choose among kernels by the clock: not within."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        # (The flag that is not named here would switch cuDNN off.)
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def choose_fastest_kernels(device: torch.device) -> None:
    """Let cuDNN try its kernels and keep the fastest, elsewhere take what torch takes: `make_deterministic` undone."""
    torch.use_deterministic_algorithms(False)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True


def make_deterministic(device: torch.device) -> None:
    """Ask torch for the same bits every time (on CUDA at some cost; some kernels then raise).

    Subnormal numbers stay as they are: flushing them is a per-thread setting that new threads would not share.
    """
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs a pass, guards nothing here
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)

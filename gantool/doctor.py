"""What this machine offers, part by part. A part that cannot be looked at says why, and ends nothing."""

from __future__ import annotations

import gzip
import os
import platform
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from gantool.version import __version__

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pydantic", "safetensors", "typer", "tensorboard")

_EMBEDDED = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def examine() -> dict[str, Any]:
    """Every part by name: plain values that JSON can hold. A part that failed is ``{"fault": reason}``."""
    parts: dict[str, Callable[[], Any]] = {
        "versions": versions,
        "processor": processor,
        "devices": devices,
        "automatic": automatic,
        "compiler": compiler,
        "cache": cache,
        "embedded_data": embedded_data,
    }
    return {name: _guarded(part) for name, part in parts.items()}


def versions() -> dict[str, str]:
    """Of gantool, Python, the system, and the packages that matter."""
    found = {"gantool": __version__, "python": platform.python_version(), "system": platform.platform()}
    return found | {package: _installed(package) or "not installed" for package in PACKAGES}


def processor() -> dict[str, Any]:
    """Model, cores that this process may use, threads that torch takes."""
    import torch  # noqa: PLC0415 - a broken torch is a finding, not an end

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "model": _processor_model(),
        "cores": os.cpu_count(),
        "usable_cores": usable,
        "threads": torch.get_num_threads(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
    }


def devices() -> list[dict[str, Any]]:
    """Every device that training can run on, and whether it computes bfloat16 natively."""
    import torch  # noqa: PLC0415

    from gantool.device import native_bfloat16  # noqa: PLC0415

    found: list[dict[str, Any]] = [{"device": "cpu", "native_bfloat16": native_bfloat16(torch.device("cpu"))}]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        found.append(
            {
                "device": f"cuda:{index}",
                "name": properties.name,
                "memory_bytes": properties.total_memory,
                "capability": f"{properties.major}.{properties.minor}",
                "native_bfloat16": native_bfloat16(torch.device("cuda", index)),
            }
        )
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "native_bfloat16": native_bfloat16(torch.device("mps"))})
    return found


def automatic() -> dict[str, str]:
    """What ``--device auto`` and ``training.precision: auto`` come to."""
    from gantool.device import choose_device, choose_precision  # noqa: PLC0415

    device = choose_device("auto")
    return {"device": str(device), "precision": str(choose_precision("auto", device)).removeprefix("torch.")}


def compiler() -> dict[str, Any]:
    """What ``training.compile: true`` needs: a C++ compiler and Python's headers, and triton for CUDA."""
    from gantool.training.compiling import compiler_for, has_headers  # noqa: PLC0415

    found, headers = compiler_for("cpu"), has_headers()
    return {
        "path": found,
        "python_headers": headers,
        "triton": _installed("triton"),
        "usable": bool(found and headers),
    }


def cache() -> dict[str, Any]:
    """Where prepared data lies, what it weighs, and whether more can be added."""
    from gantool.data.cache import cache_folder  # noqa: PLC0415

    folder = cache_folder()
    weight = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return {
        "folder": str(folder),
        "size_bytes": weight,
        "writable": there.is_dir() and os.access(there, os.W_OK | os.X_OK),
    }


def embedded_data() -> dict[str, Any]:
    """Whether the pictures inside the package are there and whole."""
    folder = resources.files("gantool.data") / "embedded"
    faulty = [name for name in _EMBEDDED if not _unpacks((folder / name).read_bytes())]
    return {"whole": not faulty, "faulty": faulty}


def _guarded(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}


def _unpacks(content: bytes) -> bool:
    try:
        return len(gzip.decompress(content)) > 0  # its CRC is checked on the way
    except (OSError, EOFError):
        return False


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

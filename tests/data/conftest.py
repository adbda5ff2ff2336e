"""Every test of this room has a cache of its own; pictures are made here, never fetched."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Pictures = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANTOOL_CACHE", str(folder))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """A folder of small PNGs of noise: ``pictures("a", 3)`` makes a/0.png … a/2.png."""

    def make(name: str = "pictures", count: int = 4, *, size: tuple[int, int] = (8, 8), seed: int = 0) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (count, *size, 3), np.uint8)
        for number, pixels in enumerate(noise):
            Image.fromarray(pixels).save(folder / f"{number}.png")
        return folder

    return make


@pytest.fixture
def write_idx() -> Callable[[Path, NDArray[np.uint8]], None]:
    """Writes an IDX file of unsigned bytes; gzipped where the name ends so."""

    def write(path: Path, values: NDArray[np.uint8]) -> None:
        content = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)

    return write

"""Features of real pictures, computed once per data set.

They are kept in the cache as one sparse array for the whole set, each row with a checksum beside it: a row that was
never computed, half written, or flipped on the disk does not have it and is computed again. Two processes that fill
one array write the same bits, so nobody waits for anybody. Rows are written with `pwrite`, never into mapped memory:
a full disk is then an error that can be met, and not the end of the process.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gantool.data import PreparedSet, cache_folder
from gantool.evaluation.extractors import Progress, silent
from gantool.metrics.features import Extractor

_AT_ONCE = 512
_FEATURES, _SUMS = "features.npy", "checksums.npy"


class RealFeatures:
    """The features of one prepared set.

    Args:
        dataset: the set.
        extractor: the network.
    """

    def __init__(self, dataset: PreparedSet, extractor: Extractor) -> None:
        self._dataset = dataset
        self._extractor = extractor
        self.dimensions = extractor.facts.dimensions
        self._folder: Path | None = cache_folder() / "features" / self._key()
        self._features, self._sums = self._opened() or self._in_memory()

    def of(self, rows: NDArray[np.int64], progress: Progress = silent) -> NDArray[np.float32]:
        """The features of pictures ``rows``, in that order: float32 n×D."""
        found = self._features[rows]
        missing = np.flatnonzero(_checksums(found) != self._sums[rows])
        for start in range(0, len(missing), _AT_ONCE):
            places = missing[start : start + _AT_ONCE]
            found[places] = self._extractor.of(self._dataset.read(rows[places]))
            self._keep(rows[places], found[places])
            progress("look at real pictures", start + len(places), len(missing))
        return found

    def _keep(self, rows: NDArray[np.int64], features: NDArray[np.float32]) -> None:
        """Write into the cache; where it takes no more, remember within this process."""
        sums = _checksums(features)
        if self._folder is not None:
            try:
                for name, array, values in ((_FEATURES, self._features, features), (_SUMS, self._sums, sums)):
                    _write_rows(self._folder / name, array, rows, values)
            except OSError:
                self._folder = None
                self._features, self._sums = self._in_memory()
            else:
                return
        self._features[rows], self._sums[rows] = features, sums

    def _opened(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]] | None:
        """The arrays in the cache, made if need be; None where it cannot be used."""
        folder = self._folder
        try:
            if folder is not None and not folder.is_dir():
                self._make(folder)
            if folder is not None:
                features = np.load(folder / _FEATURES, mmap_mode="r", allow_pickle=False)
                sums = np.load(folder / _SUMS, mmap_mode="r", allow_pickle=False)
                if features.shape == (len(self._dataset), self.dimensions) and sums.shape == (len(self._dataset),):
                    return features, sums
        except (OSError, ValueError):
            pass  # a cache that cannot be used costs time, and nothing else
        self._folder = None
        return None

    def _in_memory(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Arrays that take memory where they are filled."""
        return np.zeros((len(self._dataset), self.dimensions), np.float32), np.zeros(len(self._dataset), np.uint32)

    def _make(self, folder: Path) -> None:
        """Two arrays of zeros: holes on the disk until they are filled."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            shapes = (
                (_FEATURES, np.float32, (len(self._dataset), self.dimensions)),
                (_SUMS, np.uint32, (len(self._dataset),)),
            )
            for name, kind, shape in shapes:
                np.lib.format.open_memmap(building / name, "w+", np.dtype(kind), shape).flush()
            with contextlib.suppress(OSError):  # another process was first
                building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _key(self) -> str:
        """All that the bits depend on."""
        device = self._extractor.device
        content = {
            "set": self._dataset.fingerprint,
            "features": self._extractor.facts._asdict(),
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


def _write_rows(path: Path, array: NDArray[Any], rows: NDArray[np.int64], values: NDArray[Any]) -> None:
    """Write rows of a ``.npy`` file that is open as ``array``."""
    assert isinstance(array, np.memmap)  # noqa: S101 - the cache is open
    offset, stride = array.offset, array.strides[0]
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for row, value in zip(rows.tolist(), values, strict=True):
            content = value.tobytes()
            if os.pwrite(descriptor, content, offset + row * stride) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _checksums(features: NDArray[np.float32]) -> NDArray[np.uint32]:
    """One a row, never 0: what is not there has 0."""
    sums = [zlib.crc32(row.data) | 1 << 31 for row in np.ascontiguousarray(features)]
    return np.array(sums, np.uint32)

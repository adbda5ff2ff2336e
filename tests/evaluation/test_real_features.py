"""Features of real pictures: computed once, and never believed when they are not what was written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gantool.data import PreparedSet, cache_folder
from gantool.evaluation.extractors import classifier_of
from gantool.evaluation.real import RealFeatures
from gantool.metrics.features import FeatureFacts


class Counting:
    """Features that are the pictures' own first pixels, and a count of how many were asked for."""

    def __init__(self) -> None:
        self.facts = FeatureFacts("counting", 40, "0", "28×28", "none")
        self.device = torch.device("cpu")
        self.asked = 0

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += len(pixels)
        return pixels.reshape(len(pixels), -1)[:, 300:340].astype(np.float32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, garments: PreparedSet) -> Path:
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def arrays(name: str) -> Path:
    (path,) = (cache_folder() / "features").glob(f"*/{name}.npy")
    return path


def test_are_computed_once(garments: PreparedSet) -> None:
    network = Counting()
    rows = np.array([5, 3, 400, 77])
    first = RealFeatures(garments, network).of(rows)
    np.testing.assert_array_equal(first, Counting().of(garments.read(rows)))
    again = RealFeatures(garments, network).of(np.array([3, 5, 6]))
    np.testing.assert_array_equal(again[:2], first[[1, 0]])
    assert network.asked == 4 + 1


@pytest.mark.parametrize("damaged", ["features", "checksums"])
def test_a_flipped_bit_is_found_and_mended(garments: PreparedSet, damaged: str) -> None:
    network = Counting()
    rows = np.arange(10)
    whole = RealFeatures(garments, network).of(rows)
    content = bytearray(arrays(damaged).read_bytes())
    content[128 + 8] ^= 1  # behind the header: of the first row, or of the third checksum
    arrays(damaged).write_bytes(content)
    np.testing.assert_array_equal(RealFeatures(garments, network).of(rows), whole)
    assert network.asked == 11
    np.testing.assert_array_equal(RealFeatures(garments, network).of(rows), whole)
    assert network.asked == 11


def test_other_weights_have_their_own(garments: PreparedSet) -> None:
    network = Counting()
    RealFeatures(garments, network).of(np.arange(4))
    network.facts = network.facts._replace(weights="1")
    RealFeatures(garments, network).of(np.arange(4))
    assert network.asked == 8


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(garments: PreparedSet, own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    network = Counting()
    real = RealFeatures(garments, network)
    assert real.of(np.arange(6)).any()
    real.of(np.arange(6))
    assert network.asked == 6  # within one process it is remembered
    RealFeatures(garments, network).of(np.arange(6))
    assert network.asked == 12


def test_a_classifier_is_taught_once_and_again_when_damaged(
    garments: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    first = classifier_of(garments, progress=lambda stage, done, total: told.append(stage))
    assert told
    told.clear()
    assert classifier_of(garments, progress=lambda stage, done, total: told.append(stage)).facts == first.facts
    assert not told
    (path,) = (cache_folder() / "classifiers").glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert classifier_of(garments, progress=lambda stage, done, total: told.append(stage)).facts == first.facts
    assert told


def test_a_full_disk_costs_time_and_nothing_else(garments: PreparedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go to the disk by a call that can fail: into mapped memory a full disk would end the process."""
    network = Counting()
    real = RealFeatures(garments, network)
    first = real.of(np.arange(6))
    writes: list[int] = []

    def full(*arguments: object) -> int:
        writes.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    np.testing.assert_array_equal(real.of(np.arange(12))[:6], first)
    assert writes and network.asked == 12
    real.of(np.arange(6, 12))
    assert network.asked == 12  # within this process they are remembered
    monkeypatch.undo()


def test_features_of_another_device_are_others(garments: PreparedSet) -> None:
    network = Counting()
    RealFeatures(garments, network).of(np.arange(4))
    network.device = torch.device("mps")
    RealFeatures(garments, network).of(np.arange(4))
    assert network.asked == 8

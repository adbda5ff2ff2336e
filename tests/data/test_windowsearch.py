"""Every whole close to a window of another picture, once: compared with comparing all of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.data import windowsearch
from gantool.data.hamming import RADIUS
from gantool.data.windowsearch import pairs_with_windows
from tests.data.test_hamming import clustered, distances, random

Hashes = NDArray[np.uint8]


def expected(hashes: Hashes, windows: Hashes) -> NDArray[np.int64]:
    count, each = windows.shape[:2]
    found = distances(hashes, windows.reshape(count * each, -1)).reshape(len(hashes), count, each)
    found[np.arange(count), np.arange(count)] = 256  # a picture is no crop of itself
    rows, owners, numbers = np.nonzero(found <= RADIUS)
    return np.stack([rows, owners, numbers, found[rows, owners, numbers]], axis=1)


@pytest.mark.parametrize("most_meetings", [0, windowsearch._MOST_MEETINGS, 10**9])
@pytest.mark.parametrize("at_once", [1, 7, 1 << 18])
@pytest.mark.parametrize("seed", range(3))
def test_all_that_are_close(seed: int, at_once: int, most_meetings: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windowsearch, "_MOST_MEETINGS", most_meetings)
    monkeypatch.setattr(windowsearch, "_AT_ONCE", at_once)
    monkeypatch.setattr(windowsearch, "_CHUNK", 50)
    chance = np.random.default_rng(seed)
    hashes = chance.permutation(clustered(36, seed))
    windows = np.concatenate([chance.permutation(clustered(36, seed)), random(144, seed)])
    windows = chance.permutation(windows).reshape(36, 5, 32)
    wanted = expected(hashes, windows)
    assert len(wanted) > 20
    assert np.array_equal(pairs_with_windows(hashes, windows), wanted)


@pytest.mark.parametrize("block", range(RADIUS + 1))
def test_one_block_in_common_is_enough(block: int) -> None:
    """At the radius itself, with a bit spoiled in every block but one, wherever that one lies."""
    (hashed,) = random(1)
    starts = np.linspace(0, 256, RADIUS + 2).round().astype(int)
    spoiled = [bit for number, bit in enumerate(starts[:-1]) if number != block]
    bits = np.unpackbits(hashed, bitorder="little")
    bits[spoiled] ^= 1
    window = np.packbits(bits, bitorder="little")
    hashes = np.stack([hashed, random(1, 9)[0]])
    windows = np.stack([random(1, 8), window[None]])
    assert pairs_with_windows(hashes, windows).tolist() == [[0, 1, 0, RADIUS]]
    bits[starts[block + 1] - 1] ^= 1
    windows[1, 0] = np.packbits(bits, bitorder="little")
    assert not len(pairs_with_windows(hashes, windows))


def test_a_picture_is_no_crop_of_itself() -> None:
    hashes = random(3)
    assert not len(pairs_with_windows(hashes, np.stack([hashes, hashes], axis=1)))
    assert len(pairs_with_windows(hashes, np.stack([hashes[::-1], hashes], axis=1))) == 2


def test_nothing() -> None:
    assert pairs_with_windows(random(0), random(0).reshape(0, 80, 32)).shape == (0, 4)

"""What becomes of a small picture's print, told from the print: compared with what Pillow makes of the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks.scenes import scene
from gantool.data.perceptual import SIDE, changed_hashes, hashes, planes_of, print_of
from gantool.data.resampling import LARGEST, WAYS, change, resizings


@pytest.mark.parametrize("after", [(17, 25), (28, 33), (44, 60)])
@pytest.mark.parametrize("way", ["BOX", "NEAREST"])
def test_a_print_is_changed_as_its_picture_is(after: tuple[int, int], way: str) -> None:
    """Up to rounding, where the print has all of the picture; a hash hardly notices that."""
    picture = scene(31, 0, 100).resize((28, 24), Image.Resampling.LANCZOS)
    wanted = print_of(picture.resize(after, Image.Resampling[way])).reshape(SIDE, SIDE, 3)
    rows, columns = change(24, after[1], way.lower()), change(28, after[0], way.lower())
    values = print_of(picture).reshape(SIDE, SIDE, 3).astype(np.float32)
    made = np.einsum("ri,ijc,kj->rkc", rows, values, columns)
    np.testing.assert_allclose(made, wanted, atol=4)
    changed = changed_hashes(planes_of(print_of(picture)[None]), rows, columns)
    assert np.bitwise_count(changed ^ hashes(wanted.reshape(1, -1))).sum() <= 4


def test_floor_takes_the_pixel_at_the_corner() -> None:
    ramp = np.linspace(10, 240, 32)
    np.testing.assert_allclose(change(32, 32, "floor") @ ramp, ramp, atol=0.5)
    doubled = change(16, 32, "floor")
    own = np.linspace(10, 240, 16)
    seen = np.asarray(Image.fromarray(own[:, None].astype(np.float32)).resize((1, 32), Image.Resampling.BILINEAR))[:, 0]
    np.testing.assert_allclose(doubled @ seen, np.repeat(own, 2), atol=0.5)


def test_every_size_is_paired_with_every_other_and_large_ones_with_none() -> None:
    sizes = np.array([(28, 28), (20, 20), (28, 28), (LARGEST + 1, 28), (20, 24), (28, 28), (0, 3)])
    found = {
        tuple(before.tolist()): sorted(tuple(copies.pictures.tolist()) for copies in others)
        for before, others in resizings(sizes, 10**6)
    }
    assert found == {
        (0, 2, 5): [(1,), (4,)],
        (1,): [(0, 2, 5), (4,)],
        (4,): [(0, 2, 5), (1,)],
    }
    assert all(len(copies.changes) == len(WAYS) for _, others in resizings(sizes, 10**6) for copies in others)


def test_nothing_is_paired_where_all_have_one_size_or_none_is_small() -> None:
    assert [others for _, others in resizings(np.full((5, 2), 28), 10**6)] == [[]]
    assert list(resizings(np.full((5, 2), 100), 10**6)) == []
    assert list(resizings(np.empty((0, 2), np.int64), 10**6)) == []

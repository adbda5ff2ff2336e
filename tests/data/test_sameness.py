"""The second look: copies agree, pictures of one kind do not, and a window is fitted before it is judged."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.scenes import WAYS, copy_of, scene
from gantool.data import sameness
from gantool.data.hamming import pairs_within
from gantool.data.perceptual import SIDE, WINDOWS, hashes, print_of
from gantool.data.sameness import is_flat, same
from tests.data.garments import garments

Prints = NDArray[np.uint8]
COUNT = 20


def prints_of(pictures: list[Image.Image]) -> Prints:
    return np.stack([print_of(picture) for picture in pictures])


def scenes() -> list[Image.Image]:
    return [scene(12, index, 100) for index in range(COUNT)]


def rows(count: int) -> NDArray[np.int64]:
    return np.arange(count)


def wholes(count: int) -> NDArray[np.int64]:
    return np.zeros(count, np.int64)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "cropped"])
def test_copies_are_the_same_picture(way: str) -> None:
    pictures = scenes()
    copies = prints_of([copy_of(picture, seed, way) for seed, picture in enumerate(pictures)])
    found = same(prints_of(pictures), rows(COUNT), wholes(COUNT), rows(COUNT), copies)
    assert found.all()


def test_garments_of_one_class_are_not() -> None:
    """All pairs of some forty pairs of trousers."""
    found = garments(400)
    trousers = [row for row, name in enumerate(found.classes) if name == "trouser"]
    prints = prints_of([Image.fromarray(pixels) for pixels in found.pixels[trousers]])
    one, other = np.triu_indices(len(prints), 1)
    assert len(one) > 500
    assert same(prints, one, wholes(len(one)), other).mean() < 0.003


def test_a_picture_with_one_changed_corner_is_another_picture() -> None:
    pictures = scenes()
    changed = []
    for number, picture in enumerate(pictures):
        other = picture.copy()
        other.paste(scene(13, number, 100).crop((0, 0, 34, 34)), (66, 66))
        changed.append(other)
    assert not same(prints_of(pictures), rows(COUNT), wholes(COUNT), rows(COUNT), prints_of(changed)).any()


@pytest.mark.parametrize("number", [1, 13, 40, 80])
def test_a_crop_is_its_window_but_the_window_is_no_crop_of_it(number: int) -> None:
    pictures, window = [scene(12, index, 200) for index in range(COUNT)], WINDOWS[number]
    top, bottom, left, right = (round(200 * share) for share in window)
    crops = prints_of([picture.crop((left, top, 200 - right, 200 - bottom)) for picture in pictures])
    windows = np.full(COUNT, number)
    assert same(prints_of(pictures), rows(COUNT), windows, rows(COUNT), crops).all()
    others = np.roll(rows(COUNT), 1)
    assert not same(prints_of(pictures), rows(COUNT), windows, others, crops).any()


def test_pairs_may_lie_within_one_set_and_be_many() -> None:
    """More than are looked at together."""
    prints = prints_of(scenes())
    one = np.tile(rows(COUNT), 40)
    other = np.concatenate([(rows(COUNT) + shift) % COUNT for shift in range(3, 43)])
    found = same(prints, one, wholes(len(one)), other)
    np.testing.assert_array_equal(found, one == other)
    assert len(same(prints, one[:0], one[:0], one[:0])) == 0


def test_flat_prints_show_nothing() -> None:
    noise = np.random.default_rng(0).normal(128, 1.5, (SIDE, SIDE, 3)).round().astype(np.uint8)
    red = Image.new("RGB", (60, 60), (200, 10, 10))
    flat = prints_of([Image.fromarray(noise), Image.new("L", (60, 60), 80), red])
    telling = prints_of([*scenes()[:3], Image.fromarray(garments(1).pixels[0])])
    assert is_flat(np.concatenate([flat, telling])).tolist() == [True] * 3 + [False] * 4
    assert is_flat(np.tile(flat, (200, 1))).all()
    blues = np.zeros((SIDE, SIDE, 3), np.uint8)
    blues[:, : SIDE // 2, 2] = 200
    assert not is_flat(prints_of([Image.fromarray(blues)]))[0]


def test_what_is_turned_away_early_would_not_have_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of garments that their hashes bring together, and copies of them."""
    pictures = [Image.fromarray(pixels) for pixels in garments(4000).pixels]
    copies = [copy_of(picture, seed, list(WAYS)[seed % len(WAYS)]) for seed, picture in enumerate(pictures[:100])]
    prints = prints_of([*pictures, *copies])
    one, other, _ = pairs_within(hashes(prints)).T
    found = same(prints, one, wholes(len(one)), other)
    asked = []

    def none_turned_away(whole: NDArray[np.float32], *_: object) -> NDArray[np.bool]:
        asked.append(len(whole))
        return np.ones(len(whole), np.bool)

    monkeypatch.setattr(sameness, "_hopeful", none_turned_away)
    np.testing.assert_array_equal(same(prints, one, wholes(len(one)), other), found)
    assert found.sum() > 80
    assert sum(asked) > 5 * found.sum()


def test_a_fit_is_as_good_as_trying_every_cut_along_each_axis() -> None:
    """The scalar products are taken before the bases are multiplied with; here they are taken after."""
    pictures = prints_of(scenes())
    whole, part = sameness._planes(pictures), np.roll(sameness._planes(pictures), 1, 0)
    wanted = sameness._directions(sameness._frequencies(part))
    cuts = np.random.default_rng(0).integers(0, len(sameness._CUTS), COUNT)
    bases = sameness._bases()
    windows = bases[None, :, None] @ whole[:, None] @ bases[cuts][:, None, None].swapaxes(-1, -2)
    each = sameness._directions(windows.reshape(-1, *wanted.shape[1:])).reshape(COUNT, len(bases), -1)
    expected = 1 - np.einsum("nwk,nk->nw", each, wanted.reshape(COUNT, -1))
    np.testing.assert_allclose(sameness._angles(whole, cuts, wanted), expected, atol=2e-4)

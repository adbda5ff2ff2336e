"""Prints and hashes: alike for what looks alike, however it is stored; far apart for what does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.scenes import WAYS, copy_of, scene
from gantool.data.hamming import RADIUS
from gantool.data.perceptual import (
    HASH_BYTES,
    PRINT_BYTES,
    SIDE,
    WINDOWS,
    colours,
    hashes,
    mirrored,
    print_of,
    window_hashes,
)
from tests.data.garments import garments

Prints = NDArray[np.uint8]


def prints_of(pictures: list[Image.Image]) -> Prints:
    return np.stack([print_of(picture) for picture in pictures])


def scenes(count: int, side: int = 100) -> list[Image.Image]:
    return [scene(11, index, side) for index in range(count)]


def distance(one: Prints, other: Prints) -> NDArray[np.int64]:
    return np.unpackbits(one ^ other, axis=-1).sum(-1, dtype=np.int64)


def grey() -> Image.Image:
    return Image.fromarray(garments(1).pixels[0])


def test_a_print_is_a_small_picture() -> None:
    picture = scene(0, 0, 200)
    found = print_of(picture)
    assert found.dtype == np.uint8
    assert found.shape == (PRINT_BYTES,)
    wanted = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    assert np.abs(colours(found[None])[0] - wanted).mean() < 8


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "LA"])
def test_grey_has_one_print_however_it_is_stored(mode: str) -> None:
    np.testing.assert_array_equal(print_of(grey().convert(mode)), print_of(grey()))


def test_floating_point_greys_have_nearly_the_same_print() -> None:
    assert np.abs(print_of(grey().convert("F")).astype(int) - print_of(grey())).max() <= 1


def test_a_palette_is_looked_up_before_anything_is_mixed() -> None:
    indexed = scene(0, 1, 90).quantize(64)
    np.testing.assert_array_equal(print_of(indexed), print_of(indexed.convert("RGB")))


def test_black_and_white_is_a_picture_of_greys() -> None:
    picture = grey().convert("1")
    assert len(np.unique(print_of(picture))) > 2
    np.testing.assert_array_equal(print_of(picture), print_of(picture.convert("L")))


def test_what_is_transparent_lies_on_white_whatever_colour_hides_there() -> None:
    picture = scene(0, 2, 80)
    hole = Image.new("L", picture.size, 255)
    hole.paste(0, (10, 10, 50, 60))
    hole.paste(128, (50, 10, 60, 60))
    open_picture = picture.copy()
    open_picture.putalpha(hole)
    on_white = Image.composite(picture, Image.new("RGB", picture.size, "white"), hole)
    assert np.abs(print_of(open_picture).astype(int) - print_of(on_white)).max() <= 1
    other = Image.composite(
        picture, Image.new("RGB", picture.size, "lime"), hole.point(lambda level: 255 * (level > 0))
    )
    other.putalpha(hole)
    np.testing.assert_array_equal(print_of(other), print_of(open_picture))


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_transparency_of_other_modes(mode: str) -> None:
    if mode == "P":
        picture = Image.new("P", (30, 30), 1)
        picture.putpalette([255, 0, 0, 0, 0, 255])
        picture.info["transparency"] = 1
    else:
        picture = Image.new("LA", (30, 30), (0, 0))
    np.testing.assert_array_equal(print_of(picture), print_of(Image.new("L", (30, 30), 255)))
    assert colours(print_of(picture)[None]).min() == 255


def test_a_mirrored_print_is_the_print_of_the_mirror_image() -> None:
    pictures = scenes(4)
    turned = prints_of([ImageOps.mirror(picture) for picture in pictures])
    assert np.abs(mirrored(prints_of(pictures)).astype(int) - turned).max() <= 1
    assert np.abs(prints_of(pictures).astype(int) - turned).max() > 50


def test_hashes_have_the_stated_shapes_and_the_whole_is_the_first_window() -> None:
    prints = prints_of(scenes(3))
    whole, windows = hashes(prints), window_hashes(prints)
    assert (whole.shape, whole.dtype) == ((3, HASH_BYTES), np.uint8)
    assert windows.shape == (3, len(WINDOWS), HASH_BYTES)
    assert WINDOWS[0] == (0, 0, 0, 0)
    assert distance(windows[:, 0], whole).max() <= 1  # sums in another order
    assert hashes(prints[:0]).shape == (0, HASH_BYTES)


def test_many_prints_are_hashed_as_each_by_itself() -> None:
    prints = prints_of(scenes(8))
    many = np.tile(prints, (700, 1))  # more than are hashed at once
    assert distance(hashes(many), np.tile(hashes(prints), (700, 1))).max() <= 1


def test_hashes_of_different_pictures_are_far_apart() -> None:
    found = hashes(prints_of(scenes(50)))
    apart = distance(found[:, None], found[None])[np.triu_indices(50, 1)]
    assert apart.min() > 4 * RADIUS
    assert 115 < apart.mean() < 141  # as of coins


@pytest.mark.parametrize("way", [way for way in WAYS if way != "cropped"])
def test_hashes_of_copies_are_within_the_radius(way: str) -> None:
    pictures = scenes(50)
    copies = [copy_of(picture, seed, way) for seed, picture in enumerate(pictures)]
    assert distance(hashes(prints_of(pictures)), hashes(prints_of(copies))).max() <= RADIUS


@pytest.mark.parametrize("number", [1, 4, 10, 24, 40, 72, 80])
def test_the_hash_of_a_window_is_near_that_of_the_cropped_picture(number: int) -> None:
    pictures, window = scenes(30, 200), WINDOWS[number]
    top, bottom, left, right = (round(200 * share) for share in window)
    crops = hashes(prints_of([picture.crop((left, top, 200 - right, 200 - bottom)) for picture in pictures]))
    prints = prints_of(pictures)
    near, whole = distance(window_hashes(prints)[:, number], crops), distance(hashes(prints), crops)
    assert near.max() <= RADIUS + 1
    assert np.median(near) < 0.5 * np.median(whole)


def test_brightness_and_contrast_change_no_bit_but_a_tint_does() -> None:
    """Pictures as large as a print, so that nothing is rounded on the way."""
    mild = np.random.default_rng(0).integers(60, 120, (20, SIDE, SIDE, 3), np.uint8)
    found = hashes(prints_of([Image.fromarray(pixels) for pixels in mild]))
    for same in (mild * 2, mild + 40):
        changed = hashes(prints_of([Image.fromarray(pixels) for pixels in same]))
        assert distance(changed, found).max() <= 1  # sums in floating point
    tinted = hashes(prints_of([Image.fromarray(pixels) for pixels in mild + np.array([60, 0, 0], np.uint8)]))
    assert distance(tinted, found).min() > 8

"""Sizes: what is cut, what is added, and that the resampling is antialiased."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gantool.data.fit import fitted

WHITE = (255, 255, 255)


def ramp(width: int, height: int) -> Image.Image:
    """Grey rises by one a column."""
    return Image.fromarray(np.tile(np.arange(width, dtype=np.uint8), (height, 1)))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(16, 16), (24, 8), (7, 28)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBa", "F"])
def test_every_fit_gives_the_wanted_size_in_every_mode(fit: str, size: tuple[int, int], mode: str) -> None:
    image = Image.new("RGBA", (30, 20), (9, 9, 9, 255)).convert("RGBa") if mode == "RGBa" else Image.new(mode, (30, 20))
    result = fitted(image, size, fit, WHITE)  # type: ignore[arg-type]
    assert (result.height, result.width) == size
    assert result.mode == mode


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_picture_of_the_right_size_is_not_touched(fit: str) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8))
    assert fitted(image, (28, 28), fit, WHITE).tobytes() == image.tobytes()  # type: ignore[arg-type]


def test_crop_takes_the_middle_without_resampling_where_the_scale_is_right() -> None:
    assert np.asarray(fitted(ramp(40, 20), (20, 20), "crop", WHITE))[0].tolist() == list(range(10, 30))


def test_pad_keeps_the_whole_picture_and_adds_background() -> None:
    result = np.asarray(fitted(Image.new("L", (40, 20), 10), (40, 40), "pad", WHITE))
    assert (result[10:30] == 10).all()
    assert (result[:10] == 255).all()
    assert (result[30:] == 255).all()


def test_padding_is_transparent_where_transparency_is_kept_and_luma_in_grey() -> None:
    opaque = Image.new("RGBA", (4, 2), (9, 9, 9, 255)).convert("RGBa")
    assert np.asarray(fitted(opaque, (4, 4), "pad", WHITE))[0, 0].tolist() == [0, 0, 0, 0]
    luma = round(0.299 * 255)
    assert np.asarray(fitted(Image.new("L", (4, 2)), (4, 4), "pad", (255, 0, 0)))[0, 0] == luma


def test_stretch_uses_every_column_and_crop_does_not() -> None:
    stretched = np.asarray(fitted(ramp(200, 50), (10, 10), "stretch", WHITE))[5]
    cropped = np.asarray(fitted(ramp(200, 50), (10, 10), "crop", WHITE))[5]
    assert stretched[0] < 15
    assert stretched[-1] > 185
    assert cropped[0] > 75
    assert cropped[-1] < 125


@pytest.mark.parametrize("side", [8, 13, 28])
def test_fine_stripes_become_even_grey_instead_of_aliases(side: int) -> None:
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (200, 100)))
    result = np.asarray(fitted(stripes, (side, side), "stretch", WHITE)).astype(int)
    assert np.abs(result[:, 1:-1] - 127.5).max() < 12


def test_the_box_of_a_crop_is_exact_to_a_fraction_of_a_pixel() -> None:
    """The middle of a symmetric picture stays symmetric, also where half pixels are cut."""
    half = np.random.default_rng(0).integers(0, 256, (20, 17), np.uint8)
    image = Image.fromarray(np.concatenate([half, half[:, ::-1]], axis=1))
    result = np.asarray(fitted(image, (9, 9), "crop", WHITE)).astype(int)
    assert np.abs(result - result[:, ::-1]).max() <= 1

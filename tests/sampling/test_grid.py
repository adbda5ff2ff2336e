"""Pictures out of arrays: the geometry of a grid, transparency, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gantool.errors import UsageError
from gantool.images import grid, save_picture, to_picture, to_pixels, to_unit_range

Pixels = NDArray[np.uint8]


def flat(count: int, side: int, channels: int = 1) -> Pixels:
    """Pictures of one level each, all different and none of them white."""
    levels = (np.arange(count) + 1).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, side, side, channels)).copy()


def levels_at_centres(sheet: Pixels, rows: int, columns: int) -> list[int]:
    """The red level in the middle of each square place, row by row."""
    cell = sheet.shape[0] / rows
    left = sheet.shape[1] - columns * cell
    centres = [
        (int((row + 0.5) * cell), int(left + (column + 0.5) * cell)) for row in range(rows) for column in range(columns)
    ]
    return [int(sheet[y, x, 0]) for y, x in centres]


@pytest.mark.parametrize(("side", "factor"), [(4, 16), (28, 3), (32, 2), (63, 2), (64, 1), (100, 1)])
def test_small_pictures_are_enlarged_to_be_looked_at(side: int, factor: int) -> None:
    sheet = grid(flat(1, side))
    gaps = sheet.shape[0] - side * factor
    assert 2 <= gaps <= 8
    assert (sheet == 1).sum() == (side * factor) ** 2 * 3


def test_each_pixel_becomes_a_sharp_square() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    sheet = grid(picture)[..., 0]
    gap = (sheet.shape[0] - 64) // 2
    inner = sheet[gap : gap + 64, gap : gap + 64]
    assert np.array_equal(inner, np.kron(picture[0, ..., 0], np.ones((8, 8), np.uint8)))


@pytest.mark.parametrize(
    ("count", "columns", "rows_expected", "columns_expected"),
    [(9, None, 3, 3), (7, None, 3, 3), (6, 2, 3, 2), (1, None, 1, 1)],
)
def test_pictures_lie_row_by_row_and_nothing_else_is_there(
    count: int, columns: int | None, rows_expected: int, columns_expected: int
) -> None:
    sheet = grid(flat(count, 64), columns=columns)
    found = levels_at_centres(sheet, rows_expected, columns_expected)
    assert found == [*range(1, count + 1), *[255] * (rows_expected * columns_expected - count)]


def test_names_stand_to_the_left_of_their_rows() -> None:
    pictures = flat(6, 64, 3)
    bare, named = grid(pictures, columns=2), grid(pictures, columns=2, row_names=["T-shirt/top", "", "Bag"])
    width = named.shape[1] - bare.shape[1]
    assert np.array_equal(named[:, width:], bare)
    thirds = np.array_split(named[:, :width], 3)
    inked = [bool((third < 128).any()) for third in thirds]
    assert inked == [True, False, True]


def test_grey_rgb_and_rgba_give_rgb() -> None:
    for channels in (1, 3, 4):
        sheet = grid(flat(4, 16, channels))
        assert sheet.dtype == np.uint8
        assert sheet.shape[2] == 3


def test_transparent_pictures_lie_on_white() -> None:
    clear, half = np.zeros((1, 64, 64, 4), np.uint8), np.full((1, 64, 64, 4), 128, np.uint8)
    assert (grid(clear) == 255).all()
    half[..., 1:3] = 0  # premultiplied: pure red, half of it
    middle = grid(half)[32, 32]
    assert middle.tolist() == [255, 127, 127]


def test_files_hold_straight_alpha() -> None:
    premultiplied = np.array([[[100, 50, 0, 200], [0, 0, 0, 0], [10, 20, 30, 255], [9, 0, 0, 3]]], np.uint8)
    straight = np.asarray(to_picture(premultiplied))
    expected = [
        [round(100 * 255 / 200), round(50 * 255 / 200), 0, 200],
        [0, 0, 0, 0],
        [10, 20, 30, 255],
        [255, 0, 0, 3],
    ]
    assert straight.tolist() == [expected]


def test_jpeg_knows_no_transparency(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    save_picture(tmp_path / "clear.jpg", picture)
    with Image.open(tmp_path / "clear.jpg") as read:
        assert read.mode == "RGB"
        assert np.asarray(read).min() >= 250


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_and_webp_lose_nothing(tmp_path: Path, suffix: str, channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, channels), dtype=np.uint8)
    if channels == 4:
        picture[..., 3] = 255
    path = tmp_path / f"picture{suffix}"
    save_picture(path, picture)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    with Image.open(path) as read:
        assert np.array_equal(np.asarray(read.convert(mode)).reshape(picture.shape), picture)


def test_an_unknown_suffix_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png, \.jpg"):
        save_picture(tmp_path / "picture.tiff", np.zeros((4, 4, 1), np.uint8))


def test_every_level_survives_the_way_there_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = to_unit_range(torch.from_numpy(levels))
    assert images.min() == -1
    assert images.max() == 1
    assert np.array_equal(to_pixels(images), levels)


def test_values_beyond_the_range_are_clipped() -> None:
    assert to_pixels(torch.tensor([-7.0, 7.0, 0.0]).view(1, 1, 1, 3)).flatten().tolist() == [0, 255, 128]

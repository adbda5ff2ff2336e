"""Groups of near duplicates among real pictures: every copy, nothing else, whatever their order."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.scenes import WAYS, copy_of, scene
from gantool.data import duplicates
from gantool.data.duplicates import mirror_pairs, near_duplicates
from gantool.data.hamming import pairs_within
from gantool.data.perceptual import PRINT_BYTES, SIDE, print_of
from gantool.data.sameness import same
from tests.data.garments import garments

Prints = NDArray[np.uint8]


def prints_of(pictures: list[Image.Image]) -> Prints:
    return np.stack([print_of(picture) for picture in pictures])


def scenes(count: int, seed: int = 21, side: int = 100) -> list[Image.Image]:
    return [scene(seed, index, side) for index in range(count)]


def clothes(count: int, side: int = 84) -> list[Image.Image]:
    """Garments as somebody would photograph them: larger than they are stored."""
    return [Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC) for pixels in garments(count).pixels]


def plain(value: int) -> Image.Image:
    return Image.new("RGB", (40, 40), (value, value, value))


@pytest.mark.parametrize("make", [scenes, clothes])
@pytest.mark.parametrize("way", WAYS)
def test_copies_are_grouped_with_their_originals_and_nothing_else_is(way: str, make: type) -> None:
    pictures = make(30)
    copies = [copy_of(picture, seed, way) for seed, picture in enumerate(pictures)]
    found = near_duplicates(prints_of([*pictures, *copies]))
    wanted = [[row, row + 30] for row in range(30)]
    assert [group for group in found if group not in wanted] == []
    assert len(found) >= (28 if way == "cropped" else 30)


def test_different_pictures_are_in_no_group() -> None:
    assert near_duplicates(prints_of([*scenes(150), *clothes(100)])) == []


def test_copies_of_copies_make_one_group_each() -> None:
    pictures = scenes(6)
    copies = [copy_of(picture, seed, "handled") for seed, picture in enumerate(pictures * 4)]
    found = near_duplicates(prints_of([*copies[:6], *pictures, *copies[6:]]))
    assert found == [list(range(row, 30, 6)) for row in range(6)]


def test_groups_are_disjoint_ascending_and_in_the_order_of_their_first_rows() -> None:
    pictures = scenes(8)
    mixed = [pictures[number] for number in (5, 3, 0, 3, 7, 5, 1, 3)]
    assert near_duplicates(prints_of(mixed)) == [[0, 5], [1, 3, 7]]


def test_blank_pictures_are_duplicates_only_of_equal_ones() -> None:
    pictures = [plain(10), plain(12), scene(21, 0, 40), plain(12), plain(200), plain(201)]
    assert near_duplicates(prints_of(pictures)) == [[1, 3]]


def test_faint_noise_shows_nothing_to_be_recognised_by() -> None:
    noise = np.random.default_rng(0).normal(128, 1, (2, SIDE, SIDE, 3)).round().astype(np.uint8)
    faint = prints_of([Image.fromarray(pixels) for pixels in noise])
    assert near_duplicates(np.concatenate([faint, faint[:1]])) == [[0, 2]]
    ramp = np.tile(np.linspace(100, 106, SIDE).round().astype(np.uint8), (SIDE, 1))
    assert near_duplicates(prints_of([Image.fromarray(ramp), Image.fromarray(ramp + 1)])) == []
    assert near_duplicates(prints_of([Image.fromarray(ramp * 2), Image.fromarray(ramp * 2 + 1)])) == [[0, 1]]


def test_nothing_and_one_picture() -> None:
    assert near_duplicates(np.empty((0, PRINT_BYTES), np.uint8)) == []
    assert near_duplicates(prints_of(scenes(1))) == []
    assert mirror_pairs(np.empty((0, PRINT_BYTES), np.uint8)) == []


def test_the_order_of_the_pictures_changes_nothing() -> None:
    pictures = [*scenes(20), *clothes(20)]
    copies = [copy_of(picture, seed) for seed, picture in enumerate(pictures)]
    prints = prints_of([*pictures, *copies, *[copy_of(copy, 7, "resized") for copy in copies[:10]]])
    names = {frozenset(group) for group in near_duplicates(prints)}
    assert len(names) >= 38
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(prints))
        shuffled = near_duplicates(prints[order])
        assert {frozenset(order[group].tolist()) for group in shuffled} == names


def test_crops_are_looked_for_in_sets_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = scenes(20)
    cropped = [picture.crop((6, 0, 100, 94)) for picture in pictures]
    resized = [picture.resize((70, 70), Image.Resampling.LANCZOS) for picture in pictures]
    prints = prints_of([*pictures, *cropped, *resized])
    monkeypatch.setattr(duplicates, "CROPS_UP_TO", len(prints))
    assert near_duplicates(prints) == [[row, row + 20, row + 40] for row in range(20)]
    monkeypatch.setattr(duplicates, "CROPS_UP_TO", len(prints) - 1)
    found = near_duplicates(prints)
    assert all({group[0], group[0] + 40} <= set(group) for group in found)
    assert len(found) == 20
    assert sum(group[0] + 20 in group for group in found) < 5


def tiny(count: int, side: int) -> list[Image.Image]:
    if side == 28:
        return [Image.fromarray(pixels) for pixels in garments(count).pixels]
    return [picture.resize((side, side), Image.Resampling.LANCZOS) for picture in clothes(count)]


def sizes_of(pictures: list[Image.Image]) -> NDArray[np.int64]:
    return np.array([(picture.height, picture.width) for picture in pictures])


@pytest.mark.parametrize("side", [20, 28, 48, 64])
@pytest.mark.parametrize("way", ["box", "nearest", "floor"])
def test_tiny_pictures_are_grouped_with_copies_that_were_not_antialiased(way: str, side: int) -> None:
    pictures = tiny(40, side)
    wanted = [(round(side * 0.8), round(side * 0.7)), (round(side * 0.9), side), (side, side - 3)]
    wanted += [(round(side * 1.3), round(side * 1.2))] if side < 50 else []
    copies = [resized(picture, wanted[number % len(wanted)], way) for number, picture in enumerate(pictures)]
    mixed = [*pictures, *copies]
    found = near_duplicates(prints_of(mixed), sizes_of(mixed))
    assert [group for group in found if group[1:] != [group[0] + 40]] == []
    assert len(found) >= (40 if side <= SIDE else 38)  # of more, the print has lost something


def resized(picture: Image.Image, size: tuple[int, int], way: str) -> Image.Image:
    if way != "floor":
        return picture.resize(size, Image.Resampling[way.upper()])
    rows, columns = (
        np.arange(after) * before // after for before, after in zip(picture.size[::-1], size[::-1], strict=True)
    )
    return Image.fromarray(np.asarray(picture)[rows][:, columns])


def test_tiny_pictures_of_other_sizes_are_not_taken_for_copies() -> None:
    pictures = tiny(600, 28)
    mixed = [*pictures[:300], *[resized(picture, (36, 34), "box") for picture in pictures[300:]]]
    prints = prints_of(mixed)
    assert near_duplicates(prints, sizes_of(mixed)) == near_duplicates(prints)


def test_tiny_copies_are_looked_for_as_far_as_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """First what may have become the size that most pictures have."""
    pictures = tiny(12, 28)
    copies = [resized(picture, (22, 22) if number < 8 else (37, 37), "box") for number, picture in enumerate(pictures)]
    mixed = [*pictures, *copies]
    monkeypatch.setattr(duplicates, "same", lambda prints, owners, *_: np.zeros(len(owners), np.bool))
    wanted = [[row, row + 12] for row in range(12)]
    found = []
    for most in (0, 3 * (12 + 96), 10**6):
        monkeypatch.setattr(duplicates, "RESAMPLED_UP_TO", most)
        found.append(near_duplicates(prints_of(mixed), sizes_of(mixed)))
    assert found[0] == []
    assert [group for group in found[1] if group not in wanted] == []
    assert 0 < len(found[1]) < 12
    assert found[2] == wanted


def test_grey_and_colour_of_one_picture_are_not_taken_for_each_other() -> None:
    pictures = scenes(10)
    grey = [picture.convert("L") for picture in pictures]
    assert near_duplicates(prints_of([*pictures, *grey])) == []


def test_mirror_images_are_pairs() -> None:
    pictures = [*scenes(10), *clothes(30)[::3]]
    turned = [copy_of(ImageOps.mirror(picture), seed, "recompressed") for seed, picture in enumerate(pictures)]
    found = mirror_pairs(prints_of([*pictures, *turned]))
    wanted = {(row, row + len(pictures)) for row in range(10)}
    assert wanted <= set(found)
    assert found == sorted(set(found))
    assert all(one < other for one, other in found)
    assert near_duplicates(prints_of([*pictures[:10], *turned[:10]])) == []


def test_symmetric_pictures_and_copies_are_in_no_mirror_pair() -> None:
    symmetric = []
    for picture in scenes(6):
        both = picture.copy()
        both.paste(ImageOps.mirror(picture.crop((0, 0, 50, 100))), (50, 0))
        symmetric.append(both)
    again = [copy_of(picture, seed, "resized") for seed, picture in enumerate(symmetric)]
    assert mirror_pairs(prints_of([*symmetric, *again])) == []
    assert mirror_pairs(prints_of([*scenes(6), *[copy_of(one, 0, "resized") for one in scenes(6)]])) == []


def test_frames_of_one_scene_are_one_group_and_need_few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    still = prints_of(scenes(2))[0].astype(np.int64)
    noise = np.random.default_rng(0).integers(-3, 4, (700, PRINT_BYTES))
    frames = np.clip(still + noise, 0, 255).astype(np.uint8)
    looks = []

    def counted(prints: np.ndarray, owners: np.ndarray, windows: np.ndarray, others: np.ndarray) -> np.ndarray:
        looks.append(len(owners))
        return same(prints, owners, windows, others)

    monkeypatch.setattr("gantool.data.duplicates.same", counted)
    assert near_duplicates(frames) == [list(range(700))]
    assert sum(looks) < 20 * 700  # of 244,650 pairs


def test_more_equal_hashes_than_are_paired_with_each_other_hang_together() -> None:
    hashes = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 32), np.uint8), 1500, axis=0)
    pairs = pairs_within(hashes)
    assert {(row, row + 1) for row in range(1499)} <= {(a, b) for a, b, _ in pairs.tolist()}
    assert len(pairs) < 1500 * 600

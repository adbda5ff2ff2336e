"""The dirty sets hold what their truth says."""

from __future__ import annotations

import io
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops

from gantool.data.decode import SUFFIXES, BadPicture, Options, decode_raw
from gantool.inspection.report import KINDS
from tests.dirty import pool
from tests.dirty.broken import SILENT
from tests.dirty.conftest import PLAN, build_garments
from tests.dirty.make import PICTURES, TRUTH, make_emoji, make_garments
from tests.dirty.modes import MODES, rotated
from tests.dirty.soft import SOFT
from tests.dirty.truth import Planted, Truth, read_truth

Made = tuple[Path, Truth]


@pytest.fixture(params=["garments", "emoji"])
def made(request: pytest.FixtureRequest) -> Made:
    found: Made = request.getfixturevalue(request.param)
    return found


def pixels(folder: Path, name: str) -> NDArray[np.int16]:
    decoded = decode_raw(folder / PICTURES / name, Options(None, "rgb", span="dtype")).pixels
    assert decoded is not None
    signed: NDArray[np.int16] = decoded.astype(np.int16)
    return signed


def planted(truth: Truth, kind: str, grade: int | None = None) -> list[Planted]:
    return [one for one in truth.planted if one.kind == kind and one.grade == grade]


def test_truth_names_every_file_once(made: Made) -> None:
    folder, truth = made
    files = {
        path.relative_to(folder / PICTURES).as_posix() for path in (folder / PICTURES).rglob("*") if path.is_file()
    }
    assert sorted(truth.names) == sorted(files)
    assert all(one.name.split("/")[0] == one.label for one in truth.good)
    assert all(one.name.split("/")[0] == one.label for one in truth.planted)
    assert read_truth(folder / TRUTH) == truth
    assert len(truth.good) == PLAN.good
    assert {one.kind for one in truth.planted} <= set(KINDS)


def test_the_seed_decides_every_byte(tmp_path: Path, garments: Made) -> None:
    folder, truth = garments
    assert build_garments(tmp_path / "same") == truth
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "same" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path
    assert {one.name for one in build_garments(tmp_path / "other", seed=1).good} != {one.name for one in truth.good}


def test_what_is_called_unreadable_is_so_and_nothing_else(made: Made) -> None:
    folder, truth = made
    broken = planted(truth, "unreadable")
    assert len(broken) >= 20
    for one in broken:
        assert Path(one.name).suffix in SUFFIXES
        content = io.BytesIO((folder / PICTURES / one.name).read_bytes())
        faults = (OSError, SyntaxError, Warning, Image.DecompressionBombError)
        with warnings.catch_warnings(action="error"), pytest.raises(faults), Image.open(content) as image:
            image.verify() if one.variant == SILENT else image.load()
        if one.variant != SILENT:
            with pytest.raises(BadPicture):
                pixels(folder, one.name)
    for name in {*truth.names} - {one.name for one in (*broken, *planted(truth, "passed_over"))}:
        pixels(folder, name)
    assert {Path(one.name).suffix.lower() for one in planted(truth, "passed_over")}.isdisjoint(SUFFIXES)


def test_copies_are_as_near_as_they_are_called(made: Made) -> None:
    folder, truth = made
    good = {one.name: one for one in truth.good}
    copies = [one for one in truth.planted if one.of is not None]
    assert Counter(one.kind for one in copies) == {
        "exact_duplicates": 24, "two_labels": 6, "near_duplicates": 19, "mirrored_duplicates": 3,
    }  # fmt: skip
    for one in copies:
        original = good[one.of or ""]
        assert one.half == original.half
        assert (one.label == original.label) == (one.kind != "two_labels")
        ours, theirs = pixels(folder, one.name), pixels(folder, original.name)
        if one.variant in ("byte copy", "other PNG compression", "lossless WebP", "BMP"):
            assert np.array_equal(ours, theirs), one
        elif one.kind == "mirrored_duplicates":
            assert np.array_equal(ours, theirs[:, ::-1])
        else:
            assert ours.shape != theirs.shape or not np.array_equal(ours, theirs)
            scaled = np.asarray(
                Image.fromarray(ours.astype(np.uint8)).resize(theirs.shape[1::-1], Image.Resampling.BICUBIC)
            )
            assert np.abs(scaled.astype(int) - theirs).mean() < 45, one


def test_halves_are_even(made: Made) -> None:
    _, truth = made
    assert Counter(one.half for one in truth.good) == {"A": 35, "B": 35}
    for kind in {one.kind for one in truth.planted}:
        halves = Counter(one.half for one in truth.planted if one.kind == kind)
        assert abs(halves["A"] - halves["B"]) <= max(6, sum(halves.values()) // 4), kind


def strength(kind: str, values: NDArray[np.int16], side: int) -> float:
    """How strong a soft fault is, by a measure of its own."""
    height, width = int(values.shape[0]), int(values.shape[1])
    grey = values.mean(2)
    if kind in ("small", "aspect"):
        return -min(height, width) / side if kind == "small" else max(height / width, width / height)
    if kind == "blank":
        return -float(grey.std())
    if kind == "blurred":
        steps: NDArray[np.float64] = np.diff(grey)
        return -float(np.abs(steps).max())
    if kind == "letterbox":
        flat = [max(_run(lines), _run(lines[::-1])) for lines in (grey, grey.T)]
        return max(flat) / side
    return float(grey.mean()) * (1 if kind == "bright" else -1)


def _run(lines: NDArray[np.float64]) -> int:
    """Rows from the first on that hold one value (JPEG lets it waver)."""
    close = np.abs(lines - np.median(lines[0])).max(1) < 16
    return int(np.argmin(close)) if not close.all() else len(lines)


@pytest.mark.parametrize("kind", SOFT)
def test_grades_rise(made: Made, kind: str) -> None:
    folder, truth = made
    grades = []
    for grade in (1, 2, 3):
        ones = planted(truth, kind, grade)
        assert len(ones) == PLAN.soft
        grades.append(mean(strength(kind, pixels(folder, one.name), truth.resolution) for one in ones))
    assert grades == sorted(set(grades))


def test_modes_are_what_they_are_called(made: Made) -> None:
    folder, truth = made
    modes = defaultdict(list)
    for kind in MODES:
        for one in planted(truth, kind):
            image = Image.open(io.BytesIO((folder / PICTURES / one.name).read_bytes()))
            image.load()
            modes[kind].append(image)
    assert all(image.mode == "P" for image in modes["palette"])
    assert all(image.mode == "CMYK" for image in modes["cmyk"])
    assert all(image.convert("RGBA").getchannel("A").getextrema() != (255, 255) for image in modes["alpha"])
    assert all(image.mode.startswith("I;16") for image in modes["deep"])
    assert all(image.getexif()[0x0112] > 1 for image in modes["rotated"])
    assert all(getattr(image, "n_frames", 1) > 1 for image in modes["animated"])
    for image, one in zip(modes["suffix"], planted(truth, "suffix"), strict=True):
        assert image.format != {"png": "PNG", "jpg": "JPEG"}[one.name.rpartition(".")[2].lower()]
    counts = dict.fromkeys(MODES, PLAN.modes)
    if truth.name == "garments":
        del counts["grey_among_colour"]
    assert {kind: len(found) for kind, found in modes.items() if found} == counts
    assert all(
        ImageChops.difference(*image.convert("RGB").split()[:2]).getbbox() is None
        for image in modes["grey_among_colour"]
    )


def test_every_exif_orientation_turns_back_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8))
    one = pool.Candidate("k", "l", "k", picture, picture)
    seen = set()
    for number in range(2, 30, 4):  # those that are stored as PNG
        path = tmp_path / f"{number}.png"
        path.write_bytes(rotated(one, one, number, np.random.default_rng(0)).content)
        with Image.open(path) as image:
            seen.add(image.getexif()[0x0112])
        upright = decode_raw(path, Options(None, "grey")).pixels
        assert upright is not None
        assert np.array_equal(upright[:, :, 0], np.asarray(picture))
    assert seen == {2, 3, 4, 5, 6, 7, 8}


def test_emoji_lie_on_white_and_equal_ones_are_left_out(package: Path, emoji: Made) -> None:
    candidates = {one.key: one for one in pool.emoji(package)}
    assert "00ff" in candidates
    assert "00ff-1" not in candidates
    assert candidates["00ff-2"].family == candidates["00ff"].family
    assert candidates["0000"].picture.getpixel((0, 0)) == (255, 255, 255)
    folder, truth = emoji
    for one in truth.good:
        grey = np.ptp(pixels(folder, one.name), axis=2).max() == 0
        assert one.facts == (("grey_among_colour",) if grey else ())
    assert any(one.facts for one in truth.good)


def test_a_folder_in_use_and_a_missing_npm_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="not empty"):
        make_garments(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm is not installed"):
        make_emoji(tmp_path / "new")

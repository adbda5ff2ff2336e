"""The check itself, on folders of pictures with one fault each."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from gantool.data import prepare
from gantool.data.detect import settings_for
from gantool.data.perceptual import window_hashes
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.folder import Folder
from gantool.errors import DataError
from gantool.inspection.inspect import Wish, inspect
from gantool.inspection.report import KINDS, Report
from gantool.inspection.strangers import FeatureLimit
from gantool.inspection.survey import survey
from gantool.recipes import recipes

GARMENTS = 120
NO_FEATURES = FeatureLimit("off")


def silent(stage: str, done: int, total: int) -> None:
    """Nobody is told."""


def checked(path: Path, wish: Wish | None = None, **settings: object) -> Report:
    wish = wish or Wish(features=NO_FEATURES)
    return inspect(settings_for(str(path), **settings), path.name, wish, silent)


def found(report: Report, kind: str) -> list[tuple[str, ...]]:
    return [tuple(report.names[picture] for picture in finding.pictures) for finding in report.of_kind(kind)]


@pytest.fixture(scope="module")
def garments() -> list[Image.Image]:
    with contextlib.closing(Embedded().open()) as source:
        return [source.raw(index) for index in range(300, 300 + GARMENTS)]


@pytest.fixture
def folder(tmp_path: Path, garments: list[Image.Image]) -> Path:
    """Garments that have nothing wrong with them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(garments):
        image.save(folder / f"{number:03d}.png")
    return folder


def test_good_pictures_are_fine(folder: Path) -> None:
    report = checked(folder)
    assert [finding.kind for finding in report.findings] == []
    assert report.facts.total == report.facts.readable == report.advice.usable == GARMENTS
    assert report.advice.resolution == 28
    assert report.facts.modes == {"grey": GARMENTS}


class TestSingle:
    def test_unreadable(self, folder: Path) -> None:
        (folder / "empty.png").touch()
        (folder / "text.jpg").write_text("no picture")
        report = checked(folder)
        assert found(report, "unreadable") == [("empty.png",), ("text.jpg",)]
        assert {finding.detail.split(" (")[0] for finding in report.of_kind("unreadable")} == {"empty", "not an image"}
        assert report.advice.usable == GARMENTS

    def test_blank_dark_and_bright(self, folder: Path, garments: list[Image.Image]) -> None:
        Image.new("L", (28, 28), 120).save(folder / "blank.png")
        garments[0].point(lambda value: value // 5).save(folder / "dark.png")
        garments[1].point(lambda value: 200 + value // 5).save(folder / "bright.png")
        report = checked(folder)
        assert {kind: found(report, kind) for kind in ("blank", "dark", "bright")} == {
            "blank": [("blank.png",)],
            "dark": [("dark.png",)],
            "bright": [("bright.png",)],
        }
        assert report.advice.usable == GARMENTS + 2

    def test_blurred(self, folder: Path, garments: list[Image.Image]) -> None:
        garments[0].filter(ImageFilter.GaussianBlur(2)).save(folder / "blurred.png")
        assert found(checked(folder), "blurred") == [("blurred.png",)]

    def test_letterbox_bars_differ_from_the_subjects_own_margin(
        self, folder: Path, garments: list[Image.Image]
    ) -> None:
        ImageOps.expand(garments[0].resize((28, 20)), (0, 4), 128).save(folder / "bars.png")
        ImageOps.expand(garments[1].resize((28, 20)), (0, 4), 0).save(folder / "black-as-all.png")
        assert found(checked(folder), "letterbox") == [("bars.png",)]

    def test_small_and_odd(self, folder: Path, garments: list[Image.Image]) -> None:
        garments[0].resize((10, 10)).save(folder / "small.png")
        garments[1].resize((90, 28)).save(folder / "wide.png")
        report = checked(folder)
        assert found(report, "small") == [("small.png",)]
        assert report.of_kind("aspect")[0].detail == "3.2 times as wide as high"
        assert len(found(checked(folder, Wish(64, features=NO_FEATURES)), "small")) == GARMENTS + 2

    def test_how_they_are_stored(self, folder: Path) -> None:
        colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8))
        for number in range(GARMENTS + 1):  # so that colour is the rule
            Image.fromarray(np.random.default_rng(number).integers(0, 256, (28, 28, 3), np.uint8)).save(
                folder / f"colour-{number}.png"
            )
        colours.convert("CMYK").save(folder / "cmyk.jpg")
        colours.convert("P").save(folder / "palette.png")
        colours.save(folder / "named.jpg", "PNG")
        deep = np.random.default_rng(1).integers(0, 65536, (28, 28), np.uint16)
        Image.fromarray(deep).save(folder / "deep.png")
        (folder / "raw.heic").write_bytes(b"heic")
        (folder / "deep-colour.png").write_bytes(deep_colour())
        report = checked(folder)
        assert found(report, "cmyk") == [("cmyk.jpg",)]
        assert found(report, "palette") == [("palette.png",)]
        assert found(report, "suffix") == [("named.jpg",)]
        assert found(report, "deep") == [("deep.png",)]
        assert found(report, "deep_colour") == [("deep-colour.png",)]
        assert len(found(report, "grey_among_colour")) == GARMENTS + 1
        assert [finding.detail.split(":")[0] for finding in report.of_kind("passed_over")] == ["raw.heic"]


def deep_colour() -> bytes:
    """A PNG of 16 bits a colour, which Pillow reads and cannot write."""
    rows = np.random.default_rng(2).integers(0, 65536, (28, 28, 3)).astype(">u2")

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 16, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def test_a_set_prepared_inside_its_own_source_is_no_part_of_it(folder: Path) -> None:
    before = checked(folder)
    settings = settings_for(str(folder), channels="grey")
    prepare(settings, seed=0, out=folder / "my-set")
    assert checked(folder).names == before.names
    assert (folder / "my-set" / "dataset.json").is_file()
    assert settings_for(str(folder)).source == "folder"  # type: ignore[attr-defined]


class TestCopies:
    def test_exact_ones_however_they_are_stored(self, folder: Path, garments: list[Image.Image]) -> None:
        garments[5].convert("RGB").save(folder / "copy.webp", lossless=True)
        report = checked(folder)
        assert found(report, "exact_duplicates") == [("005.png", "copy.webp")]
        assert report.of_kind("near_duplicates") == []
        assert report.advice.usable == GARMENTS

    def test_near_ones_and_the_largest_is_kept(self, folder: Path, garments: list[Image.Image]) -> None:
        garments[7].resize((42, 42), Image.Resampling.BICUBIC).save(folder / "large.jpg", quality=85)
        assert found(checked(folder), "near_duplicates") == [("large.jpg", "007.png")]

    def test_mirror_images_only_when_asked(self, folder: Path, garments: list[Image.Image]) -> None:
        shoe = next(image for image in garments if _lopsided(image))
        ImageOps.mirror(shoe).save(folder / "mirrored.png")
        assert checked(folder).of_kind("mirrored_duplicates") == []
        pairs = found(checked(folder, Wish(mirrored=True, features=NO_FEATURES)), "mirrored_duplicates")
        assert [pair for pair in pairs if "mirrored.png" in pair]

    def test_two_labels(self, folder: Path, garments: list[Image.Image]) -> None:
        for name in "ab":
            (folder / name).mkdir()
        for path in sorted(folder.glob("*.png")):
            path.rename(folder / "a" / path.name)
        garments[3].save(folder / "b" / "again.png")
        garments[4].save(folder / "a" / "again.png")
        report = checked(folder, labels="folders")
        assert found(report, "two_labels") == [("a/003.png", "b/again.png")]
        assert report.of_kind("two_labels")[0].detail == "under a, b"
        assert found(report, "exact_duplicates") == [("a/004.png", "a/again.png")]

    def test_leakage_in_a_set_that_was_split_by_its_makers(
        self, folder: Path, garments: list[Image.Image], tmp_path: Path
    ) -> None:
        np.savez(
            tmp_path / "set.npz",
            x_train=np.stack([np.asarray(image) for image in garments]),
            x_test=np.stack([np.asarray(garments[9])] * 1),
        )
        report = checked(tmp_path / "set.npz")
        (leak,) = report.of_kind("leakage")
        assert len(leak.pictures) == 2

    def test_a_set_that_was_prepared_leaks_nothing(self, folder: Path, garments: list[Image.Image]) -> None:
        for number in range(0, GARMENTS, 3):
            garments[number].resize((40, 40), Image.Resampling.BICUBIC).save(folder / f"again-{number}.jpg", quality=90)
        ready = prepare(Folder(path=str(folder), resolution=28, holdout=0.5), seed=3)
        report = checked(ready)
        assert len(report.of_kind("exact_duplicates")) + len(report.of_kind("near_duplicates")) > 20
        assert report.of_kind("leakage") == []

    def test_of_a_group_a_picture_without_another_fault_is_kept(
        self, folder: Path, garments: list[Image.Image]
    ) -> None:
        large = garments[11].resize((84, 84), Image.Resampling.BICUBIC)
        large.save(folder / "plain.png")
        ImageOps.expand(large, (0, 4), 128).save(folder / "barred.png")  # more pixels, but bars
        report = checked(folder)
        groups = [names for kind in ("exact_duplicates", "near_duplicates") for names in found(report, kind)]
        assert ("barred.png",) in found(report, "letterbox")
        (group,) = [names for names in groups if "plain.png" in names]
        assert group[0] == "plain.png"
        assert report.advice.usable == GARMENTS

    def test_what_a_config_leaves_out_is_not_looked_at(
        self, folder: Path, garments: list[Image.Image], tmp_path: Path
    ) -> None:
        garments[5].save(folder / "copy.png")
        (tmp_path / "bad.txt").write_text("copy.png\n")
        report = checked(folder, exclude=str(tmp_path / "bad.txt"))
        assert report.of_kind("exact_duplicates") == []
        assert report.facts.total == GARMENTS


def _lopsided(image: Image.Image) -> bool:
    pixels: NDArray[np.float64] = np.asarray(image).astype(float)
    return float(np.abs(pixels - pixels[:, ::-1]).mean()) > 40


class TestSet:
    def test_classes(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.png")):
            target = folder / ("few" if path.name < "020.png" else "many")
            target.mkdir(exist_ok=True)
            path.rename(target / path.name)
        report = checked(folder)
        assert [finding.detail for finding in report.of_kind("small_class")] == ["few: 20"]
        assert "5.0 times as many" in report.of_kind("imbalance")[0].detail
        assert report.labels == ["few"] * 20 + ["many"] * 100
        assert report.facts.class_counts == {"few": 20, "many": 100}

    def test_too_few(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.png"))[50:]:
            path.unlink()
        assert checked(folder).of_kind("few")[0].detail.startswith("50 usable")

    def test_no_pictures(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="found no files at all"):
            checked(tmp_path)

    def test_nothing_can_be_read(self, tmp_path: Path) -> None:
        for number in range(3):
            (tmp_path / f"{number}.png").touch()
        report = checked(tmp_path)
        assert len(report.of_kind("unreadable")) == 3
        assert (report.facts.readable, report.advice.usable) == (0, 0)

    @pytest.mark.parametrize("most", [GARMENTS, GARMENTS + 1])
    def test_windows_are_known_when_all_is_read_where_crops_are_looked_for(
        self, folder: Path, most: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gantool.inspection.survey._ROWS_AT_ONCE", 7)
        monkeypatch.setattr("gantool.inspection.survey.CROPS_UP_TO", most)
        (folder / "050a.png").write_bytes(b"damaged")
        with contextlib.closing(Folder(path=str(folder)).open()) as source:
            seen = survey(source, workers=1, progress=silent)
        assert len(seen.pictures) == GARMENTS
        if most == GARMENTS:
            assert seen.windows is None
        else:
            assert seen.windows is not None
            differing = np.bitwise_count(seen.windows ^ window_hashes(seen.prints)).sum()
            assert differing <= 2  # bits that rounding may decide

    def test_the_report_is_the_same_for_any_number_of_workers(self, folder: Path) -> None:
        (folder / "bad.png").touch()
        one, two = (checked(folder, Wish(workers=workers, features=NO_FEATURES)) for workers in (1, 2))
        assert one == two

    def test_a_wished_resolution_is_not_called_sensible(self, folder: Path) -> None:
        report = checked(folder, Wish(64, features=NO_FEATURES))
        assert report.advice.resolution == 28
        assert report.options["resolution"] == 64
        assert any(line.startswith("28×28 is the largest resolution") for line in report.advice.lines)

    def test_recipes_that_are_advised_exist(self, folder: Path) -> None:
        assert checked(folder).advice.recipe in recipes()
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        for path in sorted(folder.glob("*.png")):
            path.rename(folder / "ab"[int(path.stem) % 2] / path.name)
        assert checked(folder).advice.recipe == "quickstart"


def test_every_kind_of_finding_is_known(folder: Path) -> None:
    (folder / "bad.png").touch()
    report = checked(folder)
    assert {finding.kind for finding in report.findings} <= set(KINDS)
    assert json.dumps(list(report.options.values()))

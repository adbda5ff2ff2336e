"""What is measured of one picture, against pictures whose measures are known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from gantool.data.base import Raw
from gantool.data.measure import Measurement, Measuring, measure, measure_several, measuring
from gantool.data.wire import Fault
from gantool.data.workers import work


def measured(raw: Raw) -> Measurement:
    found = measure(raw, Measuring())
    assert isinstance(found, Measurement), found
    return found


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(*shape: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def step(side: int = 64) -> Image.Image:
    """Half black, half white."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[:, side // 2 :] = 255
    return Image.fromarray(pixels)


class TestPixels:
    def test_equal_pixels_have_one_digest_however_they_are_stored(self) -> None:
        grey = noise(9, 12)
        as_rgb, opaque = grey.convert("RGB"), grey.convert("RGBA")
        raws = [encoded(grey), encoded(as_rgb), encoded(opaque), encoded(grey, "WEBP", lossless=True)]
        raws += [encoded(grey.convert("P")), encoded(as_rgb, "BMP"), encoded(grey, compress_level=0)]
        assert len({measured(raw).pixels for raw in raws}) == 1
        assert {measured(raw).colourful for raw in raws} == {False}

    def test_another_pixel_another_digest(self) -> None:
        one = noise(9, 12, 3)
        other = one.copy()
        other.putpixel((11, 8), (1, 2, 3))
        assert measured(encoded(one)).pixels != measured(encoded(other)).pixels
        turned = Image.fromarray(np.asarray(noise(9, 12)).reshape(12, 9))  # the same bytes in another shape
        assert measured(encoded(noise(9, 12))).pixels != measured(encoded(turned)).pixels

    def test_deep_pictures_differ_in_any_bit(self) -> None:
        levels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
        other = levels.copy()
        other[3, 3] += 1
        assert measured(Image.fromarray(levels)).pixels != measured(Image.fromarray(other)).pixels

    def test_hidden_colours_count_where_they_are_transparent(self) -> None:
        pixels = np.zeros((8, 8, 4), np.uint8)
        pixels[:4] = 255
        found = measured(encoded(Image.fromarray(pixels)))
        assert found.transparent
        assert not found.colourful
        assert (found.darkest, found.lightest) == (255, 255)  # on white


class TestFacts:
    def test_how_a_file_is_stored(self) -> None:
        found = measured(encoded(noise(9, 12, 3).convert("CMYK"), "JPEG"))
        assert (found.format, found.mode, found.height, found.width) == ("JPEG", "CMYK", 9, 12)
        assert (measured(noise(4, 5)).format, measured(encoded(noise(4, 5).convert("P"))).mode) == ("", "P")

    def test_orientation(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        found = measured(encoded(noise(9, 12, 3), "JPEG", exif=exif.tobytes()))
        assert (found.rotated, found.height, found.width) == (True, 12, 9)
        exif[0x0112] = 1
        assert not measured(encoded(noise(9, 12, 3), "JPEG", exif=exif.tobytes())).rotated

    def test_orientation_of_a_tiff(self) -> None:
        found = measured(encoded(noise(9, 12, 3), "TIFF", tiffinfo={274: 6}))
        assert (found.rotated, found.height, found.width) == (True, 12, 9)

    def test_animation(self) -> None:
        frames = [noise(8, 8, seed=seed) for seed in range(2)]
        assert measured(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).animated
        assert not measured(encoded(frames[0], "GIF")).animated

    def test_what_cannot_be_read_is_a_fault(self, tmp_path: Path) -> None:
        assert measure(b"", Measuring()) == Fault("empty")
        assert isinstance(measure(tmp_path / "none.png", Measuring()), Fault)
        content = bytearray(encoded(noise(64, 64)))
        content[-14] ^= 255  # the checksum of the pixels, after the last of them: Pillow never looks
        assert "checksum" in str(measure(bytes(content), Measuring()))

    def test_prints_only_when_wanted(self) -> None:
        assert measured(noise(8, 8)).print is not None
        unprinted = measure(noise(8, 8), Measuring(prints=False))
        assert isinstance(unprinted, Measurement)
        assert unprinted.print is None


class TestLight:
    @pytest.mark.parametrize(("low", "high"), [(0, 255), (40, 60), (200, 255)])
    def test_ends(self, low: int, high: int) -> None:
        pixels = np.linspace(low, high, 64 * 64).round().astype(np.uint8).reshape(64, 64)
        found = measured(Image.fromarray(pixels))
        assert found.darkest == pytest.approx(low, abs=2)
        assert found.lightest == pytest.approx(high, abs=2)
        assert found.span == pytest.approx(high - low, abs=4)

    def test_a_few_stray_pixels_do_not_count(self) -> None:
        pixels = np.full((64, 64), 100, np.uint8)
        pixels[0, :4] = 0, 255, 0, 255
        found = measured(Image.fromarray(pixels))
        assert (found.darkest, found.lightest, found.span) == (100, 100, 0)

    def test_colours_of_one_luma_have_a_span(self) -> None:
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[:, :32], pixels[:, 32:] = (130, 0, 0), (0, 66, 0)
        found = measured(Image.fromarray(pixels))
        assert found.lightest - found.darkest < 3
        assert found.span == 130


class TestSharpness:
    def test_a_step_is_as_sharp_as_the_side_has_pixels(self) -> None:
        assert measured(step(64)).sharpness == pytest.approx(64, rel=0.4)

    @pytest.mark.parametrize("sigma", [2.0, 4.0, 6.0])
    def test_a_blurred_step_has_the_slope_of_the_gaussian(self, sigma: float) -> None:
        blurred = step(96).filter(ImageFilter.GaussianBlur(sigma))
        assert measured(blurred).sharpness == pytest.approx(96 / (sigma * np.sqrt(2 * np.pi)), rel=0.2)

    def test_contrast_and_scale_do_not_matter(self) -> None:
        soft = step(96).filter(ImageFilter.GaussianBlur(4))
        pale = soft.point(lambda value: 100 + value // 4)
        large = soft.resize((960, 960), Image.Resampling.BICUBIC)
        for other in (pale, large):
            assert measured(other).sharpness == pytest.approx(measured(soft).sharpness, rel=0.25)

    def test_one_pixel(self) -> None:
        assert measured(noise(1, 1)).sharpness == 0


class TestBars:
    @pytest.mark.parametrize("upright", [False, True])
    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_bars_are_measured(self, level: int, upright: bool) -> None:
        pixels = np.random.default_rng(0).integers(30, 100, (64, 64), np.uint8)
        if level < 40:
            pixels += 50
        pixels[:8] = pixels[-8:] = level
        found = measured(Image.fromarray(pixels.T if upright else pixels))
        assert (found.bars, found.margin) == (0.25, level)
        assert found.edge > 0.9

    def test_bars_survive_jpeg(self) -> None:
        pixels = np.asarray(noise(64, 64, 3)).copy()
        pixels[:10] = pixels[-10:] = 128
        assert measured(encoded(Image.fromarray(pixels), "JPEG", quality=80)).bars == pytest.approx(20 / 64, abs=0.05)

    def test_the_margin_of_a_subject_is_no_bar(self) -> None:
        pixels = np.full((64, 64), 255, np.uint8)
        pixels[16:48, 24:40] = 0
        found = measured(Image.fromarray(pixels))
        assert found.margin == 255
        assert found.edge <= 0.5

    def test_one_end_alone_is_no_bar(self) -> None:
        pixels = np.asarray(noise(64, 64)).copy()
        pixels[:10] = 0
        assert measured(Image.fromarray(pixels)).bars == 0

    def test_an_even_picture_has_none(self) -> None:
        found = measured(Image.new("L", (32, 32), 77))
        assert (found.bars, found.margin) == (0, 77)


def test_it_is_the_same_in_other_processes(tmp_path: Path) -> None:
    raws: list[Raw] = [noise(20, 30, 3, seed=seed) for seed in range(20)]
    raws += [encoded(noise(9, 9, seed=seed)) for seed in range(20)]
    here, there = (list(work(iter(raws), measuring(), workers, len(raws))) for workers in (1, 2))
    for one, other in zip(here, there, strict=True):
        assert not isinstance(one, Fault)
        assert not isinstance(other, Fault)
        assert one[1:] == other[1:]
        assert np.array_equal(np.asarray(one.print), np.asarray(other.print))


def test_several_are_measured_as_one_by_one() -> None:
    """Large ones, damaged ones and odd ones among them, each in its place."""
    empty = Image.fromarray(np.full((4, 4), np.nan, np.float32))
    raws: list[Raw] = [encoded(noise(9, 9)), b"text", noise(300, 300, 3), b"", encoded(noise(300, 260)), empty]
    raws += [encoded(noise(9, 9, 3))[:-40], noise(5, 7, 3)]
    alone, together = [measure(raw, Measuring()) for raw in raws], measure_several(raws, Measuring())
    assert [type(outcome) for outcome in together] == [type(outcome) for outcome in alone]
    assert [isinstance(outcome, Fault) for outcome in together] == [False, True, False, True, False, True, True, False]
    for one, other in zip(alone, together, strict=True):
        assert one[1:] == other[1:]
        assert np.array_equal(np.asarray(one[0]), np.asarray(other[0]))

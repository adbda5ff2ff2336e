"""One picture at a time: formats, transparency, orientation, depth, and everything that is wrong with a file."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.data import decode
from gantool.data.decode import BadPicture, Options, decode_raw

GREY, RGB, RGBA = (Options(None, channels) for channels in ("grey", "rgb", "rgba"))


def saved(folder: Path, image: Image.Image, name: str = "picture.png", **how: Any) -> Path:
    image.save(folder / name, **how)
    return folder / name


def pixels_of(path: Path, options: Options) -> np.ndarray:
    picture = decode_raw(path, options)
    assert picture.pixels is not None
    return picture.pixels


def reason_of(path: Path, options: Options = RGB) -> str:
    with pytest.raises(BadPicture) as caught:
        decode_raw(path, options)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tif", ".gif", ".jpg"])
def test_every_format_gives_the_colours_that_were_saved(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path, Image.new("RGB", (6, 4), (200, 30, 90)), f"a{suffix}")
    picture = decode_raw(path, RGB)
    assert (picture.height, picture.width) == (4, 6)
    assert picture.pixels is not None
    assert picture.pixels.shape == (4, 6, 3)
    assert np.abs(picture.pixels.astype(int) - [200, 30, 90]).max() <= 5


def test_the_format_is_read_from_the_content_not_from_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (3, 3), "red"), "a.jpg", format="PNG")
    assert pixels_of(path, RGB)[0, 0].tolist() == [255, 0, 0]


def test_hidden_colours_under_transparency_do_not_show(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (100, 100, 100, 128))
    path = saved(tmp_path, image)
    on_blue = pixels_of(path, RGB._replace(background=(0, 0, 255)))
    assert on_blue[0, 0].tolist() == [0, 0, 255]
    assert on_blue[0, 1].tolist() == pytest.approx([50, 50, 177], abs=1)
    premultiplied = pixels_of(path, RGBA)
    assert premultiplied[0, 0].tolist() == [0, 0, 0, 0]
    assert premultiplied[0, 1].tolist() == pytest.approx([50, 50, 50, 128], abs=1)


def test_palettes_with_transparency_and_cmyk_are_converted(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    path = saved(tmp_path, palette, "palette.png", transparency=0)
    assert pixels_of(path, RGB)[0].tolist() == [[255, 255, 255], [0, 255, 0]]
    cmyk = saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "cmyk.tif")
    assert pixels_of(cmyk, RGB)[0, 0].tolist() == [255, 0, 0]


def test_opaque_pictures_get_full_alpha_and_grey_ones_equal_channels(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("L", (2, 2), 77))
    assert pixels_of(path, GREY)[0, 0].tolist() == [77]
    assert pixels_of(path, RGB)[0, 0].tolist() == [77, 77, 77]
    assert pixels_of(path, RGBA)[0, 0].tolist() == [77, 77, 77, 255]


def test_premultiplied_colour_never_exceeds_alpha_after_resampling(tmp_path: Path) -> None:
    """Lanczos overshoots beside the edge of white and black, both half transparent."""
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    image.paste((255, 255, 255, 128), (9, 9, 23, 23))
    pixels = pixels_of(saved(tmp_path, image), RGBA._replace(size=(13, 13)))
    assert pixels[..., :3].max() == 128
    assert (pixels[..., :3] <= pixels[..., 3:]).all()


def test_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° clockwise
    pixels = pixels_of(saved(tmp_path, image, exif=exif), GREY)
    assert pixels.shape == (4, 2, 1)
    assert pixels[0, 1, 0] == 255


def test_the_first_frame_of_an_animation_is_taken_and_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    picture = decode_raw(path, RGB)
    assert picture.animated
    assert picture.pixels is not None
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert not decode_raw(saved(tmp_path, frames[0], "b.gif"), RGB).animated


class TestDepth:
    """More than 8 bits a value."""

    def test_auto_only_measures(self, tmp_path: Path) -> None:
        values = np.array([[100, 4000], [2000, 300]], np.uint16)
        picture = decode_raw(saved(tmp_path, Image.fromarray(values)), GREY)
        assert picture.pixels is None
        assert picture.extent == (100, 4000)

    @pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
    def test_a_given_range_is_one_affine_map(self, tmp_path: Path, dtype: type) -> None:
        values: np.ndarray = np.array([[0, 1000], [2000, 5000]], dtype)
        path = saved(tmp_path, Image.fromarray(values), "a.tif")
        pixels = pixels_of(path, GREY._replace(span=(1000.0, 3000.0)))
        assert pixels[..., 0].tolist() == [[0, 0], [128, 255]]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.array([[0, 32768, 65535]], np.uint16), [0, 128, 255]),
            (np.array([[-(2**31), 0, 2**31 - 1]], np.int32), [0, 128, 255]),
            (np.array([[-0.5, 0.5, 2.0]], np.float32), [0, 128, 255]),
        ],
    )
    def test_dtype_is_the_range_of_the_type(self, tmp_path: Path, values: np.ndarray, expected: list[int]) -> None:
        path = saved(tmp_path, Image.fromarray(values), "a.tif")
        assert pixels_of(path, GREY._replace(span="dtype"))[0, :, 0].tolist() == expected

    def test_eight_bits_stay_as_they_are_unless_a_range_is_given(self, tmp_path: Path) -> None:
        image = Image.new("RGBA", (1, 1), (60, 110, 200, 128))
        path = saved(tmp_path, image)
        opaque = saved(tmp_path, image.convert("RGB"), "opaque.png")
        assert pixels_of(opaque, RGB._replace(span="dtype"))[0, 0].tolist() == [60, 110, 200]
        assert pixels_of(opaque, RGB._replace(span=(60.0, 160.0)))[0, 0].tolist() == pytest.approx([0, 128, 255], abs=1)
        alpha = pixels_of(path, RGBA._replace(span=(60.0, 160.0)))[0, 0]
        assert alpha.tolist() == pytest.approx([0, 64, 128, 128], abs=1)

    def test_values_that_are_no_numbers_are_a_fault(self, tmp_path: Path) -> None:
        path = saved(tmp_path, Image.fromarray(np.array([[1.0, np.nan]], np.float32)), "a.tif")
        assert reason_of(path) == "holds values that are not finite"


class TestFaults:
    """The reason, in words that help."""

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch()
        assert reason_of(tmp_path / "a.png") == "empty"

    @pytest.mark.parametrize("content", [b"hello, I am a text", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
    def test_something_else(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.png").write_bytes(content)
        assert reason_of(tmp_path / "a.png").startswith("not an image")

    def test_a_raster_format_that_is_not_named_here(self, tmp_path: Path) -> None:
        path = saved(tmp_path, Image.new("RGB", (4, 4)), "a.png", format="PPM")
        assert reason_of(path).startswith("not an image")

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
    def test_a_truncated_file_of_every_format(self, tmp_path: Path, suffix: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        path = saved(tmp_path, Image.fromarray(noise), f"a{suffix}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        assert reason_of(path).startswith(("truncated", "damaged", "not an image"))

    def test_a_truncated_jpeg_says_so(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        path = saved(tmp_path, Image.fromarray(noise), "a.jpg")
        path.write_bytes(path.read_bytes()[:-500])
        assert reason_of(path) == "truncated"

    def test_a_bomb_is_refused_by_its_header_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def chunk(kind: bytes, content: bytes) -> bytes:
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

        header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        (tmp_path / "a.png").write_bytes(bomb)
        monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("pixels were decoded"))
        assert reason_of(tmp_path / "a.png") == "too large: 30000×30000 pixels, the limit is 100 million"

    def test_a_large_photograph_below_the_limit_is_not_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        assert decode_raw(saved(tmp_path, Image.new("L", (20, 20))), GREY).pixels is not None
        assert Image.MAX_IMAGE_PIXELS == 10

    def test_the_limit_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decode, "PIXEL_LIMIT", 400)
        assert decode_raw(saved(tmp_path, Image.new("L", (20, 20))), GREY).pixels is not None
        assert reason_of(saved(tmp_path, Image.new("L", (21, 20)))).startswith("too large: 21×20")

    def test_what_takes_more_memory_has_a_lower_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decode, "PIXEL_LIMIT", 400)
        assert reason_of(saved(tmp_path, Image.new("RGBA", (20, 11)))).startswith(
            "too large: 20×11 pixels, the limit is 0 million for mode RGBA"
        )
        assert reason_of(saved(tmp_path, Image.new("I;16", (20, 6)))).startswith("too large: 20×6")
        assert decode_raw(saved(tmp_path, Image.new("RGBA", (20, 10))), RGB).pixels is not None

    def test_a_warning_of_the_decoder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def load(image: Image.Image) -> None:
            warnings.warn("Metadata Warning, tag 256 had too many entries", stacklevel=1)

        path = saved(tmp_path, Image.new("RGB", (4, 4)))
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert reason_of(path) == "damaged (UserWarning: Metadata Warning, tag 256 had too many entries)"

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert reason_of(tmp_path / "gone.png") == "cannot be read: No such file or directory"

    def test_random_damage_never_escapes_as_another_error(self, tmp_path: Path) -> None:
        source = np.random.default_rng(1)
        noise = Image.fromarray(source.integers(0, 256, (16, 16, 3), np.uint8))
        for format in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
            buffer = io.BytesIO()
            noise.save(buffer, format)
            for _ in range(60):
                content = bytearray(buffer.getvalue())
                for place in source.integers(0, len(content), 4):
                    content[place] = source.integers(0, 256)
                (tmp_path / "a.png").write_bytes(content)
                try:
                    decode_raw(tmp_path / "a.png", RGB)
                except BadPicture as error:
                    assert str(error)

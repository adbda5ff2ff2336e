"""One picture, from whatever a person has in a folder to uint8 H×W×C.

A picture is believed nothing: only the raster formats named here are opened, its size is checked before memory is
taken for its pixels, it is decoded to its last byte, and a warning of the decoder is a fault. Colour profiles are not
applied, and colour pictures of 16 bits a channel come out of Pillow with 8. This module imports no torch: decoding
processes start quickly.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from gantool.data.fit import fitted
from gantool.data.perceptual import print_of
from gantool.data.raw import DEPTH, Channels, Fit, Raw, Span
from gantool.files import read_regular

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif")
PIXEL_LIMIT = 100_000_000
"""Of 8-bit grey or rgb; half as many with alpha or four inks, a quarter deeper than 8 bits, which take more memory."""
FILE_LIMIT = 1 << 28


class BadPicture(Exception):
    """A picture that cannot be used; ``str(error)`` is the reason, in a few words."""


class Options(NamedTuple):
    """How pictures are stored. Plain numbers and names, so that it can be sent to another process as JSON."""

    size: tuple[int, int] | None
    """Height and width; None keeps each picture's own."""
    channels: Channels
    fit: Fit = "crop"
    background: tuple[int, int, int] = (255, 255, 255)
    span: Span = "auto"
    prints: bool = False
    """Whether the print of each picture is wanted (`perceptual.print_of`)."""

    @property
    def pixel_bytes(self) -> int | None:
        """Bytes of a stored picture; None where each keeps its own size."""
        return None if self.size is None else self.size[0] * self.size[1] * DEPTH[self.channels]


class Picture(NamedTuple):
    """A decoded picture."""

    pixels: NDArray[np.uint8] | None
    """H×W×C; None for a picture deeper than 8 bits while ``span`` is ``auto``: then only its extent is found."""
    height: int
    """Its own, upright, before it was fitted."""
    width: int
    sha256: str
    """Of the file, or of the raw pixels where there is no file of its own."""
    animated: bool = False
    """Whether it has more frames than the first, which was taken."""
    extent: tuple[float, float] | None = None
    """Smallest and largest value of a picture deeper than 8 bits."""
    print: NDArray[np.uint8] | None = None
    """What it looks like, where that was asked for."""


def decode_raw(raw: Raw, options: Options) -> Picture:
    """Decode one picture, in whatever form its source gives it.

    Raises:
        BadPicture: with the reason.
    """
    with opened(raw) as found:
        return decode_image(found.image, options, found.sha256)._replace(animated=is_animated(found.image))


class Opened(NamedTuple):
    """A picture, decoded to its end and upright."""

    image: Image.Image
    sha256: str
    """Of its file, or of its raw pixels where there is no file of its own."""
    rotated: bool = False
    """Whether EXIF said that it had to be turned."""
    length: int = 0
    """Bytes of its file; 0 where there is none."""
    deep_colour: bool = False
    """Whether its file holds 16 bits a colour, of which Pillow gives 8."""


@contextlib.contextmanager
def opened(raw: Raw, *, digest: bool = True) -> Iterator[Opened]:
    """Yield the picture.

    Args:
        raw: as its source gives it.
        digest: whether `Opened.sha256` is wanted; it is empty otherwise.

    Raises:
        BadPicture: with the reason; also for whatever goes wrong inside the block.
    """
    content = _content_of(raw) if isinstance(raw, Path) else raw
    with _strictly():
        if isinstance(content, Image.Image):
            content.load()
            yield Opened(content, hashlib.sha256(content.tobytes()).hexdigest() if digest else "")
            return
        if not content:
            raise BadPicture("empty")
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        limit = PIXEL_LIMIT // (4 if is_deep(image) else 2 if len(image.getbands()) == 4 else 1)
        if image.width * image.height > limit:
            size, which = f"{image.width}×{image.height}", "" if limit == PIXEL_LIMIT else f" for mode {image.mode}"
            raise BadPicture(f"too large: {size} pixels, the limit is {limit // 10**6} million{which}")
        deep_colour = _has_deep_colour(image)
        rotated = image.format == "TIFF" and _is_turned(image)  # Pillow turns these while it loads them
        image.load()
        if image.format == "PNG":
            _require_checksums(content)
        # Orientation that cannot be read is orientation that no viewer applies: such a picture stays as it is.
        with contextlib.suppress(Exception):
            rotated = rotated or _is_turned(image)
            ImageOps.exif_transpose(image, in_place=True)
        yield Opened(image, hashlib.sha256(content).hexdigest() if digest else "", rotated, len(content), deep_colour)


def _has_deep_colour(image: Image.Image) -> bool:
    """Whether a picture that is not loaded yet is stored with 16 bits a colour: its decoder is told so."""
    if len(image.getbands()) < 3:
        return False
    told = (tile[3] for tile in getattr(image, "tile", ()))
    return any(
        isinstance(word, str) and ";16" in word
        for words in told
        for word in (words if isinstance(words, tuple) else (words,))
    )


def _is_turned(image: Image.Image) -> bool:
    return image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)


def _require_checksums(content: bytes) -> None:
    """Check every chunk of a PNG: Pillow stops reading, and checking, once it has enough pixels.

    Raises:
        BadPicture: for a chunk that is not what was written.
    """
    position = 8
    while position + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        stated = content[end : end + 4]
        if len(stated) == 4 and zlib.crc32(memoryview(content)[position + 4 : end]) != int.from_bytes(stated):
            raise BadPicture(f"damaged (the checksum of its {kind.decode('ascii', 'replace')} data is wrong)")
        if kind == b"IEND":
            return
        position = end + 4


def _content_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise BadPicture(f"too large: the file has more than {FILE_LIMIT >> 20} MiB")
        return read_regular(path, FILE_LIMIT)  # a pipe would be waited for, a device read for ever
    except OSError as error:
        raise BadPicture(f"cannot be read: {error.strerror or error}") from error


def decode_image(image: Image.Image, options: Options, sha256: str) -> Picture:
    """Bring a loaded picture into the wanted channels, range and size.

    Raises:
        BadPicture: where its values are no numbers.
    """
    found = Picture(None, image.height, image.width, sha256)
    if is_deep(image):
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise BadPicture("holds values that are not finite")
        low, high = float(values.min()), float(values.max())
        found = found._replace(extent=(low, high))
        if options.prints:  # by its own range: the common one is not known yet
            found = found._replace(print=print_of(levelled_by_itself(image)))
        if options.span == "auto":
            return found
        low, high = _type_range(image) if options.span == "dtype" else options.span
        ready = Image.fromarray(_scaled(values, low, high).astype(np.float32))
    else:
        if options.prints:
            found = found._replace(print=print_of(image))
        ready = _in_channels(image, options)
    if options.size is not None:
        ready = fitted(ready, options.size, options.fit, options.background)
    return found._replace(pixels=_as_bytes(ready, options.channels))


def is_deep(image: Image.Image) -> bool:
    """Whether it has more than 8 bits a value."""
    return is_deep_mode(image.mode)


def is_deep_mode(mode: str) -> bool:
    """Whether Pillow's ``mode`` has more than 8 bits a value."""
    return mode in ("I", "F") or mode.startswith("I;16")


def levelled_by_itself(image: Image.Image) -> Image.Image:
    """A picture deeper than 8 bits as mode F, its own smallest value 0 and its largest 255.

    Raises:
        BadPicture: where its values are no numbers.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise BadPicture("holds values that are not finite")
    return Image.fromarray(_scaled(values, float(values.min()), float(values.max())).astype(np.float32))


def has_alpha(image: Image.Image) -> bool:
    """Whether its mode or its palette knows transparency."""
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _type_range(image: Image.Image) -> tuple[float, float]:
    """Black and white of the stored type; of floating point they are 0 and 1 by custom."""
    if image.mode == "F":
        return 0.0, 1.0
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    bits_per_sample = 258  # TIFF's tag; Pillow widens signed 16-bit pictures to 32
    tags: Any = getattr(image, "tag_v2", {})
    bits = 16 if tags.get(bits_per_sample) == (16,) else 32
    return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    """``low`` → 0 and ``high`` → 255; where both are one value, all is black."""
    return np.zeros(values.shape) if high == low else (values - low) * (255.0 / (high - low))


def _in_channels(image: Image.Image, options: Options) -> Image.Image:
    """An 8-bit picture as L, RGB or RGBa (premultiplied), over the background where transparency is not kept."""
    mode = "L" if options.channels == "grey" else "RGB"
    if not has_alpha(image):
        opaque = _levelled(image if image.mode == mode else image.convert(mode), options.span)
        return opaque.convert("RGBA").convert("RGBa") if options.channels == "rgba" else opaque
    straight = _levelled(image if image.mode == "RGBA" else image.convert("RGBA"), options.span)
    if options.channels == "rgba":
        return straight.convert("RGBa")
    sheet = Image.new("RGBA", image.size, options.background)
    sheet.alpha_composite(straight)
    return sheet.convert("RGB").convert(mode)


def _levelled(image: Image.Image, span: Span) -> Image.Image:
    """The colours (not the alpha) of an 8-bit picture scaled by a span that was given in numbers."""
    if isinstance(span, str):
        return image
    levels = _scaled(np.arange(256), *span).round().clip(0, 255).astype(int).tolist()
    colours = levels * (len(image.getbands()) - image.mode.endswith("A"))
    return image.point(colours + list(range(256)) * image.mode.endswith("A"))


def _as_bytes(image: Image.Image, channels: Channels) -> NDArray[np.uint8]:
    """Mode L, F, RGB or RGBa → uint8 H×W×C."""
    array = np.asarray(image)
    if image.mode == "F":
        array = array.round().clip(0, 255).astype(np.uint8)
    if array.ndim == 2:
        array = array[:, :, None].repeat(1 if channels == "grey" else 3, axis=2)
        if channels == "rgba":
            array = np.concatenate([array, np.full_like(array[:, :, :1], 255)], axis=2)
    elif channels == "rgba":  # Lanczos overshoots at edges: a premultiplied colour is never more than its alpha
        array = np.minimum(array, array[:, :, 3:])
    return np.ascontiguousarray(array)


def is_animated(image: Image.Image) -> bool:
    """More than one frame or page. A phone's MPO holds a second view of the same picture: that is no animation."""
    with contextlib.suppress(Exception):  # later frames are not our matter, so neither is their damage
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return False


@contextlib.contextmanager
def _strictly() -> Iterator[None]:
    """Turn warnings and every fault of the decoder into BadPicture; Pillow's own pixel limit gives way to ours."""
    pillow_limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # its errors do not name the size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "Image appears to be a malformed MPO file")  # a good JPEG otherwise
            yield
    except BadPicture:
        raise
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise BadPicture(_reason(error)) from error
    finally:
        Image.MAX_IMAGE_PIXELS = pillow_limit


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UnidentifiedImageError):
        return f"not an image ({', '.join(FORMATS)})"
    if isinstance(error, EOFError | struct.error) or "truncated" in text.lower():
        return "truncated"
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    if isinstance(error, zlib.error) or "broken data stream" in text or "Corrupt" in text:
        return f"damaged ({text})"
    return f"damaged ({type(error).__name__}: {text})"

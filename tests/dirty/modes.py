"""Pictures that can be read, stored in an unusual way: palette, CMYK, alpha, 16 bits, turned, animated, misnamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from tests.dirty.copies import Copy, encoded
from tests.dirty.pool import Candidate

Rng = np.random.Generator
Store = Callable[[Candidate, Candidate, int, Rng], Copy]
"""(picture, another one, running number, draws) → file."""

_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation → how an upright picture is stored under it."""


def palette(one: Candidate, _other: Candidate, number: int, _rng: Rng) -> Copy:
    """PNG or GIF with at most 64 colours."""
    indexed = one.picture.convert("RGB").quantize(64)
    kind, suffix = (("PNG", ".png"), ("GIF", ".gif"), ("BMP", ".bmp"))[number % 3]
    return Copy(encoded(indexed, kind), suffix, f"palette {kind}")


def cmyk(one: Candidate, _other: Candidate, number: int, _rng: Rng) -> Copy:
    """For the printer."""
    inks = one.picture.convert("RGB").convert("CMYK")
    if number % 2:
        return Copy(encoded(inks, "TIFF"), ".tif", "CMYK TIFF")
    return Copy(encoded(inks, "JPEG", quality=92), ".jpg", "CMYK JPEG")


def alpha(one: Candidate, _other: Candidate, number: int, rng: Rng) -> Copy:
    """With transparent pixels: an emoji as its makers gave it; else a disc is left of a picture."""
    picture = one.raw
    if picture.mode != "RGBA" or picture.getchannel("A").getextrema() == (255, 255):
        picture = one.picture.copy()
        mask = Image.new("L", picture.size)
        inset = min(picture.size) * rng.uniform(0.0, 0.12)
        ImageDraw.Draw(mask).ellipse((inset, inset, picture.width - inset, picture.height - inset), fill=255)
        picture.putalpha(mask)
    kind = ("PNG", "WEBP")[number % 2]
    return Copy(encoded(picture, kind, lossless=True), f".{kind.lower()}", f"{picture.mode} {kind}")


def deep(one: Candidate, _other: Candidate, number: int, rng: Rng) -> Copy:
    """16-bit grey."""
    levels = np.asarray(one.picture.convert("L")).astype(np.uint16) * 257
    levels = np.clip(levels.astype(np.int64) + rng.integers(-100, 101, levels.shape), 0, 65535).astype(np.uint16)
    kind, suffix = (("PNG", ".png"), ("TIFF", ".tiff"))[number % 2]
    return Copy(encoded(Image.fromarray(levels), kind), suffix, f"16-bit {kind}")


def rotated(one: Candidate, _other: Candidate, number: int, _rng: Rng) -> Copy:
    """Stored turned, with the EXIF tag that turns it upright."""
    orientation = (6, 3, 8, 2, 5, 4, 7)[number % 7]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = one.picture.transpose(_UNDO[orientation])
    kind, suffix = (("JPEG", ".jpg"), ("JPEG", ".JPG"), ("PNG", ".png"), ("WEBP", ".webp"))[number % 4]
    return Copy(encoded(stored, kind, exif=exif, quality=92), suffix, f"EXIF in {kind}")


def animated(one: Candidate, other: Candidate, number: int, _rng: Rng) -> Copy:
    """Three frames."""
    first, last = one.picture.convert("RGB"), other.picture.convert("RGB")
    frames = [ImageChops.blend(first, last, 0.5), last]
    kind, suffix = (("GIF", ".gif"), ("WEBP", ".webp"), ("PNG", ".png"))[number % 3]
    content = encoded(first, kind, save_all=True, append_images=frames, duration=100, loop=0)
    return Copy(content, suffix, {"PNG": "APNG"}.get(kind, kind))


def suffix(one: Candidate, _other: Candidate, number: int, _rng: Rng) -> Copy:
    """Readable, named for another format."""
    kind, name = (("JPEG", ".png"), ("JPEG", ".PNG"), ("PNG", ".jpg"), ("WEBP", ".png"))[number % 4]
    return Copy(encoded(one.picture, kind, quality=92), name, f"{kind} named {name.lower()}")


def grey_among_colour(one: Candidate, _other: Candidate, number: int, _rng: Rng) -> Copy:
    """Grey, stored as grey or as three equal channels."""
    grey = one.picture.convert("L")
    if number % 3 == 0:
        return Copy(encoded(grey, "PNG"), ".png", "grey PNG")
    if number % 3 == 1:
        return Copy(encoded(grey.convert("RGB"), "PNG"), ".png", "grey in RGB")
    return Copy(encoded(grey, "JPEG", quality=92), ".jpg", "grey JPEG")


MODES: Mapping[str, Store] = {
    "palette": palette,
    "cmyk": cmyk,
    "alpha": alpha,
    "deep": deep,
    "rotated": rotated,
    "animated": animated,
    "suffix": suffix,
    "grey_among_colour": grey_among_colour,
}
"""The last one only in a set of colour."""

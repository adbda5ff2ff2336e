"""Copies of a picture: equal in every pixel, or nearly so.

`copy_of` gives the content of a file, its suffix and the variant.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

Rng = np.random.Generator


class Copy(NamedTuple):
    """A file to be written."""

    content: bytes
    suffix: str
    variant: str


EXACT = ("byte copy", "other PNG compression", "lossless WebP", "BMP")
NEAR = ("resized", "recompressed JPEG", "recompressed WebP", "cropped", "brightness")
MIRRORED = "mirrored"


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of a format."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def copy_of(picture: Image.Image, variant: str, rng: Rng) -> Copy:
    """A copy of one of the variants above: equal in every pixel, the same to a person, or with the sides exchanged."""
    quality = int(rng.integers(40, 91))
    photo = (".jpg", ".JPG", ".jpeg")[rng.integers(3)]
    stored: dict[str, tuple[str, str, dict[str, Any]]] = {
        "byte copy": ("PNG", ".png", {}),
        "other PNG compression": ("PNG", ".PNG", {"compress_level": 0}),
        "lossless WebP": ("WEBP", ".webp", {"lossless": True}),
        "BMP": ("BMP", ".bmp", {}),
        "recompressed JPEG": ("JPEG", photo, {"quality": quality}),
        "recompressed WebP": ("WEBP", ".webp", {"quality": quality}),
    }
    if variant in stored:
        kind, suffix, options = stored[variant]
        return Copy(encoded(picture, kind, **options), suffix, variant)
    changes = {"resized": resized, "cropped": cropped, "brightness": shifted, MIRRORED: mirrored}
    return Copy(encoded(changes[variant](picture, rng), "PNG"), ".png", variant)


def mirrored(picture: Image.Image, _rng: Rng) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(picture)


def shifted(picture: Image.Image, rng: Rng) -> Image.Image:
    """A little brighter or darker."""
    gain, shift = rng.uniform(0.93, 1.07), rng.choice([-1, 1]) * rng.uniform(4, 10)
    levels = (np.arange(256) * gain + shift).round().clip(0, 255).astype(int).tolist()
    return picture.point(levels * len(picture.getbands()))


def cropped(picture: Image.Image, rng: Rng) -> Image.Image:
    """One to four sides lose 2 to 8 % each; half of these copies are brought back to the old size."""
    sides = rng.permutation(4)[: rng.integers(1, 5)]
    cut = [0, 0, 0, 0]
    for side in sides:
        cut[side] = max(1, round(picture.size[side % 2] * rng.uniform(0.02, 0.08)))
    box = (cut[0], cut[1], picture.width - cut[2], picture.height - cut[3])
    changed = picture.crop(box)
    return changed.resize(picture.size, Image.Resampling.LANCZOS) if rng.random() < 0.5 else changed


def resized(picture: Image.Image, rng: Rng) -> Image.Image:
    """Between 0.6 and 1.5 times as large, never as it was."""
    scale = rng.uniform(0.6, 0.9) if rng.random() < 0.5 else rng.uniform(1.1, 1.5)
    size = (round(picture.width * scale), round(picture.height * scale))
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)
    return picture.resize(size, filters[rng.integers(len(filters))])

"""Pictures of something else entirely, drawn by code."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Rng = np.random.Generator

DRAWN = ("noise", "text", "stripes", "drawing", "gradient")
_WORDS = ("Total 42.10", "404", "Lorem ipsum", "SALE", "Page 7", "a + b = c", "Invoice", "OK?")
_LARGE = 8
"""Drawn so many times larger and then reduced: smooth edges."""


def stranger(variant: str, side: int, mode: str, rng: Rng) -> Image.Image:
    """A picture of ``side`` × ``side`` pixels, mode L or RGB."""
    if variant == "noise":
        cells = int(rng.choice([side, side // 2, side // 4]))
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        return noise.resize((side, side), Image.Resampling.NEAREST).convert(mode)
    if variant == "gradient":
        corners = Image.fromarray(rng.integers(0, 256, (2, 2, 3), np.uint8))
        return corners.resize((side, side), Image.Resampling.BICUBIC).convert(mode)
    if variant == "stripes":
        rows, columns = np.mgrid[0:side, 0:side]
        turn, length = rng.uniform(0, np.pi), side / rng.uniform(3, 9)
        wave = np.sin((rows * np.sin(turn) + columns * np.cos(turn)) * 2 * np.pi / length)
        paint = (wave[:, :, None] * rng.uniform(60, 127, 3) + 128).clip(0, 255).astype(np.uint8)
        return Image.fromarray(paint).convert(mode)
    large = Image.new("RGB", (side * _LARGE,) * 2, _colour(rng, 180, 256) if variant == "text" else _colour(rng, 0, 90))
    (_text if variant == "text" else _drawing)(ImageDraw.Draw(large), side * _LARGE, rng)
    return large.resize((side, side), Image.Resampling.LANCZOS).convert(mode)


def _text(pen: ImageDraw.ImageDraw, side: int, rng: Rng) -> None:
    """A scan: a few lines of words."""
    lines = int(rng.integers(3, 6))
    font = ImageFont.load_default(side / lines * 0.7)
    for line in range(lines):
        word = str(rng.choice(_WORDS))
        pen.text((side * rng.uniform(0.02, 0.2), side * line / lines), word, fill=_colour(rng, 0, 80), font=font)


def _drawing(pen: ImageDraw.ImageDraw, side: int, rng: Rng) -> None:
    """A face, a house or a target."""
    what, ink, second = int(rng.integers(3)), _colour(rng, 150, 256), _colour(rng, 0, 110)
    if what == 0:
        pen.ellipse((side * 0.1, side * 0.1, side * 0.9, side * 0.9), fill=ink)
        for middle in (0.35, 0.65):
            pen.ellipse((side * (middle - 0.07), side * 0.3, side * (middle + 0.07), side * 0.45), fill=second)
        pen.arc((side * 0.28, side * 0.35, side * 0.72, side * 0.75), 20, 160, fill=second, width=side // 14)
    elif what == 1:
        pen.polygon([(side * 0.05, side * 0.5), (side * 0.5, side * 0.1), (side * 0.95, side * 0.5)], fill=second)
        pen.rectangle((side * 0.2, side * 0.5, side * 0.8, side * 0.95), fill=ink)
        pen.rectangle((side * 0.42, side * 0.65, side * 0.58, side * 0.95), fill=second)
    else:
        for ring, radius in enumerate((0.48, 0.36, 0.24, 0.12)):
            box = [side * (0.5 - radius)] * 2 + [side * (0.5 + radius)] * 2
            pen.ellipse(box, fill=second if ring % 2 else ink)


def _colour(rng: Rng, low: int, high: int) -> tuple[int, int, int]:
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue

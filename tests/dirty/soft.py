"""Faults that have degrees, in three strengths: 1 a careful person sees it, 2 anybody sees it, 3 it is bad.

Lengths are shares of the picture's side, so that one table serves 28 and 64 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Rng = np.random.Generator
Spoil = Callable[[Image.Image, int, Rng], tuple[Image.Image, str]]
"""(picture, grade, draws) → (spoilt picture, variant)."""

BLANK_SPAN = (30.0, 14.0, 4.0)
"""Grey levels from the darkest to the lightest pixel, about."""
BLUR = (0.022, 0.042, 0.075)
"""Sigma, of the side."""
DARK = (0.5, 0.25, 0.1)
"""What is left of each pixel."""
BRIGHT = (0.5, 0.25, 0.1)
"""What is left of each pixel's distance from white."""
SMALL = (0.75, 0.5, 0.3)
"""Of the wanted side."""
ASPECT = (1.6, 2.2, 3.5)
BARS = (0.06, 0.12, 0.2)
"""Each of the two bars, of the side."""
VISIBLE = 60
"""A bar differs by as many grey levels from what it lies against, and from the picture's own border."""
_BAR_LEVELS = np.array([0, 96, 128, 160, 255])


def blank(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Nothing but a trace of noise or of a gradient; of the picture only size and mode stay."""
    width, height = picture.size
    bands = len(picture.getbands())
    level = rng.uniform(25, 230, bands)
    span = BLANK_SPAN[grade - 1]
    if rng.random() < 0.5:
        trace = rng.normal(0, span / 4, (height, width, 1))
        variant = "noise"
    else:
        turn = rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
        ramp = rows * np.sin(turn) + columns * np.cos(turn)
        trace = (ramp / np.ptp(ramp) * span + rng.normal(0, 0.4, ramp.shape))[:, :, None]
        variant = "gradient"
    return _image(level + trace), variant


def blurred(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Out of focus."""
    sigma = BLUR[grade - 1] * min(picture.size) * _about_one(rng)
    # Pillow approximates a Gaussian by boxes; padding by the edge keeps the border from darkening.
    return picture.filter(ImageFilter.GaussianBlur(sigma)), "gaussian"


def dark(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Underexposed."""
    return _image(_values(picture) * (DARK[grade - 1] * _about_one(rng))), "multiplied"


def bright(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Washed out towards white."""
    return _image(255 - (255 - _values(picture)) * (BRIGHT[grade - 1] * _about_one(rng))), "washed out"


def small(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Fewer pixels than the good ones."""
    share = SMALL[grade - 1] * _about_one(rng, 0.05)
    size = (round(picture.width * share), round(picture.height * share))
    return picture.resize(size, Image.Resampling.LANCZOS), "downsized"


def aspect(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """Far from square, with the shorter side as it was: stretched, or a strip of an enlarged picture."""
    ratio = ASPECT[grade - 1] * _about_one(rng, 0.05)
    side = min(picture.size)
    long = round(side * ratio)
    wide = bool(rng.random() < 0.5)
    if rng.random() < 0.5:
        return picture.resize((long, side) if wide else (side, long), Image.Resampling.LANCZOS), "stretched"
    large = picture.resize((long, long), Image.Resampling.LANCZOS)
    start = (long - side) // 2
    box = (0, start, long, start + side) if wide else (start, 0, start + side, long)
    return large.crop(box), "strip"


def letterbox(picture: Image.Image, grade: int, rng: Rng) -> tuple[Image.Image, str]:
    """The middle of the picture between two bars that stand out from it."""
    pixels = _values(picture)
    lying = bool(rng.random() < 0.5)
    if not lying:
        pixels = pixels.swapaxes(0, 1)
    bar = max(1, round(BARS[grade - 1] * len(pixels)))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    against = np.array([np.median(pixels[[bar, -bar - 1]]), np.median(border)])
    distance = np.abs(_BAR_LEVELS[:, None] - against).min(1)
    visible = _BAR_LEVELS[distance >= min(VISIBLE, distance.max())]
    pixels[:bar] = pixels[-bar:] = rng.choice(visible)
    return _image(pixels if lying else pixels.swapaxes(0, 1)), "letterbox" if lying else "pillarbox"


SOFT: Mapping[str, Spoil] = {
    "blank": blank,
    "blurred": blurred,
    "dark": dark,
    "bright": bright,
    "small": small,
    "aspect": aspect,
    "letterbox": letterbox,
}


def _about_one(rng: Rng, spread: float = 0.1) -> float:
    return float(rng.uniform(1 - spread, 1 + spread))


def _values(picture: Image.Image) -> NDArray[np.float64]:
    """H×W×C, a copy."""
    array = np.asarray(picture).astype(np.float64)
    return array[:, :, None] if array.ndim == 2 else array


def _image(values: NDArray[np.float64]) -> Image.Image:
    array = values.round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)

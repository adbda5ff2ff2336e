"""Pictures for the benchmarks, as many as are wanted, no two alike, the same on every machine.

A scene is a smooth background in random colours with some of the embedded garments on it: tinted, scaled, turned, at
random places. A copy of a picture is what the same picture becomes on its way through other people's hands.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from contextlib import closing

import numpy as np
from PIL import Image, ImageEnhance

from gantool.data.sources.embedded import Embedded

Rng = np.random.Generator


def scene(seed: int, index: int, side: int) -> Image.Image:
    """Picture ``index`` of the endless set ``seed``: mode RGB, side×side."""
    chance = np.random.default_rng([seed, index])
    picture = _background(chance, side)
    for _ in range(chance.integers(2, 6)):
        _place_garment(picture, chance)
    return picture


def copy_of(image: Image.Image, seed: int, way: str | None = None) -> Image.Image:
    """A near duplicate of a picture of mode L or RGB; ``way`` is one of `WAYS`, or drawn by the seed."""
    chance = np.random.default_rng([seed])
    ways = list(WAYS)
    drawn = ways[chance.integers(len(ways))]
    return WAYS[way or drawn](image, chance)


def _background(chance: Rng, side: int) -> Image.Image:
    """Two colours that flow into each other, and a texture over them."""
    one, other = (Image.new("RGB", (side, side), tuple(chance.integers(0, 256, 3).tolist())) for _ in range(2))
    flow, texture = (
        Image.fromarray(chance.integers(0, 256, (cells, cells, *colours), np.uint8)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        for cells, *colours in ((chance.integers(2, 6),), (chance.integers(8, 25), 3))
    )
    return Image.blend(Image.composite(one, other, flow), texture, 0.15)


def _place_garment(picture: Image.Image, chance: Rng) -> None:
    """Its shape is its mask, its grey levels shade its colour."""
    garment = _garments()[chance.integers(len(_garments()))]
    size = max(4, round(picture.width * chance.uniform(0.3, 0.9)))
    turned = garment.resize((size, size), Image.Resampling.BICUBIC).rotate(
        chance.uniform(0, 360), Image.Resampling.BILINEAR, expand=True
    )
    colour = chance.integers(64, 256, 3)
    shades = np.arange(256) / 255
    tinted = Image.merge("RGB", [turned] * 3).point([int(part * shade) for part in colour for shade in shades])
    mask = turned.point([min(255, 4 * level) for level in range(256)])
    left, top = (chance.uniform(-0.2, 0.8, 2) * picture.width).astype(int).tolist()
    picture.paste(tinted, (left, top), mask)


@functools.cache
def _garments() -> list[Image.Image]:
    """All in memory: asked for at random, a gzipped file would be read from its beginning each time."""
    with closing(Embedded().open()) as source:
        return [source.raw(index) for index in range(len(source.items))]


def _recompressed(image: Image.Image, chance: Rng) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(chance.integers(50, 91)))
    with Image.open(stream) as found:
        return found.copy()


def _resized(image: Image.Image, chance: Rng) -> Image.Image:
    scale = chance.uniform(0.7, 1.4)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, chance: Rng) -> Image.Image:
    """Each side loses 2 to 6 %, or nothing; at least one loses some."""
    lost = chance.uniform(0.02, 0.06, 4) * (chance.random(4) < 0.5)
    lost[chance.integers(4)] = chance.uniform(0.02, 0.06)
    sizes = (image.width, image.height) * 2
    left, top, right, bottom = (int(np.ceil(part * size)) for part, size in zip(lost, sizes, strict=True))
    return image.crop((left, top, image.width - right, image.height - bottom))


def _brightened(image: Image.Image, chance: Rng) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(chance.choice([-1, 1]) * chance.uniform(0.05, 0.12) + 1)


def _handled(image: Image.Image, chance: Rng) -> Image.Image:
    return _recompressed(_brightened(_resized(image, chance), chance), chance)


WAYS: dict[str, Callable[[Image.Image, Rng], Image.Image]] = {
    "recompressed": _recompressed,
    "resized": _resized,
    "cropped": _cropped,
    "brightened": _brightened,
    "handled": _handled,
}
"""How a copy comes to differ. ``handled`` is resized, brightened and recompressed."""

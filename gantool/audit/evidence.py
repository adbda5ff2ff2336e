"""Pairs of pictures that a person should see, worst first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gantool.images import LOOKABLE, on_white

MOST = 32
"""Pairs on a sheet."""

_COLUMNS = 4
_GAP, _SPACE, _LINE = 4, 24, 18
_PAPER, _INK, _MARK = (255, 255, 255), (40, 40, 40), (190, 30, 30)
_LARGEST = 160


class Pair(NamedTuple):
    """Two pictures H×W×C, what stands below them, and whether they are evidence against the model."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    label: str
    marked: bool


def sheet(pairs: Sequence[Pair]) -> NDArray[np.uint8]:
    """The pairs in four columns, row by row; marked ones have a red frame: uint8 H'×W'×3."""
    font = ImageFont.load_default(12)
    tiles = [(_tile(pair.left), _tile(pair.right)) for pair in pairs]
    height, width = tiles[0][0].shape[:2]
    widest = max(math.ceil(font.getlength(pair.label)) for pair in pairs)
    across, down = max(2 * width + _GAP, widest) + _SPACE, height + _LINE + _SPACE
    columns = min(_COLUMNS, len(pairs))
    size = (columns * across + _SPACE, math.ceil(len(pairs) / columns) * down + _SPACE)
    canvas = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, (pair, (left, right)) in enumerate(zip(pairs, tiles, strict=True)):
        x, y = _SPACE + number % columns * across, _SPACE + number // columns * down
        canvas.paste(Image.fromarray(left), (x, y))
        canvas.paste(Image.fromarray(right), (x + width + _GAP, y))
        if pair.marked:
            draw.rectangle((x - 3, y - 3, x + 2 * width + _GAP + 2, y + height + 2), outline=_MARK, width=2)
        draw.text((x, y + height + 5), pair.label, fill=_MARK if pair.marked else _INK, font=font)
    return np.asarray(canvas)


def _tile(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """rgb of a size that can be looked at: small ones in sharp squares, large ones averaged."""
    opaque = on_white(pixels[None])[0]
    if opaque.shape[-1] == 1:
        opaque = opaque.repeat(3, axis=-1)
    longest = max(opaque.shape[:2])
    if longest < LOOKABLE:
        factor = math.ceil(LOOKABLE / longest)
        enlarged: NDArray[np.uint8] = opaque.repeat(factor, axis=0).repeat(factor, axis=1)
        return enlarged
    picture = Image.fromarray(opaque)
    picture.thumbnail((_LARGEST, _LARGEST))
    return np.asarray(picture)

"""Tensors to pictures and back: shapes, value ranges, grids, and files that say where they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gantool import provenance
from gantool.errors import UsageError
from gantool.provenance import PICTURE_SUFFIXES, PictureFormat, Provenance

LOOKABLE = 64
"""A picture of fewer pixels than this a side is enlarged in a grid."""

_GAP, _PAPER, _INK = 2, 255, 40
_NAME_SIZE, _NAME_MARGIN = 15, 8


class ImageShape(NamedTuple):
    """Channels (1 grey, 3 rgb, 4 premultiplied rgba), height and width in pixels."""

    channels: int
    height: int
    width: int


def to_unit_range(pixels: Tensor) -> Tensor:
    """uint8 N×H×W×C in [0, 255] → float32 N×C×H×W in [-1, 1], in channels-last memory."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Float N×C×H×W in [-1, 1] → uint8 N×H×W×C, rounded to the nearest level and clipped."""
    levels = images.detach().float().add(1.0).mul_(127.5).round_().clamp_(0, 255)
    pixels: NDArray[np.uint8] = levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def grid(
    pixels: NDArray[np.uint8],
    *,
    columns: int | None = None,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> NDArray[np.uint8]:
    """Many pictures as one, row by row, with thin gaps.

    Pictures smaller than `LOOKABLE` are enlarged by a whole factor, each pixel to a sharp square. Transparent
    ones are laid on white, and grey becomes rgb.

    Args:
        pixels: N×H×W×C with C of 1, 3 or 4 (premultiplied); N ≥ 1.
        columns: pictures in a row; None makes the grid nearly square.
        row_names: what stands to the left of each row, for example class names.
        column_names: what stands above each column.

    Returns:
        uint8 H'×W'×3.
    """
    opaque = enlarged(on_white(pixels))
    count, height, width, _ = opaque.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    size = (_GAP + rows * (height + _GAP), _GAP + columns * (width + _GAP), 3)
    sheet = np.full(size, _PAPER, np.uint8)
    for index, picture in enumerate(opaque):
        top = _GAP + (index // columns) * (height + _GAP)
        left = _GAP + (index % columns) * (width + _GAP)
        sheet[top : top + height, left : left + width] = picture
    if column_names:
        sheet = np.concatenate([_heads(column_names, width + _GAP, sheet.shape[1]), sheet])
    if not row_names:
        return sheet
    return np.concatenate([_names(row_names, height + _GAP, len(sheet), below=len(sheet) - size[0]), sheet], axis=1)


def enlarged(pixels: NDArray[np.uint8], least: int = LOOKABLE) -> NDArray[np.uint8]:
    """N×H×W×C by the whole factor that brings the longer side to ``least`` pixels or more, each to a sharp square."""
    factor = math.ceil(least / max(pixels.shape[1:3]))
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def _names(names: Sequence[str], step: int, tall: int, below: int) -> NDArray[np.uint8]:
    """A strip ``tall`` pixels high, a name at the middle of each row; rows, ``step`` apart, begin at ``below``."""
    font = ImageFont.load_default(_NAME_SIZE)
    width = 2 * _NAME_MARGIN + math.ceil(max(font.getlength(name) for name in names))
    strip = Image.new("L", (width, tall), _PAPER)
    draw = ImageDraw.Draw(strip)
    for row, name in enumerate(names):
        middle = below + _GAP + row * step + (step - _GAP) / 2
        draw.text((width - _NAME_MARGIN, middle), name, fill=_INK, font=font, anchor="rm")
    return np.asarray(strip)[:, :, None].repeat(3, axis=2)


def _heads(names: Sequence[str], step: int, wide: int) -> NDArray[np.uint8]:
    """A strip ``wide`` pixels wide, each name over the middle of its column; columns are ``step`` pixels apart."""
    font = ImageFont.load_default(_NAME_SIZE)
    strip = Image.new("L", (wide, _NAME_SIZE + _NAME_MARGIN), _PAPER)
    draw = ImageDraw.Draw(strip)
    for column, name in enumerate(names):
        middle = _GAP + column * step + (step - _GAP) / 2
        draw.text((middle, strip.height / 2), name, fill=_INK, font=font, anchor="mm")
    return np.asarray(strip)[:, :, None].repeat(3, axis=2)


def on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Premultiplied rgba …×4 → rgb …×3 over white: c + (1 − α). Other pictures are given back as they are."""
    if pixels.shape[-1] != 4:
        return pixels
    colour, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    white: NDArray[np.uint8] = np.minimum(colour + (255 - alpha), 255).astype(np.uint8)
    return white


def unpremultiply(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Premultiplied rgba …×4 → straight rgba …×4, as files store it: c / α, black where nothing is seen."""
    colour, alpha = pixels[..., :3].astype(np.uint32), pixels[..., 3:].astype(np.uint32)
    straight = (colour * 255 + alpha // 2) // np.maximum(alpha, 1)
    straight = np.where(alpha == 0, 0, np.minimum(straight, 255))
    return np.concatenate([straight, alpha], axis=-1).astype(np.uint8)


def to_picture(pixels: NDArray[np.uint8], *, opaque: bool = False) -> Image.Image:
    """One H×W×C array as a Pillow picture: grey, rgb or straight rgba (on white when ``opaque``)."""
    if pixels.shape[-1] == 1:
        return Image.fromarray(pixels[..., 0])
    if pixels.shape[-1] == 4:
        return Image.fromarray(on_white(pixels) if opaque else unpremultiply(pixels))
    return Image.fromarray(pixels)


def encode(pixels: NDArray[np.uint8], format: PictureFormat, origin: Provenance) -> bytes:
    """A picture file of one H×W×C array. JPEG knows no transparency: there, rgba is laid on white."""
    return provenance.encode(to_picture(pixels, opaque=format == "jpeg"), format, origin)


def save_picture(path: Path, pixels: NDArray[np.uint8], origin: Provenance | None = None) -> None:
    """Write one H×W×C array; the format follows from the suffix: .png, .jpg, .jpeg or .webp.

    Raises:
        UsageError: for another suffix.
        OSError: when the file cannot be written.
    """
    format = PICTURE_SUFFIXES.get(path.suffix.lower())
    if format is None:
        choices = ", ".join(PICTURE_SUFFIXES)
        raise UsageError(f"{path}: no picture format of that name; choices: {choices}")
    path.write_bytes(encode(pixels, format, origin or Provenance()))

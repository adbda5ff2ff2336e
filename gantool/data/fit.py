"""Bringing a picture to the wanted size: resampled at most once, antialiased, or not touched at all.

The filter is Pillow's Lanczos. Parmar et al. 2022 ("On Aliased Resizing", clean-fid) compared the resizers of the
usual libraries: those whose kernel does not widen with the factor alias, which shifts the distances that GANs are
judged by; Pillow's box, bicubic and Lanczos all widen. Of these Lanczos comes closest to the ideal low-pass filter.
`torch.nn.functional.interpolate` and OpenCV are not used anywhere on the way in.
"""

from __future__ import annotations

from PIL import Image

from gantool.data.raw import Fit

Box = tuple[float, float, float, float]


def fitted(image: Image.Image, size: tuple[int, int], fit: Fit, background: tuple[int, int, int]) -> Image.Image:
    """``image`` (mode L, F, RGB or RGBa) at ``size`` (height, width).

    ``crop`` takes the largest middle part of the wanted shape, ``pad`` adds ``background`` (nothing, in RGBa) around
    the whole picture, ``stretch`` changes its shape.
    """
    height, width = size
    if fit == "pad":
        return _padded(image, width, height, background)
    whole: Box = (0, 0, *image.size)
    return _resampled(image, width, height, _middle(image.size, width, height) if fit == "crop" else whole)


def _resampled(image: Image.Image, width: int, height: int, box: Box) -> Image.Image:
    """The part ``box`` of ``image`` (left, top, right, bottom; fractions of pixels allowed) as width×height."""
    left, top, right, bottom = box
    if (right - left, bottom - top) == (width, height):  # the scale is right: cut, and leave the pixels alone
        corner = (int(left), int(top))
        return image.crop((*corner, corner[0] + width, corner[1] + height))
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _middle(size: tuple[int, int], width: int, height: int) -> Box:
    """The largest part of the shape width:height in the middle of ``size`` (width, height)."""
    have_width, have_height = size
    if have_width * height > have_height * width:  # too wide
        part_width, part_height = have_height * width / height, float(have_height)
    else:
        part_width, part_height = float(have_width), have_width * height / width
    left, top = (have_width - part_width) / 2, (have_height - part_height) / 2
    return (left, top, left + part_width, top + part_height)


def _padded(image: Image.Image, width: int, height: int, background: tuple[int, int, int]) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    inside = _resampled(image, *inner, (0, 0, *image.size))
    sheet = Image.new(image.mode, (width, height), paper(image.mode, background))
    sheet.paste(inside, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return sheet


def paper(mode: str, background: tuple[int, int, int]) -> float | tuple[int, ...]:
    """``background`` in the colours of ``mode``; nothing at all where the mode has transparency."""
    if mode == "RGBa":
        return (0, 0, 0, 0)
    if mode == "RGB":
        return background
    return Image.new("RGB", (1, 1), background).convert("L").tobytes()[0]

"""What can be said of one picture by itself: how it is stored, what it looks like, how light, sharp and full it is.

Runs in working processes. Light and sharpness are measured on a copy reduced to between `WORKING_SIDE` and twice that
on its shorter side: what is lost on the way there is lost in training too. Nothing is judged here: whether a picture
is blurred or small depends on the set it stands in (`inspection`).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from gantool.data.base import Raw
from gantool.data.decode import BadPicture, has_alpha, is_animated, is_deep, levelled_by_itself, opened
from gantool.data.perceptual import print_of
from gantool.data.wire import Fault
from gantool.data.worker import Task

WORKING_SIDE = 96

_DARK_SHARE, _LIGHT_SHARE = 0.005, 0.995
_EDGES = 0.01
"""The steepest share of all neighbouring pixels is what a picture's sharpness is read from."""
_EVEN = 20
"""Grey levels within which a line of pixels is one colour, JPEG's noise included."""
_STEP = 16
"""Grey levels by which a pixel differs from a bar."""


class Measuring(NamedTuple):
    """What to measure: options of the task."""

    prints: bool = True
    """Whether `Measurement.print` is wanted."""


class Measurement(NamedTuple):
    """One readable picture."""

    print: NDArray[np.uint8] | None
    """`perceptual.print_of` it."""
    pixels: str
    """A digest of its decoded, upright pixels; grey stored as rgb counts as grey, opaque alpha as none."""
    format: str
    """``PNG``, ``JPEG`` …; empty where it came as pixels."""
    mode: str
    """As Pillow names it: ``L``, ``RGB``, ``P``, ``CMYK``, ``I;16`` …"""
    height: int
    """Upright."""
    width: int
    colourful: bool
    """Whether any pixel has a colour."""
    transparent: bool
    """Whether any pixel is not opaque."""
    rotated: bool
    """Whether EXIF says that it is to be turned."""
    animated: bool
    darkest: float
    """Luma in [0, 255] that 0.5 % of the pixels stay below."""
    lightest: float
    """Luma that 0.5 % of the pixels exceed."""
    span: float
    """The widest of the three colours' ranges, between the same shares."""
    sharpness: float
    """The steepest edges, as shares of the whole contrast per thousandth of the shorter side's inverse: a step edge
    has as much as the shorter side has pixels, a soft one as many as fit its width into the side."""
    bars: float
    """The share of height or width that even lines at both ends take together; 0 where an end has none."""
    margin: float
    """Luma of these lines; -1 where there are none."""
    edge: float
    """The share of pixels along their inner edges that differ from them: near 1 for bars, less for a subject's margin."""


def measuring() -> Task[Measurement]:
    """The task of measuring pictures."""
    return Task(measure, Measuring(), Measurement, 4096)


def measure(raw: Raw, options: Measuring) -> Measurement | Fault:
    """Everything about one picture, or why it cannot be read."""
    try:
        with opened(raw) as found:
            return _measured(found.image, options, rotated=found.rotated)
    except BadPicture as error:
        return Fault(str(error))


def _measured(image: Image.Image, options: Measuring, *, rotated: bool) -> Measurement:
    seen = levelled_by_itself(image).convert("L") if is_deep(image) else image
    straight = seen.convert("RGBA") if has_alpha(seen) else None
    transparent = straight is not None and straight.getextrema()[3] != (255, 255)
    opaque = _opaque(seen, straight if transparent else None)
    colourful = _is_colourful(opaque)
    plain = opaque if colourful else opaque.getchannel(0)
    content = straight if transparent and straight is not None else plain
    working = _reduced(plain)
    luma = working if working.mode == "L" else working.convert("L")
    ends = _ends([*luma.histogram(), *(working.histogram() if colourful else ())])
    darkest, lightest = ends[0].tolist()
    pixels = np.asarray(luma)
    bars, margin, edge = max(_bars(pixels), _bars(pixels.T), key=lambda found: found[0] * found[2])
    return Measurement(
        print=print_of(opaque) if options.prints else None,
        pixels=_digest(image if is_deep(image) else content),
        format=image.format or "",
        mode=image.mode,
        height=image.height,
        width=image.width,
        colourful=colourful,
        transparent=transparent,
        rotated=rotated,
        animated=is_animated(image),
        darkest=darkest,
        lightest=lightest,
        span=float(np.diff(ends).max()),
        sharpness=_sharpness(pixels, max(lightest - darkest, 1.0)),
        bars=bars,
        margin=margin,
        edge=edge,
    )


def _opaque(image: Image.Image, straight: Image.Image | None) -> Image.Image:
    """Mode L or RGB; what is transparent lies on white."""
    if straight is None:
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    sheet = Image.new("RGBA", straight.size, "white")
    sheet.alpha_composite(straight)
    return sheet.convert("RGB")


def _is_colourful(image: Image.Image) -> bool:
    if image.mode == "L":
        return False
    red, green, blue = image.split()
    return any(ImageChops.difference(green, other).getbbox() is not None for other in (red, blue))


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(f"{image.mode} {image.size} ".encode() + image.tobytes()).hexdigest()


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(1, min(image.size) // WORKING_SIDE)
    return image.reduce(factor) if factor > 1 else image


def _ends(histograms: list[int]) -> NDArray[np.float64]:
    """For each histogram of 256 levels, the levels that a small share of the pixels stays below, and exceeds: n×2."""
    sums = np.array(histograms).reshape(-1, 256).cumsum(1)
    shares = np.array((_DARK_SHARE, _LIGHT_SHARE)) * float(sums[0, -1])
    return (sums[:, :, None] < shares).sum(1).astype(np.float64)


def _sharpness(luma: NDArray[np.uint8], contrast: float) -> float:
    """The mean of the steepest edges, in shares of the contrast per length of the shorter side."""
    height, width = luma.shape
    down, across = (height - 1) * width, height * (width - 1)
    if not down + across:
        return 0.0
    steps = np.empty(down + across, np.uint8)
    for one, other, part in (
        (luma[1:], luma[:-1], steps[:down].reshape(height - 1, width)),
        (luma[:, 1:], luma[:, :-1], steps[down:].reshape(height, width - 1)),
    ):
        np.subtract(np.maximum(one, other), np.minimum(one, other), out=part)
    wanted = max(1, int(_EDGES * len(steps)))
    steepest = np.partition(steps, len(steps) - wanted)[-wanted:]
    return float(steepest.mean()) / contrast * min(height, width)


def _bars(luma: NDArray[np.uint8]) -> tuple[float, float, float]:
    """`Measurement.bars`, ``margin`` and ``edge`` of the top and the bottom."""
    if _range(luma[0]) > _EVEN or _range(luma[-1]) > _EVEN:
        return 0.0, -1.0, 0.0
    margin = float(luma[0, len(luma[0]) // 2])
    lowest, highest = luma.min(1).tolist(), luma.max(1).tolist()
    top, bottom = _even_lines(lowest, highest), _even_lines(lowest[::-1], highest[::-1])
    if top + bottom >= len(luma):
        return 0.0, margin, 0.0
    edge = min(_differing(luma[top], luma[0]), _differing(luma[-1 - bottom], luma[-1]))
    return (top + bottom) / len(luma), margin, edge


def _range(line: NDArray[np.uint8]) -> int:
    return int(line.max()) - int(line.min())


def _even_lines(lowest: list[int], highest: list[int]) -> int:
    """How many lines, from the first on, are of its colour; at most half of all."""
    darkest, lightest = highest[0] - _EVEN, lowest[0] + _EVEN
    half = (len(lowest) + 1) // 2
    for line in range(half):
        if lowest[line] < darkest or highest[line] > lightest:
            return line
    return half


def _differing(line: NDArray[np.uint8], bar: NDArray[np.uint8]) -> float:
    """The share of ``line`` that has not the bar's colour."""
    level = (int(bar.max()) + int(bar.min())) / 2
    return float(np.count_nonzero(np.abs(line - level) >= _STEP)) / len(line)

"""What can be said of one picture by itself: how it is stored, what it looks like, how light, sharp and full it is.

Runs in working processes. Light and sharpness are measured on a copy reduced to between `WORKING_SIDE` and twice that
on its shorter side: what is lost on the way there is lost in training too. Nothing is judged here: whether a picture
is blurred or small depends on the set it stands in (`inspection`).
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data.decode import BadPicture, Opened, has_alpha, is_animated, is_deep, levelled_by_itself, opened
from gantool.data.perceptual import print_of
from gantool.data.raw import Raw
from gantool.data.wire import Fault
from gantool.data.worker import Task

WORKING_SIDE = 96

_FEW = 0.005
"""The share of the pixels that may be darker than the darkest, or lighter than the lightest."""
_WIDE = 64.0
_EDGES = 0.01
"""The steepest share of all neighbouring pixels is what a picture's sharpness is read from."""
_EVEN = 20
"""Grey levels within which a line of pixels is one colour, JPEG's noise included."""
_STEP = 16
"""Grey levels by which a pixel differs from a bar."""
_SMALL = 1 << 16
"""Pixels of a picture that may wait for its measuring while others are decoded."""
_FIRST_BYTES, _NEXT_BYTES = 3 << 5, 3 << 16


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
    """As Pillow names it: ``L``, ``RGB``, ``P``, ``CMYK``, ``I;16`` …; ``RGB;16`` where it gives 8 bits of 16."""
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
    """The widest range of the three colours, between the same shares; the luma's, where that is wide already."""
    sharpness: float
    """How many of its sharpest edges would fit side by side across its shorter side: as many as there are pixels for
    a step from one pixel to the next, few for soft edges."""
    bars: float
    """The share of height or width that even lines at both ends take together; 0 where an end has none."""
    margin: float
    """Luma of these lines; -1 where there are none."""
    edge: float
    """The share of pixels along their inner edges that differ from them: near 1 for bars, less for margins."""


def measuring() -> Task[Measurement]:
    """The task of measuring pictures."""
    return Task(measure, Measuring(), Measurement, 4096, measure_several)


def measure(raw: Raw, options: Measuring) -> Measurement | Fault:
    """Everything about one picture, or why it cannot be read."""
    try:
        with opened(raw, digest=False) as found:
            return _measured(found, options)
    except BadPicture as error:
        return Fault(str(error))


def measure_several(raws: Sequence[Raw], options: Measuring) -> list[Measurement | Fault]:
    """`measure` of each, in their order. Small ones are first all decoded and then all measured.

    So the processor keeps the code of one kind of work at hand, which saves a tenth of the time.
    """
    outcomes: list[Measurement | Fault | None] = []
    put_off: list[tuple[int, Opened]] = []
    for number, raw in enumerate(raws):
        try:
            with opened(raw, digest=False) as found:
                small = found.image.width * found.image.height <= _SMALL and found.length <= 4 * _SMALL
                outcomes.append(None if small else _measured(found, options))
                if small:
                    put_off.append((number, found))
        except BadPicture as error:
            outcomes.append(Fault(str(error)))
    for number, found in put_off:
        try:
            with opened(found.image, digest=False):
                outcomes[number] = _measured(found, options)
        except BadPicture as error:
            outcomes[number] = Fault(str(error))
    return [outcome for outcome in outcomes if outcome is not None]


def _measured(found: Opened, options: Measuring) -> Measurement:
    image = found.image
    seen = levelled_by_itself(image).convert("L") if is_deep(image) else image
    straight = seen.convert("RGBA") if has_alpha(seen) else None
    if straight is not None and straight.getchannel("A").getextrema()[0] == 255:
        seen, straight = straight.convert("RGB"), None
    opaque = _opaque(seen, straight)
    content = opaque.tobytes()
    colourful = opaque.mode != "L" and _is_colourful(content)
    plain = opaque if colourful else opaque.getchannel(0)
    kept = image if is_deep(image) else straight or plain
    working = _reduced(plain)
    luma = working if working.mode == "L" else working.convert("L")
    darkest, lightest = _ends(luma.histogram())
    pixels, width = luma.tobytes(), luma.width
    bars, margin, edge = max(_bars(_Lines(pixels, width)), _bars(_Columns(pixels, width)), key=_bar_strength)
    return Measurement(
        print=print_of(opaque) if options.prints else None,
        pixels=_digest(kept, content if kept is opaque else None),
        format=image.format or "",
        mode=f"{image.mode};16" if found.deep_colour else image.mode,
        height=image.height,
        width=image.width,
        colourful=colourful,
        transparent=straight is not None,
        rotated=found.rotated,
        animated=is_animated(image),
        darkest=darkest,
        lightest=lightest,
        span=_span(working, lightest - darkest),
        sharpness=_sharpness(np.frombuffer(pixels, np.uint8).reshape(-1, width), max(lightest - darkest, 1.0)),
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


def _is_colourful(content: bytes) -> bool:
    """Whether any of some pixels, of red, green and blue bytes, is not grey. The first ones tell of most pictures."""
    start, end = 0, _FIRST_BYTES
    while start < len(content):
        red, green, blue = (content[start + channel : end : 3] for channel in range(3))
        if red != green or green != blue:
            return True
        start, end = end, end + _NEXT_BYTES
    return False


def _digest(image: Image.Image, content: bytes | None) -> str:
    """Of mode, size and pixels; ``content`` are the pixels where they are at hand."""
    digest = hashlib.sha256(f"{image.mode} {image.size} ".encode())
    digest.update(image.tobytes() if content is None else content)
    return digest.hexdigest()


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(1, min(image.size) // WORKING_SIDE)
    return image.reduce(factor) if factor > 1 else image


def _span(image: Image.Image, of_luma: float) -> float:
    """The widest range of a channel; the luma's where that is wide already."""
    if of_luma >= _WIDE or image.mode == "L":
        return of_luma
    histogram = image.histogram()
    ends = (_ends(histogram[start : start + 256]) for start in range(0, len(histogram), 256))
    return max(high - low for low, high in ends)


def _ends(histogram: list[int]) -> tuple[float, float]:
    """The levels that a small share of the pixels stays below, and exceeds."""
    together = list(itertools.accumulate(histogram))
    few = math.ceil(max(1.0, _FEW * together[-1]))
    return float(bisect.bisect_left(together, few)), float(bisect.bisect_right(together, together[-1] - few))


def _sharpness(luma: NDArray[np.uint8], contrast: float) -> float:
    """The mean of the steepest edges of H×W, in shares of the contrast per length of the shorter side."""
    height, width = luma.shape
    across, down = height * (width - 1), (height - 1) * width
    if not across + down:
        return 0.0
    steps = np.empty(across + down, np.uint8)
    _differences(luma[:, 1:], luma[:, :-1], steps[:across])
    _differences(luma[1:], luma[:-1], steps[across:])
    wanted = max(1, int(_EDGES * len(steps)))
    steps.sort(kind="stable")  # of bytes it counts; quicker than finding the steepest by comparing
    total = int(steps[-wanted:].sum(dtype=np.int64))
    sharpness: float = total / wanted / contrast * min(height, width)
    return sharpness


def _differences(one: NDArray[np.uint8], other: NDArray[np.uint8], into: NDArray[np.uint8]) -> None:
    np.subtract(np.maximum(one, other), np.minimum(one, other), out=into.reshape(one.shape))


class _Lines:
    """The rows of H×W bytes: at this size Python's own bytes are quicker than arrays."""

    def __init__(self, pixels: bytes, width: int) -> None:
        self._pixels, self._width = pixels, width

    def __len__(self) -> int:
        return len(self._pixels) // self._width

    def __getitem__(self, line: int) -> bytes:
        start = line % len(self) * self._width
        return self._pixels[start : start + self._width]


class _Columns:
    """The columns of H×W bytes."""

    def __init__(self, pixels: bytes, width: int) -> None:
        self._pixels, self._width = pixels, width

    def __len__(self) -> int:
        return self._width

    def __getitem__(self, column: int) -> bytes:
        return self._pixels[column % self._width :: self._width]


def _bars(lines: _Lines | _Columns) -> tuple[float, float, float]:
    """`Measurement.bars`, ``margin`` and ``edge`` at both ends of some lines."""
    count, first, last = len(lines), lines[0], lines[-1]
    if max(first) - min(first) > _EVEN or max(last) - min(last) > _EVEN:
        return 0.0, -1.0, 0.0
    margin = float(first[len(first) // 2])
    top, bottom = _even_lines(lines, 0, 1), _even_lines(lines, -1, -1)
    if top + bottom >= count:
        return 0.0, margin, 0.0
    edge = min(_differing(lines[top], first), _differing(lines[-1 - bottom], last))
    return (top + bottom) / count, margin, edge


def _bar_strength(found: tuple[float, float, float]) -> float:
    share, _, edge = found
    return share * edge


def _even_lines(lines: _Lines | _Columns, end: int, step: int) -> int:
    """How many lines, from an end inwards, are all of the end's colour; at most half of all."""
    half, outer = (len(lines) + 1) // 2, lines[end]
    alike = _levels(max(outer) - _EVEN, min(outer) + _EVEN)
    return next((number for number in range(half) if lines[end + step * number].translate(None, alike)), half)


def _differing(line: bytes, bar: bytes) -> float:
    """The share of a line that has not the bar's colour."""
    middle = (max(bar) + min(bar)) // 2
    return len(line.translate(None, _levels(middle - _STEP + 1, middle + _STEP - 1))) / len(line)


def _levels(low: int, high: int) -> bytes:
    """All levels from ``low`` to ``high``."""
    return bytes(range(max(0, low), min(255, high) + 1))

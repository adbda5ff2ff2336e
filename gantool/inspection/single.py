"""Findings about single pictures: how they look, and how they are stored.

The limits were fixed on one half of two made-up dirty sets and are kept by their other half (``tests/dirty``). What is
blurred or has bars is judged against the other pictures of the set too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gantool.data.decode import is_deep_mode
from gantool.inspection.report import Finding
from gantool.inspection.survey import Survey

BLANK_SPAN = 24.0
"""Grey levels between the darkest and the lightest of nearly all pixels, in the colour that varies most."""
DARK, BRIGHT = 85.0, 182.0
"""Luma that nearly no pixel exceeds, or that nearly all exceed."""
SHARPNESS = 11.0
"""Edges that fit side by side across the picture. A picture of fewer has none that are sharp at any resolution."""
SHARPNESS_OF_MEDIAN = 0.5
SHARPNESS_OF_RESOLUTION = 0.25
ASPECT = 2.0
"""Times as wide, or as high, as the typical picture of the set."""
BARS = 0.08
"""Of height or width, at both ends together."""
BAR_EDGE, BAR_EDGE_IF_STRANGE = 0.8, 0.3
"""How much of a bar's inner edge must stand out; less will do for a colour that the set's usual margins do not have."""
USUAL_MARGIN = 0.5
"""A margin is usual when so many pictures of the set have it."""
SUFFIXES = {
    "PNG": {"png", "apng"},
    "JPEG": {"jpg", "jpeg", "jfif", "jpe"},
    "MPO": {"jpg", "jpeg", "mpo"},
    "WEBP": {"webp"},
    "BMP": {"bmp"},
    "TIFF": {"tif", "tiff"},
    "GIF": {"gif"},
}

_STRANGE = 16.0


def looks(survey: Survey, resolution: int) -> Iterator[Finding]:
    """Blank, blurred, dark, bright, small, odd and letterboxed pictures."""
    numbers = survey.numbers
    blank = numbers["span"] <= BLANK_SPAN
    yield from _where(survey, "blank", blank, -numbers["span"], lambda row: f"{numbers['span'][row]:.0f} grey levels")
    bars = _barred(survey) & ~blank
    yield from _where(
        survey, "letterbox", bars, numbers["bars"], lambda row: f"bars take {numbers['bars'][row]:.0%} of a side"
    )
    sharp = numbers["sharpness"]
    soft = (sharp < _softest(sharp[~blank], resolution)) & ~blank
    yield from _where(
        survey, "blurred", soft, -sharp, lambda row: f"its sharpest edges are 1/{max(sharp[row], 1):.0f} of it wide"
    )
    dark, bright = numbers["lightest"] < DARK, numbers["darkest"] > BRIGHT
    yield from _where(
        survey, "dark", dark, -numbers["lightest"], lambda row: f"nothing above {numbers['lightest'][row]:.0f}"
    )
    yield from _where(
        survey, "bright", bright, numbers["darkest"], lambda row: f"nothing below {numbers['darkest'][row]:.0f}"
    )
    yield from _shapes(survey, resolution)


def _shapes(survey: Survey, resolution: int) -> Iterator[Finding]:
    height, width = survey.numbers["height"], survey.numbers["width"]
    if not len(height):
        return
    side = np.minimum(height, width)
    yield from _where(
        survey, "small", side < resolution, -side, lambda row: f"{width[row]:.0f}×{height[row]:.0f} for {resolution}"
    )
    shape = np.log(width / height)
    off = np.abs(shape - np.median(shape))
    yield from _where(survey, "aspect", off > np.log(ASPECT), off, lambda row: _shape(height[row], width[row]))


def storage(survey: Survey) -> Iterator[Finding]:
    """Modes, alpha, depth, rotation, animation, wrong suffixes; what is no picture for us at all."""
    modes = np.array(survey.modes, object)
    count = len(modes)
    grey = ~survey.flags["colourful"]
    if 0 < np.count_nonzero(grey) < count / 2:
        yield from _where(survey, "grey_among_colour", grey, np.zeros(count), lambda row: f"mode {modes[row]}")
    stored: dict[str, NDArray[np.bool]] = {
        "animated": survey.flags["animated"],
        "alpha": survey.flags["transparent"],
        "palette": np.isin(modes, ("P", "PA")),
        "cmyk": modes == "CMYK",
        "deep": np.array([is_deep_mode(mode) for mode in survey.modes], np.bool),
        "deep_colour": np.array([mode.endswith(";16") and not is_deep_mode(mode) for mode in survey.modes], np.bool),
        "rotated": survey.flags["rotated"],
        "suffix": np.array([_is_misnamed(survey, row) for row in range(count)], np.bool),
    }
    for kind, found in stored.items():
        yield from _where(
            survey, kind, found, np.zeros(count), lambda row: f"{survey.formats[row]} {modes[row]}".strip()
        )
    for name, reason in survey.passed_over:
        yield Finding("passed_over", (), f"{name}: {reason}")


def unreadable(survey: Survey) -> Iterator[Finding]:
    """Pictures that cannot be decoded, with the reason."""
    for picture, reason in survey.faults.items():
        yield Finding("unreadable", (picture,), reason)


def _where(
    survey: Survey, kind: str, found: NDArray[np.bool], score: NDArray[np.floating], say: Callable[[int], str]
) -> Iterator[Finding]:
    """A finding for each row where ``found`` holds, the largest score first."""
    rows = np.flatnonzero(found)
    for row in rows[np.argsort(-score[rows], kind="stable")].tolist():
        yield Finding(kind, (int(survey.pictures[row]),), say(row), float(score[row]))


def _softest(sharpness: NDArray[np.float32], resolution: int) -> float:
    """The sharpness below which a picture of this set is blurred."""
    if not len(sharpness):
        return SHARPNESS
    typical = SHARPNESS_OF_MEDIAN * float(np.median(sharpness))
    return max(SHARPNESS, min(typical, SHARPNESS_OF_RESOLUTION * resolution))


def _barred(survey: Survey) -> NDArray[np.bool]:
    """Which pictures have bars: even lines at both ends that are no margin of the subject's own background."""
    margin, edge, share = (survey.numbers[name] for name in ("margin", "edge", "bars"))
    usual = _usual_margin(margin)
    needed = np.full(len(margin), BAR_EDGE)
    if usual is not None:
        needed = np.where(np.abs(margin - usual) > _STRANGE, BAR_EDGE_IF_STRANGE, np.inf)
    found: NDArray[np.bool] = (share >= BARS) & (edge >= needed)
    return found


def _usual_margin(margin: NDArray[np.float32]) -> float | None:
    """The luma of the margins that most pictures have; None where most have none of one colour."""
    levels = margin[margin >= 0]
    if not len(levels):
        return None
    typical = float(np.median(levels))
    alike = np.count_nonzero(np.abs(levels - typical) <= _STRANGE)
    return typical if alike >= USUAL_MARGIN * len(margin) else None


def _shape(height: float, width: float) -> str:
    wide = width >= height
    ratio = max(width / height, height / width)
    return f"{ratio:.1f} times as {'wide as high' if wide else 'high as wide'}"


def _is_misnamed(survey: Survey, row: int) -> bool:
    """Whether a file's suffix names another format than its content has."""
    name, format_ = survey.names[survey.pictures[row]], survey.formats[row]
    _, dot, suffix = name.rpartition(".")
    known = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
    return bool(dot) and suffix.lower() in known and format_ in SUFFIXES and suffix.lower() not in SUFFIXES[format_]

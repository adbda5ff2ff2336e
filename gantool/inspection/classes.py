"""Findings about classes, and about the set as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from gantool.data.decode import is_deep_mode
from gantool.inspection.report import Facts, Finding
from gantool.inspection.survey import Survey

FEW = 100
"""Pictures below which training from scratch shows nothing but them again."""
SMALL_CLASS = 50
IMBALANCE = 3.0
"""Times as many pictures in the largest class as in the smallest."""
MIXED = 1.1
"""Times as high or as wide as the smallest."""


def facts(survey: Survey) -> Facts:
    """What the set is like."""
    height, width = survey.numbers["height"], survey.numbers["width"]
    sizes = np.stack([height, width], axis=1).astype(int) if len(height) else np.zeros((1, 2), int)
    by_area = sizes[np.argsort(sizes[:, 0] * sizes[:, 1], kind="stable")]
    return Facts(
        total=len(survey),
        readable=len(survey.pictures),
        formats=dict(Counter(name or "pixels" for name in survey.formats).most_common()),
        modes=dict(Counter(_mode(survey, row) for row in range(len(survey.pictures))).most_common()),
        smallest=_size(by_area[0]),
        median=_size(np.median(sizes, axis=0).astype(int)),
        largest=_size(by_area[-1]),
        class_counts=class_counts(survey),
        captions=survey.captions,
    )


def class_counts(survey: Survey) -> Mapping[str, int]:
    """Readable pictures of each class."""
    labels = survey.labels[survey.pictures]
    counts = np.bincount(labels[labels >= 0], minlength=len(survey.classes))
    return dict(zip(survey.classes, counts.tolist(), strict=True))


def class_findings(counts: Mapping[str, int]) -> Iterator[Finding]:
    """Small classes, and classes of unequal size."""
    for name, count in sorted(counts.items(), key=lambda pair: pair[1]):
        if count < SMALL_CLASS:
            yield Finding("small_class", (), f"{name}: {count}", float(SMALL_CLASS - count))
    if counts and (smallest := min(counts.values())) * IMBALANCE < (largest := max(counts.values())):
        ratio = f"{largest / smallest:.1f} times as many" if smallest else "none at all"
        yield Finding("imbalance", (), f"{largest:,} in the largest class, {smallest:,} in the smallest: {ratio}")


def set_findings(survey: Survey, usable: int) -> Iterator[Finding]:
    """Too few pictures, and mixed sizes."""
    if usable < 2:
        yield Finding("none", (), f"{usable} usable")
    elif usable < FEW:
        yield Finding("few", (), f"{usable} usable, {FEW} at least for anything but copies of them")
    height, width = survey.numbers["height"], survey.numbers["width"]
    if len(height) and max(height.max() / height.min(), width.max() / width.min()) > MIXED:
        sizes = len(set(zip(height.tolist(), width.tolist(), strict=True)))
        yield Finding("mixed_sizes", (), f"{sizes:,} different sizes")


def _size(size: np.ndarray[tuple[int, ...], np.dtype[np.int_]]) -> tuple[int, int]:
    return int(size[0]), int(size[1])


def _mode(survey: Survey, row: int) -> str:
    """A mode in a person's words."""
    mode = survey.modes[row]
    colour = "colour" if survey.flags["colourful"][row] else "grey"
    if is_deep_mode(mode):
        return "deep grey"
    words = {"P": "palette", "PA": "palette", "CMYK": "CMYK"}
    stored = words.get(mode, "rgb" if mode.startswith("RGB") or mode == "YCbCr" else "")
    alpha = " with alpha" if survey.flags["transparent"][row] else ""
    return f"{colour} {f'in {stored}' if colour == 'grey' and stored else stored}".strip() + alpha

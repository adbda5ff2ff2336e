"""A check as one HTML file: findings with their pictures, to look through in any browser, without a network.

The page runs one script and one style, both its own: a Content-Security-Policy names them by their hashes and allows
no request at all. Names, classes and details are strangers' text and only ever text; the script reads them from the
page, so nothing has to be quoted twice. What it shares with other pages is in `gantool.pages`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from gantool.data import exclusions
from gantool.inspection.overview import (
    MEANING,
    Section,
    excluded,
    fact_rows,
    option_words,
    ranked,
    sections,
    verdict,
)
from gantool.inspection.report import SEVERITIES, Finding, Report
from gantool.pages import render as render_page
from gantool.pages.text import counted, visible

PER_KIND = 60

_PER_GROUP = 12
_LARGEST_CLASSES, _SMALLEST_CLASSES = 16, 8

Thumbnail = Callable[[int], bytes | None]
"""From the index of a picture to a small PNG or WebP of it; None where it cannot be read."""


@dataclass(frozen=True)
class _Picture:
    """One picture in the page."""

    name: str
    """As it is shown."""
    copied: str
    """As a line of the list of names to leave out."""
    label: str | None
    image: _Image | None
    kept: bool | None
    """Of a group of which one is kept: whether it is this one."""


@dataclass(frozen=True)
class _Image:
    """A thumbnail, and its size in pixels."""

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class _Entry:
    """One finding, or as much of it as is shown: what a filter shows or hides."""

    detail: str
    pictures: Sequence[_Picture]
    more: int
    """Pictures of the group that are not shown."""


@dataclass(frozen=True)
class _Part:
    """One section of the page."""

    section: Section
    short: str
    """How many, as a bare number; empty for a single finding about the whole set."""
    count: str
    limit: str
    """What is not shown; empty where all is."""
    entries: Sequence[_Entry]

    @property
    def pictureless(self) -> bool:
        """Whether none of its pictures can be shown: lines then take less room than empty frames."""
        return not self.section.kind.grouped and not any(
            picture.image for entry in self.entries for picture in entry.pictures
        )

    @property
    def copies(self) -> bool:
        """Whether there are names to copy."""
        return any(entry.pictures for entry in self.entries)


def wanted(report: Report, per_kind: int = PER_KIND) -> list[int]:
    """Indices of the pictures that the page shows, ascending: a source that is read in its order is read once."""
    chosen = (piece for section in sections(report) for piece in _chosen(section, per_kind))
    return sorted({index for _, pictures in chosen for index in pictures})


def render(report: Report, thumbnail: Thumbnail, per_kind: int = PER_KIND) -> str:
    """The page, for a file in UTF-8.

    Args:
        report: what was found.
        thumbnail: asked for the pictures of `wanted`, once for each place where one is shown, in no order.
        per_kind: pictures, or findings without one, that are shown of each kind.
    """
    parts = [_part(section, report, thumbnail, per_kind) for section in sections(report)]
    return render_page(
        "gantool.inspection",
        "page.html.j2",
        source=visible(report.source),
        verdict=verdict(report),
        facts=fact_rows(report.facts),
        options=option_words(report.options),
        classes=_classes(report),
        between=f"… {len(report.facts.class_counts) - _LARGEST_CLASSES - _SMALLEST_CLASSES:,} classes between …",
        advice=report.advice,
        left_out=len(excluded(report)),
        severities=SEVERITIES,
        meaning=MEANING,
        present={part.section.kind.severity for part in parts},
        parts=parts,
    )


def _part(section: Section, report: Report, thumbnail: Thumbnail, per_kind: int) -> _Part:
    pieces = _chosen(section, per_kind)
    noun, total, here = _measure(section, pieces)
    count = counted(total, noun)
    if section.kind.grouped and section.kind.excluded:
        count += f", {counted(section.pictures, 'picture')} beyond the first"
    if section.pictures == 0 and total == 1:
        count = ""
    limit = f"{here:,} of {total:,} {noun}s shown; all are in the JSON (--json)." if here < total else ""
    entries = [_entry(finding, pictures, section, report, thumbnail) for finding, pictures in pieces]
    return _Part(section, f"{section.pictures or total:,}" if count else "", count, limit, entries)


def _measure(section: Section, pieces: Sequence[tuple[Finding, Sequence[int]]]) -> tuple[str, int, int]:
    """In what a section is counted, how many there are, and how many are shown."""
    if section.kind.grouped:
        return "group", len(section.findings), len(pieces)
    if section.pictures:
        return "picture", section.pictures, len({index for _, pictures in pieces for index in pictures})
    return "finding", len(section.findings), len(pieces)


def _chosen(section: Section, per_kind: int) -> list[tuple[Finding, Sequence[int]]]:
    """The findings of a kind that are shown, worst first, with those of their pictures that are shown.

    A group is shown with its first pictures only where it is large, and is not begun where it would not fit.
    """
    pieces: list[tuple[Finding, Sequence[int]]] = []
    room = per_kind
    for finding in section.findings:
        if section.kind.grouped:
            pictures = finding.pictures[: min(_PER_GROUP, per_kind)]
            if len(pictures) > room:
                break
            pieces.append((finding, pictures))
            room -= len(pictures)
            continue
        singles: list[Sequence[int]] = [(index,) for index in finding.pictures] or [()]
        pieces += [(finding, single) for single in singles[:room]]
        room -= len(singles)
        if room <= 0:
            break
    return pieces


def _entry(finding: Finding, pictures: Sequence[int], section: Section, report: Report, thumbnail: Thumbnail) -> _Entry:
    grouped, marked = section.kind.grouped, section.kind.grouped and section.kind.excluded
    return _Entry(
        visible(finding.detail),
        [
            _Picture(
                name=visible(report.names[index]),
                copied=exclusions.written(report.names[index]),
                label=None if (label := report.labels[index]) is None else visible(label),
                image=_image(thumbnail(index)),
                kept=index == finding.pictures[0] if marked else None,
            )
            for index in pictures
        ],
        more=len(finding.pictures) - len(pictures) if grouped else 0,
    )


def _image(content: bytes | None) -> _Image | None:
    """A thumbnail for an ``<img>``; None where there is none, or it is neither PNG nor WebP."""
    if content is None:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "WEBP")) as image:
            kind, (width, height) = str(image.format).lower(), image.size
    except UnidentifiedImageError:
        return None
    return _Image(f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}", width, height)


def _classes(report: Report) -> list[tuple[str, int] | None]:
    """Classes with their counts, the largest first; None stands for those of the middle where there are many."""
    classes: list[tuple[str, int] | None] = [*ranked(report.facts.class_counts)]
    if len(classes) <= _LARGEST_CLASSES + _SMALLEST_CLASSES:
        return classes
    return [*classes[:_LARGEST_CLASSES], None, *classes[-_SMALLEST_CLASSES:]]

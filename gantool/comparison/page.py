"""A comparison as one HTML file: numbers, pictures, and what was set differently."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gantool.comparison.comparing import Comparison
from gantool.comparison.entries import Entry
from gantool.pages import render as render_page
from gantool.pages.pictures import Inlined, inlined
from gantool.pages.text import visible
from gantool.report.page import features_words
from gantool.report.timeline import grids
from gantool.rundir import images_seen_of

_MOST_BYTES = 4_000_000


class Sample(NamedTuple):
    """The pictures of one entry."""

    name: str
    caption: str
    image: Inlined | None


def render(comparison: Comparison) -> str:
    """The page, for a file in UTF-8."""
    card = comparison.entries[0].card
    names = [entry.name for entry in comparison.entries]
    return render_page(
        "gantool.comparison",
        "comparison.html.j2",
        names=names,
        title=", ".join(names),
        sentence=_sentence(comparison),
        subjects=[_subject(entry) for entry in comparison.entries],
        rows=comparison.rows,
        unreliable=[row.title for row in comparison.rows if any(v is not None and not v.reliable for v in row.values)],
        facts=[
            ("features", features_words(card.features)),
            ("against", f"{card.reference.pictures:,} {visible(card.reference.split)} pictures"),
            ("set", visible(card.reference.fingerprint)),
            ("samples", f"{card.samples:,} made pictures"),
        ],
        samples=samples(comparison),
        config=comparison.config,
        notes=comparison.notes,
        configs=sum(entry.run is not None for entry in comparison.entries),
    )


def samples(comparison: Comparison) -> list[Sample]:
    """The newest grid of each entry, not beyond its best checkpoint where there is one."""
    chosen = [_grid(entry) for entry in comparison.entries]
    paths = [path for one in chosen if one is not None for path in one[1:]]
    pictures, faults = inlined([Path(path) for path in paths], most_bytes=_MOST_BYTES)
    found, left = [], iter(pictures)
    for entry, one in zip(comparison.entries, chosen, strict=True):
        if one is None:
            found.append(Sample(entry.name, "no sample grid", None))
            continue
        image = next(left)
        reason = faults.get(one[1], "does not fit in the page")
        caption = f"after {one[0]:,} images" if image else visible(f"{one[1].name}: {reason}")
        found.append(Sample(entry.name, caption, image))
    return found


def _grid(entry: Entry) -> tuple[int, Path] | None:
    if entry.run is None:
        return None
    everything = grids(entry.run)
    best = entry.run.best()
    within = [one for one in everything if best is not None and one[0] <= images_seen_of(best)]
    return next(reversed(within or everything), None)


def _subject(entry: Entry) -> str:
    subject = entry.card.subject
    seen = f", {subject.images_seen:,} images seen" if subject.images_seen is not None else ""
    return visible(subject.name) + seen


def _sentence(comparison: Comparison) -> str:
    leading = next((one for one in comparison.rows if any(v is not None and v.leads for v in one.values)), None)
    row = leading or next(iter(comparison.rows), None)
    if row is None:
        return "The cards hold no metric."
    title = row.title[:1].lower() + row.title[1:]
    if row.best is None:
        return f"No clear winner: the {title} differs by no more than its deviations."
    return f"{comparison.entries[row.best].name} has the better {title}."

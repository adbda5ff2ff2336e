"""Findings from feature space: pictures unlike all others, and labels unlike their neighbours'.

This is the slow part of a check (a network looks at every picture), so it can be left out or limited. Pictures that
something else is wrong with are left out of it: sixty blurred ones would vouch for each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.data.base import Source
from gantool.data.decode import Options, is_deep_mode
from gantool.data.worker import decoding
from gantool.data.workers import raws_of, work
from gantool.errors import UsageError
from gantool.inspection.report import KINDS, Finding
from gantool.inspection.survey import Progress, Survey

AT_MOST = 10_000
FEWEST = 50
"""Pictures below which nothing can be said of what is usual."""

_BATCH = 64


class FeatureLimit(NamedTuple):
    """How much to look at."""

    mode: Literal["auto", "on", "off"] = "auto"
    """auto looks where the weights are installed, on insists."""
    most: int = AT_MOST
    """Of more pictures, so many are drawn."""


EVERYTHING = FeatureLimit()


def strange(
    seen: Survey,
    source: Source,
    groups: Sequence[Sequence[int]],
    findings: Sequence[Finding],
    limit: FeatureLimit,
    workers: int | None,
    progress: Progress,
) -> tuple[str, list[Finding]]:
    """What was looked at, in words, and the findings.

    Args:
        seen: all pictures.
        source: where they are read once more.
        groups: rows that show the same picture.
        findings: what else is wrong; these pictures are not looked at.
        limit: whether, and of how many pictures.
        workers: decoding processes.
        progress: called every few pictures.

    Raises:
        UsageError: when the weights are missing and ``limit`` insists.
    """
    if limit.mode == "off":
        return "not asked for", []
    rows = _rows(seen, findings, limit.most)
    if len(rows) < FEWEST:
        return f"none: fewer than {FEWEST} pictures with nothing wrong", []
    try:
        content, texture = _features(seen, source, rows, workers, progress)
    except UsageError as error:
        if limit.mode == "on":
            raise
        return f"none: {error}", []
    return f"of {len(rows):,} pictures", list(_findings(seen, rows, content, texture, groups))


def _rows(seen: Survey, findings: Sequence[Finding], most: int) -> NDArray[np.int64]:
    """Rows with nothing wrong but how they are stored, or that they are there more than once; a draw of too many."""
    faulty = {
        picture
        for finding in findings
        if KINDS[finding.kind].severity != "note" and not KINDS[finding.kind].grouped
        for picture in finding.pictures
    }
    # Pictures deeper than 8 bits have no common range yet: by their own ranges they would look like nothing else.
    deep = np.array([is_deep_mode(mode) for mode in seen.modes], np.bool)
    rows = np.flatnonzero(~np.isin(seen.pictures, list(faulty)) & ~deep)
    if len(rows) <= most:
        return rows
    from gantool import seeding  # noqa: PLC0415 - loads torch

    source = np.random.Generator(np.random.PCG64(seeding.derive(0, "features")))
    return np.sort(source.choice(rows, most, replace=False))


def _features(
    seen: Survey, source: Source, rows: NDArray[np.int64], workers: int | None, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Content and texture of some rows, read once more."""
    from gantool.metrics.features.efficientnet_lite0 import SIDE, EfficientNetLite0  # noqa: PLC0415 - loads the weights

    network = EfficientNetLite0()
    contents, textures = [], []
    options = Options((SIDE, SIDE), "rgb", "stretch")
    numbers = [int(seen.pictures[row]) for row in rows]
    for done, batch in _batches(source, numbers, options, workers):
        found = network.describe(batch)
        contents.append(found.content)
        textures.append(found.texture)
        progress("look", done, len(rows))
    return np.concatenate(contents), np.concatenate(textures)


def _batches(
    source: Source, numbers: Sequence[int], options: Options, workers: int | None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Pictures as N×224×224×3, in order, and how many they are so far."""
    outcomes = work(raws_of(source, numbers), decoding(options), workers, len(numbers))
    with contextlib.closing(outcomes):
        batch: list[NDArray[np.uint8]] = []
        for done, outcome in enumerate(outcomes, start=1):
            # A picture that changed since it was measured is shown as nothing.
            pixels = getattr(outcome, "pixels", None)
            batch.append(np.zeros((*options.size, 3), np.uint8) if pixels is None else pixels)  # type: ignore[misc]
            if len(batch) == _BATCH or done == len(numbers):
                yield done, np.stack(batch)
                batch = []


def _findings(
    seen: Survey,
    rows: NDArray[np.int64],
    content: NDArray[np.float32],
    texture: NDArray[np.float32],
    groups: Sequence[Sequence[int]],
) -> Iterator[Finding]:
    from gantool.metrics.neighbours import OUTLIER, SUSPECT, label_suspects, outliers  # noqa: PLC0415 - loads torch

    pictures, place = seen.pictures[rows], {int(row): number for number, row in enumerate(rows)}
    together = [inside for group in groups if len(inside := [place[row] for row in group if row in place]) > 1]
    oddness = outliers(content, texture, together)
    odd = oddness > OUTLIER
    for number in np.flatnonzero(odd)[np.argsort(-oddness[odd], kind="stable")].tolist():
        yield Finding("outlier", (int(pictures[number]),), f"oddness {oddness[number]:.1f}", float(oddness[number]))
    # An outlier's neighbours are far away, and say nothing about its label.
    known = np.flatnonzero((seen.labels[pictures] >= 0) & ~odd)
    renumbered = {int(number): position for position, number in enumerate(known)}
    together = [inside for group in together if len(inside := [renumbered[n] for n in group if n in renumbered]) > 1]
    scores, wanted = label_suspects(content[known], seen.labels[pictures][known], together)
    suspects = np.flatnonzero(scores > SUSPECT)
    for position in suspects[np.argsort(-scores[suspects], kind="stable")].tolist():
        picture = int(pictures[known[position]])
        own, other = seen.classes[seen.labels[picture]], seen.classes[int(wanted[position])]
        yield Finding("label_suspect", (picture,), f"labelled {own}, looks like {other}", float(scores[position]))

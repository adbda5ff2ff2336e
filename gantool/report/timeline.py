"""The sample grids of a run, in order: the same latents every time, so that one sees pictures grow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gantool.pages.pictures import Inlined, inlined
from gantool.rundir import RunFolder

MOST_FRAMES = 40
MOST_BYTES = 5_500_000
"""Of all frames together, as text in the page."""


class Frame(NamedTuple):
    """One grid."""

    images_seen: int
    image: Inlined


class Timeline(NamedTuple):
    """What of a run's grids is shown."""

    frames: Sequence[Frame]
    grids: int
    """How many there are."""
    faults: Sequence[str]
    """Files that cannot be read, and why."""


def grids(run: RunFolder) -> list[tuple[int, Path]]:
    """Images seen and file of every sample grid, in order."""
    found = [(int(path.stem), path) for path in run.samples.glob("*.png") if re.fullmatch(r"\d{9,18}", path.stem)]
    return sorted(found)


def timeline(run: RunFolder, *, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> Timeline:
    """At most ``most_frames`` grids, spread evenly; the first and the last always. Raises nothing for bad files."""
    everything = grids(run)
    chosen = [everything[place] for place in spread(len(everything), most_frames)]
    pictures, faults = inlined([path for _, path in chosen], most_bytes=most_bytes)
    frames = [Frame(seen, image) for (seen, _), image in zip(chosen, pictures, strict=True) if image is not None]
    return Timeline(frames, len(everything), [f"samples/{path.name}: {reason}" for path, reason in faults.items()])


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the places 0 … count − 1, evenly, with both ends."""
    if count <= most:
        return list(range(count))
    return sorted({round(step * (count - 1) / (most - 1)) for step in range(most)})

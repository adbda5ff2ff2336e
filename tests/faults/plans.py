"""Where a run is struck: the spots, and seeded choices among them."""

from __future__ import annotations

import json
import random
import signal
from dataclasses import asdict, dataclass
from typing import Literal

Spot = Literal[
    "preparation",
    "start-up",
    "step",
    "log line",
    "grid",
    "evaluation",
    "half written",
    "before fsync",
    "before replace",
    "before the folder's fsync",
    "full disk",
    "filled disk",
]

KILL_SPOTS: tuple[Spot, ...] = (
    "step",
    "before fsync",
    "before replace",
    "before the folder's fsync",
    "half written",
    "step",
    "log line",
    "grid",
    "evaluation",
)
"""In the order in which they are tried: even four points see the loop and every side of the checkpoint's write."""

WRITES = frozenset({"half written", "before fsync", "before replace", "before the folder's fsync"})


@dataclass(frozen=True)
class Plan:
    """One fault.

    Attributes:
        spot: where it strikes.
        images: the first time there once the run has seen so many images.
        share: how much of the file or line is written (0 to 1), or how far into the step, in units of 10 ms.
        what: the files whose writing is meant: a part of their names.
        number: the signal. (A full disk is none: ``images`` is then the number of the writing call, and ``share``
            whether the disk stays full; a filled one is filled by a real file.)
        rank: which process of several; None for a run of one.
    """

    spot: Spot
    images: int = 0
    share: float = 0.0
    what: str = ".safetensors."
    number: int = signal.SIGKILL
    rank: int | None = None

    def to_json(self) -> str:
        """For an environment variable."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        if self.spot in {"full disk", "filled disk"}:
            return f"{self.spot}, {self.images}{' and after' if self.share else ''}"
        where = f"{self.spot} of {self.what.strip('.')}" if self.spot in WRITES else self.spot
        rank = "" if self.rank is None else f"rank {self.rank}, "
        return f"{rank}{signal.Signals(self.number).name} at {where}, image {self.images}, {self.share:.3f}"


def from_json(text: str) -> Plan:
    """What `Plan.to_json` wrote."""
    return Plan(**json.loads(text))


_SMALL_FILES = (".config.yaml.", ".run.json.", ".best.json.", ".png.")


def kill_points(count: int, total_images: int, seed: str) -> list[Plan]:
    """``count`` faults that a run of ``total_images`` certainly meets."""
    chosen = []
    for index in range(count):
        draw = random.Random(f"{seed} {index}")
        spot = KILL_SPOTS[index % len(KILL_SPOTS)]
        # In a later round the small files are written, too. They come early: every run writes each of them.
        small = spot in WRITES and index >= len(KILL_SPOTS) and draw.random() < 0.5
        images = 0 if small else draw.randrange(_last_chance(spot, total_images))
        what = draw.choice(_SMALL_FILES) if small else Plan.what
        chosen.append(Plan(spot, images, draw.random(), what))
    return chosen


def kill_chain(count: int, total_images: int, seed: str) -> list[Plan]:
    """``count`` faults for one run that is killed, resumed, killed, …, ever later."""
    draw = random.Random(f"{seed} chain")
    spots: tuple[Spot, ...] = ("step", "before fsync", "half written", "before replace")
    moments = sorted(draw.randrange(total_images * 3 // 4) for _ in range(count))
    return [Plan(draw.choice(spots), images, draw.random()) for images in moments]


def _last_chance(spot: Spot, total_images: int) -> int:
    """Images by which the spot surely comes once more: all of them come at the end, and a step does until then."""
    return total_images if spot != "step" else total_images - 16

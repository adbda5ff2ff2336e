"""All numbers of one comparison, and their floors."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from gantool import files
from gantool.data import cache_folder
from gantool.evaluation.extractors import Progress, silent
from gantool.evaluation.real import RealFeatures
from gantool.evaluation.reference import FloorName, Reference
from gantool.metrics.features import FeatureFacts
from gantool.metrics.frechet import frechet_distance, gaussian, is_reliable
from gantool.metrics.inception_score import PARTS, inception_score
from gantool.metrics.kernel import kernel_distance
from gantool.metrics.manifold import overlap

VERSION = 2
"""Raised whenever the same features would give other numbers."""

_KEPT = TypeAdapter(dict[str, list[dict[str, float | None]]])

Logits = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Measure(NamedTuple):
    """One number of the card."""

    title: str
    better: Literal["lower", "higher"]


MEASURES = {
    "frechet_distance": Measure("Fréchet distance", "lower"),
    "kernel_distance": Measure("Kernel distance", "lower"),
    "precision": Measure("Precision", "higher"),
    "recall": Measure("Recall", "higher"),
    "density": Measure("Density", "higher"),
    "coverage": Measure("Coverage", "higher"),
    "inception_score": Measure("Inception score", "higher"),
}


class Scores(NamedTuple):
    """Numbers by name, nan where one cannot be computed; and the kernel distance's deviation over subsets."""

    values: dict[str, float]
    within: float


class Scorer:
    """Compares sets of generated pictures with one set of real ones.

    Args:
        real: float32 m×D.
        logits: of the Inception score; None for other features.
    """

    def __init__(self, real: NDArray[np.float32], logits: Logits | None = None) -> None:
        self._real = real
        self._gaussian = gaussian(real)
        self._logits = logits

    def score(self, made: NDArray[np.float32], seed: int) -> Scores:
        """Compare n×D features, n ≥ 4."""
        kernel = kernel_distance(made, self._real, seed=seed)
        values = {
            "frechet_distance": frechet_distance(gaussian(made), self._gaussian),
            "kernel_distance": kernel.mean,
            **overlap(self._real, made)._asdict(),
        }
        if self._logits is not None:
            enough = len(made) >= PARTS
            values["inception_score"] = inception_score(self._logits(made), seed=seed).mean if enough else math.nan
        return Scores(values, kernel.deviation)


def leading(reference: Reference, dimensions: int) -> str:
    """The number to go by: the Fréchet distance where it can be trusted, else the kernel distance."""
    reliable = is_reliable(reference.samples, len(reference.rows), dimensions=dimensions)
    return "frechet_distance" if reliable else "kernel_distance"


def floors(
    reference: Reference,
    real: RealFeatures,
    facts: FeatureFacts,
    seeds: Sequence[int],
    logits: Logits | None = None,
    progress: Progress = silent,
    *,
    only: FloorName | None = None,
) -> dict[FloorName, list[dict[str, float]]]:
    """What real pictures score, for each kind of floor and each seed; computed once per set, sizes and features."""
    kinds = reference.floors if only is None else (only,)
    path = cache_folder() / "floors" / f"{_key(reference, facts, seeds, kinds)}.json"
    if (kept := _kept(path, kinds, seeds)) is not None:
        return kept
    wanted = [(floor, seed) for floor in kinds for seed in seeds]
    found: dict[FloorName, list[dict[str, float]]] = {floor: [] for floor in kinds}
    for number, (floor, seed) in enumerate(wanted):
        progress("measure the floor", number, len(wanted))
        first, second = (real.of(rows) for rows in reference.floor_rows(floor, seed))
        found[floor].append(Scorer(second, logits).score(first, seed).values)
    progress("measure the floor", len(wanted), len(wanted))
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, json.dumps({floor: [_with_none(e) for e in each] for floor, each in found.items()}))
    return found


def _key(reference: Reference, facts: FeatureFacts, seeds: Sequence[int], kinds: Sequence[FloorName]) -> str:
    content = {
        "version": VERSION,
        "set": reference.dataset.fingerprint,
        "split": reference.split,
        "sizes": [reference.samples, len(reference.rows)],
        "features": facts._asdict(),
        "seeds": list(seeds),
        "kinds": list(kinds),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


def _kept(
    path: Path, kinds: Sequence[FloorName], seeds: Sequence[int]
) -> dict[FloorName, list[dict[str, float]]] | None:
    """Floors in the cache; None where there are none, or they are not what was written."""
    try:
        found = _KEPT.validate_json(path.read_bytes())
    except (OSError, ValueError):  # pydantic's fault is a ValueError
        return None
    needed = MEASURES.keys() - {"inception_score"}
    whole = all(
        len(found.get(kind, [])) == len(seeds) and all(each.keys() >= needed for each in found[kind]) for kind in kinds
    )
    return {kind: [_with_nan(each) for each in found[kind]] for kind in kinds} if whole else None


def _with_none(values: dict[str, float]) -> dict[str, float | None]:
    """JSON has no nan."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _with_nan(values: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in values.items()}

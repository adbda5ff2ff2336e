"""Whether bfloat16 pays with quality: the same work in both precisions, three seeds each, at equal images seen.

    python -m benchmarks.quality train FOLDER FASHION_MNIST [JOB ...]   # hours; FASHION_MNIST holds the four idx files
    python -m benchmarks.quality table FOLDER

A job is WORK-PRECISION-SEED (``s1-float32-2``); all twelve unless named. S1 is `seed_dcgan` on the 60,000 garments for
200,000 images, the other work is `quickstart` for 60,000. The distance is the Fréchet distance to held-out pictures, in
the features of a classifier that their labels taught. One thread a job: start two lists of jobs on two cores. A job
that has its card is not done again.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from benchmarks.runs import gantool, mean_of, measured

PRECISIONS, SEEDS = ("bfloat16", "float32"), (1, 2, 3)


class Work(NamedTuple):
    """What is trained, and how many pictures measure it."""

    recipe: str
    images: int
    samples: int
    data: bool
    """Whether the pictures are those of the folder in the command line."""


WORKS: Mapping[str, Work] = {
    "s1": Work("seed_dcgan", 200_000, 10_000, data=True),
    "quickstart": Work("quickstart", 60_000, 1_000, data=False),
}
JOBS = ["-".join(map(str, job)) for job in product(WORKS, PRECISIONS, SEEDS)]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "table"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("pictures", type=Path, nargs="?")
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    asked = parser.parse_args()
    if asked.what == "table":
        table(asked.folder)
        return
    if asked.pictures is None:
        parser.error("train needs the folder of Fashion-MNIST's idx files")
    for job in asked.jobs or JOBS:
        if not _card(asked.folder, job).exists():
            train(asked.folder, asked.pictures, job)


def train(folder: Path, pictures: Path, job: str) -> None:
    """Train and measure one job."""
    name, precision, seed = job.split("-")
    work, run = WORKS[name], folder / "runs" / job
    settings = {
        "seed": seed,
        "training.precision": precision,
        "training.threads": 1,
        "training.total_images": work.images,
        **({"data.path": pictures.resolve()} if work.data else {}),
    }
    if run.exists():
        gantool("resume", run)
    else:
        chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        gantool("train", work.recipe, "--run-dir", run, *chosen)
    asked = ("--features", "classifier", "--seeds", 1, "--samples", work.samples)
    measured(_card(folder, job), "--checkpoint", run, *asked)


def table(folder: Path) -> None:
    """What docs/performance.md has."""
    heads = ["work", "precision", *(f"seed {seed}" for seed in SEEDS), "mean", "deviation"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, precision in product(WORKS, PRECISIONS):
        found = [mean_of(_card(folder, f"{name}-{precision}-{seed}"), "frechet_distance") for seed in SEEDS]
        summary: Sequence[float] = (statistics.fmean(found), statistics.stdev(found))
        print(f"| {name} | {precision} | {' | '.join(f'{distance:.1f}' for distance in (*found, *summary))} |")


def _card(folder: Path, job: str) -> Path:
    return folder / "cards" / f"{job}.json"


if __name__ == "__main__":
    main()

"""Does `gantool data prepare` cost more than decoding and resizing must?

    python -m benchmarks.preparation [--count 20000] [--rounds 5] [--workers 2]

Against a bare Pillow loop (open, load, convert to rgb, Lanczos of the middle crop to 64²; `multiprocessing` over the
same number of processes, results thrown away) stands the whole verb once its imports are done: listing, decoding,
hashes, prints, near duplicates, split, files, fsync. They are measured in turn, round by round, so that a busy machine
disturbs them alike; each round of the verb has a cache of its own. Promised: at most 1.15 in the median. Beside the
seconds stand those of all cores together, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

import gantool.seeding  # noqa: F401 - the verb imports it late, and torch with it
from gantool.data import PreparedSet, prepare
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.folder import Folder

SIDE, STORED = 500, 64
PROMISED = 1.15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    ratios, core_ratios = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_pictures(folder / "pictures", asked.count, asked.workers)
        bare_loop(paths, asked.workers)  # the files are in the system's cache for both
        for number in range(1, asked.rounds + 1):
            bare, bare_cores = timed(lambda: bare_loop(paths, asked.workers))
            whole, whole_cores = timed(lambda: whole_verb(folder, asked.count, asked.workers))
            ratios.append(whole / bare)
            core_ratios.append(whole_cores / bare_cores)
            print(
                f"round {number}: bare {bare:.2f} s ({bare_cores:.2f} of cores), prepare {whole:.2f} s"
                f" ({whole_cores:.2f} of cores), ratio {ratios[-1]:.3f} ({core_ratios[-1]:.3f})",
                flush=True,
            )
    print(
        f"{asked.count:,} JPEGs of {SIDE}² to {STORED}², {asked.workers} processes on {os.cpu_count()} cores, medians"
        f" of {asked.rounds}: ratio {median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}; promised: at"
        f" most {PROMISED}), of cores {median(core_ratios):.3f}"
    )


def make_pictures(folder: Path, count: int, workers: int) -> list[Path]:
    """Distinct JPEGs: garments on a texture, no two alike."""
    folder.mkdir()
    paths = [folder / f"{number:05d}.jpg" for number in range(count)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(make_picture, enumerate(paths), chunksize=max(1, count // (4 * workers)))
    return paths


_garments = None


def make_picture(number: int, path: Path) -> None:
    """Garment ``number``, enlarged, in colours of its own and with the grain of a photograph."""
    global _garments  # noqa: PLW0603 - opened once a process
    _garments = _garments or Embedded().open()
    source = np.random.default_rng(number)
    with closing(_garments.raw(number % 10_000)) as garment:
        shape = np.asarray(garment.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)[:, :, None] / 255
    front, back = source.uniform(0, 255, (2, 3))
    coarse = source.integers(0, 256, (12, 12, 3), np.uint8)
    texture = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32) - 128
    pixels = front * shape + back * (1 - shape) + 0.3 * texture + source.normal(0, 6, (SIDE, SIDE, 1))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def bare_loop(paths: list[Path], workers: int) -> None:
    """Nothing but Pillow."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for _ in pool.imap(bare_picture, paths, chunksize=16):
            pass


def bare_picture(path: Path) -> None:
    """One picture."""
    with Image.open(path) as image:
        image.load()
        middle = min(image.size)
        left, top = (image.width - middle) / 2, (image.height - middle) / 2
        box = (left, top, left + middle, top + middle)
        image.convert("RGB").resize((STORED, STORED), Image.Resampling.LANCZOS, box=box)


def whole_verb(folder: Path, count: int, workers: int) -> None:
    """What `gantool data prepare` does once its imports are done; the set is thrown away."""
    out = folder / "set"
    prepare(Folder(path=str(folder / "pictures"), resolution=STORED), seed=0, workers=workers, out=out)
    if len(PreparedSet.open(out, checked=True)) != count:
        raise RuntimeError("pictures are missing")
    shutil.rmtree(out)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that ``work`` takes, and seconds of all cores, those of its processes included."""
    began, cores = time.perf_counter(), core_seconds()
    work()
    return time.perf_counter() - began, core_seconds() - cores


def core_seconds() -> float:
    """Seconds of computing of this process and those of its processes that have ended."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main()

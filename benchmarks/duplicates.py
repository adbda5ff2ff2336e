"""How long does it take to find near duplicates, how does that grow, and is anything missed?

    python -m benchmarks.duplicates [--small 10000] [--large 100000] [--rounds 3] [--prints FILE]
    python -m benchmarks.duplicates --idx FOLDER FOLDER [--prints ANOTHER_FILE]

Of every hundred pictures the last is a copy of the first. They are scenes (see `scenes`) or, with ``--idx``, those of
folders of MNIST-style files, in a random order: ten thousand pictures that are nearly the same shoe are the hardest
case for a hash. Their prints are made first, which takes minutes; ``--prints`` keeps them in a file.

Measured in turn, round by round, medians count: the search for pairs of hashes alone; all of near duplicates (hashes,
search, second look, groups) for whole pictures; and the same with slight crops, where the set is small enough for that.
Promised of the search and of the whole: at most 15 times as long for ten times as many pictures, and under 30 s for
100,000 on two cores. The pairs of 20,000 hashes are compared with those of comparing all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.scenes import WAYS, copy_of, scene
from gantool.data import duplicates, hamming, perceptual
from gantool.data.sources.idx import Idx

SIDE = 64
BLOCK = 100
RATIO, SECONDS = 15, 30

Prints = NDArray[np.uint8]


def main() -> None:
    """Make prints, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=10_000, help="pictures")
    parser.add_argument("--large", type=int, default=100_000, help="pictures")
    parser.add_argument("--brute", type=int, default=20_000, help="hashes of which every pair is compared")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes that make the prints")
    parser.add_argument("--prints", type=Path, help="where the prints are kept")
    parser.add_argument("--idx", nargs="+", default=[], metavar="FOLDER", help="take these pictures")
    asked = parser.parse_args()
    most = max(asked.small, asked.large, asked.brute)
    prints = prints_of(most, asked.idx, asked.prints, asked.workers)
    if len(prints) < most:
        raise SystemExit(f"only {len(prints):,} pictures; ask for fewer with --large")
    compare_with_brute_force(prints[: asked.brute])
    for count in (asked.small, asked.large):
        judge(prints[:count])
    if asked.rounds:
        measure(prints, (asked.small, asked.large), asked.rounds)


def measure(prints: Prints, counts: tuple[int, int], rounds: int) -> None:
    """Print what each work takes for both counts."""
    hashes = perceptual.hashes(prints)
    works: dict[str, Callable[[int], object]] = {
        "search alone": lambda count: hamming.pairs_within(hashes[:count]),
        "whole pictures": lambda count: whole_only(prints[:count]),
        "crops too": lambda count: duplicates.near_duplicates(prints[:count]),
    }
    seconds: dict[tuple[str, int], list[Took]] = {}
    for _ in range(rounds):
        for name, work in works.items():
            for count in counts:
                if name != "crops too" or count <= duplicates.CROPS_UP_TO:  # else it is the work before
                    seconds.setdefault((name, count), []).append(timed(partial(work, count)))
    print(f"{rounds} rounds on {os.cpu_count()} cores, medians (and cores' seconds):")
    for name in works:
        found = [seconds.get((name, count), []) for count in counts]
        print(f"  {name}: " + ", ".join(f"{n:,}: {said(took)}" for n, took in zip(counts, found, strict=True) if took))
        if all(found):
            ratios = [large.wall / small.wall for small, large in zip(*found, strict=True)]
            cores = [large.cores / small.cores for small, large in zip(*found, strict=True)]
            print(
                f"    {counts[1] / counts[0]:.0f} times as many take {median(ratios):.1f} times as long, from"
                f" {min(ratios):.1f} to {max(ratios):.1f} (of cores {median(cores):.1f}); promised: {RATIO} for ten"
                f" times as many, and {SECONDS} s for 100,000"
            )


def compare_with_brute_force(prints: Prints) -> None:
    """Print whether the search finds the pairs that there are."""
    hashes = perceptual.hashes(prints)
    found, wanted = hamming.pairs_within(hashes), every_pair_within(hashes)
    verdict = "equal" if np.array_equal(found, wanted) else "NOT EQUAL"
    print(f"all pairs of {len(hashes):,} hashes: {len(wanted):,} within {hamming.RADIUS} bits, search: {verdict}")


def judge(prints: Prints) -> None:
    """Print how many of the copies are found, and what else is taken for one."""
    groups = duplicates.near_duplicates(prints)
    group_of = {row: number for number, group in enumerate(groups) for row in group}
    shares = {}
    for number, way in enumerate(WAYS):
        firsts = range(BLOCK * number, len(prints) - BLOCK + 1, BLOCK * len(WAYS))
        found = [group_of.get(row, -1) == group_of.get(row + BLOCK - 1, -2) for row in firsts]
        shares[way] = f"{100 * np.mean(found):.1f} % {way}" if found else ""
    others = sum(any(not planted(row) for row in group) for group in groups)
    print(f"{len(prints):,} pictures: found of the copies {', '.join(filter(None, shares.values()))}", end="")
    print(f"; {others:,} groups with pictures that nobody copied", flush=True)


def planted(row: int) -> bool:
    """Whether this row was copied, or is a copy."""
    return row % BLOCK in (0, BLOCK - 1)


def whole_only(prints: Prints) -> object:
    """Near duplicates as in a set that is too large to look for crops: the same work for any number."""
    with patch.object(duplicates, "CROPS_UP_TO", 0):
        return duplicates.near_duplicates(prints)


def every_pair_within(hashes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What `hamming.pairs_within` gives, by comparing every pair."""
    signs = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    bits, pairs = signs.shape[1], []
    for start in range(0, len(signs), 1000):
        distances = (bits - signs[start : start + 1000] @ signs[start:].T) / 2  # of whole numbers: exact
        rows, others = np.nonzero(np.triu(distances <= hamming.RADIUS, 1))
        pairs.append(np.stack([rows + start, others + start, distances[rows, others].astype(np.int64)], axis=1))
    return np.concatenate(pairs)


def prints_of(count: int, folders: Sequence[str], file: Path | None, workers: int) -> Prints:
    """The first prints of the set, from ``file`` where they are kept there."""
    sample = hashlib.sha256(perceptual.print_of(scene(0, 0, SIDE)).tobytes()).hexdigest()[:8]
    what = " ".join(["idx", *folders] if folders else [f"scenes {SIDE}"]) + f", as this version makes them ({sample})"
    if file is not None and file.exists():
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["what"]) != what:
                raise SystemExit(f"{file}: holds prints of {kept['what']}, not of {what}; remove it or name another")
            if len(kept["prints"]) >= count:
                return np.ascontiguousarray(kept["prints"][:count])
    began = time.perf_counter()
    prints = np.concatenate(prints_of_idx(folders, count) if folders else prints_of_scenes(count, workers))[:count]
    print(f"{len(prints):,} prints of {what} made in {time.perf_counter() - began:.0f} s", flush=True)
    if file is not None:
        with file.open("wb") as stream:
            np.savez(stream, prints=prints, what=what)
    return prints


def prints_of_scenes(count: int, workers: int) -> list[Prints]:
    """In blocks, in parallel."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return pool.map(block_of_scenes, range(-(-count // BLOCK)))


def block_of_scenes(number: int) -> Prints:
    """The prints of a block."""
    return block_of([scene(0, number * BLOCK + place, SIDE) for place in range(BLOCK - 1)], number)


def prints_of_idx(folders: Sequence[str], count: int) -> list[Prints]:
    """All pictures of ``folders`` in a random order, in blocks, as far as they go."""
    pictures = [picture for folder in folders for picture in pictures_of(folder)]
    order = np.random.default_rng(0).permutation(len(pictures))
    originals = BLOCK - 1
    blocks = min(-(-count // BLOCK), len(pictures) // originals)
    rows = (order[number * originals : (number + 1) * originals] for number in range(blocks))
    return [block_of([pictures[row] for row in block], number) for number, block in enumerate(rows)]


def pictures_of(folder: str) -> list[Image.Image]:
    """Both splits of a folder of MNIST-style files."""
    with contextlib.closing(Idx(path=folder, holdout="official").open()) as source:
        return [source.raw(index) for index in range(len(source.items))]


def block_of(originals: list[Image.Image], number: int) -> Prints:
    """The prints of the originals and of a copy of the first one."""
    way = list(WAYS)[number % len(WAYS)]
    return np.stack([perceptual.print_of(picture) for picture in [*originals, copy_of(originals[0], number, way)]])


class Took(NamedTuple):
    """Seconds by the clock, and of all threads together: these, other work on the machine does not lengthen."""

    wall: float
    cores: float


def timed(work: Callable[[], object]) -> Took:
    """What ``work`` takes."""
    began, cores = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - began, time.process_time() - cores)


def said(many: Sequence[Took]) -> str:
    """Medians."""
    return f"{median(took.wall for took in many):.2f} s ({median(took.cores for took in many):.2f})"


if __name__ == "__main__":
    main()

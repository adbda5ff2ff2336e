"""Does `gantool data check` cost much more than decoding the pictures must, and how much memory does it hold?

    python -m benchmarks.check [--count 10000] [--rounds 5] [--workers 2]
    python -m benchmarks.check --memory [--count 100000]

Against Pillow alone (open, load; `multiprocessing` over the same number of processes, which have started and imported
it before the clock does) stands the whole check without features: listing, start of its processes, decoding, measuring,
near duplicates, findings. Its survey, which is all of it but what happens once every picture was seen, is measured by
itself too. They are measured in turn, round by round, so that a busy machine disturbs them alike. Promised: at most 3
in the median. Beside the seconds stand those of all cores together, which other work on the machine does not lengthen.

With ``--memory`` the real command line checks small pictures, while it and its processes are sampled from /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from PIL import Image

from benchmarks.scenes import scene
from gantool.data.sources.folder import Folder
from gantool.inspection.inspect import Wish, inspect
from gantool.inspection.strangers import FeatureLimit
from gantool.inspection.survey import survey

SIDE, SMALL_SIDE = 64, 16
PROMISED, PROMISED_MB = 3, 1000
CHUNK = 16


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="pictures: 10,000 of 64², with --memory 100,000 of 16²")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="how much memory, not how long")
    parser.add_argument("--features", default="off", help="with --memory: as for the command")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.memory:
            make_pictures(folder, asked.count or 100_000, SMALL_SIDE, asked.workers)
            watch(folder, asked.workers, asked.features)
        else:
            paths = make_pictures(folder, asked.count or 10_000, SIDE, asked.workers)
            compare(folder, paths, asked.rounds, asked.workers)


class Took(NamedTuple):
    """Seconds by the clock, and of all cores together."""

    wall: float
    cores: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cores:.2f} of cores)"


def compare(folder: Path, paths: Sequence[Path], rounds: int, workers: int) -> None:
    """Print what all three take, and the ratios."""
    works: dict[str, Callable[[], Took]] = {
        "bare": lambda: bare_decoding(paths, workers),
        "survey": lambda: timed(lambda: survey_alone(folder, len(paths), workers)),
        "check": lambda: timed(lambda: whole_check(folder, len(paths), workers)),
    }
    works["check"]()  # the files are in the system's cache for all of them
    found: dict[str, list[Took]] = {name: [] for name in works}
    for number in range(1, rounds + 1):
        for name, work in works.items():
            found[name].append(work())
        print(f"round {number}: " + ", ".join(f"{name} {took[-1]}" for name, took in found.items()), flush=True)
    print(f"{len(paths):,} PNGs of {SIDE}², {workers} processes on {os.cpu_count()} cores, medians of {rounds}:")
    for name in ("survey", "check"):
        pairs = list(zip(found[name], found["bare"], strict=True))
        ratios = [whole.wall / bare.wall for whole, bare in pairs]
        print(
            f"  {name} {median(ratios):.2f} times as long as bare decoding (from {min(ratios):.2f} to"
            f" {max(ratios):.2f}), of cores {median(whole.cores / bare.cores for whole, bare in pairs):.2f}"
        )
    print(f"promised: the check at most {PROMISED} times as long")


def make_pictures(folder: Path, count: int, side: int, workers: int) -> list[Path]:
    """Scenes as PNGs, in folders of a thousand."""
    paths = [folder / f"{number // 1000:03d}" / f"{number:06d}.png" for number in range(count)]
    for parent in {path.parent for path in paths}:
        parent.mkdir()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(make_picture, ((number, side, path) for number, path in enumerate(paths)), chunksize=100)
    return paths


def make_picture(number: int, side: int, path: Path) -> None:
    """One of them."""
    scene(0, number, side).save(path)


def bare_decoding(paths: Sequence[Path], workers: int) -> Took:
    """Nothing but Pillow."""
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.map(bare_chunk, chunks[:1] * 4 * workers, chunksize=1)  # all have started
        began, cores = time.perf_counter(), time.process_time()
        inside = sum(pool.imap(bare_chunk, chunks))
        return Took(time.perf_counter() - began, time.process_time() - cores + inside)


def bare_chunk(paths: Sequence[Path]) -> float:
    """Decode some pictures; the seconds of this process."""
    began = time.process_time()
    for path in paths:
        with Image.open(path) as image:
            image.load()
    return time.process_time() - began


def survey_alone(folder: Path, count: int, workers: int) -> None:
    """Every picture read and measured."""
    with contextlib.closing(Folder(path=str(folder), labels="none").open()) as source:
        require_all(len(survey(source, workers=workers, progress=lambda *_: None).pictures), count)


def whole_check(folder: Path, count: int, workers: int) -> None:
    """What `gantool data check --features off` does once its imports are done, without what it prints."""
    settings = Folder(path=str(folder), labels="none")
    report = inspect(settings, str(folder), Wish(features=FeatureLimit("off"), workers=workers), lambda *_: None)
    require_all(report.facts.readable, count)


def require_all(seen: int, count: int) -> None:
    """Fewer pictures than were decoded would make a flattering ratio."""
    if seen != count:
        raise RuntimeError(f"{seen:,} of {count:,} pictures were looked at")


def timed(work: Callable[[], object]) -> Took:
    """What ``work`` takes, with all processes that it starts and ends."""
    began, cores = time.perf_counter(), core_seconds()
    work()
    return Took(time.perf_counter() - began, core_seconds() - cores)


def core_seconds() -> float:
    """Seconds of computing of this process and those of its processes that have ended."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def watch(folder: Path, workers: int, features: str) -> None:
    """Run the command and print the peaks of what it holds."""
    command = [sys.executable, "-m", "gantool", "data", "check", str(folder), "--labels", "none"]
    command += ["--workers", str(workers), "--features", features]
    peaks = {"RssAnon": 0.0, "VmRSS": 0.0, "RssAnon, its workers too": 0.0}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            held = {pid: memory_of(pid) for pid in tree(process.pid)}
            own = held.get(process.pid, {})
            everyone = sum(one.get("RssAnon", 0) for one in held.values())
            now = (own.get("RssAnon", 0), own.get("VmRSS", 0), everyone)
            peaks = {name: max(peak, value) for (name, peak), value in zip(peaks.items(), now, strict=True)}
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"the check failed with exit code {process.returncode}")
    count = sum(1 for _ in folder.rglob("*.png"))
    print(f"{count:,} PNGs of {SMALL_SIDE}² checked in {time.perf_counter() - began:.0f} s, features {features}:")
    print("  peaks: " + ", ".join(f"{name} {peak:,.0f} MB" for name, peak in peaks.items()))
    print(f"  promised: at most {PROMISED_MB:,} MB")


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    with contextlib.suppress(OSError):  # gone meanwhile
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from tree(int(child))


def memory_of(pid: int) -> dict[str, float]:
    """What the kernel says that a process holds, in MB; nothing once it is gone."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return {name: int(size) / 1000 for name, size in re.findall(r"(RssAnon|VmRSS):\s+(\d+) kB", status)}
    return {}


if __name__ == "__main__":
    main()

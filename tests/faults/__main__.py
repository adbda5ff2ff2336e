"""``python -m tests.faults [faults|torture]``: see the package."""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import groupby
from multiprocessing.pool import Pool
from pathlib import Path

from tests.faults import processes, table
from tests.faults.runs import families
from tests.faults.sections import FAULTS, SECTIONS, TORTURE, Bench, Trial
from tests.faults.table import Outcome, Row

_BY_POINTS = ("main", "family", "ranks", "races", "checkpoints", "sets", "folders", "full_disks", "single_writes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when every promise was kept."""
    told = _parser().parse_args(arguments)
    counts = TORTURE if told.scale == "torture" else FAULTS
    if told.points:
        counts = dataclasses.replace(counts, **dict.fromkeys(_BY_POINTS, told.points))
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # numpy has read it by now, and has threads that no forked child would have: start over
        os.environ["OMP_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself
    os.environ.pop("GANTOOL_CACHE", None)
    processes.import_everything()
    folder = Path(tempfile.mkdtemp(prefix="gantool-faults-")).resolve()
    os.environ["GANTOOL_CACHE"] = str(folder / "cache")
    # The pool is forked now, before this process has a thread; its workers fork the runs.
    with multiprocessing.get_context("fork").Pool(told.jobs) as pool:
        bench = Bench(folder, counts, told.seed, told.families.split(",") if told.families else families())
        kept = _all_kept(bench, told.only or list(SECTIONS), pool)
    if kept:
        shutil.rmtree(folder)
    else:
        print(f"\nThe runs lie in {folder}.")
    return 0 if kept else 1


def _all_kept(bench: Bench, sections: Sequence[str], pool: Pool) -> bool:
    """Run the sections and print a row as soon as it is whole."""
    started = time.monotonic()
    print(table.heading(), flush=True)
    rows = []
    for section in sections:
        trials = list(SECTIONS[section](bench))
        outcomes = pool.imap(_tried, trials)
        for what, group in groupby(trials, key=lambda trial: trial.what):
            found = [next(outcomes) for _ in group]
            rows.append(Row(what, len(found), found))
            print(table.rendered(rows[-1]), flush=True)
    missed = sum(not outcome.is_well for row in rows for outcome in row.outcomes)
    total = sum(row.wanted for row in rows)
    print(f"\n{total} trials with seed {bench.seed} in {time.monotonic() - started:,.0f} s; {missed} missed.")
    return total > 0 and all(row.is_well for row in rows)


def _tried(trial: Trial) -> Outcome:
    """In a worker: the trial's outcome, a fault of the harness's own included."""
    try:
        return trial.outcome()
    except Exception as error:
        return Outcome(trial.what, str(trial), tried=False, survived=False, missed=repr(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="runs are struck, and must go on")
    parser.add_argument("scale", nargs="?", choices=["faults", "torture"], default="faults")
    parser.add_argument("--families", metavar="NAMES", help="by commas; all registered architectures unless given")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument(
        "--points",
        type=int,
        metavar="N",
        help="kills of each family, of ranks, races, and damages of each kind, in place of the scale's",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="trials at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the points")
    return parser


if __name__ == "__main__":
    sys.exit(main())

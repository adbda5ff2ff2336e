"""``python -m tests.hostile``: see the package."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.hostile import table

MAKERS = ("checkpoints", "configs", "pictures", "archives", "runfolders", "sets", "latents")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when every case ended as it should."""
    told = _parser().parse_args(arguments)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # numpy has read it by now, and has threads that no forked child would have: start over
        os.environ["OMP_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself
    folder = Path(tempfile.mkdtemp(prefix="gantool-hostile-")).resolve()
    well = _all_well(told, folder)
    if well:
        shutil.rmtree(folder)
    else:
        print(f"\nWhat was made lies in {folder}.")
    return 0 if well else 1


def _all_well(told: argparse.Namespace, folder: Path) -> bool:
    """Every section, a line as soon as a case has ended."""
    from tests.hostile import corpus
    from tests.hostile.sound import Sound

    started = time.monotonic()
    corpus.prepare_to_fork()
    sections = {name: corpus.SECTIONS[name] for name in told.only or MAKERS}
    sound = Sound(folder / "sound")
    wanted = {name: [case for case in cases if told.case in case.name] for name, cases in sections.items()}
    verbs = sorted({case.verb for cases in wanted.values() for case in cases})
    sound.make(verbs)
    for verb in verbs:
        sound.measure(verb)
        print(f"{verb}: a sound file takes {sound.space_mb[verb]:,.0f} MB of addresses, {sound.peak_mb[verb]:,.0f} MB")
    missed = total = 0
    with multiprocessing.get_context("fork").Pool(told.jobs, corpus.enter, (sound, folder / "trials")) as pool:
        for name, cases in sections.items():
            tried = [number for number, case in enumerate(cases) if told.case in case.name]
            print(table.heading(name), flush=True)
            for outcome in pool.imap(corpus.tried, [(name, number) for number in tried]):
                print(table.rendered(outcome, folder), flush=True)
                total, missed = total + 1, missed + bool(outcome.faults)
    print(f"\n{total} cases in {time.monotonic() - started:,.0f} s; {missed} missed.")
    return total > 0 and not missed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description="hostile files are read")
    parser.add_argument("--only", nargs="+", choices=MAKERS, metavar="SECTION", help=", ".join(MAKERS))
    parser.add_argument("--case", metavar="TEXT", default="", help="only cases with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="cases at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main())

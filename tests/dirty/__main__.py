"""``python -m tests.dirty make|sheet|score|prove``: see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.dirty", description="dirty sets, and what a check finds")
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("make", help="build a set: DIR/pictures and DIR/truth.json")
    make.add_argument("set", choices=["garments", "emoji"])
    make.add_argument("--out", type=Path, required=True, metavar="DIR")
    make.add_argument("--emoji", type=Path, metavar="FOLDER", help="the unpacked npm package; else npm fetches it")
    make.add_argument("--seed", type=int, default=0)
    sheet = verbs.add_parser("sheet", help="draw some of each kind and grade")
    sheet.add_argument("dir", type=Path)
    sheet.add_argument("out", type=Path)
    sheet.add_argument("--report", type=Path, help="draw the good pictures that this report flags, and the missed")
    sheet.add_argument("--half", choices=["A", "B", "both"], default="both")
    score = verbs.add_parser("score", help="what a report found of it")
    score.add_argument("report", type=Path)
    score.add_argument("truth", type=Path)
    score.add_argument("--half", choices=["A", "B", "both"], default="both")
    score.add_argument("--markdown", action="store_true")
    prove = verbs.add_parser("prove", help="build a set, check it, print what was found; fails where it got worse")
    prove.add_argument("sets", nargs="+", choices=["garments", "emoji"])
    prove.add_argument("--emoji", type=Path, metavar="FOLDER", help="the unpacked npm package; else npm fetches it")
    prove.add_argument("--seed", type=int, default=0)
    prove.add_argument("--half", choices=["A", "B", "both"], default="B", help="thresholds were chosen on A of seed 0")
    prove.add_argument("--features", choices=["auto", "on", "off"], default="auto")
    prove.add_argument("--markdown", action="store_true")
    told = parser.parse_args()
    return {"make": _make, "sheet": _sheet, "score": _score, "prove": _prove}[told.verb](told)


def _make(told: argparse.Namespace) -> int:
    from tests.dirty.make import PICTURES, make_emoji, make_garments

    try:
        truth = (
            make_garments(told.out, told.seed)
            if told.set == "garments"
            else make_emoji(told.out, told.emoji, told.seed)
        )
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{told.out / PICTURES}: {len(truth.good)} good pictures, {len(truth.planted)} planted faults")
    return 0


def _sheet(told: argparse.Namespace) -> int:
    from tests.dirty.sheet import draw_planted, draw_wrong

    if told.report:
        draw_wrong(told.dir, told.report, told.half, told.out)
    else:
        draw_planted(told.dir, told.out)
    return 0


def _score(told: argparse.Namespace) -> int:
    from tests.dirty.score import flags_of_json, score
    from tests.dirty.table import rendered
    from tests.dirty.truth import read_truth

    found = score(flags_of_json(told.report), read_truth(told.truth), told.half)
    print(rendered(found, markdown=told.markdown))
    return 0 if found.meets_all else 1


def _prove(told: argparse.Namespace) -> int:
    import tempfile

    from tests.dirty.prove import broken, proved
    from tests.dirty.table import rendered

    fallen = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in told.sets:
            found = proved(
                name, Path(folder) / name, seed=told.seed, half=told.half, features=told.features, emoji=told.emoji
            )
            print(rendered(found, markdown=told.markdown), flush=True)
            fallen += len(broken(found))
    return fallen


if __name__ == "__main__":
    sys.exit(main())

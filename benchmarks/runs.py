"""What benchmarks of whole runs share: the command line, its cards, and the emoji."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gantool.evaluation import card


def told(description: str | None, steps: Sequence[str]) -> tuple[str, list[str]]:
    """What the command line says: one of ``steps``, and a folder with what follows it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=steps)
    parser.add_argument("arguments", nargs="+", metavar="FOLDER")
    said = parser.parse_args()
    return said.what, said.arguments


def gantool(*arguments: object) -> None:
    """A verb, with one thread.

    Raises:
        subprocess.CalledProcessError: when it fails.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "gantool", *map(str, arguments)], check=True, env=environment)


def trained(folder: Path, name: str, experiment: Mapping[str, Any], verb: Sequence[object] = ("train",)) -> None:
    """The run ``folder``/runs/``name`` of ``experiment``, begun or gone on with."""
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(experiment, indent=1))  # JSON is YAML
    gantool(*verb, file, "--run-dir", folder / "runs" / name, "--or-resume")


def measured(file: Path, *what: object) -> None:
    """Evaluate ``what`` and write its card to ``file``, unless it is there."""
    if not file.exists():
        gantool("evaluate", *what, "--json", file)


def value_of(found: card.Card, name: str) -> card.Value:
    """The number called ``name`` on a card."""
    return next(value for value in found.values if value.name == name)


def mean_of(file: Path, name: str) -> float:
    """The mean of the number called ``name`` on the card in ``file``; says so and ends where there is none."""
    mean = value_of(card.read(file), name).mean
    if mean is None:
        raise SystemExit(f"{file}: has no {name}")
    return mean


def copy_emoji(package: Path, into: Path, categories: Collection[str] | None = None) -> None:
    """The Google emoji of an unpacked ``emoji-datasource-google``, a folder a category; of all unless named."""
    for entry in json.loads((package / "emoji.json").read_text(encoding="utf-8")):
        if categories is not None and entry["category"] not in categories:
            continue
        for drawn in [entry, *entry.get("skin_variations", {}).values()]:
            source = package / "img/google/64" / drawn["image"]
            if source.exists():
                target = into / entry["category"] / source.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

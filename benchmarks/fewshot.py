"""A hundred emoji faces, by FastGAN with and without DiffAugment: what docs/results.md shows.

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz    # makes package/
    python -m benchmarks.fewshot prepare package FOLDER
    python -m benchmarks.fewshot train FOLDER [WAY ...]      # 10,000 images each; both ways unless named
    python -m benchmarks.fewshot measure FOLDER [WAY ...]
    python -m benchmarks.fewshot table FOLDER

``prepare`` takes the faces: 100 to train on, the other 69 held out. The two ways differ in the augmentation alone.
``measure`` takes the distances of the averaged weights to the held-out faces along the run. One process, one thread.
What exists is not made again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.runs import copy_emoji, gantool, measured, value_of
from gantool.evaluation import card

TOTAL, EVERY = 10_000, 5_000
MEASURES = ("frechet_distance", "kernel_distance", "precision", "coverage")
WAYS: Mapping[str, list[dict[str, Any]]] = {
    "with": [{"name": "mirror"}, {"name": "diffaugment"}],
    "without": [{"name": "mirror"}],
}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "train", "measure", "table"])
    parser.add_argument("arguments", nargs="+", metavar="FOLDER")
    asked = parser.parse_args()
    if asked.what == "prepare":
        package, folder = map(Path, asked.arguments)
        prepare(package, folder)
        return
    folder, ways = Path(asked.arguments[0]), asked.arguments[1:] or list(WAYS)
    if asked.what == "table":
        table(folder)
        return
    for way in ways:
        {"train": train, "measure": measure}[asked.what](folder, way)


def prepare(package: Path, folder: Path) -> None:
    """The set."""
    copy_emoji(package, folder / "faces", {"Smileys & Emotion"})
    gantool(
        *("data", "prepare", folder / "faces", "--out", folder / "set", "--resolution", 64, "--channels", "rgb"),
        *("--fit", "pad", "--background", "white", "--labels", "none", "--holdout", 0.41),  # leaves 100
    )


def train(folder: Path, way: str) -> None:
    """One way, begun or gone on with."""
    file = folder / f"{way}.yaml"
    file.write_text(json.dumps(config(folder, way), indent=1))  # JSON is YAML
    gantool("train", file, "--run-dir", folder / "runs" / way, "--or-resume")


def config(folder: Path, way: str) -> dict[str, Any]:
    """The whole of what is trained."""
    adam = {"name": "adam", "learning_rate": 2e-4, "betas": [0.5, 0.999]}
    return {
        "name": way,
        "data": {"source": "prepared", "path": str(folder.resolve() / "set")},
        "model": {"name": "fastgan", "width": 8},
        "loss": {"name": "hinge"},
        "augment": WAYS[way],
        "optimizer": {"generator": adam, "discriminator": adam},
        "training": {"total_images": TOTAL, "batch_size": 8, "ema_half_life": 2_000},
        "log": {"every": 1_000},
        "samples": {"every": EVERY},
        "checkpoints": {"every": EVERY, "keep": 1, "keep_every": EVERY},
    }


def measure(folder: Path, way: str) -> None:
    """A card of every checkpoint."""
    (folder / "cards").mkdir(exist_ok=True)
    for checkpoint in sorted((folder / "runs" / way / "checkpoints").glob("*.safetensors")):
        measured(folder / f"cards/{way}-{int(checkpoint.stem)}.json", "--checkpoint", checkpoint)


def table(folder: Path) -> None:
    """The cards of both ways side by side."""
    print("| images | DiffAugment | " + " | ".join(MEASURES) + " |\n|---|---|" + "---|" * len(MEASURES))
    for images in range(0, TOTAL + 1, EVERY):
        for way in WAYS:
            found = card.read(folder / f"cards/{way}-{images}.json")
            values = (value_of(found, name) for name in MEASURES)
            print(f"| {images:,} | {way} | " + " | ".join(f"{value.mean:.3g}" for value in values) + " |")


if __name__ == "__main__":
    main()

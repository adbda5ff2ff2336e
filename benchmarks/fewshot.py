"""A hundred emoji faces, by FastGAN with and without DiffAugment: what docs/results.md shows.

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz    # makes package/
    python -m benchmarks.fewshot prepare package FOLDER
    python -m benchmarks.fewshot train FOLDER [WAY ...]      # 120,000 images each; both ways unless named
    python -m benchmarks.fewshot measure FOLDER [WAY ...]
    python -m benchmarks.fewshot table FOLDER

``prepare`` takes the faces: 100 to train on, the other 69 held out. The two ways differ in the augmentation alone.
``measure`` takes the distances of the averaged weights to the held-out faces along the run. One process, one thread.
What exists is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.runs import copy_emoji, gantool, mean_of, measured, told, trained

TOTAL, EVERY = 120_000, 20_000
MEASURES = ("frechet_distance", "kernel_distance", "precision", "coverage")
WAYS: Mapping[str, list[dict[str, Any]]] = {
    "with": [{"name": "mirror"}, {"name": "diffaugment"}],
    "without": [{"name": "mirror"}],
}


def main() -> None:
    """Do what the command line says."""
    what, arguments = told(__doc__, ["prepare", "train", "measure", "table"])
    if what == "prepare":
        package, folder = map(Path, arguments)
        prepare(package, folder)
        return
    folder, ways = Path(arguments[0]), arguments[1:] or list(WAYS)
    if what == "table":
        table(folder)
        return
    for way in ways:
        {"train": train, "measure": measure}[what](folder, way)


def prepare(package: Path, folder: Path) -> None:
    """The set."""
    copy_emoji(package, folder / "faces", {"Smileys & Emotion"})
    gantool(
        *("data", "prepare", folder / "faces", "--out", folder / "set", "--resolution", 64, "--channels", "rgb"),
        *("--fit", "pad", "--background", "white", "--labels", "none", "--holdout", 0.41),  # leaves 100
    )


def train(folder: Path, way: str) -> None:
    """One way, begun or gone on with."""
    trained(folder, way, config(folder, way))


def config(folder: Path, way: str) -> dict[str, Any]:
    """The whole of what is trained."""
    adam = {"name": "adam", "learning_rate": {"from": 4e-4, "to": 4e-5}, "betas": [0.5, 0.999]}
    return {
        "name": way,
        "data": {"source": "prepared", "path": str(folder.resolve() / "set")},
        "model": {"name": "fastgan", "width": 8},
        "loss": {"name": "hinge"},
        "augment": WAYS[way],
        "optimizer": {"generator": adam, "discriminator": adam},
        "training": {"total_images": TOTAL, "batch_size": 8, "ema_half_life": 5_000},
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
            means = (mean_of(folder / f"cards/{way}-{images}.json", name) for name in MEASURES)
            print(f"| {images:,} | {way} | " + " | ".join(f"{mean:.3g}" for mean in means) + " |")


if __name__ == "__main__":
    main()

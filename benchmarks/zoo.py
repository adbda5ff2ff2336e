"""Every architecture, reduced in width, trained on the same 3,786 emoji: what docs/zoo.md shows.

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz    # makes package/
    python -m benchmarks.zoo prepare package FOLDER
    python -m benchmarks.zoo train FOLDER [NAME ...]      # 60,000 images each; all unless named
    python -m benchmarks.zoo measure FOLDER [NAME ...]
    python -m benchmarks.zoo draw FOLDER [NAME ...]       # a row of pictures each, FOLDER/rows/NAME.png
    python -m benchmarks.zoo table FOLDER [NAME ...]

``prepare`` makes a set at 32² and one at 64² (a quarter held out) and blurs as many training pictures as are held
out. ``measure`` takes the Fréchet distance of the averaged weights after 2,000 and after all images, and of the blurred
pictures, to the held-out ones, in the features of a classifier that the ten kinds of emoji taught: they are no
photographs. One process, one thread: start two side by side on two cores. What exists is not made again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.runs import copy_emoji, gantool, measured, value_of
from gantool.evaluation import card

EARLY, TOTAL = 2_000, 60_000
COLUMNS, SHOWN = 12, 64
"""Pictures of a row, and the side they are shown at."""
BLUR = 1 / 16
"""The blur's radius in sides of a picture: 2 pixels of 32."""
_FEATURES = ("--features", "classifier")

_PLAIN: dict[str, Any] = {
    "loss": {"name": "non_saturating"},
    "penalties": [{"name": "r1", "weight": 0.02, "every_steps": 8}],
    "augment": [{"name": "mirror"}],
    "adam": {"learning_rate": {"from": 4e-4, "to": 4e-5}, "betas": [0, 0.99]},
    "batch": 16,
    "side": 32,
}
_HINGE: dict[str, Any] = _PLAIN | {
    "loss": {"name": "hinge"},
    "penalties": [],
    "adam": {"learning_rate": {"from": 2e-4, "to": 2e-5}, "betas": [0, 0.9]},
    "adam_of_discriminator": {"learning_rate": {"from": 4e-4, "to": 4e-5}, "betas": [0, 0.9]},
}

ZOO: Mapping[str, dict[str, Any]] = {
    "mlp": _PLAIN | {"model": {"name": "mlp"}},
    "dcgan": _PLAIN | {"model": {"name": "dcgan", "width": 32, "slope": 0.2, "dropout": 0.0}},
    "compact": _PLAIN | {"model": {"name": "compact", "conditioning": "class", "minibatch_group": 4}},
    "sngan": _HINGE | {"model": {"name": "resnet", "generator_width": 48, "discriminator_width": 32}},
    "biggan": _HINGE
    | {
        "model": {
            "name": "resnet",
            "conditioning": "class",
            "latent_dim": 64,
            "generator_width": 40,
            "discriminator_width": 32,
            "hierarchical_latent": True,
            "attention": 2,
            "generator_spectral_norm": True,
        }
    },
    "r3gan": _PLAIN
    | {
        "model": {"name": "r3gan", "width": 64, "group_size": None, "expansion": 1, "blocks": 1},
        "loss": {"name": "relativistic"},
        "penalties": [{"name": name, "weight": 0.02, "every_steps": 4} for name in ("r1", "r2")],
        "adam": {"learning_rate": {"from": 4e-4, "to": 4e-5}, "betas": [0, 0.9]},
    },
    "stylegan2": _PLAIN
    | {
        "model": {
            "name": "stylegan2",
            "latent_dim": 128,
            "style_dim": 128,
            "mapping_layers": 2,
            "width": 24,
            "max_width": 96,
        },
        "penalties": [{"name": "r1", "weight": 0.01, "every_steps": 16}],
        "adam": {"learning_rate": 2.5e-3, "betas": [0, 0.99]},
    },
    "fastgan": _HINGE
    | {
        "model": {"name": "fastgan", "width": 16},
        "augment": [{"name": "mirror"}, {"name": "diffaugment"}],
        "adam": {"learning_rate": 4e-4, "betas": [0.5, 0.999]},
        "adam_of_discriminator": {"learning_rate": 4e-4, "betas": [0.5, 0.999]},
        "side": 64,
    },
}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "train", "measure", "draw", "table"])
    parser.add_argument("folders", nargs="+")
    asked = parser.parse_args()
    if asked.what == "prepare":
        package, folder = map(Path, asked.folders)
        prepare(package, folder)
        return
    folder, names = Path(asked.folders[0]), asked.folders[1:] or list(ZOO)
    if asked.what == "table":
        table(folder, names)
        return
    for name in names:
        {"train": train, "measure": measure, "draw": draw}[asked.what](folder, name)


def prepare(package: Path, folder: Path) -> None:
    """The two sets, and blurred pictures for each."""
    pictures = folder / "emoji"
    copy_emoji(package, pictures)
    for side in (32, 64):
        prepared = folder / f"set-{side}"
        gantool(
            *("data", "prepare", pictures, "--out", prepared, "--resolution", side, "--channels", "rgb"),
            *("--fit", "pad", "--background", "white", "--labels", "folders", "--holdout", 0.25),
        )
        blur(prepared, folder / f"blurred-{side}")


def blur(prepared: Path, into: Path) -> None:
    """As many training pictures as are held out, drawn without return and blurred."""
    from gantool.data import PreparedSet

    into.mkdir()
    pictures = PreparedSet.open(prepared)
    chosen = np.random.default_rng(0).permutation(pictures.indices("train"))[: pictures.counts["holdout"]]
    for index, pixels in zip(chosen, pictures.read(chosen), strict=True):
        picture = Image.fromarray(pixels)
        picture.filter(ImageFilter.GaussianBlur(BLUR * picture.width)).save(into / f"{index:05}.png")


def train(folder: Path, name: str) -> None:
    """One architecture."""
    run = folder / "runs" / name
    if run.exists():
        gantool("resume", run)
        return
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(config(folder, name), indent=1))  # JSON is YAML
    gantool("train", file, "--run-dir", run)


def config(folder: Path, name: str) -> dict[str, Any]:
    """The whole of what is trained."""
    entry = ZOO[name]
    adam = {"generator": entry["adam"], "discriminator": entry.get("adam_of_discriminator", entry["adam"])}
    conditional = entry["model"].get("conditioning") == "class"
    return {
        "name": name,
        "data": {"source": "prepared", "path": str(folder.resolve() / f"set-{entry['side']}")},
        **{part: entry[part] for part in ("model", "loss", "penalties", "augment")},
        "optimizer": {network: {"name": "adam", **settings} for network, settings in adam.items()},
        "training": {"total_images": TOTAL, "batch_size": entry["batch"], "ema_half_life": 5_000},
        "log": {"every": 2_000},
        "samples": {"every": 10_000, "columns" if conditional else "rows": 8},
        "checkpoints": {"every": EARLY, "keep": 2, "keep_every": EARLY},
    }


def measure(folder: Path, name: str) -> None:
    """Cards of the early and the last checkpoint, and of the blurred pictures."""
    side = ZOO[name]["side"]
    checkpoints = sorted((folder / "runs" / name / "checkpoints").glob("*.safetensors"))
    early = next(file for file in checkpoints if int(file.stem) >= EARLY)
    cards = folder / "cards"
    cards.mkdir(exist_ok=True)
    for file, what in ((early, f"{name}-early"), (checkpoints[-1], f"{name}-last")):
        measured(cards / f"{what}.json", "--checkpoint", file, *_FEATURES)
    blurred = ("--images", folder / f"blurred-{side}", "--data", folder / f"set-{side}")
    measured(cards / f"blurred-{side}.json", *blurred, *_FEATURES)


def draw(folder: Path, name: str) -> None:
    """The first pictures of a seed, side by side: nobody chose them."""
    made, row = folder / "made" / name, Image.new("RGB", (COLUMNS * SHOWN, SHOWN))
    newest = max((folder / "runs" / name / "checkpoints").glob("*.safetensors"))
    gantool("sample", "--checkpoint", newest, "--count", COLUMNS, "--seed", 1, "--out", made, "--force")
    for place, file in enumerate(sorted(made.rglob("*.png"))):
        with Image.open(file) as picture:
            row.paste(picture.resize((SHOWN, SHOWN), Image.Resampling.NEAREST), (place * SHOWN, 0))
    rows = folder / "rows"
    rows.mkdir(exist_ok=True)
    row.save(rows / f"{name}.png")


def table(folder: Path, names: Iterable[str]) -> None:
    """What docs/zoo.md has: Fréchet and kernel distance to held-out emoji, early and late, of blurred ones, floor."""
    heads = ["", "images", "after 2,000", "at the end", "blurred", "floor", "kernel, 2,000", "at the end", "blurred"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in names:
        blurred = f"blurred-{ZOO[name]['side']}"
        cards = [card.read(folder / "cards" / f"{file}.json") for file in (f"{name}-early", f"{name}-last", blurred)]
        last = cards[1]
        cells = [name, f"{last.subject.images_seen or 0:,}"]
        for measure_name, digits in (("frechet_distance", 1), ("kernel_distance", 3)):
            values = [value_of(each, measure_name) for each in cards]
            cells += [_shown(value, digits) for value in values]
            if measure_name == "frechet_distance":
                cells.append(_shown(values[1].floor.halves, digits))
        print(f"| {' | '.join(cells)} |")


def _shown(spread: card.Spread, digits: int) -> str:
    return "–" if spread.mean is None else f"{spread.mean:.{digits}f} ± {spread.deviation or 0:.{digits}f}"


if __name__ == "__main__":
    main()

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

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.runs import copy_emoji, gantool, mean_of, measured, told, trained, value_of
from gantool.evaluation import card

EARLY, TOTAL = 2_000, 60_000
COLUMNS, SHOWN = 12, 64
"""Pictures of a row, and the side they are shown at."""
BLUR = 1 / 16
"""The blur's radius in sides of a picture: 2 pixels of 32."""
_FEATURES = ("--features", "classifier")


def _adam(betas: tuple[float, float], rate: Any, rate_of_discriminator: Any = None) -> dict[str, Any]:
    """Adam for both networks, at one rate unless the discriminator has its own."""
    rates = {"generator": rate, "discriminator": rate if rate_of_discriminator is None else rate_of_discriminator}
    return {network: {"name": "adam", "learning_rate": each, "betas": list(betas)} for network, each in rates.items()}


def _falling(rate: float) -> dict[str, float]:
    """To a tenth, over the whole run."""
    return {"from": rate, "to": rate / 10}


_PLAIN: dict[str, Any] = {
    "loss": {"name": "non_saturating"},
    "penalties": [{"name": "r1", "weight": 0.02, "every_steps": 8}],
    "augment": [{"name": "mirror"}],
    "optimizer": _adam((0, 0.99), _falling(4e-4)),
    "batch": 16,
    "side": 32,
}
_HINGE: dict[str, Any] = _PLAIN | {
    "loss": {"name": "hinge"},
    "penalties": [],
    "optimizer": _adam((0, 0.9), _falling(2e-4), _falling(4e-4)),
}

ZOO: Mapping[str, dict[str, Any]] = {
    "mlp": _PLAIN
    | {
        "model": {"name": "mlp"},
        "penalties": [{"name": "r1", "weight": 5.0, "every_steps": 8}],
        "optimizer": _adam((0, 0.99), _falling(1e-3)),
    },
    "dcgan": _PLAIN | {"model": {"name": "dcgan", "width": 32, "slope": 0.2, "dropout": 0.0}},
    "compact": _PLAIN
    | {
        "model": {"name": "compact", "conditioning": "class", "minibatch_group": 4},
        "optimizer": _adam((0, 0.99), _falling(4e-4), _falling(1.6e-3)),
    },
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
        "optimizer": _adam((0, 0.9), _falling(4e-4)),
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
            "style_mixing": 0.0,
        },
        "penalties": [{"name": "r1", "weight": 0.1, "every_steps": 8}],
        "optimizer": _adam((0, 0.99), _falling(1e-2)),
    },
    "fastgan": _HINGE
    | {
        "model": {"name": "fastgan", "width": 16},
        "augment": [{"name": "mirror"}, {"name": "diffaugment"}],
        "optimizer": _adam((0.5, 0.999), _falling(4e-4)),
        "side": 64,
    },
}


def main() -> None:
    """Do what the command line says."""
    what, arguments = told(__doc__, ["prepare", "train", "measure", "draw", "table"])
    if what == "prepare":
        package, folder = map(Path, arguments)
        prepare(package, folder)
        return
    folder, names = Path(arguments[0]), arguments[1:] or list(ZOO)
    if what == "table":
        table(folder, names)
        return
    for name in names:
        {"train": train, "measure": measure, "draw": draw}[what](folder, name)


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
    trained(folder, name, config(folder, name))


def config(folder: Path, name: str) -> dict[str, Any]:
    """The whole of what is trained."""
    entry = ZOO[name]
    conditional = entry["model"].get("conditioning") == "class"
    return {
        "name": name,
        "data": {"source": "prepared", "path": str(folder.resolve() / f"set-{entry['side']}")},
        **{part: entry[part] for part in ("model", "loss", "penalties", "augment", "optimizer")},
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
    """What docs/zoo.md has: the Fréchet distance to held-out emoji, its floor, that of blurred ones; manifolds."""
    heads = ["", "after 2,000", "after 60,000", "of the early one", "blurred", "floor", "precision", "recall"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in names:
        blurred = f"blurred-{ZOO[name]['side']}"
        files = [folder / "cards" / f"{file}.json" for file in (f"{name}-early", f"{name}-last", blurred)]
        early, last, blur_of_reals = (mean_of(file, "frechet_distance") for file in files)
        spreads = [value_of(card.read(file), "frechet_distance") for file in files[:2]]
        manifolds = [f"{mean_of(files[1], measure_name):.2f}" for measure_name in ("precision", "recall")]
        cells = [*map(_shown, spreads), f"{last / early:.2f}", f"{blur_of_reals:.0f}", _shown(spreads[1].floor.halves)]
        print(f"| `{name}` | {' | '.join(cells + manifolds)} |")


def _shown(spread: card.Spread) -> str:
    return "–" if spread.mean is None else f"{spread.mean:.1f} ± {spread.deviation or 0:.1f}"


if __name__ == "__main__":
    main()

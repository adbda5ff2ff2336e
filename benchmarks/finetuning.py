"""500 emoji of things, by a model of people, faces, flags and symbols, and from nothing: what docs/finetuning.md shows.

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz    # makes package/
    python -m benchmarks.finetuning prepare package FOLDER
    python -m benchmarks.finetuning base FOLDER
    python -m benchmarks.finetuning train FOLDER [SEED ...]      # three ways each, 5,000 images; seed 0 unless named
    python -m benchmarks.finetuning measure FOLDER [SEED ...]
    python -m benchmarks.finetuning table FOLDER [SEED ...]

``prepare`` makes two sets at 32² that share no category: 2,632 pictures for the base, and 500 with 357 held out. All
three ways take the same config but for ``finetune``. ``measure`` takes the distances of the averaged weights to the
held-out pictures. One process, one thread. What exists is not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.runs import copy_emoji, gantool, mean_of, measured, told, trained

BASE_TOTAL, TOTAL = 60_000, 5_000
MEASURES = ("frechet_distance", "kernel_distance", "coverage")
SETS: Mapping[str, tuple[frozenset[str], float]] = {
    "others": (frozenset({"People & Body", "Smileys & Emotion", "Flags", "Symbols"}), 0.1),
    "things": (
        frozenset({"Animals & Nature", "Food & Drink", "Travel & Places", "Objects", "Activities"}),
        0.416,  # leaves 500 to train on
    ),
}
WAYS: Mapping[str, Mapping[str, Any] | None] = {
    "from nothing": None,
    "fine-tuned": {},
    "fine-tuned, two layers of D frozen": {"freeze": {"discriminator_layers": 2}},
}


def main() -> None:
    """Do what the command line says."""
    what, arguments = told(__doc__, ["prepare", "base", "train", "measure", "table"])
    if what == "prepare":
        package, folder = map(Path, arguments)
        prepare(package, folder)
        return
    folder, seeds = Path(arguments[0]), [int(seed) for seed in arguments[1:]] or [0]
    if what == "base":
        trained(folder, "base", config(folder, "others", "base", 0, BASE_TOTAL))
    elif what == "table":
        table(folder, seeds)
    else:
        for seed in seeds:
            for way in WAYS:
                train(folder, way, seed) if what == "train" else measure(folder, way, seed)


def prepare(package: Path, folder: Path) -> None:
    """The two sets."""
    for name, (categories, holdout) in SETS.items():
        pictures = folder / "pictures" / name
        copy_emoji(package, pictures, categories)
        gantool(
            *("data", "prepare", pictures, "--out", folder / f"set-{name}", "--resolution", 32, "--channels", "rgb"),
            *("--fit", "pad", "--background", "white", "--labels", "none", "--holdout", holdout),
        )


def config(folder: Path, pictures: str, name: str, seed: int, total: int) -> dict[str, Any]:
    """The whole of what is trained, but for ``finetune``."""
    end = 1e-4 if name == "base" else 4e-4
    adam = {"name": "adam", "learning_rate": {"from": 4e-4, "to": end, "until": 120_000}, "betas": [0, 0.99]}
    return {
        "name": name,
        "seed": seed,
        "data": {"source": "prepared", "path": str(folder.resolve() / f"set-{pictures}")},
        "model": {"name": "compact"},
        "loss": {"name": "non_saturating"},
        "penalties": [{"name": "r1", "weight": 0.5, "every_steps": 8}],
        "augment": [{"name": "mirror"}, {"name": "diffaugment", "changes": ["translation", "cutout"]}],
        "optimizer": {"generator": adam, "discriminator": adam},
        "training": {"total_images": total, "batch_size": 64 if name == "base" else 32, "ema_half_life": 5_000},
        "log": {"every": 2_500},
        "samples": {"every": 5_000},
        "checkpoints": {"every": 5_000, "keep": 1, "keep_every": 5_000},
    }


def train(folder: Path, way: str, seed: int) -> None:
    """One way of one seed."""
    settings, name = WAYS[way], _name(way, seed)
    experiment = config(folder, "things", name, seed, TOTAL)
    if settings is None:
        trained(folder, name, experiment)
    else:
        trained(folder, name, {**experiment, "finetune": settings}, ("finetune", folder / "runs/base"))


def measure(folder: Path, way: str, seed: int) -> None:
    """A card of a run's end, and of the base as it is."""
    (folder / "cards").mkdir(exist_ok=True)
    against = ("--data", folder / "set-things")
    measured(folder / "cards/base.json", "--checkpoint", folder / "runs/base", *against, "--seeds", 1)
    last = max((folder / "runs" / _name(way, seed) / "checkpoints").glob("*.safetensors"))
    measured(folder / f"cards/{_name(way, seed)}-{TOTAL}.json", "--checkpoint", last, "--seeds", 1)


def table(folder: Path, seeds: Iterable[int]) -> None:
    """What docs/finetuning.md has: the mean over the seeds, and each of them."""
    print("| | " + " | ".join(MEASURES) + " |\n|---|" + "---|" * len(MEASURES))
    for way in WAYS:
        cells = []
        for measure_name in MEASURES:
            found = [mean_of(folder / f"cards/{_name(way, seed)}-{TOTAL}.json", measure_name) for seed in seeds]
            cells.append(f"**{mean(found):.4g}** ({', '.join(f'{value:.4g}' for value in found)})")
        print(f"| {way} | {' | '.join(cells)} |")
    print("the base as it is:", {name: mean_of(folder / "cards/base.json", name) for name in MEASURES})


def _name(way: str, seed: int) -> str:
    return f"{way.replace(', ', '-').replace(' ', '-')}-{seed}"


if __name__ == "__main__":
    main()

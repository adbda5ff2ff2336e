"""Sound files: what the memory of every verb is measured on, and what many hostile ones are made from."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from gantool.config import ExperimentConfig
from tests.hostile.jail import SECONDS, Served, serve
from tests.hostile.verbs import VERBS
from tests.training.helpers import BATCH, tiny

STEPS = 8


def config(*changes: str) -> ExperimentConfig:
    """A run of a second."""
    return tiny(
        "data.max_images=400",
        f"training.total_images={STEPS * BATCH}",
        "checkpoints.every=0",
        *changes,
    )


def picture(seed: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    """Width and height → a picture that no other resembles."""
    height, width = size[1], size[0]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


class Sound:
    """Sound files in ``folder``, made once, and what the verbs take for them.

    Attributes:
        files: by name.
        environment: what every child is told.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {"GANTOOL_CACHE": str(folder / "cache"), "HOME": str(folder / "home")}
        self.files: Mapping[str, Path] = {
            "config": folder / "sound.yaml",
            "run": folder / "run",
            "unfinished": folder / "unfinished",
            "pictures": folder / "pictures",
            "set": folder / "set",
            "latents": folder / "projection" / "latent.safetensors",
            "picture": folder / "picture.png",
        }
        self.space_mb: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}

    def make(self, verbs: Collection[str]) -> None:
        """Make what ``verbs`` are measured on, by the real verbs."""
        (self._folder / "home").mkdir(parents=True)
        files, kinds = self.files, {VERBS[verb].sound for verb in verbs}
        files["config"].write_text(config().to_yaml(), encoding="utf-8")
        if kinds & {"pictures", "set"}:
            files["pictures"].mkdir()
            for index in range(8):
                picture(index).save(files["pictures"] / f"{index}.png")
        if "set" in kinds:
            self._must("data", "prepare", str(files["pictures"]), "--out", str(files["set"]), "--resolution", "16")
        if kinds & {"latents", "picture"}:
            picture(8).save(files["picture"])
        if kinds & {"run", "unfinished", "latents", "picture"}:
            run = str(files["run"])
            self._must("train", str(files["config"]), "--run-dir", run, "--device", "cpu")
            self._must("evaluate", "--checkpoint", run, "--samples", "16", "--seeds", "1", "--device", "cpu")
        if "latents" in kinds:
            sought = ("--steps", "2", "--starts", "1", "--device", "cpu")
            self._must(
                "project", str(files["picture"]), "--checkpoint", run, "--out", str(files["latents"].parent), *sought
            )
        if "unfinished" in kinds:
            shutil.copytree(files["run"], files["unfinished"])
            longer = config(f"training.total_images={2 * STEPS * BATCH}").to_yaml()
            (files["unfinished"] / "config.yaml").write_text(longer, encoding="utf-8")

    def measure(self, verb: str) -> None:
        """Take the measure of ``verb``, on a copy."""
        if verb in self.space_mb:
            return
        room = self._folder / "measure" / verb.replace(" ", "-")
        (room / "out").mkdir(parents=True)
        kind = VERBS[verb].sound
        copy = room / self.files[kind].name
        if self.files[kind].is_dir():
            shutil.copytree(self.files[kind], copy)
        else:
            shutil.copy(self.files[kind], copy)
        served = self.serve(verb, copy, room / "out")
        if served.code not in (0, 8):
            raise RuntimeError(f"{verb} fails on a sound file:\n{served.words}")
        self.space_mb[verb], self.peak_mb[verb] = served.space_mb, served.peak_mb

    def serve(self, verb: str, file: Path, out: Path, space_mb: float | None = None) -> Served:
        """``verb`` on ``file``, writing to ``out``."""
        arguments = [str(part) for part in VERBS[verb].line(file, out, self.files["run"])]
        return serve(
            arguments, out, space_mb=space_mb, seconds=120 if space_mb is None else SECONDS, **self.environment
        )

    def _must(self, *arguments: str) -> None:
        (self._folder / "making").mkdir(exist_ok=True)
        served = serve(arguments, self._folder / "making", seconds=120, **self.environment)
        if served.code:
            raise RuntimeError(f"gantool {' '.join(arguments)}:\n{served.words}")

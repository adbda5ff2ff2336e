"""Small dirty sets, made once a session; the emoji are drawn here, so no test needs the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.dirty.make import Plan, make_emoji, make_garments
from tests.dirty.truth import Truth

PLAN = Plan(
    good=70,
    exact=24,
    two_labels=6,
    resized=5,
    recompressed_jpeg=3,
    recompressed_webp=3,
    cropped=5,
    brightness=3,
    mirrored=3,
    soft=3,
    outliers=6,
    suspects=4,
    modes=7,
)


def build_garments(out: Path, seed: int = 0) -> Truth:
    return make_garments(out, seed, PLAN)


def build_emoji(out: Path, package: Path) -> Truth:
    return make_emoji(out, package, 0, PLAN)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the emoji package: discs in three categories, some of them grey, one of them there twice."""
    folder = tmp_path_factory.mktemp("package")
    images = folder / "img" / "google" / "64"
    images.mkdir(parents=True)
    rng = np.random.default_rng(5)
    entries: list[dict[str, object]] = []
    for number in range(320):
        drawing = Image.new("RGBA", (64, 64), (90, 0, 90, 0))
        pen = ImageDraw.Draw(drawing)
        for _ in range(4):
            left, top, size = (int(value) for value in rng.integers(2, 30, 3))
            red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
            ink = (red, red, red, 255) if number < 40 else (red, green, blue, 255)
            pen.ellipse((left, top, left + size + 4, top + size + 4), fill=ink)
        drawing.save(images / f"{number:04x}.png")
        entries.append({"image": f"{number:04x}.png", "category": ("Symbols", "Food & Drink", "Flags")[number % 3]})
    for name in ("00ff-1.png", "00ff-2.png"):  # two variations, the first the same as the drawing itself
        with Image.open(images / "00ff.png") as drawing:
            drawing.rotate(90 * (name == "00ff-2.png")).save(images / name)
    entries[255]["skin_variations"] = {"1": {"image": "00ff-1.png"}, "2": {"image": "00ff-2.png"}}
    (folder / "emoji.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Folder and truth of a small grey set."""
    folder = tmp_path_factory.mktemp("garments")
    return folder, build_garments(folder)


@pytest.fixture(scope="session")
def emoji(tmp_path_factory: pytest.TempPathFactory, package: Path) -> tuple[Path, Truth]:
    """Folder and truth of a small colour set."""
    folder = tmp_path_factory.mktemp("emoji")
    return folder, build_emoji(folder, package)

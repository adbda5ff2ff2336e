"""Where the good pictures come from: garments in the package, emoji from an npm package.

Of pictures that are equal in every pixel only the first stays in a pool. Nothing else is sorted out: what nature
repeats with a difference (a clock face at each hour, a hand in each colour of skin) stays in.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gantool.data.sources.embedded import Embedded

EMOJI = "emoji-datasource-google@16.0.0"


@dataclass(frozen=True)
class Candidate:
    """A picture that may become a good one, or the ground of a fault."""

    key: str
    label: str
    family: str
    """Variations of one drawing (an emoji's colours of skin) share it; else the key."""
    picture: Image.Image
    """Mode L or RGB, opaque: an emoji lies on white, so that transparency is a fault that was planted."""
    raw: Image.Image
    """As its makers gave it: an emoji with its alpha."""


def garments() -> list[Candidate]:
    """The embedded garments, 28×28 grey."""
    source = Embedded().open()
    with contextlib.closing(source):
        found = []
        for index, item in enumerate(source.items):
            picture = source.raw(index)
            key = item.name.rpartition("/")[2]
            found.append(Candidate(key, source.classes[item.label or 0], key, picture, picture))
    return _without_equals(found)


def emoji(package: Path) -> list[Candidate]:
    """The 64×64 emoji of the unpacked package, on white; labels are their categories.

    Args:
        package: the folder with ``emoji.json`` and ``img/google/64``.

    Raises:
        FileNotFoundError: when that is not in it.
    """
    found = []
    for entry in json.loads((package / "emoji.json").read_text(encoding="utf-8")):
        images = [entry["image"], *(one["image"] for one in entry.get("skin_variations", {}).values())]
        for name in images:
            with Image.open(package / "img" / "google" / "64" / name) as image:
                raw = image.convert("RGBA")
            sheet = Image.new("RGBA", raw.size, "white")
            sheet.alpha_composite(raw)
            key = name.removesuffix(".png")
            found.append(Candidate(key, entry["category"], entry["image"], sheet.convert("RGB"), raw))
    return _without_equals(sorted(found, key=lambda candidate: candidate.key))


@contextlib.contextmanager
def emoji_package(given: Path | None) -> Iterator[Path]:
    """The folder of the emoji package: the one given, or fetched with npm for as long as the block lasts.

    Raises:
        RuntimeError: when it must be fetched and cannot be.
    """
    if given is not None:
        yield given
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is not installed: install it, or unpack {EMOJI} and say --emoji FOLDER")
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run([npm, "pack", EMOJI, "--silent"], cwd=folder, capture_output=True, text=True, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if said.returncode or len(archives) != 1:
            raise RuntimeError(f"npm pack {EMOJI} failed: {said.stderr.strip()[-500:]}")
        with tarfile.open(archives[0]) as archive:
            wanted = [one for one in archive if one.name == "package/emoji.json" or "img/google/64/" in one.name]
            archive.extractall(folder, members=wanted, filter="data")
        yield Path(folder) / "package"


def _without_equals(candidates: list[Candidate]) -> list[Candidate]:
    seen: dict[tuple[str, tuple[int, int], bytes], Candidate] = {}
    for one in candidates:
        seen.setdefault((one.picture.mode, one.picture.size, one.picture.tobytes()), one)
    return list(seen.values())

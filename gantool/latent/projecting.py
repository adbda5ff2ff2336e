"""A projection in a folder: the picture, what was found, both side by side, the latent, and how near it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor
from pydantic import TypeAdapter, ValidationError

from gantool import files
from gantool.data.decode import BadPicture, Options, decode_raw
from gantool.data.raw import DEPTH, Fit, Span
from gantool.errors import DataError, UsageError
from gantool.gallery import refuse_strangers, told_of_disk_faults
from gantool.images import encode, grid, to_picture
from gantool.latent.latentfile import LATENT, in_the_way, refuse_other, write_latents
from gantool.latent.projection import Projection, Search, project, space_of
from gantool.sample import LoadedGenerator

ORIGINAL, PROJECTED, BOTH, DISTANCES = "original.png", "projected.png", "before-after.png", "distances.json"


@dataclass(frozen=True)
class Fitting:
    """How a picture is brought to the shape of a model: as the pictures that it was trained on (`gantool.data.fit`)."""

    fit: Fit = "crop"
    background: str = "white"
    range: Span = "auto"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Fitting:
        """What a run's config says of its data; the defaults where it says nothing that is understood."""
        data = config.get("data")
        known = {key: data[key] for key in ("fit", "background", "range") if key in data} if data else {}
        try:
            return TypeAdapter(cls).validate_python(known)
        except ValidationError:
            return cls()


def read_picture(path: Path, generator: LoadedGenerator, fitting: Fitting) -> NDArray[np.uint8]:
    """The picture at ``path`` in the generator's channels and size: uint8 H×W×C.

    Raises:
        UsageError: when nothing is there, or the background is no colour.
        DataError: when it cannot be decoded.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name one picture")
    if not path.exists():
        raise UsageError(f"{path}: no such picture")
    try:
        background = ImageColor.getcolor(fitting.background, "RGB")
    except ValueError as error:
        raise UsageError(f"--background {fitting.background}: no colour; give a name or #rrggbb") from error
    channels, height, width = generator.shape
    name = next(name for name, depth in DEPTH.items() if depth == channels)
    assert isinstance(background, tuple)  # noqa: S101 - for the type checker: RGB is three numbers
    options = Options((height, width), name, fitting.fit, (background[0], background[1], background[2]), fitting.range)
    try:
        found = decode_raw(path, options)
        if found.pixels is None and found.extent is not None:  # deeper than 8 bits, and there is no set beside it
            found = decode_raw(path, options._replace(span=found.extent))
    except BadPicture as error:
        raise DataError(f"{path}: {error}; give a picture that can be read, such as a PNG or JPEG") from error
    if found.pixels is None:
        raise DataError(f"{path}: holds no values; give another picture")
    return found.pixels


def write_projection(
    generator: LoadedGenerator,
    target: NDArray[np.uint8],
    folder: Path,
    search: Search,
    *,
    force: bool = False,
    progress: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Projection:
    """Seek the latent of ``target`` (uint8 H×W×C) and write what is found into ``folder``.

    Raises:
        UsageError: for a search that does not fit, or when something else is in the way.
        ResourceError: when it cannot be written.
        Stopped: when ``stop`` said yes; then nothing is written.
    """
    search = replace(search, space=space_of(generator, search.space))
    wanted = hashlib.sha256(target.tobytes()).hexdigest()
    facts = {"picture": wanted, "search": search.to_dict()}
    origin = replace(
        generator.origin,
        seed=search.seed,
        latent=f"projection of {wanted[:16]}, {search.space}, {search.steps} steps from {search.starts} starts",
    )
    with told_of_disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not force:
            _refuse_another_original(folder / ORIGINAL, target)
            refuse_strangers(folder, [(PROJECTED, origin), (BOTH, origin)])
            refuse_other(folder / LATENT, generator, "latents", facts)
            _refuse_other_distances(folder / DISTANCES, facts)
        found = project(generator, target, search, progress=progress, stop=stop)
        picture = BytesIO()
        to_picture(target).save(picture, "PNG")  # a person's own: it does not say that a machine made it
        files.write_bytes(folder / ORIGINAL, picture.getvalue())
        files.write_bytes(folder / PROJECTED, encode(found.picture, "png", origin))
        both = grid(
            np.stack([target, found.first, found.picture]),
            columns=3,
            column_names=["picture", "start", "found"],
        )
        files.write_bytes(folder / BOTH, encode(both, "png", origin))
        write_latents(folder / LATENT, generator, found.points, facts)
        files.write_text(folder / DISTANCES, json.dumps(_distances(generator, found, facts), indent=1) + "\n")
    return found


def _distances(generator: LoadedGenerator, found: Projection, facts: Mapping[str, Any]) -> dict[str, Any]:
    starts = [
        {
            "class": None if start.label is None else generator.classes[start.label],
            "before": start.before,
            "after": start.after,
        }
        for start in found.starts
    ]
    return {
        "tool": "gantool",
        "checkpoint": generator.origin.checkpoint,
        **facts,
        "before": found.before._asdict(),
        "after": found.after._asdict(),
        "starts": starts,
    }


def _refuse_another_original(path: Path, target: NDArray[np.uint8]) -> None:
    if not path.exists():
        return
    try:
        with Image.open(path, formats=("PNG",)) as there:
            same = np.array_equal(np.asarray(there), np.asarray(to_picture(target)))
    except (OSError, ValueError, SyntaxError):
        same = False
    if not same:
        raise in_the_way(path)


def _refuse_other_distances(path: Path, facts: Mapping[str, Any]) -> None:
    if not path.exists():
        return
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or any(said.get(key) != value for key, value in facts.items()):
        raise in_the_way(path)

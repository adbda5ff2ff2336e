"""A folder of drawn pictures: their names, where they say they come from, and a quick way to write them.

    000000.png …               one file a picture (000000-sneaker.png … of a model with classes)
    images.npz + images.json   or all of them in one array ``images``, N×H×W×C uint8
    grid.png                   and the first of them at a glance

The number in a name is the picture's index in the draw of that seed. Each block is written by a few threads
before the next one is drawn: beside a forward pass on the CPU they would fight it for the cores and for the
interpreter (it took three times as long). One block is held at a time, so memory stays flat for a million pictures.
"""

from __future__ import annotations

import errno
import functools
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gantool import files
from gantool.errors import DataError, ResourceError, UsageError
from gantool.images import encode, grid
from gantool.latent.truncation import require_psi
from gantool.provenance import PictureFormat, Provenance, read_provenance
from gantool.sample import BLOCK, Drawn, LoadedGenerator

Format = Literal["png", "jpeg", "webp", "npz"]
SUFFIXES: dict[PictureFormat, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
GRID = "grid.png"
ARRAY = "images.npz"

_GRID_PICTURES, _GRID_PIXELS = 1024, 1 << 26
_ENCODERS = min(4, os.cpu_count() or 1)
_PART = 16  # pictures that an encoder takes at a time
_LONGEST_CLASS = 40


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be drawn: ``count`` pictures of ``seed``, of the classes of these numbers in turn, truncated to ψ."""

    count: int
    seed: int = 0
    classes: tuple[int, ...] = ()
    batch_size: int = BLOCK
    truncation: float | None = None

    def __post_init__(self) -> None:
        require_psi(self.truncation)


Write = Callable[[Drawn], None]
"""Takes the pictures in order, piece by piece."""


def write_gallery(
    generator: LoadedGenerator,
    folder: Path,
    wish: Wish,
    *,
    format: Format = "png",
    with_grid: bool = False,
    force: bool = False,
    progress: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Draw what is wished into ``folder``, which is made if need be.

    A file that is already there is replaced when it is the same picture (weights, seed, index and class):
    the same command can be given again.

    Args:
        generator: draws.
        folder: takes the files.
        wish: what to draw.
        format: one picture a file, or ``npz``.
        with_grid: write ``grid.png`` too: the first 1,024 pictures at most, one row a class.
        force: replace whatever is in the way.
        progress: told how many pictures are drawn.
        stop: asked between blocks; when it says yes, what is drawn is written and no more is begun.

    Returns:
        How many pictures were drawn: ``wish.count``, or fewer when stopped.

    Raises:
        UsageError: when a different file is in the way.
        ResourceError: when the folder cannot be written or the disk is full.
    """
    origin = replace(generator.origin, seed=wish.seed, truncation=wish.truncation)
    names = _Names(generator.classes, origin)
    with told_of_disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not force:
            refuse_strangers(folder, _expected(names, wish, format, with_grid=with_grid))
        overview = _Overview(generator, wish) if with_grid else None
        opened = (
            _array(folder / ARRAY, generator, wish, origin) if format == "npz" else _pictures(folder, names, format)
        )
        with opened as write:
            done = _draw(generator, wish, write, overview=overview, progress=progress, stop=stop)
        if overview is not None and done == wish.count:
            files.write_bytes(folder / GRID, encode(overview.picture(), "png", origin))
    return done


def _draw(
    generator: LoadedGenerator,
    wish: Wish,
    write: Write,
    *,
    overview: _Overview | None,
    progress: Callable[[int], None],
    stop: Callable[[], bool],
) -> int:
    done = 0
    drawing = generator.batches(
        wish.count,
        seed=wish.seed,
        labels=wish.classes or None,
        batch_size=wish.batch_size,
        truncation=wish.truncation,
    )
    for drawn in drawing:
        write(drawn)
        if overview is not None:
            overview.take(drawn)
        done += len(drawn.pixels)
        progress(done)
        if stop():
            break
    return done


class _Names:
    """The name and the provenance of each picture."""

    def __init__(self, classes: Sequence[str], origin: Provenance) -> None:
        self.origin = origin
        self._classes = classes
        self._endings = [_ending(number, name) for number, name in enumerate(classes)]

    def file(self, index: int, label: int | None, format: PictureFormat) -> str:
        return f"{index:06d}{'' if label is None else self._endings[label]}{SUFFIXES[format]}"

    def of(self, index: int, label: int | None) -> Provenance:
        return replace(self.origin, index=index, class_name=None if label is None else self._classes[label])


def _ending(number: int, name: str) -> str:
    plain = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")[:_LONGEST_CLASS]
    return f"-{plain or f'class-{number}'}"


def _expected(names: _Names, wish: Wish, format: Format, *, with_grid: bool) -> Iterator[tuple[str, Provenance]]:
    """Every file that will be written, and what it will say."""
    if with_grid:
        yield GRID, names.origin
    if format == "npz":
        yield ARRAY, names.origin
        return
    for index in range(wish.count):
        label = wish.classes[index % len(wish.classes)] if wish.classes else None
        yield names.file(index, label, format), names.of(index, label)


def refuse_strangers(folder: Path, expected: Iterable[tuple[str, Provenance]]) -> None:
    """Make sure that what is in the way, of these names in ``folder``, are the very pictures that will be drawn.

    Raises:
        UsageError: naming the first that is not.
    """
    there = {entry.name for entry in os.scandir(folder)}
    for name, origin in expected if there else ():
        if name in there and not _is_same(folder / name, origin):
            raise UsageError(
                f"{folder / name}: is in the way, and is not the picture that would be drawn; "
                "choose another --out, or give --force to replace it"
            )


def _is_same(path: Path, origin: Provenance) -> bool:
    try:
        said = read_provenance(path)
    except DataError:
        return False
    told_apart_by = ("checkpoint", "weights", "seed", "index", "class_name", "truncation", "latent")
    return all(said.get(name) == getattr(origin, name) for name in told_apart_by)


@contextmanager
def _pictures(folder: Path, names: _Names, format: PictureFormat) -> Iterator[Write]:
    """One file a picture, a few of a block at the same time."""
    with ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encoder") as pool:

        def write(drawn: Drawn) -> None:
            count = len(drawn.pixels)
            parts = [range(start, min(start + _PART, count)) for start in range(0, count, _PART)]
            for _ in pool.map(functools.partial(_write_part, folder, names, format, drawn), parts):
                pass  # raises what a part raised

        yield write


def _write_part(folder: Path, names: _Names, format: PictureFormat, drawn: Drawn, part: range) -> None:
    for place in part:
        index = drawn.first + place
        label = None if drawn.labels is None else int(drawn.labels[place])
        content = encode(drawn.pixels[place], format, names.of(index, label))
        path = folder / names.file(index, label, format)
        with path.open("wb") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:  # no half picture stays
                path.unlink()
                raise


@contextmanager
def _array(path: Path, generator: LoadedGenerator, wish: Wish, origin: Provenance) -> Iterator[Write]:
    """One ``.npz``, streamed, and its JSON beside it; neither of them when it was stopped half-way."""
    channels, height, width = generator.shape
    header = {"descr": "|u1", "fortran_order": False, "shape": (wish.count, height, width, channels)}
    written = 0

    def write(drawn: Drawn) -> None:
        nonlocal written
        member.write(drawn.pixels.data)
        written += len(drawn.pixels)

    with suppress(_Stopped), files.atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            with archive.open("images.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                yield write
            if wish.classes:
                with archive.open("labels.npy", "w", force_zip64=True) as labels:
                    np.lib.format.write_array(labels, np.resize(np.array(wish.classes, np.int64), wish.count))
        if written < wish.count:
            raise _Stopped
        said = {**origin.to_dict(), "count": wish.count, "classes": list(generator.classes)}
        files.write_text(path.with_suffix(".json"), json.dumps(said, indent=1) + "\n")


class _Stopped(Exception):
    """Leaves the atomic write of an array that was not finished."""


class _Overview:
    """The first pictures of a draw, to be shown in one."""

    def __init__(self, generator: LoadedGenerator, wish: Wish) -> None:
        self._names = [generator.classes[number] for number in wish.classes]
        fitting = max(1, _GRID_PIXELS // (generator.shape.height * generator.shape.width))
        limit = min(wish.count, _GRID_PICTURES, fitting)
        rows = len(self._names)
        self._room = limit // rows * rows if 1 < rows <= limit < wish.count else limit
        self._pieces: list[NDArray[np.uint8]] = []

    def take(self, drawn: Drawn) -> None:
        """Keep what is still wanted."""
        if self._room > 0:
            self._pieces.append(drawn.pixels[: self._room])
            self._room -= len(self._pieces[-1])

    def picture(self) -> NDArray[np.uint8]:
        """The grid: one row a class where there are several, else nearly square."""
        pixels = np.concatenate(self._pieces)
        rows = len(self._names)
        if not 1 < rows <= len(pixels):
            return grid(pixels)
        columns = math.ceil(len(pixels) / rows)
        empty = np.full((rows * columns - len(pixels), *pixels.shape[1:]), 255, np.uint8)
        # Image i is of class i mod rows, so the pictures lie column by column.
        by_class = np.concatenate([pixels, empty]).reshape(columns, rows, *pixels.shape[1:]).swapaxes(0, 1)
        return grid(by_class.reshape(rows * columns, *pixels.shape[1:]), columns=columns, row_names=self._names)


@contextmanager
def told_of_disk_faults(folder: Path) -> Iterator[None]:
    """Turn what the system says of the folder into what a person can do about it."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{error.filename or folder}: is no folder; choose another --out") from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", None)}
        remedy = "free some space" if full else "choose another --out"
        raise ResourceError(f"{error.filename or folder}: cannot be written ({error.strerror}); {remedy}") from error

"""Style mixing: the coarse of one picture, the fine of another (Karras 2019, StyleGAN, figure 3).

A generator with styles (stylegan2) takes one a layer, from the smallest map to the largest. In the grid a column is the
picture whose styles the first layers take, a row the one whose styles the others take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gantool import files
from gantool.errors import UsageError
from gantool.gallery import refuse_strangers, told_of_disk_faults
from gantool.images import encode, grid
from gantool.latent.points import MOST_SAMPLES, Points, Samples, drawn
from gantool.sample import LoadedGenerator

NAME = "mix.png"


@dataclass(frozen=True)
class Mix:
    """What is mixed.

    Attributes:
        rows: where the styles from layer ``start`` on come from.
        columns: where those before it come from.
        start: the first layer of the rows' styles; None for the middle.

    Raises:
        UsageError: for too many pictures.
    """

    rows: Samples
    columns: Samples
    start: int | None = None

    def __post_init__(self) -> None:
        if len(self.rows.numbers) * len(self.columns.numbers) > MOST_SAMPLES:
            raise UsageError(f"--mix: too many pictures; rows × columns may be {MOST_SAMPLES:,} at most")


def mixed(generator: LoadedGenerator, mix: Mix) -> NDArray[np.uint8]:
    """The pictures, rows×columns×H×W×C. Where row and column are the same picture it is that picture.

    Raises:
        UsageError: for a generator without styles, or a layer that it has not.
    """
    start = first_layer(generator, mix.start)
    rows, columns = mix.rows.points(generator), mix.columns.points(generator)
    high, wide = len(rows), len(columns)
    styles = columns.styles.repeat(high, 1, 1)  # of (row, column) at row·wide + column
    styles[:, start:] = rows.styles[:, start:].repeat_interleave(wide, dim=0)
    labels = None if columns.labels is None else columns.labels.repeat(high)
    points = Points(styles, labels, list(columns.noise) * high)
    pixels = drawn(generator, points, mix.columns.batch_size)
    pixels = pixels.reshape(high, wide, *pixels.shape[1:])
    own = mix.columns.pictures(generator)
    for row, number in enumerate(mix.rows.numbers):
        for column in np.flatnonzero(np.array(mix.columns.numbers) == number):
            pixels[row, column] = own[column]
    return pixels


def first_layer(generator: LoadedGenerator, asked: int | None) -> int:
    """The layer from which the rows' styles are taken.

    Raises:
        UsageError: for a generator without styles, or a layer that it has not.
    """
    layers = generator.network.layers
    if not layers:
        raise UsageError(
            "--mix: only stylegan2 draws from a style a layer, and this model is of another architecture; "
            "--interpolate goes from one picture to another with any"
        )
    start = layers // 2 if asked is None else asked
    if not 1 <= start < layers:
        raise UsageError(
            f"--mix-from {start}: this model has layers 0 to {layers - 1}; take one from 1 to {layers - 1}"
        )
    return start


def write_mix(generator: LoadedGenerator, folder: Path, mix: Mix, *, force: bool = False) -> Path:
    """Write ``mix.png``: the pictures that are mixed in the first row and column, what comes out between them.

    Raises:
        UsageError: as `mixed`, or when another picture is in the way.
        ResourceError: when it cannot be written.
    """
    start = first_layer(generator, mix.start)
    of_rows, of_columns = (",".join(map(str, samples.numbers)) for samples in (mix.rows, mix.columns))
    both = replace(mix.rows, numbers=(*mix.rows.numbers, *mix.columns.numbers))
    origin = both.origin(generator, f"mix {of_rows} from layer {start} on into {of_columns}")
    with told_of_disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not force:
            refuse_strangers(folder, [(NAME, origin)])
        sheet = _sheet(generator, mix, mixed(generator, mix))
        files.write_bytes(folder / NAME, encode(sheet, "png", origin))
    return folder / NAME


def _sheet(generator: LoadedGenerator, mix: Mix, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With the pictures themselves around it."""
    top = mix.columns.pictures(generator)
    left = mix.rows.pictures(generator)
    corner = np.full_like(top[:1], 255)
    rows = [np.concatenate([corner, top])] + [
        np.concatenate([left[row : row + 1], pixels[row]]) for row in range(len(left))
    ]
    return grid(
        np.concatenate(rows),
        columns=len(top) + 1,
        row_names=["", *(f"fine of {name}" for name in mix.rows.names(generator))],
        column_names=["", *mix.columns.names(generator)],
    )

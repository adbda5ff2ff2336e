"""The sample grid of a run: the same latents every time, so that one can watch a picture grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gantool import files, seeding
from gantool.config import SampleSettings
from gantool.images import encode, grid, to_pixels
from gantool.models.base import Generator
from gantool.provenance import Provenance
from gantool.rundir import RunFolder

_BLOCK = 64


class SampleGrid:
    """Draws grids into ``samples/``; one row per class where the model is conditional.

    Args:
        run: the folder.
        settings: rows, columns and seed.
        classes: the class names of a conditional model, else empty.
    """

    def __init__(self, run: RunFolder, settings: SampleSettings, classes: Sequence[str]) -> None:
        self._run = run
        self._columns = settings.columns
        self._row_names = list(classes)
        rows = len(classes) or settings.rows
        self._count = rows * settings.columns
        self._seed = settings.seed

    @torch.inference_mode()
    def draw(self, generator: Generator, images_seen: int) -> tuple[NDArray[np.uint8], Path]:
        """Draw the grid with the averaged ``generator``; returns the picture H×W×C and its file."""
        device = next(generator.parameters()).device
        latents = seeding.latents(self._seed, 0, self._count, generator.latent_dim).to(device)
        labels = self._labels().to(device) if self._row_names else None
        pixels = []
        for start in range(0, self._count, _BLOCK):
            rows = slice(start, min(start + _BLOCK, self._count))
            with seeding.installed(seeding.PerImage(self._seed, start, rows.stop - start)):
                pixels.append(to_pixels(generator(latents[rows], None if labels is None else labels[rows])))
        picture = grid(np.concatenate(pixels), columns=self._columns, row_names=self._row_names or None)
        path = self._run.sample_path(images_seen)
        origin = Provenance(seed=self._seed, weights="ema", images_seen=images_seen)
        files.write_bytes(path, encode(picture, "png", origin))
        return picture, path

    def _labels(self) -> torch.Tensor:
        return torch.arange(len(self._row_names)).repeat_interleave(self._columns)

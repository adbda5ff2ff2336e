"""Directions that change a picture, found without any label.

- ``sefa`` (Shen 2021, "Closed-Form Factorization of Latent Semantics in GANs", eq. 5): the weights A that take a style
  in (`Generator.steering`) move it most along the eigenvectors of AᵀA. Nothing is drawn, nothing is random.
- ``ganspace`` (Härkönen 2020, "GANSpace", §2.1–2.2): principal components of what many latents become: of the styles
  where a network maps latents to them, else of the maps of the first layers, and from these back to latents by least
  squares. What only tells classes apart is taken away first: a class can be asked for, a direction is for the rest.

A direction has length 1, and beside it stands the deviation of styles along it (1 for latents, which are normal), so
that a step of 2 deviations is as rare along every direction. Which way is plus is decided by its largest number. What
the directions mean is for a person to see: the grids show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantool import files, seeding
from gantool.errors import UsageError
from gantool.gallery import refuse_strangers, told_of_disk_faults
from gantool.images import encode, grid
from gantool.latent.latentfile import DIRECTIONS, describe, refuse_other
from gantool.latent.points import Points, Samples, drawn
from gantool.latent.truncation import some_styles
from gantool.provenance import Provenance
from gantool.sample import BLOCK, LoadedGenerator
from gantool.training.checkpoint import write_checkpoint

Method = Literal["sefa", "ganspace"]

_STYLES = 4096
_MAPS = 2048
MOST_STEPS = 99
_LEAST_SHARE = 1e-10
"""Of the movement: what has less is rounding, and would be another direction on another machine."""


@dataclass(frozen=True)
class Directions:
    """Directions, the strongest first.

    Attributes:
        vectors: float32 count×length, each of length 1.
        deviations: float32 count: of styles along each.
        shares: float32 count: the share of all movement (sefa) or variance (ganspace) that is along each.
    """

    vectors: Tensor
    deviations: Tensor
    shares: Tensor


@dataclass(frozen=True)
class Steps:
    """How far a picture is moved: ``count`` steps, odd, from −``strength`` to +``strength`` deviations.

    Raises:
        UsageError: for numbers that make no row of pictures.
    """

    count: int = 7
    strength: float = 3.0

    def __post_init__(self) -> None:
        if not (3 <= self.count <= MOST_STEPS and self.count % 2):
            raise UsageError(f"--steps {self.count}: must be odd (the middle is the picture itself), 3 to {MOST_STEPS}")
        if not 0 < self.strength <= 1000:
            raise UsageError(f"--strength {self.strength:g}: must be above 0 and at most 1,000; 3 is a common choice")

    def offsets(self) -> list[float]:
        """In deviations."""
        half = self.count // 2
        return [self.strength * step / half for step in range(-half, half + 1)]

    def names(self) -> list[str]:
        """What stands above the columns."""
        return [f"{offset:+.3g} sd" if offset else "0" for offset in self.offsets()]


def find(generator: LoadedGenerator, method: Method, count: int) -> Directions:
    """The ``count`` strongest directions.

    Raises:
        UsageError: when there are not so many, or not so many that move anything.
    """
    network = generator.network
    length = network.steering().shape[1]
    if not 1 <= count <= length:
        what = "styles" if network.layers else "latents"
        raise UsageError(f"--count {count}: the {what} of this model have {length} dimensions; take 1 to {length}")
    with torch.no_grad():
        vectors, shares = sefa(network.steering()) if method == "sefa" else _ganspace(generator, count)
    moving = int((shares[:count] > _LEAST_SHARE).sum())
    if moving == 0:
        raise UsageError(f"--method {method}: nothing moves the pictures of this model; it may have collapsed")
    if moving < count:
        raise UsageError(
            f"--count {count}: only {moving} directions move the pictures of this model; take 1 to {moving}"
        )
    vectors = _pointed(vectors[:count])
    if network.layers:
        deviations = (_styles(generator).double() @ vectors.T).std(dim=0)
    else:
        deviations = torch.ones(len(vectors), dtype=torch.float64)
    return Directions(vectors.float(), deviations.float(), shares[:count].float())


def sefa(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvectors of AᵀA as rows, the largest eigenvalue first, and each eigenvalue's share; float64."""
    matrix = weights.detach().cpu().double()
    values, vectors = torch.linalg.eigh(matrix.T @ matrix)
    values = values.flip(0).clamp_min(0)
    return vectors.flip(1).T, values / values.sum().clamp_min(1e-300)


def principal(data: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Principal components of N×D.

    Returns:
        Components count×D, the coordinates N×count of the data along them, and their shares of the variance; float64.
        Of what has no more directions, fewer than ``count``.
    """
    centred = data.detach().cpu().double()
    centred = centred - centred.mean(dim=0)
    total = centred.square().sum()
    if centred.shape[1] <= len(centred):
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        components = vectors.flip(1).T[:count]
        values = values.flip(0)[:count]
        return components, centred @ components.T, values.clamp_min(0) / total
    # More dimensions than data: by the eigenvectors of XXᵀ, which has the same eigenvalues.
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    values = values.flip(0)[:count].clamp_min(1e-300)
    coordinates = vectors.flip(1)[:, :count] * values.sqrt()
    return (coordinates / values).T @ centred, coordinates, values / total


def _ganspace(generator: LoadedGenerator, count: int) -> tuple[Tensor, Tensor]:
    if generator.network.layers:
        components, _, shares = principal(_styles(generator), count)
        return components, shares
    latents, maps = _maps(generator)
    _, coordinates, shares = principal(maps, count)
    # One coordinate does not depend on another, so least squares is a division (GANSpace, eq. 3).
    back = (coordinates.T @ latents.double()) / coordinates.square().sum(dim=0)[:, None]
    return back / back.norm(dim=1, keepdim=True).clamp_min(1e-300), shares


def _styles(generator: LoadedGenerator) -> Tensor:
    """Styles of latents of every class, N×style_dim, each less the mean of its class."""
    classes = range(len(generator.classes)) if generator.classes else [None]
    each = -(-_STYLES // len(classes))
    found = (some_styles(generator.network, label, each)[:, 0] for label in classes)
    return torch.cat([styles - styles.mean(dim=0) for styles in found]).cpu()


class _Enough(Exception):
    """Leaves a network whose other layers are not wanted."""


@torch.no_grad()
def _maps(generator: LoadedGenerator) -> tuple[Tensor, Tensor]:
    """Latents N×latent_dim, and what `Generator.early` makes of them, N×D, less the mean of each one's class."""
    latents = torch.randn(_MAPS, generator.latent_dim, generator=seeding.generator("ganspace"))
    labels = torch.arange(_MAPS, device=generator.device) % len(generator.classes) if generator.classes else None
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        kept.append(output.flatten(1).cpu())
        raise _Enough

    hook = generator.network.early().register_forward_hook(keep)
    try:
        for start in range(0, _MAPS, BLOCK):
            part = slice(start, start + BLOCK)
            with suppress(_Enough):
                generator.render(
                    latents[part].to(generator.device),
                    None if labels is None else labels[part],
                    seeding.PerImage(0, start, BLOCK),
                )
    finally:
        hook.remove()
    maps = torch.cat(kept)
    for label in range(len(generator.classes)):
        maps[label :: len(generator.classes)] -= maps[label :: len(generator.classes)].mean(dim=0)
    return latents, maps


def _pointed(vectors: Tensor) -> Tensor:
    """Turned so that the largest number of each is positive: eigenvectors have no sign of their own."""
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return vectors * largest.sign()


def traversal(generator: LoadedGenerator, directions: Directions, sample: Samples, steps: Steps) -> NDArray[np.uint8]:
    """One picture moved along every direction: uint8 directions×steps×H×W×C. In the middle it is the picture itself."""
    base = sample.points(generator)
    offsets = torch.tensor(steps.offsets(), device=generator.device)
    moves = (directions.vectors * directions.deviations[:, None]).to(generator.device)  # directions × length
    moved = offsets[None, :, None] * moves[:, None]  # directions × steps × length
    count = moved.shape[0] * moved.shape[1]
    flat = moved.reshape(count, -1)
    styles = base.styles + (flat[:, None] if generator.network.layers else flat)
    labels = None if base.labels is None else base.labels.expand(count)
    pixels = drawn(generator, Points(styles, labels, list(base.noise) * count), sample.batch_size)
    pixels = pixels.reshape(len(moves), steps.count, *pixels.shape[1:])
    pixels[:, steps.count // 2] = sample.pictures(generator)[0]
    return pixels


def write_directions(
    generator: LoadedGenerator,
    folder: Path,
    samples: Samples,
    *,
    method: Method = "sefa",
    count: int = 8,
    steps: Steps | None = None,
    force: bool = False,
) -> list[Path]:
    """Write ``directions.safetensors`` and, for each sample, a grid: a row a direction, a column a step.

    Returns:
        The grids, ``traversal-000003.png`` for sample 3.

    Raises:
        UsageError: for more directions than there are, or when something else is in the way.
        ResourceError: when it cannot be written.
    """
    steps = steps or Steps()
    facts = {"method": method, "count": count}
    with told_of_disk_faults(folder):
        found = find(generator, method, count)
        folder.mkdir(parents=True, exist_ok=True)
        pages = list(
            _pages(generator, samples, f"{method}, {count} directions, {steps.count} steps to {steps.strength:g} sd")
        )
        if not force:
            refuse_strangers(folder, [(name, origin) for _, name, origin in pages])
            refuse_other(folder / DIRECTIONS, generator, "directions", facts)
        tensors = {"directions": found.vectors, "deviations": found.deviations, "shares": found.shares}
        write_checkpoint(folder / DIRECTIONS, tensors, describe(generator, "directions", facts))
        names = [f"{number}  {share:.0%}" for number, share in enumerate(found.shares.tolist())]
        for sample, name, origin in pages:
            pixels = traversal(generator, found, sample, steps)
            sheet = grid(
                pixels.reshape(-1, *pixels.shape[2:]),
                columns=steps.count,
                row_names=names,
                column_names=steps.names(),
            )
            files.write_bytes(folder / name, encode(sheet, "png", origin))
    return [folder / name for _, name, _ in pages]


def _pages(generator: LoadedGenerator, samples: Samples, words: str) -> Iterator[tuple[Samples, str, Provenance]]:
    for number in dict.fromkeys(samples.numbers):
        label = samples.label(number)
        origin = replace(
            generator.origin,
            seed=samples.seed,
            index=number,
            class_name=None if label is None else generator.classes[label],
            truncation=samples.truncation,
            latent=words,
        )
        yield replace(samples, numbers=(number,)), f"traversal-{number:06d}.png", origin

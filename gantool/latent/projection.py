"""Projection: the latent whose picture comes nearest to a given picture.

Many latents are drawn and looked at; from the nearest few of them Adam goes downhill (`likeness` says on what), each
start for itself, and the nearest end wins. Where a network maps latents to styles, styles are sought instead of
latents: first one for all layers (``w``), then, in ``w+``, one for each (Abdal 2019, "Image2StyleGAN"; Karras 2020,
StyleGAN2, appendix D). Latents (``z``) are held near the length that normal ones have, √d.

What this does not do: reach what the generator cannot draw. How near it came is written beside the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool import seeding
from gantool.device import exactly
from gantool.errors import UsageError
from gantool.latent.likeness import Distance, Likeness
from gantool.latent.points import Points, drawn
from gantool.latent.truncation import some_styles
from gantool.sample import BLOCK, LoadedGenerator

Space = Literal["z", "w", "w+"]

MOST_STARTS = 64
MOST_STEPS = 100_000
_CANDIDATES = 64
"""Latents that are looked at before the search, for each start."""
_RATE = 0.1
_WARM_UP = 0.05
_LENGTH_WEIGHT = 0.05
"""Of (‖z‖²/d − 1)² beside the distance."""
_EXCESS_WEIGHT = 0.1
"""Of the mean square of what lies beyond [-1, 1], where clipping leaves no slope."""
_STYLES = 4096


@dataclass(frozen=True)
class Search:
    """How the latent is sought.

    Attributes:
        steps: of Adam.
        starts: from how many latents.
        seed: of the candidates and of the noise.
        space: ``z``, ``w`` or ``w+``; None takes ``w+`` where there are styles and ``z`` elsewhere.
        classes: numbers of the classes that candidates have in turn; empty for an unconditional model.

    Raises:
        UsageError: for numbers out of range.
    """

    steps: int = 300
    starts: int = 4
    seed: int = 0
    space: Space | None = None
    classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise UsageError(f"--steps {self.steps}: must be from 1 to {MOST_STEPS:,}; 300 is a common choice")
        if not 1 <= self.starts <= MOST_STARTS:
            raise UsageError(f"--starts {self.starts}: must be from 1 to {MOST_STARTS}")
        if not -(1 << 63) <= self.seed < 1 << 63:
            raise UsageError(
                f"--seed {self.seed}: must fit into 64 bits, as the latent's file has them; take a smaller one"
            )

    def of_classes(self, classes: tuple[int, ...]) -> Search:
        """The same among other classes."""
        return replace(self, classes=classes)

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        return {**asdict(self), "classes": list(self.classes)}


class Measured(NamedTuple):
    """How far a picture is from the wanted one."""

    rmse: float
    """Root mean squared difference in grey levels, 0 to 255."""
    features: float
    """Difference of features (`likeness`), 0 or more."""


class Start(NamedTuple):
    """One of the starts: its class, and the distance before and after."""

    label: int | None
    before: float
    after: float


@dataclass(frozen=True)
class Projection:
    """What was found.

    Attributes:
        points: one point.
        picture: what is drawn from it, uint8 H×W×C.
        first: what was drawn where that search began.
        before: how far ``first`` is.
        after: how far ``picture`` is.
        starts: every start, in the order of how near it was at first.
    """

    points: Points
    picture: NDArray[np.uint8]
    first: NDArray[np.uint8]
    before: Measured
    after: Measured
    starts: list[Start]


class Stopped(Exception):
    """The search was asked to stop."""


def project(
    generator: LoadedGenerator,
    target: NDArray[np.uint8],
    search: Search,
    *,
    progress: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Projection:
    """Seek the latent of ``target``: the same one for the same target, weights, search and machine.

    Args:
        generator: draws.
        target: uint8 H×W×C of the generator's shape.
        search: how.
        progress: told how many steps are done.
        stop: asked between steps.

    Raises:
        UsageError: for a space that the generator has not.
        Stopped: when ``stop`` said yes.
    """
    space = space_of(generator, search.space)
    likeness = Likeness(target, generator.device)
    climb = _Descent(generator, likeness, search, space)
    first = climb.points()
    for step in range(search.steps):
        if stop():
            raise Stopped
        climb.step(step)
        progress(step + 1)
    climb.look()
    best = int(climb.nearest.argmin())
    found, began = _only(climb.points(), best), _only(first, best)
    pictures = np.stack([drawn(generator, each)[0] for each in (began, found)])
    levels = np.sqrt(np.square(pictures.astype(np.float64) - target).mean(axis=(1, 2, 3)))
    features = likeness.of(pictures).features.tolist()
    labels = [None] * search.starts if first.labels is None else first.labels.tolist()
    return Projection(
        found,
        pictures[1],
        pictures[0],
        Measured(float(levels[0]), features[0]),
        Measured(float(levels[1]), features[1]),
        [Start(*each) for each in zip(labels, climb.began.tolist(), climb.nearest.tolist(), strict=True)],
    )


def space_of(generator: LoadedGenerator, asked: Space | None) -> Space:
    """Where it is sought.

    Raises:
        UsageError: when ``asked`` does not fit the generator.
    """
    fitting: tuple[Space, ...] = ("w+", "w") if generator.network.layers else ("z",)
    if asked is None:
        return fitting[0]
    if asked not in fitting:
        what = "draws from styles" if generator.network.layers else "draws from the latent itself"
        raise UsageError(f"--space {asked}: this model {what}; choices: {', '.join(fitting)}")
    return asked


class _Descent:
    """Several searches side by side. A point is centre + scale·(common + own): both are sought, in deviations.

    Attributes:
        began: the distance of each at first.
        nearest: the smallest distance of each so far.
    """

    def __init__(self, generator: LoadedGenerator, likeness: Likeness, search: Search, space: Space) -> None:
        self._generator, self._likeness, self._search, self._space = generator, likeness, search, space
        styles, self._labels = _candidates(generator, likeness, search)
        self._noise = [(search.seed, start) for start in range(search.starts)]
        self._centre, self._scale = _spread(generator, self._labels)
        common = (styles - self._centre) / self._scale
        if space != "z":  # before the search all layers have one style
            common = common[:, :1]
        self._common = common.clone().requires_grad_(True)
        self._own = torch.zeros_like(styles).requires_grad_(False)
        self._optimizer = torch.optim.Adam([self._common, self._own], lr=_RATE)
        self._best = self._points().clone()
        self.nearest = torch.full((search.starts,), math.inf, device=generator.device)
        self.look()
        self.began = self.nearest.clone()

    def points(self) -> Points:
        """The nearest that each has found."""
        return Points(self._best.clone(), self._labels, self._noise)

    @torch.no_grad()
    def look(self) -> None:
        """See how near they are now."""
        self._keep(self._points(), self._look(self._points())[0].total)

    def step(self, number: int) -> None:
        """One step of Adam for each: warm-up, then the rate falls to 0 along a cosine."""
        done = number / self._search.steps
        if self._space == "w+" and done >= 0.5:
            self._own.requires_grad_(True)
        rate = _RATE * min(1.0, (done + 1 / self._search.steps) / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        points = self._points()
        distance, excess = self._look(points)
        self._keep(points.detach(), distance.total.detach())
        loss = distance.total.sum() + _EXCESS_WEIGHT * excess.sum()
        if self._space == "z":
            lengths = self._common.square().mean(dim=1)
            loss = loss + _LENGTH_WEIGHT * (lengths - 1).square().sum()
        self._optimizer.zero_grad()
        with exactly(self._generator.device):
            loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def _points(self) -> Tensor:
        return self._centre + self._scale * (self._common + self._own)

    def _look(self, points: Tensor) -> tuple[Distance, Tensor]:
        """Of each its distance, and the mean square of what lies beyond the range of pixels."""
        noise = seeding.PerImage.of(self._noise)
        with seeding.installed(noise), exactly(self._generator.device):
            images = self._generator.network.draw(points, self._labels)
            return self._likeness(images), (images - images.clamp(-1, 1)).square().mean(dim=(1, 2, 3))

    def _keep(self, points: Tensor, distances: Tensor) -> None:
        nearer = distances < self.nearest
        self._best[nearer] = points[nearer]
        self.nearest[nearer] = distances[nearer]


@torch.no_grad()
def _candidates(generator: LoadedGenerator, likeness: Likeness, search: Search) -> tuple[Tensor, Tensor | None]:
    """The nearest of many: styles starts×…, and their classes."""
    source = seeding.generator(search.seed, "projection")
    count = _CANDIDATES * search.starts
    latents = torch.randn(count, generator.latent_dim, generator=source).to(generator.device)
    labels = None
    if search.classes:
        turns = [search.classes[index % len(search.classes)] for index in range(count)]
        labels = torch.tensor(turns, device=generator.device)
    styles = generator.network.styles(latents, labels)
    distances = []
    for start in range(0, count, BLOCK):
        part = slice(start, start + BLOCK)
        noise = seeding.PerImage.of([(search.seed, 0)] * BLOCK)
        pixels = generator.render(styles[part], None if labels is None else labels[part], noise)
        distances.append(likeness.of(pixels).total)
    order = torch.cat(distances).argsort(stable=True)[: search.starts]
    return styles[order], None if labels is None else labels[order]


def _spread(generator: LoadedGenerator, labels: Tensor | None) -> tuple[Tensor, float]:
    """Where styles lie and how far they spread: starts×layers×style_dim and a number; 0 and 1 for latents."""
    if not generator.network.layers:
        return torch.zeros(1, generator.latent_dim, device=generator.device), 1.0
    numbers = [None] if labels is None else labels.tolist()
    found = {number: some_styles(generator.network, number, _STYLES) for number in set(numbers)}
    centre = torch.stack([found[number].mean(dim=0) for number in numbers])
    return centre, float(torch.stack([styles[:, 0].std(dim=0).mean() for styles in found.values()]).mean())


def _only(points: Points, row: int) -> Points:
    labels = None if points.labels is None else points.labels[row : row + 1]
    return Points(points.styles[row : row + 1], labels, [points.noise[row]])

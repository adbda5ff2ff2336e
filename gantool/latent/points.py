"""Points of the space that pictures are drawn from, wherever they come from, and their pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool import seeding
from gantool.errors import UsageError
from gantool.latent.truncation import Truncation, require_psi
from gantool.provenance import Provenance
from gantool.sample import BLOCK, LoadedGenerator

Source = tuple[int, int]
"""Where the noise of a picture comes from: (seed, index)."""

MOST_SAMPLES = 1024


@dataclass(frozen=True)
class Points:
    """N points.

    Attributes:
        styles: N×… (`Generator.styles`).
        labels: as `Generator.forward` takes them; None of an unconditional generator.
        noise: N sources.
        ends: N further sources where a point's noise is on the way from one to another (`seeding.Between`); or none.
        places: how far on that way, N numbers from 0 to 1.
    """

    styles: Tensor
    labels: Tensor | None
    noise: Sequence[Source]
    ends: Sequence[Source] = ()
    places: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.styles)


@dataclass(frozen=True)
class Samples:
    """Pictures of a draw, by their numbers: what `gantool sample` calls 000003.png is number 3.

    Attributes:
        numbers: which.
        seed: of the draw.
        classes: picture i is of class ``classes[i % len(classes)]``, by number; empty for an unconditional model.
        truncation: ψ, or None.
        batch_size: pictures computed together.
    """

    numbers: tuple[int, ...]
    seed: int = 0
    classes: tuple[int, ...] = ()
    truncation: float | None = None
    batch_size: int = BLOCK

    def __post_init__(self) -> None:
        require_psi(self.truncation)

    def label(self, number: int) -> int | None:
        """The class of a picture."""
        return self.classes[number % len(self.classes)] if self.classes else None

    def labels(self) -> list[int] | None:
        """The class of each."""
        return [self.classes[number % len(self.classes)] for number in self.numbers] if self.classes else None

    def names(self, generator: LoadedGenerator) -> list[str]:
        """What to call them in a picture: the number, and the class."""
        labels = self.labels() or []
        return [
            f"{number} {generator.classes[labels[place]]}" if labels else str(number)
            for place, number in enumerate(self.numbers)
        ]

    def origin(self, generator: LoadedGenerator, words: str) -> Provenance:
        """What a film or a grid of these pictures says of itself: ``words``, and of which classes they are."""
        labels = self.labels() or []
        one = generator.classes[labels[0]] if len(set(labels)) == 1 else None
        several = bool(labels) and one is None
        among = f" of {','.join(generator.classes[label] for label in self.classes)} in turn" if several else ""
        said = replace(generator.origin, seed=self.seed, truncation=self.truncation)
        return replace(said, class_name=one, latent=words + among)

    def points(self, generator: LoadedGenerator) -> Points:
        """Where they lie."""
        latents = torch.cat([seeding.latents(self.seed, number, 1, generator.latent_dim) for number in self.numbers])
        numbers = self.labels()
        labels = None if numbers is None else torch.tensor(numbers, device=generator.device)
        styles = Truncation(generator.network, self.truncation)(latents.to(generator.device), labels)
        return Points(styles, labels, [(self.seed, number) for number in self.numbers])

    def pictures(self, generator: LoadedGenerator) -> NDArray[np.uint8]:
        """The very pictures that `LoadedGenerator.sample` gives, N×H×W×C: each is drawn in its own place of a block."""
        by_number: dict[int, NDArray[np.uint8]] = {}
        for number in self.numbers:
            if number not in by_number:
                first = number - number % self.batch_size
                block = generator.sample(
                    self.batch_size,
                    seed=self.seed,
                    labels=self.classes or None,
                    batch_size=self.batch_size,
                    start=first,
                    truncation=self.truncation,
                )
                wanted = [other for other in self.numbers if first <= other < first + self.batch_size]
                by_number.update((other, block[other - first]) for other in wanted)
        return np.stack([by_number[number] for number in self.numbers])


def drawn(generator: LoadedGenerator, points: Points, batch_size: int = BLOCK) -> NDArray[np.uint8]:
    """The pictures of points, uint8 N×H×W×C. They are computed in blocks of ``batch_size``, the last filled up."""
    return np.concatenate([pixels for _, pixels in pieces(generator, points, batch_size)])


def pieces(
    generator: LoadedGenerator, points: Points, batch_size: int = BLOCK
) -> Iterator[tuple[range, NDArray[np.uint8]]]:
    """The same in pieces: which of the points, and their pictures."""
    for start in range(0, len(points), batch_size):
        stop = min(start + batch_size, len(points))
        rows = [*range(start, stop), *[stop - 1] * (batch_size - (stop - start))]
        noise: seeding.PerImage = seeding.PerImage.of([points.noise[row] for row in rows])
        if points.ends:
            starts, ends = [points.noise[row] for row in rows], [points.ends[row] for row in rows]
            noise = seeding.Between(starts, ends, [points.places[row] for row in rows])
        labels = None if points.labels is None else points.labels[rows]
        yield range(start, stop), generator.render(points.styles[rows], labels, noise)[: stop - start]


def numbers_of(text: str, option: str) -> tuple[int, ...]:
    """``3,8,20-23`` → 3, 8, 20, 21, 22, 23: numbers of pictures as a person types them.

    Raises:
        UsageError: for anything else.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,12})(?:-(\d{1,12}))?\s*", part, re.ASCII)
        if match is None:
            raise UsageError(f"{option} {text}: give numbers of pictures (000003.png is number 3), such as 3,8,20-23")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"{option} {text}: {part.strip()} ends before it begins; write {last}-{first}")
        if last - first >= MOST_SAMPLES or len(found) + last - first >= MOST_SAMPLES:
            raise UsageError(f"{option} {text}: too many pictures; {MOST_SAMPLES:,} at most")
        found += range(first, last + 1)
    return tuple(found)

"""From one picture to another, through the pictures between them.

Latents are normal: in many dimensions their lengths are all about √d, and the straight line between two of them leads
through shorter ones, which no training step ever drew. So the way goes along the sphere (White 2016, "Sampling
Generative Networks", §2). Styles that a network mapped (stylegan2) have no such shape: there it is straight (Karras
2020, StyleGAN2). A class becomes another by weights of classes; noise by `seeding.Between`.

Every picture that is named is one of the frames, and there it is the very picture that ``gantool sample`` draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool.errors import UsageError
from gantool.latent.points import Points, Samples, pieces
from gantool.nn.conditioning import one_hot
from gantool.sample import LoadedGenerator

MOST_FRAMES = 10_000
_NEARLY_PARALLEL = 1e-4


class Place(NamedTuple):
    """A frame: between which two of the keys (their places in the list), and how far from the first to the second."""

    start: int
    end: int
    t: float


@dataclass(frozen=True)
class Way:
    """Through which pictures, in how many frames.

    Attributes:
        keys: the pictures, in this order.
        frames: all frames together.
        loop: go back to the first at the end. Its frame is not shown a second time, so that the film can be repeated.

    Raises:
        UsageError: for fewer than two pictures, or fewer frames than pictures.
    """

    keys: Samples
    frames: int = 60
    loop: bool = False

    def __post_init__(self) -> None:
        count = len(self.keys.numbers)
        if count < 2:
            raise UsageError("--interpolate: give two pictures or more, such as 3,8")
        if not count <= self.frames <= MOST_FRAMES:
            raise UsageError(
                f"--frames {self.frames}: must be from {count} to {MOST_FRAMES:,}, since every picture named is a frame"
            )

    def places(self) -> list[Place]:
        """Where each frame lies. The named pictures lie on frames, as evenly as whole frames allow."""
        count = len(self.keys.numbers)
        legs = count if self.loop else count - 1
        length = self.frames if self.loop else self.frames - 1
        at = [round(key * length / legs) for key in range(legs + 1)]
        places = [
            Place(leg, (leg + 1) % count, (frame - first) / (last - first))
            for leg, (first, last) in enumerate(pairwise(at))
            for frame in range(first, last)
        ]
        return places if self.loop else [*places, Place(count - 1, count - 1, 0.0)]

    def says(self) -> str:
        """What a frame says it was drawn from."""
        closed = ", loop" if self.loop else ""
        return f"interpolate {','.join(map(str, self.keys.numbers))} in {self.frames} frames{closed}"


def frames(generator: LoadedGenerator, way: Way) -> Iterator[NDArray[np.uint8]]:
    """The frames, in pieces: uint8 n×H×W×C."""
    places = way.places()
    keys = way.keys.pictures(generator)
    for part, pixels in pieces(generator, between(generator, way.keys, places), way.keys.batch_size):
        for row, index in enumerate(part):
            if places[index].t == 0:
                pixels[row] = keys[places[index].start]
        yield pixels


def between(generator: LoadedGenerator, keys: Samples, places: list[Place]) -> Points:
    """The points of frames."""
    ends = keys.points(generator)
    starts, stops = [place.start for place in places], [place.end for place in places]
    t = torch.tensor([place.t for place in places], dtype=torch.float32, device=generator.device)
    mix = straight if generator.network.layers else spherical
    labels = ends.labels
    if labels is not None and len(set(labels.tolist())) > 1:
        weights = one_hot(labels, len(generator.classes))
        labels = straight(weights[starts], weights[stops], t)
    elif labels is not None:
        labels = labels[starts]
    return Points(
        mix(ends.styles[starts], ends.styles[stops], t),
        labels,
        [ends.noise[start] for start in starts],
        [ends.noise[stop] for stop in stops],
        [place.t for place in places],
    )


def straight(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 − t)·a + t·b for N×… and N numbers t."""
    t = t.reshape(-1, *(1 for _ in a.shape[1:]))
    return (1 - t) * a + t * b


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """sin((1 − t)Ω)/sin Ω·a + sin(tΩ)/sin Ω·b with Ω the angle between the N×d vectors (Shoemake 1985; White 2016).

    Where a and b have (nearly) one direction, or opposite ones, or no length, it is `straight`.
    """
    x, y = a.double(), b.double()
    lengths = x.norm(dim=1, keepdim=True) * y.norm(dim=1, keepdim=True)
    cosine = ((x * y).sum(dim=1, keepdim=True) / lengths.clamp_min(1e-12)).clamp(-1, 1)
    angle, s = torch.acos(cosine), t.double()[:, None]
    sine = torch.sin(angle)
    bent = (torch.sin((1 - s) * angle) * x + torch.sin(s * angle) * y) / sine.clamp_min(1e-12)
    return torch.where((sine > _NEARLY_PARALLEL) & (lengths > 1e-12), bent, straight(x, y, t.double())).to(a)

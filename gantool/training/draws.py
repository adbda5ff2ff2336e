"""The random draws of one step: for the whole global batch, then this process's rows of it.

The key has no rank, so two processes draw what one would. Noise inside the networks is the exception: its key
adds the rank, because each process runs its own rows only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gantool import distributed, seeding
from gantool.augment import AnyAugmentation
from gantool.nn.memory import Memory
from gantool.penalties import GeneratorPenalty, ImagePenalty
from gantool.training.batches import own_rows


@dataclass(frozen=True)
class Draws:
    """Every draw of the step that starts at ``images_seen``."""

    seed: int
    images_seen: int
    attempt: int
    batch_size: int
    device: torch.device

    def latents(self, stream: str, latent_dim: int) -> Tensor:
        """Standard normal n×latent_dim, n being this process's share of the batch."""
        source = self._source(stream)
        latents = torch.randn(self.batch_size, latent_dim, generator=source, device=self.device)
        return latents[own_rows(self.batch_size)]

    def image_penalty(self, penalty: ImagePenalty) -> Tensor:
        """What the penalty needs of chance, n×…."""
        return penalty.draw(self.batch_size, self._source(penalty.stream))[own_rows(self.batch_size)]

    def generator_penalty(self, penalty: GeneratorPenalty, name: str, shape: tuple[int, ...]) -> Tensor:
        """What the penalty needs of chance for images of ``shape``, n×…."""
        return penalty.draw(self.batch_size, shape, self._source(name))[own_rows(self.batch_size)]

    def augmentation(self, augmentation: AnyAugmentation, stream: str, memory: Memory) -> Tensor:
        """The augmentation's parameters, n×k."""
        chance = augmentation.chance(self.images_seen, memory)
        return augmentation.draw(self.batch_size, chance, self._source(stream))[own_rows(self.batch_size)]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make this step's noise the source of dropout and noise layers, and reseed torch's global generators
        too, so that a layer that is not ours cannot make a run unrepeatable."""
        key = (self.seed, "noise", self.images_seen, self.attempt, distributed.rank())
        seeding.reseed_global(self.device, *key, "global")
        with seeding.installed(seeding.generator(*key, device=self.device)):
            yield

    def _source(self, stream: str) -> torch.Generator:
        return seeding.generator(self.seed, stream, self.images_seen, self.attempt, device=self.device)

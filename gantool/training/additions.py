"""What a config adds to the two adversarial losses: whose turn a penalty is, and what is remembered and measured.

Penalties, augmentations and discriminators with losses of their own are the additions. What they remember is part
of the state: one `Memory` for each that has one, by the keys below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor

from gantool.config import ExperimentConfig
from gantool.models.base import Discriminator
from gantool.nn.memory import Memory
from gantool.penalties import GeneratorPenalty, Penalty

Kind = TypeVar("Kind", bound=Penalty)


def penalty_key(penalty: Penalty) -> str:
    """The name of a penalty's memory and meter (a config has no two of one name)."""
    return f"penalty_{penalty.name}"  # type: ignore[attr-defined]


def augmentation_key(position: int) -> str:
    """The name of the memory of the augmentation at ``position`` of the config's list."""
    return f"augment_{position}"


def fresh_memories(config: ExperimentConfig, device: torch.device) -> dict[str, Memory]:
    """What every addition remembers before the first step; those that remember nothing are left out."""
    owners = [(penalty_key(penalty), penalty.memory()) for penalty in config.penalties]
    owners += [(augmentation_key(at), augmentation.memory()) for at, augmentation in enumerate(config.augment)]
    return {key: {name: value.to(device) for name, value in memory.items()} for key, memory in owners if memory}


def meter_names(config: ExperimentConfig, discriminator: Discriminator) -> tuple[str, ...]:
    """What the steps of ``config`` measure."""
    accuracy = ("accuracy_real", "accuracy_fake") if config.loss.absolute_zero else ("accuracy_paired",)
    own = (*discriminator.losses_of_reals, *(f"{name}_of_fakes" for name in discriminator.losses_of_fakes))
    return (
        "loss_generator",
        "loss_discriminator",
        *accuracy,
        *(penalty_key(penalty) for penalty in config.penalties),
        *(f"loss_{name}" for name in own),
        *(name for augmentation in config.augment for name in augmentation.steer(0, 1, augmentation.memory())),
    )


def due_penalties(config: ExperimentConfig, kind: type[Kind], images_seen: int) -> Iterator[Kind]:
    """The penalties of a ``kind`` whose turn it is in the step that starts at ``images_seen``.

    ``every_steps`` counts the steps of the network that the penalty belongs to; the phase is the counter's.
    """
    step = images_seen // config.training.batch_size
    if kind is GeneratorPenalty:
        step //= config.training.discriminator_steps
    for penalty in config.penalties:
        if isinstance(penalty, kind) and step % penalty.every_steps == 0:
            yield penalty


def steer_augmentations(config: ExperimentConfig, memories: dict[str, Memory], images_seen: int) -> dict[str, Tensor]:
    """After a discriminator step that started at ``images_seen``: what steers itself does; gives what to log."""
    step, batch_size = images_seen // config.training.batch_size, config.training.batch_size
    said: dict[str, Tensor] = {}
    for position, augmentation in enumerate(config.augment):
        said |= augmentation.steer(step, batch_size, memories.get(augmentation_key(position), {}))
    return said

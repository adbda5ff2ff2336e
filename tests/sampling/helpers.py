"""Small checkpoints that draw something worth comparing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import torch
from torch import Tensor

from gantool import seeding
from gantool.images import ImageShape
from gantool.models import AnyModel, ModelSettings
from gantool.training.checkpoint import write_checkpoint
from tests.architectures import SMALL_MODELS

GREY = ImageShape(1, 16, 16)
GARMENTS = ("T-shirt/top", "Sneaker", "Bag", "3")


def architectures() -> list[type[ModelSettings]]:
    """Every registered one."""
    union = get_args(AnyModel)[0] if get_origin(AnyModel) is Annotated else AnyModel
    return list(get_args(union))


def small(architecture: type[ModelSettings], *, conditional: bool = False) -> ModelSettings:
    """Settings of a network that draws in no time."""
    name = architecture.model_fields["name"].default
    shared = {"latent_dim": 8, "conditioning": "class" if conditional else "none"}
    return architecture.model_validate({**shared, **SMALL_MODELS[name]})


def weights(settings: ModelSettings, shape: ImageShape, classes: int, seed: int) -> dict[str, Tensor]:
    """A generator's tensors, far from the greys of a fresh one: every picture differs from the next."""
    torch.manual_seed(seed)
    network = settings.build_generator(shape, classes)
    network.train()
    with torch.no_grad(), seeding.installed(seeding.generator(seed)):
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2.0)
        for _ in range(20):  # batch norms that fit what they see
            network(torch.randn(64, network.latent_dim), torch.arange(64) % classes if classes else None)
    return dict(network.state_dict())


def make_checkpoint(
    path: Path,
    settings: ModelSettings,
    *,
    shape: ImageShape = GREY,
    classes: Sequence[str] = (),
    kind: str = "checkpoint",
    **more: Any,
) -> Path:
    """A checkpoint of ``settings`` with averaged and raw weights that differ, and a discriminator."""
    count = len(classes) if settings.conditioning == "class" else 0
    judge = settings.build_discriminator(shape, count)
    groups = {
        "ema": weights(settings, shape, count, seed=1),
        "generator": weights(settings, shape, count, seed=2),
        "discriminator": judge.state_dict(),
    }
    tensors = {f"{group}.{name}": tensor for group, own in groups.items() for name, tensor in own.items()}
    metadata = {
        "kind": kind,
        "config": {
            "name": "tiny",
            "data": {"source": "folder", "path": "my-secret-folder"},
            "model": settings.model_dump(mode="json"),
        },
        "shape": list(shape),
        "classes": list(classes),
        "images_seen": 1200,
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(path, tensors, metadata)
    return path

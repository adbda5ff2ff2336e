"""Latents and directions in files: safetensors with a digest, as checkpoints are, and never a pickle.

A file of latents holds ``latents`` N×latent_dim or ``styles`` N×layers×style_dim, ``noise`` N×2 (seed and index of
`seeding.PerImage`), ``labels`` N where the model has classes, and says which checkpoint they were found for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gantool.errors import CheckpointError, UsageError
from gantool.latent.points import Points
from gantool.sample import LoadedGenerator
from gantool.training.checkpoint import read_checkpoint, write_checkpoint

LATENT = "latent.safetensors"
DIRECTIONS = "directions.safetensors"

_MOST = 1 << 20


class Found(NamedTuple):
    """What a file of latents holds."""

    points: Points
    digest: str
    foreign: bool
    """Whether they were found for other weights."""


def describe(generator: LoadedGenerator, kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a file of ``kind``."""
    return {
        **facts,
        "kind": kind,
        "checkpoint": generator.origin.checkpoint,
        "weights": generator.origin.weights,
        "shape": list(generator.shape),
    }


def write_latents(path: Path, generator: LoadedGenerator, points: Points, facts: Mapping[str, Any]) -> str:
    """Write points to ``path``; returns the digest.

    Raises:
        OSError: when it cannot be written.
    """
    tensors = {
        "styles" if generator.network.layers else "latents": points.styles,
        "noise": torch.tensor(points.noise, dtype=torch.int64),
    }
    if points.labels is not None:
        tensors["labels"] = points.labels
    return write_checkpoint(path, tensors, describe(generator, "latents", facts))


def read_latents(path: Path, generator: LoadedGenerator) -> Found:
    """The points in a file, for ``generator`` to draw.

    Raises:
        UsageError: when nothing is there, it is no file of latents, or they are not of this generator's shape.
        CheckpointError: when the file is foreign or damaged.
    """
    if path.is_dir():
        raise UsageError(f"--latent {path}: is a folder; give {path / LATENT}")
    if not path.is_file():
        raise UsageError(f"--latent {path}: no such file; gantool project writes one")
    found = read_checkpoint(path)
    if found.metadata.get("kind") != "latents":
        raise UsageError(f"--latent {path}: holds no latents; give the {LATENT} that gantool project wrote")
    network = generator.network
    name = "styles" if network.layers else "latents"
    example = network.styles(
        torch.zeros(1, generator.latent_dim, device=generator.device),
        torch.zeros(1, dtype=torch.int64, device=generator.device) if network.classes else None,
    )
    styles, noise, labels = (found.tensors.get(key) for key in (name, "noise", "labels"))
    if styles is None or styles.shape[1:] != example.shape[1:] or (labels is None) != (not network.classes):
        raise UsageError(
            f"--latent {path}: found for a model of another kind; give the checkpoint that it was found for"
        )
    count = len(styles)
    fits = (
        0 < count <= _MOST
        and styles.dtype == torch.float32
        and bool(styles.isfinite().all())
        and noise is not None
        and noise.shape == (count, 2)
        and noise.dtype == torch.int64
        and (labels is None or _are_labels(labels, count, network.classes))
    )
    if not fits or noise is None:
        raise CheckpointError(f"{path}: its tensors are not those of latents; gantool did not write it")
    sources = [(int(seed), int(index)) for seed, index in noise.tolist()]
    device = generator.device
    points = Points(styles.to(device), None if labels is None else labels.to(device), sources)
    ours = describe(generator, "latents", {})
    return Found(points, found.digest, any(found.metadata.get(key) != value for key, value in ours.items()))


def _are_labels(labels: torch.Tensor, count: int, classes: int) -> bool:
    return labels.dtype == torch.int64 and labels.shape == (count,) and bool(((labels >= 0) & (labels < classes)).all())


def refuse_other(path: Path, generator: LoadedGenerator, kind: str, facts: Mapping[str, Any]) -> None:
    """Make sure that a file that is in the way was written by the same command.

    Raises:
        UsageError: when it was not.
    """
    if not path.exists():
        return
    try:
        said = read_checkpoint(path).metadata
    except CheckpointError:
        said = {}
    if any(said.get(key) != value for key, value in describe(generator, kind, facts).items()):
        raise in_the_way(path)


def in_the_way(path: Path) -> UsageError:
    """What to say of a file that must not be replaced."""
    return UsageError(
        f"{path}: is in the way, and is not what would be written; choose another --out, or give --force to replace it"
    )

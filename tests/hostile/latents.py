"""What the latent tools read of strangers: files of latents, and a picture whose latent is sought."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantool.training.checkpoint import write_checkpoint
from tests.hostile import checkpoints, pictures
from tests.hostile.case import CONTROL, TURNED, Case, Room
from tests.hostile.checkpoints import NAME, Metadata, Tensors, described, entry, of_bytes, raw

_LATENT_DIM = 8


def _good() -> tuple[Metadata, Tensors]:
    """Two latents for a model of `sound.config`."""
    metadata = {"kind": "latents", "checkpoint": "ab" * 32, "weights": "ema", "shape": [1, 16, 16]}
    return metadata, {"latents": torch.zeros(2, _LATENT_DIM), "noise": torch.zeros(2, 2, dtype=torch.int64)}


def _written(change: Callable[[Metadata, Tensors], Any]) -> Callable[[Room], Path]:
    """Two latents after ``change``, with the digest that they should have."""

    def make(room: Room) -> Path:
        path = room.given / NAME
        metadata, tensors = _good()
        change(metadata, tensors)
        write_checkpoint(path, tensors, metadata)
        return path

    return make


def _with(**tensors: Tensor) -> Callable[[Room], Path]:
    return _written(lambda _, known: known.update(tensors))


def _folder(room: Room) -> Path:
    (room.given / NAME).mkdir()
    return room.given / NAME


def _trained(room: Room) -> Path:
    """A checkpoint, where latents were asked for."""
    checkpoints.good_checkpoint(room.given / NAME)
    return room.given / NAME


def _pipe(name: str) -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        os.mkfifo(room.given / name)
        return room.given / name

    return make


_NONE, _FOREIGN, _OTHER = "holds no latents", "are not those of latents", "found for a model of another kind"
_FILES: Mapping[str, tuple[Callable[[Room], Path], str, int]] = {
    "a pickle": (*checkpoints.FILES["a pickle"], 4),
    "torch.save's zip with a pickle": (*checkpoints.FILES["torch.save's zip with a pickle"], 4),
    "a terabyte of nothing": (*checkpoints.FILES["a terabyte of nothing"], 4),
    "a header of brackets": (*checkpoints.FILES["a header of brackets"], 4),
    "a checkpoint": (_trained, _NONE, 2),
    "no kind": (_written(lambda metadata, _: metadata.pop("kind")), _NONE, 2),
    "a kind that is a list": (
        _written(lambda metadata, _: metadata.update(kind=["latents"])),
        "'kind' in its metadata",
        4,
    ),
    "metadata that nests without end": (*checkpoints.FILES["metadata that nests without end"], 4),
    "latents that are not numbers": (_with(latents=torch.full((2, _LATENT_DIM), torch.nan)), _FOREIGN, 4),
    "latents without end": (_with(latents=torch.full((2, _LATENT_DIM), torch.inf)), _FOREIGN, 4),
    "latents of float64": (_with(latents=torch.zeros(2, _LATENT_DIM, dtype=torch.float64)), _FOREIGN, 4),
    "no latents": (_with(latents=torch.zeros(0, _LATENT_DIM), noise=torch.zeros(0, 2, dtype=torch.int64)), _FOREIGN, 4),
    "latents of another width": (_with(latents=torch.zeros(2, 9)), _OTHER, 2),
    "latents of no dimension": (_with(latents=torch.zeros(())), _OTHER, 2),
    "more than a million latents": (
        _with(latents=torch.zeros(2**20 + 1, _LATENT_DIM), noise=torch.zeros(2**20 + 1, 2, dtype=torch.int64)),
        _FOREIGN,
        4,
    ),
    "latents of nothing but a header": (
        of_bytes(raw(described(latents=entry("F32", [2**30, 8], 0, 2**35)))),
        "truncated",
        4,
    ),
    "no noise": (_written(lambda _, tensors: tensors.pop("noise")), _FOREIGN, 4),
    "noise of one column": (_with(noise=torch.zeros(2, 1, dtype=torch.int64)), _FOREIGN, 4),
    "noise of floats": (_with(noise=torch.zeros(2, 2)), _FOREIGN, 4),
    "labels for a model without classes": (_with(labels=torch.zeros(2, dtype=torch.int64)), _OTHER, 2),
    "a folder": (_folder, "is a folder", 2),
    "a pipe": (_pipe(NAME), "no such file", 2),
}


def _of_odd_weights(metadata: Metadata, _: Tensors) -> None:
    metadata.update(checkpoint=CONTROL + TURNED, weights=CONTROL, shape=[3, 8, 8])


def _lone(content: pictures.Content, name: str, room: Room) -> Path:
    path = room.given / name
    path.write_bytes(content(room) if callable(content) else content)
    return path


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (make, says, code) in _FILES.items():
        yield Case(name, make, "draw latents", says, (code,))
    odd = torch.tensor([[-(2**62), 0], [0, -1]], dtype=torch.int64)
    yield Case("seeds below zero", _with(noise=odd), "draw latents", "Done: 2 pictures", (0,))
    yield Case("latents of odd weights", _written(_of_odd_weights), "draw latents", "for other weights", (0,))
    for name, (content, called, says) in pictures.LONE.items():
        make = functools.partial(_lone, content, called)
        if says:
            yield Case(name, make, "project", says, (3,))
        else:
            yield Case(name, make, "project", "Done: 2 steps", (0,), more_mb=pictures.more_mb(name))
    yield Case("a pipe", _pipe("x.png"), "project", "no regular file", (3,))
    yield Case("a device", lambda _: Path("/dev/zero"), "project", "no regular file", (3,))
    for name in ("a pickle", "widths of a million", "tensors of another dtype", "a digest that is wrong"):
        make, says = checkpoints.FILES[name]
        yield Case(name, make, "directions", says, (4,))

"""Whether tensors fit the networks that a config describes, found out before any memory is taken.

A config can ask for networks of any size, and a checkpoint can hold a config that its tensors never belonged to. So
networks are first built on torch's ``meta`` device, where they have names, shapes and dtypes and no bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gantool.config import ExperimentConfig
from gantool.errors import CheckpointError, ConfigError, ResourceError
from gantool.images import ImageShape
from gantool.legible import legible
from gantool.memory import available_memory
from gantool.training.checkpoint import Checkpoint
from gantool.training.metadata import TO_GO_ON, require_sound
from gantool.training.state import SCALERS, SUMS, build_state, require_equal

Network = TypeVar("Network", bound=nn.Module)

_DRAWING = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "xavier_uniform_", "orthogonal_"})


class _Undrawn(TorchFunctionMode):
    """Weights are not drawn: there is nothing to draw into, and torch would load a second's worth of modules for it."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in _DRAWING:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def without_bytes(build: Callable[[], Network]) -> Network:
    """What ``build`` builds, without its bytes.

    Raises:
        ConfigError: where it cannot be built at all: its sizes are beyond numbers.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"), _Undrawn():
        try:
            return build()
        except (RuntimeError, OverflowError, MemoryError, TypeError) as error:
            reason = legible((str(error).strip() or type(error).__name__).splitlines()[0])
            raise ConfigError(f"model: no network can be that large ({reason})") from error


def require_fit(path: Path, build: Callable[[], nn.Module], tensors: Mapping[str, Tensor]) -> None:
    """Compare what ``build`` would build with what ``path`` holds for it.

    Raises:
        CheckpointError: naming what is missing, unknown, or of another shape or dtype.
        ConfigError: see `without_bytes`.
    """
    wanted = without_bytes(build).state_dict(keep_vars=True)
    require_equal(f"{path}: its weights do not fit its own config", wanted, tensors)


def require_whole_fit(checkpoint: Checkpoint, config: ExperimentConfig) -> None:
    """Compare the state that ``config`` describes with all that a run's checkpoint holds.

    Raises:
        CheckpointError: as `require_fit`, and for metadata that a run cannot go on from.
    """
    path, metadata = checkpoint.path, checkpoint.metadata
    require_sound(path, metadata, TO_GO_ON)
    shape, classes = ImageShape(*metadata["shape"]), len(metadata["classes"])
    try:
        wanted = state_without_bytes(config, shape, classes)
    except ConfigError as error:
        raise CheckpointError(f"{path}: its config does not describe a run\n{error}") from error
    # Gradients are scaled on the GPU alone, and sums have a row for each process, which have not met yet: these few
    # numbers are compared when they are loaded.
    wanted, found = (
        {name: tensor for name, tensor in tensors.items() if not name.startswith((SCALERS, SUMS))}
        for tensors in (wanted, checkpoint.tensors)
    )
    require_equal(f"{path}: the checkpoint does not fit its config", wanted, found)


def state_without_bytes(config: ExperimentConfig, shape: ImageShape, classes: int) -> dict[str, Tensor]:
    """The tensors of a run by name, without their bytes.

    Raises:
        ConfigError: see `without_bytes`; also for a shape that the architecture cannot draw.
    """
    meta = torch.device("meta")
    state: list[dict[str, Tensor]] = []

    def build() -> nn.Module:
        found = build_state(config, shape, classes, meta, torch.float32)
        state.append(found.tensors())
        return found.generator

    without_bytes(build)
    return state[0]


def require_memory(config: ExperimentConfig, shape: ImageShape, classes: int) -> None:
    """Fail before a network is built on the CPU when the state alone is more than the memory there is.

    Raises:
        ResourceError: with what is needed and what is there.
        ConfigError: see `without_bytes`.
    """
    there = available_memory()
    tensors = state_without_bytes(config, shape, classes)
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if there is not None and needed > there:
        raise ResourceError(
            f"model: weights, their average and the optimizers' moments need {needed / 1e9:,.1f} GB, and "
            f"{there / 1e9:,.1f} GB are free; choose smaller widths (model: …) or a smaller data.resolution"
        )

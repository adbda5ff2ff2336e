"""Everything a run is, in one dataclass: what is saved, loaded and broadcast.

All state exists from image 0 (Adam's moments too), so a checkpoint of any moment has the same names and shapes,
and loading is strict: a name too many or too few is an error, never a silent fresh start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gantool import distributed, seeding
from gantool.config import ExperimentConfig
from gantool.errors import CheckpointError
from gantool.images import ImageShape
from gantool.legible import legible
from gantool.models.base import Discriminator, Generator
from gantool.nn.memory import Memory
from gantool.nn.normalisation import synchronise_batch_norm
from gantool.training.additions import fresh_memories, meter_names
from gantool.training.ema import Ema
from gantool.training.freezing import freeze
from gantool.training.meters import Meters

_LAYOUTS = {"auto": None, "channels_last": torch.channels_last, "contiguous": torch.contiguous_format}

SUMS, SCALERS = "meters.sums", "scaler."
"""Names in the state that depend on where a run computes: a row for each process; gradients scaled on the GPU."""


@dataclass
class TrainingState:
    """The networks, what trains them, and the one counter."""

    generator: Generator
    discriminator: Discriminator
    ema: Ema
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    meters: Meters
    scalers: dict[str, torch.amp.GradScaler] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    """What penalties and augmentations remember, by the keys that `gantool.training.additions` gives them."""
    images_seen: int = 0
    attempt: int = 0
    evaluation_pending: bool = False
    """A signal came in the midst of the evaluation that belongs to this moment."""

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by dotted name; the live tensors themselves where there are any."""
        groups = {
            "generator": dict(self.generator.state_dict(keep_vars=True)),
            "discriminator": dict(self.discriminator.state_dict(keep_vars=True)),
            "ema": self.ema.tensors(),
            "optimizer.generator": dict(_moments(self.generator, self.generator_optimizer)),
            "optimizer.discriminator": dict(_moments(self.discriminator, self.discriminator_optimizer)),
            "meters": self.meters.tensors(),
            "scaler": dict(_scales(self.scalers)),
            **{f"memory.{owner}": memory for owner, memory in self.memories.items()},
        }
        return {f"{group}.{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}

    @torch.no_grad()
    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Copy ``saved`` into the live tensors, whose memory formats stay as they are.

        (Fused Adam walks raw memory: a moment whose strides differ from its parameter's would be applied to the
        wrong weights, in silence.) Another number of processes than saved them is the caller's to refuse.

        Raises:
            CheckpointError: when a name is missing or foreign, or a shape or dtype differs.
        """
        live = self.tensors()
        if SUMS in saved:
            saved = {**saved, SUMS: self.meters.of_all_here(saved[SUMS])}
        require_equal("the checkpoint does not fit the config", live, saved)
        for name, tensor in live.items():
            tensor.copy_(saved[name])
        self._restore_scales(saved)

    def _restore_scales(self, saved: dict[str, Tensor]) -> None:
        """A `GradScaler` hands out copies of its numbers, so they go back through its own door."""
        for network, scaler in self.scalers.items():
            restored = scaler.state_dict()
            restored["scale"] = float(saved[f"scaler.{network}.scale"])
            restored["_growth_tracker"] = int(saved[f"scaler.{network}.growth_tracker"])
            scaler.load_state_dict(restored)

    @torch.no_grad()
    def broadcast(self) -> None:
        """Give every process rank 0's state."""
        if distributed.world_size() == 1:
            return
        device = next(self.generator.parameters()).device
        counters = torch.tensor([self.images_seen, self.attempt, self.evaluation_pending], device=device)
        tensors = self.tensors()
        distributed.broadcast([counters, *(tensor.data for tensor in tensors.values())])
        self._restore_scales(tensors)
        self.images_seen, self.attempt, pending = (int(value) for value in counters.tolist())
        self.evaluation_pending = bool(pending)


def require_equal(what: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse names that are missing or unknown, and other shapes or dtypes.

    Raises:
        CheckpointError: ``what``, and the first ten differences.
    """
    faults = [f"{name}: missing" for name in sorted(wanted.keys() - found.keys())]
    faults += [f"{name}: unknown" for name in sorted(found.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & found.keys()):
        ours, theirs = wanted[name], found[name]
        if ours.shape != theirs.shape:
            faults.append(f"{name}: is {list(theirs.shape)}, the config wants {list(ours.shape)}")
        elif ours.dtype != theirs.dtype:
            faults.append(f"{name}: is {theirs.dtype}, the config wants {ours.dtype}")
    if faults:
        more = f"\n  … and {len(faults) - 10} more" if len(faults) > 10 else ""
        raise CheckpointError(f"{what}:\n  " + "\n  ".join(legible(fault) for fault in faults[:10]) + more)


def layout(config: ExperimentConfig) -> torch.memory_format:
    """What maps and the weights of convolutions are kept in: where torch sees two kinds, it copies."""
    return _LAYOUTS[config.training.memory_format] or (
        torch.channels_last if config.model.channels_last else torch.contiguous_format
    )


def build_state(
    config: ExperimentConfig, shape: ImageShape, classes: int, device: torch.device, precision: torch.dtype
) -> TrainingState:
    """A fresh state: weights drawn from (seed, "weights"), optimizers at rest, the counter at 0.

    Raises:
        ConfigError: for a model that cannot draw ``shape``, or more frozen layers than there are.
    """
    seeding.reseed_global(device, config.seed, "weights")
    classes = classes if config.model.conditioning == "class" else 0
    generator = config.model.build_generator(shape, classes)
    discriminator = config.model.build_discriminator(shape, classes)
    freeze(config, discriminator)
    for network in (generator, discriminator):
        network.to(device=device, memory_format=layout(config))  # type: ignore[call-overload]
        if config.training.sync_batch_norm:
            synchronise_batch_norm(network)
    needs_scaling = precision is torch.float16
    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        ema=Ema(generator, averages=config.training.ema_half_life != 0),
        generator_optimizer=_at_rest(config.optimizer.generator.build(generator.parameters())),
        discriminator_optimizer=_at_rest(config.optimizer.discriminator.build(discriminator.parameters())),
        meters=Meters(meter_names(config, discriminator), device),
        scalers={n: _scaler(device) for n in ("generator", "discriminator")} if needs_scaling else {},
        memories=fresh_memories(config, device),
    )


def _at_rest(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Give Adam the state that it would make in its first step."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            device = parameter.device if group.get("fused") else "cpu"
            optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }
    return optimizer


def _moments(network: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state[parameter].items():
            yield f"{name}.{key}", value


def _scaler(device: torch.device) -> torch.amp.GradScaler:
    return torch.amp.GradScaler(device.type)


def _scales(scalers: dict[str, torch.amp.GradScaler]) -> Iterator[tuple[str, Tensor]]:
    for network, scaler in scalers.items():
        state = scaler.state_dict()
        yield f"{network}.scale", torch.tensor(state["scale"], dtype=torch.float64)
        yield f"{network}.growth_tracker", torch.tensor(state["_growth_tracker"], dtype=torch.int64)

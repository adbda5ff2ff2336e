"""One config, timed: speed, where the time goes, memory, and how far the machine is used."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantool.bench.contest import Spread, take_turns
from gantool.bench.memory import peak_during
from gantool.bench.peak import matmul_peak, wait_for
from gantool.bench.trial import Trial
from gantool.config import ExperimentConfig
from gantool.rundir import RunFolder
from gantool.training.grid import SampleGrid
from gantool.training.keeper import Keeper
from gantool.training.recorder import Recorder

ITERATION, PRODUCTS = "iteration", "products"


@dataclass(frozen=True)
class Measurement:
    """What `measure` found. Seconds and operations are an iteration's.

    Attributes:
        seconds: of an iteration.
        images: real images in an iteration.
        over_products: an iteration's time over that of its convolutions and matrix products alone, with one Adam.
        shares: of an iteration's time by phase; "other" is what no phase has.
        outputs: seconds an iteration for log lines, grids and checkpoints, at the config's cadences.
        flops: nominal floating-point operations.
        peak_flops: operations a second that the machine's matrix products reach in this precision.
        gradient_bytes: what several processes would sum up in an iteration.
        memory_bytes: at the peak: the device's on CUDA, else the process's; None where the system does not say.
    """

    name: str
    environment: dict[str, Any]
    memory_format: str
    seconds: Spread
    images: int
    over_products: Spread
    shares: dict[str, float]
    outputs: dict[str, float]
    flops: float
    peak_flops: float
    gradient_bytes: int
    memory_bytes: int | None

    @property
    def images_per_second(self) -> float:
        """At the median."""
        return self.images / self.seconds.median

    @property
    def achieved_flops(self) -> float:
        """Operations a second, at the median."""
        return self.flops / self.seconds.median

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        derived = {"images_per_second": self.images_per_second, "achieved_flops": self.achieved_flops}
        return {**asdict(self), **derived}


def measure(trial: Trial, classes: tuple[str, ...], *, rounds: int, progress: Callable[[int], None]) -> Measurement:
    """Time ``trial``; about ten seconds more than ``rounds`` turns of half a second, on a small config."""
    memory = peak_during(lambda: trial.run(trial.cycle), trial.machine.device)  # before anything else is held
    products, flops = trial.products()
    contenders = {ITERATION: trial.run, PRODUCTS: _repeated(products, trial)}
    multiples = dict.fromkeys(contenders, trial.cycle)
    taken = take_turns(contenders, rounds=rounds, multiples=multiples, progress=progress)
    seconds = Spread.of(taken[ITERATION])
    ratios = [own / alone for own, alone in zip(taken[ITERATION], taken[PRODUCTS], strict=True)]
    spent = trial.phases(trial.cycle * max(1, round(1.0 / (trial.cycle * seconds.median))))
    whole = sum(spent.values())
    return Measurement(
        name=trial.config.name,
        environment=trial.machine.environment(),
        memory_format=_layout(trial.config),
        seconds=seconds,
        images=trial.images,
        over_products=Spread.of(ratios),
        shares={name: part / whole for name, part in spent.items()},
        outputs=_outputs(trial, classes),
        flops=flops,
        peak_flops=matmul_peak(trial.machine.precision, trial.machine.device),
        gradient_bytes=_gradient_bytes(trial),
        memory_bytes=memory,
    )


def _gradient_bytes(trial: Trial) -> int:
    """Every update's gradients: the discriminator's as often as it steps."""
    updates = ((trial.state.generator, 1), (trial.state.discriminator, trial.config.training.discriminator_steps))
    return sum(p.numel() * p.element_size() * times for network, times in updates for p in network.parameters())


def _layout(config: ExperimentConfig) -> str:
    wanted = config.training.memory_format
    if wanted != "auto":
        return wanted
    return "channels_last" if config.model.channels_last else "contiguous"


def _repeated(cycle: Callable[[], None], trial: Trial) -> Callable[[int], float]:
    """Turns of ``cycle``, which stands for a cycle of iterations."""

    def turn(count: int) -> float:
        wait_for(trial.machine.device)
        started = time.perf_counter()
        for _ in range(count // trial.cycle):
            cycle()
        wait_for(trial.machine.device)
        return time.perf_counter() - started

    return turn


def _outputs(trial: Trial, classes: tuple[str, ...]) -> dict[str, float]:
    """A log line, a grid and a checkpoint are made once, in a folder that is thrown away."""
    config, state = trial.config, trial.state
    with tempfile.TemporaryDirectory() as scratch:
        run = RunFolder(Path(scratch) / config.name)
        run.create()
        with Recorder(run, lines=0, images_seen=0) as recorder:
            grid = SampleGrid(run, config.samples, classes)
            keeper = Keeper(run, config, {}, lambda _: None)
            costs = {
                "logging": (config.log.every, lambda: recorder.log(state.images_seen, state.meters.take())),
                "grids": (config.samples.every, lambda: grid.draw(state.ema.network(), state.images_seen)),
                "checkpoints": (config.checkpoints.every, lambda: keeper.save(state, log=recorder.written())),
            }
            return {name: _seconds(make) * trial.images / every for name, (every, make) in costs.items() if every}


def _seconds(make: Callable[[], object]) -> float:
    make()  # what only the first one costs is no cost of a run
    started = time.perf_counter()
    make()
    return time.perf_counter() - started

"""A config, set up to be timed: the same state, steps and batches as a run has, and nothing that writes."""

from __future__ import annotations

import functools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import torch

from gantool.bench.peak import wait_for
from gantool.bench.products import Recorder, products_alone
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.training import phases
from gantool.training.batches import RealBatches
from gantool.training.compiling import compiled_or_plain
from gantool.training.loop import iterate
from gantool.training.session import check_batch, choose_machine
from gantool.training.state import build_state
from gantool.training.steps import Steps


@functools.cache
def usual_threads() -> int:
    """How many threads torch took before anybody asked for another number."""
    return torch.get_num_threads()


class Trial:
    """Iterations of ``config`` on ``dataset``, over and over.

    Attributes:
        machine: device and precision that the config comes to.
        threads: of the CPU.
        cycle: iterations after which every lazy penalty was due equally often; turns are multiples of it.

    Args:
        config: the experiment; its counter goes on past ``total_images``, where ramps hold their last value.
        dataset: the prepared set.
        device: as ``--device`` takes it.
        say: takes warnings.

    Raises:
        GantoolError: for a config that does not fit the data or the machine.
    """

    def __init__(self, config: ExperimentConfig, dataset: PreparedSet, device: str, say: Callable[[str], None]) -> None:
        usual = usual_threads()
        check_batch(config, dataset)
        self.config = config
        self.machine = choose_machine(config, device)
        self.threads = config.training.threads or usual
        self.take_over()
        where = self.machine.device
        self.state = build_state(config, dataset.shape, len(dataset.classes), where, self.machine.precision)
        wrap = compiled_or_plain(config.training, where, say)
        self.steps = Steps(config, self.state, where, self.machine.precision, wrap)
        self._batches = RealBatches(
            dataset,
            seed=config.seed,
            batch_size=config.training.batch_size,
            device=where,
            labelled=config.model.conditioning == "class",
        )
        self.cycle = math.lcm(1, *(penalty.every_steps for penalty in config.penalties))

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._batches.__exit__(None, None, None)

    @property
    def images(self) -> int:
        """Real images in an iteration."""
        return self.config.training.batch_size * self.config.training.discriminator_steps

    def take_over(self) -> None:
        """Set the process up for this config: where trials take turns, the last one left its own settings."""
        torch.set_num_threads(self.threads)
        self.machine.set_up(deterministic=self.config.training.deterministic)

    def run(self, iterations: int) -> float:
        """Seconds that ``iterations`` take, data included."""
        self.take_over()
        wait_for(self.machine.device)
        started = time.perf_counter()
        for _ in range(iterations):
            self.iterate()
        wait_for(self.machine.device)
        return time.perf_counter() - started

    def iterate(self) -> None:
        """One iteration, as the loop makes it."""
        iterate(self.config.training, self.state, self.steps, self._batches)

    def phases(self, iterations: int) -> dict[str, float]:
        """Seconds an iteration by phase, inner ones taken out of the outer; waits for the device at every seam."""
        spent: dict[str, float] = defaultdict(float)
        inner = [0.0]

        @contextmanager
        def stopwatch(name: str) -> Iterator[None]:
            inner.append(0.0)
            wait_for(self.machine.device)
            started = time.perf_counter()
            try:
                yield
            finally:
                wait_for(self.machine.device)
                took = time.perf_counter() - started
                spent[name] += took - inner.pop()
                inner[-1] += took

        self.take_over()
        with phases.watched_by(stopwatch):
            whole = self.run(iterations)
        spent["other"] = whole - inner[0]
        return {name: spent[name] / iterations for name in (*phases.PHASES, "other") if name in spent}

    def products(self) -> tuple[Callable[[], None], float]:
        """What runs the products of a cycle and nothing else, and their operations in an iteration, nominal."""
        with Recorder() as recorder:
            for _ in range(self.cycle):
                self.iterate()
        networks = (self.state.generator, self.state.discriminator)
        return products_alone(recorder.calls, networks, self.cycle), recorder.flops / self.cycle

"""One process's part of a run: set everything up, run the loop, say how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gantool import device as devices
from gantool import distributed, files, memory
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.errors import CheckpointError, ConfigError, DataError, UsageError
from gantool.evaluation.extractors import require
from gantool.evaluation.reference import reference
from gantool.rundir import RunFolder
from gantool.training import shortage
from gantool.training.batches import RealBatches
from gantool.training.checkpoint import SCHEMA, Checkpoint
from gantool.training.compiling import compiled_or_plain
from gantool.training.display import Display, choose_display
from gantool.training.evaluation import Evaluation
from gantool.training.fit import require_memory
from gantool.training.grid import SampleGrid
from gantool.training.keeper import Keeper
from gantool.training.loop import Ending, Outputs, train_until_done
from gantool.training.origin import Facts, Origin
from gantool.training.recorder import Recorder
from gantool.training.signals import StopFlag
from gantool.training.state import TrainingState, build_state
from gantool.training.steps import Steps
from gantool.training.trace import Trace
from gantool.training.transfer import take_over
from gantool.version import __version__

_INFO_LIMIT = 4_000_000


@dataclass(frozen=True)
class Machine:
    """Where this run computes, and what its bits therefore depend on."""

    device: torch.device
    precision: torch.dtype
    tf32: bool = False

    def environment(self) -> dict[str, Any]:
        """What must be equal for a resumed run to be exact."""
        is_cuda = self.device.type == "cuda"
        return {
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name(self.device) if is_cuda else self.device.type,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "processes": distributed.environment()[2],
            "precision": "tf32" if self.tf32 else str(self.precision).removeprefix("torch."),
        }

    def set_up(self, *, deterministic: bool) -> None:
        """Set this process up to compute so."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # what asks for no device by number means this one
        memory.keep_freed_memory()
        devices.round_products(to_tf32=self.tf32)
        if deterministic:
            devices.make_deterministic(self.device)
        else:
            devices.choose_fastest_kernels(self.device)


def choose_machine(config: ExperimentConfig, device_name: str) -> Machine:
    """Resolve ``auto`` in device and precision, and take as many threads as the config says."""
    device = devices.choose_device(device_name, local_rank=distributed.environment()[1])
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    wanted = config.training.precision
    return Machine(device, devices.choose_precision(wanted, device), tf32=wanted == "tf32")


def check_batch(config: ExperimentConfig, dataset: PreparedSet) -> None:
    """Fail before a network is built when the data cannot fill a batch, or a batch cannot be divided.

    Raises:
        DataError: with the largest batch that would do.
        ConfigError: for a batch that the processes cannot share.
    """
    there, wanted = len(dataset.indices("train")), config.training.batch_size
    if there < wanted:
        raise DataError(
            f"{there} training pictures are fewer than one batch of {wanted}; "
            f"the largest batch that would do: --set training.batch_size={there}"
        )
    processes = distributed.environment()[2]
    share, rest = divmod(wanted, processes)
    if rest:
        raise ConfigError(f"training.batch_size: {wanted} cannot be divided among {processes} processes")
    if config.training.microbatch_size and share % config.training.microbatch_size:
        raise ConfigError(
            f"training.microbatch_size: {config.training.microbatch_size} does not divide "
            f"the {share} images of each process"
        )
    if config.evaluation.every and not len(dataset.indices("holdout")):
        raise DataError("evaluation.every: nothing is held out to evaluate on; set data.holdout, e.g. 0.1")
    if config.model.conditioning == "class" and not dataset.classes:
        raise DataError("model.conditioning: class needs labels, and this data has none; use conditioning: none")


def check_evaluation(config: ExperimentConfig, dataset: PreparedSet) -> None:
    """Fail before a run folder is made when its evaluations could not be computed.

    Raises:
        UsageError: when the features cannot be had.
        DataError: when too few pictures are held out.
    """
    if config.evaluation.every:
        reference(dataset, "holdout", config.evaluation.samples)
        if config.evaluation.features != "none":
            require(config.evaluation.features, dataset)


def _timeout_s(config: ExperimentConfig) -> float:
    """How long processes wait for each other: while rank 0 evaluates, the others have nothing to do."""
    return 7200.0 if config.evaluation.every else 600.0


@dataclass
class Session:
    """Everything one process needs for a run.

    Attributes:
        prepared: the prepared set's folder.
        resumed: the run goes on from its newest checkpoint.
        changed: what the person changed so that the run is no longer exact; "" for nothing.
        allow_inexact: go on even where the result may differ from an uninterrupted run.
        display: where words go; None chooses by terminal.
        profile: iterations to trace; 0 for none.
        origin: the trained model that a fine-tuned run starts from, where it is at its start.
        finetuned_from: that model's digest; "" for a run that started from nothing.
        handle_signals: a process of ours listens to SIGINT, SIGTERM and SIGUSR1; a caller's notebook does not.
    """

    config: ExperimentConfig
    run: RunFolder
    prepared: Path
    machine: Machine
    resumed: bool = False
    allow_inexact: bool = False
    changed: str = ""
    display: Display | None = None
    profile: int = 0
    handle_signals: bool = True
    origin: Origin | None = None
    finetuned_from: str = ""

    def go(self) -> Ending:
        """Train until done, stopped or failed.

        Raises:
            GantoolError: every fault that a person can meet, memory included.
        """
        stop = StopFlag()
        listening = stop.listening() if self.handle_signals else contextlib.nullcontext()
        with listening, shortage.explained(self.config, self.run):
            dataset = PreparedSet.open(self.prepared)
            check_batch(self.config, dataset)
            check_evaluation(self.config, dataset)
            self.machine.set_up(deterministic=self.config.training.deterministic)
            with distributed.process_group(self.machine.device, _timeout_s(self.config), lambda: stop.number):
                return self._train(dataset, stop)

    def _train(self, dataset: PreparedSet, stop: StopFlag) -> Ending:
        config, machine = self.config, self.machine
        if machine.device.type == "cpu":
            require_memory(config, dataset.shape, len(dataset.classes))
        state = build_state(config, dataset.shape, len(dataset.classes), machine.device, machine.precision)
        with contextlib.ExitStack() as stack:
            outputs = self._outputs(dataset, state, stop, stack) if distributed.rank() == 0 else None
            state.broadcast()
            say: Callable[[str], None] = outputs.display.say if outputs else (lambda _: None)
            wrap = compiled_or_plain(config.training, machine.device, say)
            steps = Steps(config, state, machine.device, machine.precision, wrap)
            batches = stack.enter_context(
                RealBatches(
                    dataset,
                    seed=config.seed,
                    batch_size=config.training.batch_size,
                    device=machine.device,
                    labelled=config.model.conditioning == "class",
                )
            )
            return train_until_done(config, state, steps, batches, outputs, stop)

    def _outputs(
        self, dataset: PreparedSet, state: TrainingState, stop: StopFlag, stack: contextlib.ExitStack
    ) -> Outputs:
        """Rank 0: take the folder, load the newest checkpoint, open the records."""
        config, run = self.config, self.run
        run.create()
        stack.enter_context(run.lock())
        if run.exists() and not self.resumed:  # another process began it while we prepared the data
            raise UsageError(f"{run.path}: holds a run already; go on with `gantool resume {run.path}`")
        display = self.display or choose_display(config.training.total_images, state.images_seen)
        keeper = Keeper(run, config, self._facts(dataset), display.say)
        keeper.tidy()
        checkpoint = keeper.newest_good() if self.resumed else None
        known: dict[str, Any] = {"metrics_lines": 0}
        inexact = ""
        if checkpoint is not None:
            inexact = self._load(checkpoint, dataset, state)
            known = checkpoint.metadata
            keeper.restore_best(checkpoint)
        elif self.origin is not None:
            self._take_over(self.origin, dataset, state, display)
        exact = not inexact and bool(known.get("bit_exact", True)) and _was_exact(run)
        keeper.mark(bit_exact=exact)
        files.write_text(run.config, config.to_yaml())
        self._describe(dataset, bit_exact=exact)
        display.say(self._first_line(dataset, state))
        recorder = Recorder(run, lines=int(known["metrics_lines"]), images_seen=state.images_seen)
        stack.enter_context(recorder)
        if fault := recorder.fault(known):
            display.say(f"warning: {fault}; the weights are whole, and the run goes on")
        if inexact:
            recorder.event(state.images_seen, "inexact", inexact)
        classes = dataset.classes if config.model.conditioning == "class" else ()
        grid = SampleGrid(run, config.samples, classes)
        stack.enter_context(display)
        display.advance(state.images_seen)
        evaluation = Evaluation(
            run, config, dataset, self.machine.device, stopped=lambda: bool(stop.number), say=display.say
        )
        trace = stack.enter_context(Trace(run, self.profile, display.say)) if self.profile else None
        return Outputs(recorder, keeper, grid, evaluation, display, trace)

    def _take_over(self, origin: Origin, dataset: PreparedSet, state: TrainingState, display: Display) -> None:
        """Fill the fresh ``state`` with what fits of a trained model; says and writes down what did not."""
        classes = dataset.classes if self.config.model.conditioning == "class" else ()
        taken = take_over(origin, state, Facts(self.config.model, dataset.shape, tuple(classes)))
        where = {"checkpoint": str(origin.path.resolve()), "digest": origin.digest, "images_seen": origin.images_seen}
        text = json.dumps({"origin": where, **taken.to_dict()}, indent=2)
        files.write_text(self.run.finetune_record, text + "\n")
        display.say(f"from {origin.path}, {origin.images_seen:,} images, digest {origin.digest[:12]}…")
        for line in (*taken.lines(), *taken.warnings()):
            display.say(line)

    def _load(self, checkpoint: Checkpoint, dataset: PreparedSet, state: TrainingState) -> str:
        """Fill ``state``; returns in which way the run is no longer exact, "" where it is."""
        found = checkpoint.metadata.get("dataset_fingerprint")
        if found != dataset.fingerprint:
            raise CheckpointError(
                f"{checkpoint.path}: made with other data (fingerprint {str(found)[:12]}…, "
                f"here {dataset.fingerprint[:12]}…); put the old pictures back, or train a new run"
            )
        before = {"schema": checkpoint.metadata["schema"], **checkpoint.metadata.get("environment", {})}
        differences = _differences(before, {"schema": SCHEMA, **self.machine.environment()})
        if differences and not self.allow_inexact:
            raise CheckpointError(
                f"{checkpoint.path}: this machine would not give the same bits: {differences}; "
                "resume as before, or accept it with --allow-inexact"
            )
        try:
            state.load_tensors(checkpoint.tensors)
        except CheckpointError as error:
            raise CheckpointError(f"{checkpoint.path}: {error}") from error
        state.images_seen = int(checkpoint.metadata["images_seen"])
        state.attempt = int(checkpoint.metadata["attempt"])
        state.evaluation_pending = "evaluation" in checkpoint.metadata.get("pending", ())
        return ", ".join(part for part in (differences, self.changed) if part)

    def _facts(self, dataset: PreparedSet) -> dict[str, Any]:
        return {
            "shape": list(dataset.shape),
            "classes": list(dataset.classes),
            "dataset_fingerprint": dataset.fingerprint,
            "environment": self.machine.environment(),
            **self._ancestry(),
        }

    def _ancestry(self) -> dict[str, str]:
        return {"finetuned_from": self.finetuned_from} if self.finetuned_from else {}

    def _describe(self, dataset: PreparedSet, *, bit_exact: bool) -> None:
        """Write ``run.json``."""
        info = {
            "tool": "gantool",
            "version": __version__,
            "command": sys.argv,
            "python": platform.python_version(),
            "system": platform.platform(),
            "environment": self.machine.environment(),
            "prepared": str(self.prepared.resolve()),
            "dataset_fingerprint": dataset.fingerprint,
            **self._ancestry(),
            "bit_exact": bit_exact,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "process": os.getpid(),
        }
        files.write_text(self.run.info, json.dumps(info, indent=2) + "\n")

    def _first_line(self, dataset: PreparedSet, state: TrainingState) -> str:
        facts = self.machine.environment()
        channels, height, width = dataset.shape
        sizes = [sum(p.numel() for p in n.parameters()) / 1e6 for n in (state.generator, state.discriminator)]
        classes = f", {len(dataset.classes)} classes" if dataset.classes else ""
        where = f"{facts['device']}, {facts['precision']}, {facts['threads']} threads"
        where += f", {facts['processes']} processes" if facts["processes"] > 1 else ""
        begin = f"; going on from image {state.images_seen:,}" if state.images_seen else ""
        pictures = f"{len(dataset.indices('train')):,} pictures of {width}×{height}×{channels}{classes}"
        networks = f"{self.config.model.name}: G {sizes[0]:.2f} M, D {sizes[1]:.2f} M parameters"
        return f"{self.config.name}: {where} · {pictures} · {networks} · {self.run.path}{begin}"


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    keys = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    return ", ".join(f"{key} was {before.get(key)}, is {now.get(key)}" for key in keys)


def _was_exact(run: RunFolder) -> bool:
    """A run that was once resumed inexactly stays marked."""
    try:
        info = json.loads(files.read_regular(run.info, _INFO_LIMIT))
    except (OSError, ValueError, RecursionError):
        return True  # the checkpoint says it as well
    return bool(info.get("bit_exact", True)) if isinstance(info, dict) else True

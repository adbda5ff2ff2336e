"""The training loop. There is no callback system: who wants another output edits this page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gantool import distributed
from gantool.config import ExperimentConfig, TrainingSettings
from gantool.errors import DivergedError
from gantool.schedules import value_at
from gantool.training import phases
from gantool.training.batches import RealBatches
from gantool.training.display import Display
from gantool.training.ema import beta_at
from gantool.training.evaluation import Evaluation, Interrupted
from gantool.training.grid import SampleGrid
from gantool.training.keeper import Keeper
from gantool.training.phases import phase
from gantool.training.recorder import Recorder
from gantool.training.signals import StopFlag
from gantool.training.state import TrainingState
from gantool.training.steps import Steps
from gantool.training.trace import Trace

ROLLBACKS_ALLOWED = 3


@dataclass
class Outputs:
    """What rank 0 writes and shows."""

    recorder: Recorder
    keeper: Keeper
    grid: SampleGrid
    evaluation: Evaluation
    display: Display
    trace: Trace | None = None


@dataclass(frozen=True)
class Ending:
    """How a run ended: finished, or stopped after saving, by a signal or because it got no better."""

    images_seen: int
    signal: int = 0
    early: bool = False


class Diverged(Exception):
    """A loss or a gradient is no longer finite: a turn of the loop, not an error that leaves it."""


def due(every: int, before: int, after: int) -> bool:
    """Whether a cadence of ``every`` images falls between two counters; 0 means never."""
    return every > 0 and after // every > before // every


def train_until_done(
    config: ExperimentConfig,
    state: TrainingState,
    steps: Steps,
    batches: RealBatches,
    outputs: Outputs | None,
    stop: StopFlag,
) -> Ending:
    """Run the loop to ``total_images``, to a signal, or to a divergence that rollbacks do not mend.

    ``outputs`` is None on every rank but 0.

    Raises:
        DivergedError: after ``ROLLBACKS_ALLOWED`` rollbacks.
    """
    while True:
        try:
            return _run(config, state, steps, batches, outputs, stop)
        except Diverged as reason:
            _roll_back(state, outputs, str(reason))


def _run(
    config: ExperimentConfig,
    state: TrainingState,
    steps: Steps,
    batches: RealBatches,
    outputs: Outputs | None,
    stop: StopFlag,
) -> Ending:
    training = config.training
    if ending := _begin(config, state, outputs, stop):
        return ending
    while state.images_seen < training.total_images:
        before = state.images_seen

        iterate(training, state, steps, batches)
        after = state.images_seen

        signal = distributed.agree(stop.number)
        done = after >= training.total_images
        if due(config.log.every, before, after) or done:
            _log(state, steps, outputs)
        if due(config.samples.every, before, after) or done:
            _draw_samples(state, outputs)
        if due(config.evaluation.every, before, after) or (done and config.evaluation.every):
            ending = _evaluate(config, state, outputs, stop)
            if ending and (ending.signal or not done):
                return ending
        if due(config.checkpoints.every, before, after) or done or signal:
            _save(state, outputs, must=done or bool(signal))
        if outputs:
            outputs.display.advance(after)
            if outputs.trace:
                outputs.trace.step()
        if signal and not done:
            return Ending(after, signal)
    return Ending(state.images_seen)


def iterate(training: TrainingSettings, state: TrainingState, steps: Steps, batches: RealBatches) -> None:
    """One iteration: the discriminator's steps, the generator's step, the average."""
    before = state.images_seen
    for sub_step in range(training.discriminator_steps):
        draws = steps.draws_at(state.images_seen)
        with draws.installed():
            last = sub_step == training.discriminator_steps - 1
            with phase(phases.DATA):
                batch = batches.at(state.images_seen)
            with phase(phases.DISCRIMINATOR_STEP):
                fakes = steps.discriminator_step(batch, draws, last=last)
            if last:
                with phase(phases.GENERATOR_STEP):
                    steps.generator_step(fakes)
        state.images_seen += training.batch_size
    after = state.images_seen
    half_life = value_at(training.ema_half_life, after)
    with phase(phases.AVERAGE):
        state.ema.update(beta_at(after - before, after, half_life, training.ema_ramp))


def _begin(config: ExperimentConfig, state: TrainingState, outputs: Outputs | None, stop: StopFlag) -> Ending | None:
    """Write a checkpoint of the very beginning, so that `resume` always has one; or make up for an evaluation that a
    signal cut short. Gives how the run ends, should it end with that."""
    if state.evaluation_pending:
        ending = _evaluate(config, state, outputs, stop)
        if ending is None:
            _save(state, outputs, must=True)  # the checkpoint said that it was still to be made
        return ending
    if outputs and state.images_seen == 0:
        outputs.keeper.check_space(state)
        outputs.keeper.save(state, log=outputs.recorder.written(), must=True)
        _draw_samples(state, outputs)
    return None


def _log(state: TrainingState, steps: Steps, outputs: Outputs | None) -> None:
    _look_for_divergence(state)
    values = state.meters.take()
    values["loss_total"] = values["loss_generator"] + values["loss_discriminator"]
    values |= {name: float(norm) for name, norm in steps.gradient_norms.items()}
    if outputs:
        line = outputs.recorder.log(state.images_seen, values)
        outputs.display.log(state.images_seen, values, line["clock"]["images_per_second"])


def _draw_samples(state: TrainingState, outputs: Outputs | None) -> None:
    if outputs:
        picture, path = outputs.grid.draw(state.ema.network(), state.images_seen)
        outputs.recorder.picture(state.images_seen, picture)
        outputs.display.sample(path)


def _evaluate(config: ExperimentConfig, state: TrainingState, outputs: Outputs | None, stop: StopFlag) -> Ending | None:
    """Evaluate on rank 0; gives how the run ends, where it does. One that a signal cuts short is made again by
    whoever goes on, so that nothing is missing from the records."""
    _look_for_divergence(state)
    interrupted, early = False, False
    if outputs:
        try:
            values = outputs.evaluation.measure(state)
        except Interrupted:
            interrupted = True
        else:
            state.evaluation_pending = False
            early = _take_in(config, state, values, outputs)
    interrupted, early = (bool(distributed.agree(int(flag))) for flag in (interrupted, early))
    signal = distributed.agree(stop.number)
    state.evaluation_pending = interrupted
    if not (interrupted or early):
        return None
    _save(state, outputs, must=True)
    if early:
        _draw_samples(state, outputs)  # how it ended
    return Ending(state.images_seen, signal if interrupted else 0, early=early)


def _take_in(config: ExperimentConfig, state: TrainingState, values: dict[str, float], outputs: Outputs) -> bool:
    """Record an evaluation, warn, keep the best; gives whether the run's patience is at its end."""
    outputs.recorder.log(state.images_seen, values, event="evaluation")
    outputs.display.evaluation(state.images_seen, values, outputs.evaluation.metric)
    for sign in outputs.evaluation.new_signs(values):
        outputs.recorder.event(state.images_seen, "warning", sign.message)
        outputs.display.say(f"warning: {sign.message}")
    outputs.evaluation.keep_if_best(state, values, outputs.keeper, outputs.recorder)
    patience = config.evaluation.patience
    return patience is not None and outputs.evaluation.since_best(state.images_seen) >= patience


def _save(state: TrainingState, outputs: Outputs | None, *, must: bool) -> Path | None:
    _look_for_divergence(state)
    if outputs is None:
        return None
    outputs.recorder.sync()
    return outputs.keeper.save(state, log=outputs.recorder.written(), must=must)


def _look_for_divergence(state: TrainingState) -> None:
    """The one place where the loop waits for the device: did any loss or gradient since the start go wrong?
    Weights that are poisoned are never saved. (All processes pass here before every save.)"""
    state.meters.gather()
    if state.meters.poisoned():
        raise Diverged(f"a loss or gradient stopped being finite before image {state.images_seen:,}")


def _roll_back(state: TrainingState, outputs: Outputs | None, reason: str) -> None:
    """Back to the last good checkpoint, with fresh draws; on rank 0, then broadcast."""
    attempt = state.attempt + 1
    if attempt > ROLLBACKS_ALLOWED:
        raise DivergedError(
            f"{reason}, {attempt} times; the newest checkpoint is whole. Lower the learning rates "
            "(--set optimizer.generator.learning_rate=1e-4), or add a penalty such as r1 (penalties: [{name: r1}])"
        )
    if outputs:
        checkpoint = outputs.keeper.newest_good()
        if checkpoint is None:
            raise DivergedError(f"{reason}, and there is no checkpoint to go back to")
        state.load_tensors(checkpoint.tensors)
        state.images_seen = checkpoint.metadata["images_seen"]
        outputs.keeper.restore_best(checkpoint)
        outputs.recorder.cut_back(checkpoint.metadata["metrics_lines"])
        outputs.evaluation.go_back()
        state.evaluation_pending = "evaluation" in checkpoint.metadata.get("pending", ())
        outputs.recorder.event(state.images_seen, "rollback", f"attempt {attempt}: {reason}")
        outputs.display.say(f"warning: {reason}: back to image {state.images_seen:,} with fresh draws")
    state.broadcast()
    state.attempt = attempt

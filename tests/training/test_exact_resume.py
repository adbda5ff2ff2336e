"""Stopped and resumed is the same as never stopped, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch

from gantool.config import find_config, load_config
from gantool.data import PreparedSet, prepare
from gantool.errors import CheckpointError
from gantool.models import AnyModel
from gantool.training.session import choose_machine
from gantool.training.state import build_state
from tests.training.helpers import (
    BATCH,
    EVERYTHING,
    MODELS,
    differing,
    last,
    lines,
    resume,
    run_in_two,
    run_straight,
    tiny,
)

# The recipes themselves, on the embedded pictures, with everything switched on that carries state.
ON_EMBEDDED = (
    "data={source: embedded, holdout: 0.1}",
    "training.batch_size=8",
    "training.total_images=480",
    "training.ema_half_life=200",
    "log.every=56",
    "samples.every=240",
    "checkpoints.every=160",
    "checkpoints.keep=10",
    *EVERYTHING,
)


@pytest.mark.parametrize("recipe", ["seed_dcgan", "seed_mlp", "quickstart"])
def test_recipes_resume_bit_for_bit(recipe: str, tmp_path: Path) -> None:
    changes = list(ON_EMBEDDED)
    if recipe == "seed_dcgan":
        changes.append("model.spectral_norm=true")
    config = load_config(find_config(recipe), changes)
    straight = run_straight(config, tmp_path / "straight")
    stopped = run_in_two(config, tmp_path / "stopped", steps=25)
    assert differing(last(straight).tensors, last(stopped).tensors) == []
    assert lines(straight) == lines(stopped)
    assert last(straight).digest == last(stopped).digest


def test_every_registered_model_is_among_them() -> None:
    registered = {member.model_fields["name"].default for member in get_args(get_args(AnyModel)[0])}
    assert {tiny(*changes).model.name for changes in MODELS.values()} == registered


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "changes",
    [
        EVERYTHING,
        ("loss={name: relativistic}", "penalties=[{name: r1, every_steps: 2}, {name: r2, every_steps: 3}]"),
        ("loss={name: wasserstein}", "penalties=[{name: wgan_gp}]", "training.discriminator_steps=2"),
        ("training.microbatch_size=4", "evaluation.every=80", "training.precision=bfloat16"),
        (
            "penalties=[{name: path_length, every_steps: 2}, {name: lecam}, {name: r1, every_steps: 4}]",
            "training.discriminator_steps=2",
        ),
        (
            "penalties=[{name: consistency, every_steps: 2}, {name: r2, every_steps: 4}]",
            "augment=[{name: diffaugment, probability: 0.5}, {name: ada, probability: 0.2, ramp_images: 1000}]",
        ),
    ],
    ids=[
        "lazy-r1-mirror",
        "relativistic",
        "wasserstein-two-steps",
        "microbatch-evaluation-bfloat16",
        "path-length-lecam",
        "consistency-augmented",
    ],
)
def test_every_model_resumes_bit_for_bit(model: str, changes: tuple[str, ...], tmp_path: Path) -> None:
    config = tiny(*MODELS[model], *changes, "training.total_images=240", "log.every=24", "checkpoints.every=48")
    straight = run_straight(config, tmp_path / "straight")
    stopped = run_in_two_at_iteration(config, tmp_path / "stopped")
    assert differing(last(straight).tensors, last(stopped).tensors) == []
    assert lines(straight) == lines(stopped)


def run_in_two_at_iteration(config, folder):  # type: ignore[no-untyped-def]
    """Stop in the middle of a log interval, wherever an iteration ends (two D steps make 2·BATCH images)."""
    if config.training.discriminator_steps == 1:
        return run_in_two(config, folder, steps=13)
    from gantool.rundir import RunFolder
    from gantool.training.verbs import start
    from tests.training.helpers import StopAfter

    run = RunFolder(folder)
    assert start(config, run, "cpu", display=StopAfter(6 * 2 * BATCH)).signal
    resume(run)
    return run


def test_two_identical_runs_have_equal_digests(tmp_path: Path) -> None:
    config = tiny(*EVERYTHING)
    first, second = (run_straight(config, tmp_path / name) for name in ("first", "second"))
    assert last(first).digest == last(second).digest


def test_evaluation_changes_no_bit(tmp_path: Path) -> None:
    without = run_straight(tiny(*MODELS["dcgan"]), tmp_path / "without")
    measured = run_straight(tiny(*MODELS["dcgan"], "evaluation.every=40"), tmp_path / "measured")
    assert differing(last(without).tensors, last(measured).tensors) == []
    assert any(line["event"] == "evaluation" for line in lines(measured))
    assert measured.best() is not None


REMEMBERING = (
    "penalties=[{name: r1, weight: 0.2, every_steps: 4}, {name: lecam}, {name: path_length}]",
    "augment=[{name: mirror}, {name: ada, probability: 0.1, ramp_images: 1000, target: 0.2}]",
)
STATE_PIECES = {
    "generator weights": lambda name: name.startswith("generator.") and name.endswith("weight"),
    "batch-norm statistics": lambda name: name.startswith("generator.") and "running_" in name,
    "discriminator weights": lambda name: name.startswith("discriminator.") and "weight" in name,
    "spectral-norm vectors": lambda name: name.startswith("discriminator.") and name.endswith((".left", ".right")),
    "EMA": lambda name: name.startswith("ema."),
    "first moments of G": lambda name: name.startswith("optimizer.generator.") and name.endswith(".exp_avg"),
    "second moments of G": lambda name: name.startswith("optimizer.generator.") and name.endswith(".exp_avg_sq"),
    "first moments of D": lambda name: name.startswith("optimizer.discriminator.") and name.endswith(".exp_avg"),
    "second moments of D": lambda name: name.startswith("optimizer.discriminator.") and name.endswith(".exp_avg_sq"),
    "Adam's step count": lambda name: name.startswith("optimizer.") and name.endswith(".step"),
    "ADA's probability": lambda name: name == "memory.augment_1.probability",
    "ADA's signs": lambda name: name == "memory.augment_1.signs",
    "LeCam's means": lambda name: name.startswith("memory.penalty_lecam."),
    "the mean path length": lambda name: name == "memory.penalty_path_length.length",
    "the log interval's sums": lambda name: name == "meters.sums",
    "the log interval's counts": lambda name: name == "meters.counts",
}


@pytest.mark.parametrize("piece", STATE_PIECES)
def test_a_lost_piece_of_state_is_seen(piece: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each saved piece in turn is left as a fresh run has it; a test that cannot see that would prove nothing."""
    from gantool.training import session
    from gantool.training.state import TrainingState

    config = tiny(*MODELS["dcgan"], *REMEMBERING, "training.total_images=240")
    straight = run_straight(config, tmp_path / "straight")
    whole = TrainingState.load_tensors

    def forgetful(state: TrainingState, saved: dict[str, torch.Tensor]) -> None:
        fresh = {name: tensor.detach().clone() for name, tensor in state.tensors().items()}
        lost = [name for name in fresh if STATE_PIECES[piece](name)]
        assert lost, f"no tensor of the state is {piece}"
        whole(state, {**saved, **{name: fresh[name] for name in lost}})

    monkeypatch.setattr(session.TrainingState, "load_tensors", forgetful)
    stopped = run_in_two(config, tmp_path / "stopped", steps=13)
    different = differing(last(straight).tensors, last(stopped).tensors)
    assert different or lines(straight) != lines(stopped)


def test_moments_lie_in_memory_as_their_parameters(tmp_path: Path) -> None:
    config = tiny(*MODELS["dcgan"])
    run = run_straight(config, tmp_path / "run")
    machine = choose_machine(config, "cpu")
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    state = build_state(config, dataset.shape, len(dataset.classes), machine.device, machine.precision)
    state.load_tensors(last(run).tensors)
    convolutions = 0
    for parameter in state.discriminator.parameters():
        moments = state.discriminator_optimizer.state[parameter]
        assert moments["exp_avg"].stride() == parameter.stride() == moments["exp_avg_sq"].stride()
        convolutions += parameter.dim() == 4 and parameter.is_contiguous(memory_format=torch.channels_last)
    assert convolutions > 0


def test_loading_is_strict(tmp_path: Path) -> None:
    config = tiny()
    run = run_straight(config, tmp_path / "run")
    machine = choose_machine(config, "cpu")
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    state = build_state(config, dataset.shape, 0, machine.device, machine.precision)
    saved = last(run).tensors
    name = "generator." + next(iter(dict(state.generator.named_parameters())))
    for broken, reason in (
        ({k: v for k, v in saved.items() if k != name}, "missing"),
        ({**saved, "generator.extra": torch.zeros(1)}, "unknown"),
        ({**saved, name: saved[name][:-1]}, "the config wants"),
        ({**saved, name: saved[name].double()}, "float64"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            state.load_tensors(broken)

"""What a config adds to the two losses: when it is due, what it adds, what it says in the log."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool import seeding
from gantool.augment import ADA
from gantool.config import ExperimentConfig
from gantool.data import BatchOrder, PreparedSet, prepare
from gantool.models.mlp import MLPDiscriminator
from gantool.penalties import GeneratorPenalty, ImagePenalty, LogitPenalty
from gantool.training.additions import due_penalties
from gantool.training.state import TrainingState, build_state
from tests.training.helpers import BATCH, MODELS, lines, run_straight, tiny
from tests.training.test_steps import CPU, run_steps

LECAM = "penalties=[{name: lecam, weight: 0.5}]"
PATHS = "penalties=[{name: path_length, weight: 3.0, every_steps: 2, share: 0.5}]"


def names(config: ExperimentConfig, kind: type, images_seen: int) -> list[str]:
    return [penalty.name for penalty in due_penalties(config, kind, images_seen)]


def test_a_penalty_is_due_by_the_steps_of_its_own_network() -> None:
    config = tiny(
        "penalties=[{name: r1, every_steps: 2}, {name: lecam, every_steps: 3}, {name: path_length, every_steps: 2}]",
        "training.discriminator_steps=2",
    )
    steps = [step * BATCH for step in range(8)]
    assert [names(config, ImagePenalty, seen) for seen in steps] == [["r1"], []] * 4
    assert [names(config, LogitPenalty, seen) for seen in steps] == [["lecam"], [], []] * 2 + [["lecam"], []]
    # Its step ends every second discriminator step: iterations 0, 1, 2, 3.
    assert [names(config, GeneratorPenalty, seen) for seen in steps[1::2]] == [["path_length"], []] * 2


def first_step(*changes: str) -> tuple[TrainingState, TrainingState, Tensor, Tensor]:
    """(the state after one step; a fresh one; the real images and the latents of that step)."""
    config = tiny(*changes)
    state = run_steps(config, 1)
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    fresh = build_state(config, dataset.shape, 0, CPU, torch.float32)
    order = BatchOrder(dataset.indices("train"), config.seed)
    real = torch.from_numpy(dataset.read(order.batch(0, BATCH))).permute(0, 3, 1, 2).float() / 127.5 - 1
    latent = torch.randn(BATCH, 8, generator=seeding.generator(config.seed, "latent", 0, 0))
    return state, fresh, real, latent


def moved_by(state: TrainingState, network: str, loss: Tensor, fresh: nn.Module) -> None:
    """Adam's first moments after one step are (1 − β₁) times the gradient of ``loss``."""
    gradients = torch.autograd.grad(loss, list(fresh.parameters()))
    for (name, _), gradient in zip(fresh.named_parameters(), gradients, strict=True):
        moment = state.tensors()[f"optimizer.{network}.{name}.exp_avg"]
        torch.testing.assert_close(moment, 0.5 * gradient, rtol=1e-4, atol=1e-7)


def test_lecam_is_added_to_the_discriminators_loss() -> None:
    state, fresh, real, latent = first_step(LECAM)
    on_real, on_fake = (fresh.discriminator(images) for images in (real, fresh.generator(latent).detach()))
    adversarial = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
    both = on_real.square().mean() + on_fake.square().mean()  # the running means begin at 0
    moved_by(state, "discriminator", adversarial + 0.5 * both, fresh.discriminator)
    memory = state.memories["penalty_lecam"]
    torch.testing.assert_close(memory["real"], 0.01 * on_real.mean().detach())
    torch.testing.assert_close(memory["fake"], 0.01 * on_fake.mean().detach())


def test_path_length_is_added_to_the_generators_loss_and_counts_for_the_steps_between() -> None:
    state, fresh, _, latent = first_step(PATHS)
    judge = state.discriminator  # the generator meets the updated one
    adversarial = F.softplus(-judge(fresh.generator(latent))).mean()
    latents = torch.randn(BATCH, 8, generator=seeding.generator(3, "penalty_path_length-latent", 0, 0))
    noise = torch.randn(BATCH, 1, 16, 16, generator=seeding.generator(3, "penalty_path_length", 0, 0))
    half = latents[: BATCH // 2].requires_grad_()
    product = (fresh.generator(half) * noise[: BATCH // 2]).sum() / math.sqrt(16 * 16)
    (slopes,) = torch.autograd.grad(product, half, create_graph=True)
    lengths = slopes.norm(dim=1)
    mean = 0.01 * lengths.mean().detach()
    moved_by(state, "generator", adversarial + 3.0 * 2 * (lengths - mean).square().mean(), fresh.generator)
    torch.testing.assert_close(state.memories["penalty_path_length"]["length"], mean)


def test_a_steered_augmentation_is_part_of_the_state_and_of_the_log(tmp_path: Path) -> None:
    config = tiny("augment=[{name: mirror}, {name: ada, probability: 0.25, ramp_images: 800}]", "log.every=80")
    state = run_steps(config, 4)
    assert set(state.memories) == {"augment_1"}
    memory = state.memories["augment_1"]
    moved = 0.25 + math.copysign(4 * BATCH / 800, memory["r"].item() - 0.6)  # after its first correction
    assert memory["probability"].item() == pytest.approx(moved)
    assert memory["steps"] == 0
    run = run_straight(tiny(*config_changes(config), "training.total_images=160"), tmp_path / "run")
    logged = [line for line in lines(run) if line["event"] == "log"]
    assert all(0 <= line["ada_probability"] <= 0.8 and -1 <= line["ada_r"] <= 1 for line in logged)


def config_changes(config: ExperimentConfig) -> tuple[str, ...]:
    augment = ", ".join(str(item.model_dump(mode="json")).replace("'", "") for item in config.augment)
    return (f"augment=[{augment}]", "log.every=80")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("resnet", {"loss_classification", "loss_classification_of_fakes"}),
        ("fastgan", {"loss_classification", "loss_classification_of_fakes", "loss_reconstruction"}),
        ("dcgan-class", set()),
    ],
)
def test_losses_of_its_own_are_trained_and_logged(model: str, expected: set[str], tmp_path: Path) -> None:
    run = run_straight(tiny(*MODELS[model], "training.total_images=80", "log.every=40"), tmp_path / "run")
    logged = [line for line in lines(run) if line["event"] == "log"]
    found = {key for key in logged[0] if key.startswith("loss_")} - {"loss_generator", "loss_discriminator"}
    assert found - {"loss_total"} == expected
    assert all(math.isfinite(line[key]) and line[key] > 0 for line in logged for key in expected)


def test_a_classifier_learns_the_classes_of_real_pictures() -> None:
    changes = (*MODELS["resnet"], "optimizer.discriminator.learning_rate=2e-3")
    early, late = (run_steps(tiny(*changes), count).meters.take()["loss_classification"] for count in (5, 60))
    assert late < 0.8 * early


@pytest.mark.parametrize(("loss", "undecided"), [("least_squares", 0.5), ("hinge", 0.0)])
def test_ada_is_steered_by_what_the_loss_calls_real(
    loss: str, undecided: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A discriminator that cannot tell is no reason to change pictures more often."""
    seen: list[Tensor] = []
    monkeypatch.setattr(ADA, "observe", lambda _, logits, __: seen.append(logits.clone()))
    forward = MLPDiscriminator.forward
    monkeypatch.setattr(MLPDiscriminator, "forward", lambda *told: forward(*told) * 0 + undecided)
    run_straight(tiny(f"loss.name={loss}", "augment=[{name: ada}]", "training.total_images=16"), tmp_path / "run")
    assert seen
    assert all((logits == 0).all() for logits in seen)

"""The two steps against a loop written out in plain torch, and against themselves cut into pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from gantool import seeding
from gantool.config import ExperimentConfig
from gantool.data import BatchOrder, PreparedSet, prepare
from gantool.training.batches import RealBatches
from gantool.training.state import TrainingState, build_state
from gantool.training.steps import Steps
from tests.training.helpers import BATCH, differing, last, run_straight, tiny

CPU = torch.device("cpu")


def run_steps(config: ExperimentConfig, count: int) -> TrainingState:
    """``count`` iterations of the real steps, without the loop around them."""
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    classes = len(dataset.classes)
    state = build_state(config, dataset.shape, classes, CPU, torch.float32)
    steps = Steps(config, state, CPU, torch.float32)
    labelled = config.model.conditioning == "class"
    size = config.training.batch_size
    with RealBatches(dataset, seed=config.seed, batch_size=size, device=CPU, labelled=labelled) as batches:
        for _ in range(count):
            draws = steps.draws_at(state.images_seen)
            with draws.installed():
                steps.generator_step(steps.discriminator_step(batches.at(state.images_seen), draws, last=True))
            state.images_seen += size
    return state


def detached(state: TrainingState) -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in state.tensors().items()}


def test_the_steps_are_the_textbook_loop() -> None:
    """S2's step in plain torch (two forwards of everything, eager Adam) arrives at the same weights."""
    config = tiny("penalties=[{name: r1, weight: 0.5, every_steps: 2}]", "loss.discriminator_scale=0.5")
    state = run_steps(config, 6)

    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    fresh = build_state(config, dataset.shape, 0, CPU, torch.float32)
    generator, discriminator = fresh.generator, fresh.discriminator
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8, "foreach": False}
    optimizer_g = torch.optim.Adam(generator.parameters(), **adam)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **adam)
    order = BatchOrder(dataset.indices("train"), config.seed)
    for step in range(6):
        seen = step * BATCH
        source = seeding.generator(config.seed, "latent", seen, 0)
        latent = torch.randn(BATCH, 8, generator=source)
        real = torch.from_numpy(dataset.read(order.batch(seen, BATCH))).permute(0, 3, 1, 2).float() / 127.5 - 1
        loss = 0.5 * F.softplus(-discriminator(real)).mean() + 0.5 * F.softplus(discriminator(generator(latent))).mean()
        if step % 2 == 0:
            asked = real.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(discriminator(asked).sum(), asked, create_graph=True)
            loss = loss + 0.5 * 2 * 0.5 * gradient.square().sum((1, 2, 3)).mean()
        optimizer_d.zero_grad()
        loss.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        F.softplus(-discriminator(generator(latent))).mean().backward()
        optimizer_g.step()
    for ours, plain in ((state.generator, generator), (state.discriminator, discriminator)):
        for name, value in plain.state_dict().items():
            assert torch.allclose(ours.state_dict()[name], value, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic", "hinge"])
def test_microbatches_equal_the_whole_batch(loss: str) -> None:
    # The mlp has neither dropout nor batch statistics.
    changes = (f"loss={{name: {loss}}}", "penalties=[{name: r1, every_steps: 2}]", "augment=[{name: mirror}]")
    whole = run_steps(tiny(*changes), 1)
    parts = run_steps(tiny(*changes, "training.microbatch_size=2"), 1)
    for network in ("generator", "discriminator"):
        prefix = f"optimizer.{network}."
        moments = {n: t for n, t in whole.tensors().items() if n.startswith(prefix) and n.endswith(".exp_avg")}
        largest = max(float(moment.abs().max()) for moment in moments.values())
        for name, moment in moments.items():  # (1 − β₁)·gradient after one step
            assert torch.allclose(parts.tensors()[name], moment, rtol=0, atol=1e-5 * largest), name


def test_float16_scales_its_losses(tmp_path: Path) -> None:
    run = run_straight(tiny("training.precision=float16", "training.total_images=80"), tmp_path / "run")
    tensors = last(run).tensors
    assert float(tensors["scaler.generator.scale"]) > 1
    assert all(tensor.isfinite().all() for tensor in tensors.values() if tensor.is_floating_point())


def test_compile_gives_the_same_to_rounding(tmp_path: Path) -> None:
    changes = ("training.total_images=24", "penalties=[{name: r1}]")
    plain = run_straight(tiny(*changes), tmp_path / "plain")
    compiled = run_straight(tiny(*changes, "training.compile=true"), tmp_path / "compiled")
    ours, theirs = last(plain).tensors, last(compiled).tensors
    assert all(torch.allclose(ours[n].float(), theirs[n].float(), atol=1e-3) for n in ours)


def test_networks_are_in_training_mode_and_discriminator_learns_after_each_iteration(tmp_path: Path) -> None:
    config = tiny()
    state = run_steps(config, 2)
    assert state.generator.training
    assert all(parameter.requires_grad for parameter in state.discriminator.parameters())
    assert differing(detached(run_steps(config, 2)), detached(state)) == []

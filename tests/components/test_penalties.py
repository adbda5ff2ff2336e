"""Gradient penalties against critics whose gradients are known by hand."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from gantool.penalties import R1, R2, WGANGP, AnyPenalty, Penalty

SHAPE = (3, 2, 4, 5)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Real images, fake images, and where between them."""
    source = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, *SHAPE, generator=source, dtype=torch.float64)
    return real, fake, torch.rand(SHAPE[0], 1, 1, 1, generator=source, dtype=torch.float64)


@pytest.fixture
def weight() -> Tensor:
    source = torch.Generator().manual_seed(1)
    return torch.randn(SHAPE[1:], generator=source, dtype=torch.float64).requires_grad_()


def linear(weight: Tensor, images: Tensor) -> Tensor:
    """D(x) = ⟨w, x⟩ + 3, so ∇D = w."""
    return (images * weight).sum(dim=(1, 2, 3)) + 3


def quadratic(weight: Tensor, images: Tensor) -> Tensor:
    """D(x) = ½⟨w, x²⟩, so ∇D = w·x."""
    return 0.5 * (images.square() * weight).sum(dim=(1, 2, 3))


@pytest.mark.parametrize("kind", [R1, R2])
def test_zero_centred_of_a_linear_critic(kind: type[Penalty], batch: tuple[Tensor, ...], weight: Tensor) -> None:
    value = kind().value(lambda x: linear(weight, x), *batch)
    torch.testing.assert_close(value, 0.5 * weight.square().sum())
    torch.testing.assert_close(torch.autograd.grad(value, weight)[0], weight)


@pytest.mark.parametrize(("kind", "which"), [(R1, 0), (R2, 1)])
def test_zero_centred_of_a_quadratic_critic(
    kind: type[Penalty], which: int, batch: tuple[Tensor, ...], weight: Tensor
) -> None:
    points = batch[which]
    value = kind().value(lambda x: quadratic(weight, x), *batch)
    torch.testing.assert_close(value, 0.5 * (weight * points).square().sum(dim=(1, 2, 3)).mean())
    expected = (weight * points.square()).mean(dim=0)  # ∂/∂w of ½·E Σ w²x²
    torch.testing.assert_close(torch.autograd.grad(value, weight)[0], expected)


def test_one_centred_of_a_linear_critic(batch: tuple[Tensor, ...], weight: Tensor) -> None:
    value = WGANGP().value(lambda x: linear(weight, x), *batch)
    norm = weight.norm()
    torch.testing.assert_close(value, (norm - 1) ** 2)
    torch.testing.assert_close(torch.autograd.grad(value, weight)[0], 2 * (norm - 1) * weight / norm)


def test_one_centred_looks_between_real_and_fake(batch: tuple[Tensor, ...], weight: Tensor) -> None:
    real, fake, mix = batch
    between = fake + mix * (real - fake)
    value = WGANGP().value(lambda x: quadratic(weight, x), real, fake, mix)
    norms = (weight * between).flatten(1).norm(dim=1)
    torch.testing.assert_close(value, (norms - 1).square().mean())


def test_one_centred_survives_a_critic_without_slope(batch: tuple[Tensor, ...], weight: Tensor) -> None:
    flat = torch.zeros_like(weight, requires_grad=True)
    value = WGANGP().value(lambda x: linear(flat, x), *batch)
    assert value.item() == 1
    assert torch.equal(torch.autograd.grad(value, flat)[0], torch.zeros_like(flat))


def test_gradient_equals_finite_differences(penalty: Penalty, batch: tuple[Tensor, ...], weight: Tensor) -> None:
    def value(weight: Tensor) -> Tensor:
        return penalty.value(lambda x: torch.tanh(quadratic(weight, x)), *batch)

    assert torch.autograd.gradcheck(value, (weight,))


def test_leaves_the_images_alone(penalty: Penalty, batch: tuple[Tensor, ...], weight: Tensor) -> None:
    before = [t.clone() for t in batch]
    penalty.value(lambda x: quadratic(weight, x), *batch).backward()
    assert all(torch.equal(a, b) and a.grad is None and not a.requires_grad for a, b in zip(batch, before, strict=True))


def test_is_a_mean_over_the_batch(penalty: Penalty, batch: tuple[Tensor, ...], weight: Tensor) -> None:
    whole = penalty.value(lambda x: quadratic(weight, x), *batch)
    each = [penalty.value(lambda x: quadratic(weight, x), *(t[i : i + 1] for t in batch)) for i in range(SHAPE[0])]
    torch.testing.assert_close(torch.stack(each).mean(), whole)


def test_registry_reads_a_penalty_by_its_name(penalty: Penalty) -> None:
    adapter: TypeAdapter[Penalty] = TypeAdapter(AnyPenalty)
    read = adapter.validate_python({"name": penalty.name, "every_steps": 8, "weight": 0.2})
    assert type(read) is type(penalty) and read.every_steps == 8
    ramp = {"from": 1, "to": -0.1}
    for weight in (-0.1, ramp):
        with pytest.raises(ValidationError, match="must not be below 0"):
            adapter.validate_python({"name": penalty.name, "weight": weight})


def test_default_weight_of_wgan_gp_is_the_papers() -> None:
    assert WGANGP().weight == 10

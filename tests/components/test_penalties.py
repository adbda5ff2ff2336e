"""Gradient penalties against critics whose gradients are known by hand."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from gantool.penalties import R1, R2, WGANGP, AnyPenalty, Consistency, ImagePenalty, LeCam, PathLength, Penalty
from gantool.seeding import generator

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
def test_zero_centred_of_a_linear_critic(kind: type[ImagePenalty], batch: tuple[Tensor, ...], weight: Tensor) -> None:
    value = kind().value(lambda x: linear(weight, x), *batch)
    torch.testing.assert_close(value, 0.5 * weight.square().sum())
    torch.testing.assert_close(torch.autograd.grad(value, weight)[0], weight)


@pytest.mark.parametrize(("kind", "which"), [(R1, 0), (R2, 1)])
def test_zero_centred_of_a_quadratic_critic(
    kind: type[ImagePenalty], which: int, batch: tuple[Tensor, ...], weight: Tensor
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


def test_gradient_equals_finite_differences(
    image_penalty: ImagePenalty, batch: tuple[Tensor, ...], weight: Tensor
) -> None:
    batch = (*batch[:2], image_penalty.draw(SHAPE[0], generator(5)).double())

    def value(weight: Tensor) -> Tensor:
        return image_penalty.value(lambda x: torch.tanh(quadratic(weight, x)), *batch)

    assert torch.autograd.gradcheck(value, (weight,))


def test_leaves_the_images_alone(image_penalty: ImagePenalty, batch: tuple[Tensor, ...], weight: Tensor) -> None:
    batch = (*batch[:2], image_penalty.draw(SHAPE[0], generator(5)).double())
    before = [t.clone() for t in batch]
    image_penalty.value(lambda x: quadratic(weight, x), *batch).backward()
    assert all(torch.equal(a, b) and a.grad is None and not a.requires_grad for a, b in zip(batch, before, strict=True))


def test_is_a_mean_over_the_batch(image_penalty: ImagePenalty, batch: tuple[Tensor, ...], weight: Tensor) -> None:
    batch = (*batch[:2], image_penalty.draw(SHAPE[0], generator(5)).double())
    whole = image_penalty.value(lambda x: quadratic(weight, x), *batch)
    each = [
        image_penalty.value(lambda x: quadratic(weight, x), *(t[i : i + 1] for t in batch)) for i in range(SHAPE[0])
    ]
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


def test_lecam_holds_logits_near_the_other_kinds_running_mean() -> None:
    lecam = LeCam(decay=0.75)
    memory = lecam.memory()
    real, fake = torch.tensor([3.0, 5.0], requires_grad=True), torch.tensor([-2.0, 0.0], requires_grad=True)
    first = lecam.value(real, fake, memory)
    torch.testing.assert_close(first.item(), (9 + 25) / 2 + 4 / 2)  # both means begin at 0
    assert memory["real"].item() == 1.0 and memory["fake"].item() == -0.25  # a quarter of 4 and of −1
    second = lecam.value(real, fake, memory)
    torch.testing.assert_close(second.item(), (3.25**2 + 5.25**2) / 2 + (3.0**2 + 1.0**2) / 2)
    gradient_of_real, gradient_of_fake = torch.autograd.grad(second, (real, fake))
    torch.testing.assert_close(gradient_of_real, torch.tensor([3.25, 5.25]))
    torch.testing.assert_close(gradient_of_fake, torch.tensor([-3.0, -1.0]))


def test_lecam_settles_at_the_means() -> None:
    lecam = LeCam()
    memory = lecam.memory()
    for _ in range(2000):
        lecam.value(torch.full((4,), 2.0), torch.full((4,), -3.0), memory)
    assert memory["real"].item() == pytest.approx(2, rel=1e-4) and memory["fake"].item() == pytest.approx(-3, rel=1e-4)


class Linear:
    """G(z) = A·z as an image of 1×2×3: every path has the length ‖Aᵀy‖."""

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight

    def styles(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return latent

    def draw(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        return (styles @ self.weight).view(-1, 1, 2, 3)


def test_path_length_of_a_linear_generator() -> None:
    source = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 6, generator=source, dtype=torch.float64, requires_grad=True)
    latents = torch.randn(6, 4, generator=source, dtype=torch.float64)
    penalty = PathLength(decay=0.9, share=0.5)
    drawn = penalty.draw(6, (1, 2, 3), source).double()
    memory = penalty.memory()
    value = penalty.value(Linear(weight), latents, None, drawn, memory)
    lengths = (drawn[:3].flatten(1) @ weight.T).norm(dim=1) / 6**0.5
    mean = 0.1 * lengths.mean()
    torch.testing.assert_close(memory["length"].double(), mean.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(value, (lengths - mean.detach()).square().mean(), rtol=1e-6, atol=0)
    expected = torch.autograd.grad((lengths - mean.detach()).square().mean(), weight)[0]
    torch.testing.assert_close(torch.autograd.grad(value, weight)[0], expected, rtol=1e-6, atol=1e-9)


def test_path_length_with_a_style_for_each_layer_is_the_root_of_the_mean_square() -> None:
    """Two layers whose sum is drawn: each has the slope of the linear generator, and so has their root mean square."""
    weight = torch.randn(4, 6, dtype=torch.float64)

    class Layered(Linear):
        def styles(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
            return torch.stack([latent, 2 * latent], dim=1)

        def draw(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
            return super().draw(styles.sum(dim=1))

    latents, drawn = torch.randn(2, 4, dtype=torch.float64), torch.randn(2, 1, 2, 3, dtype=torch.float64)
    values = [
        PathLength(share=1).value(kind(weight), latents, None, drawn, PathLength().memory())
        for kind in (Linear, Layered)
    ]
    torch.testing.assert_close(*values)


def test_consistency_of_a_critic_that_sums_up(batch: tuple[Tensor, ...]) -> None:
    """D(x) = Σx does not mind a flip, and misses what a shift moves out of sight."""
    real = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    fake = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    middle = 0.5  # no shift
    drawn = torch.full((2, 6), middle)
    drawn[:, 0] = 0.1  # flipped
    assert Consistency().value(lambda x: x.sum(dim=(1, 2, 3)), real, fake, drawn).item() == pytest.approx(0, abs=1e-20)
    drawn[:, 4] = 0.999  # the fakes one pixel down
    value = Consistency().value(lambda x: x.sum(dim=(1, 2, 3)), real, fake, drawn)
    torch.testing.assert_close(value, fake[:, :, -1].sum(dim=(1, 2)).square().mean())


def test_consistency_flips_every_second_image_and_takes_its_papers_weight() -> None:
    drawn = Consistency().draw(10_000, generator(1))
    assert abs((drawn[:, 0] < 0.5).float().mean().item() - 0.5) < 0.02
    assert Consistency().weight == 10 and Consistency().precision == "training"

"""Every loss against its closed form in float64 NumPy, finite differences, and what the papers say of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from gantool.losses import AnyLoss, LeastSquares, Loss, Minimax, NonSaturating, Relativistic

Logits = NDArray[np.float64]


def softplus(t: Logits) -> Logits:
    return np.logaddexp(0, t)


CLOSED_FORMS = {
    "non_saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    "minimax": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    "least_squares": (lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * f**2, lambda r, f: 0.5 * (f - 1) ** 2),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda r, f: -f),
    "relativistic": (lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
}


def logits(seed: int, count: int = 9, scale: float = 4.0) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    real, fake = scale * torch.randn(2, count, generator=source, dtype=torch.float64)
    return real, fake


def test_equals_the_closed_form(loss: Loss) -> None:
    discriminator, generator = CLOSED_FORMS[loss.name]
    for seed in range(5):
        real, fake = logits(seed)
        expected_d = discriminator(real.numpy(), fake.numpy()).mean()
        expected_g = generator(real.numpy(), fake.numpy()).mean()
        assert loss.discriminator(real, fake).item() == pytest.approx(expected_d, rel=1e-7)
        assert loss.generator(fake, real).item() == pytest.approx(expected_g, rel=1e-7)
        assert loss.discriminator(real.float(), fake.float()).item() == pytest.approx(expected_d, rel=1e-5)


def test_gradients_equal_finite_differences(loss: Loss) -> None:
    real, fake = (t.requires_grad_() for t in logits(1))
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (fake, real))


@pytest.mark.parametrize("real_at", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("fake_at", [-1e4, 0.0, 1e4])
def test_is_stable_at_large_logits(loss: Loss, real_at: float, fake_at: float) -> None:
    real = torch.full((3,), real_at, requires_grad=True)
    fake = torch.full((3,), fake_at, requires_grad=True)
    discriminator, generator = CLOSED_FORMS[loss.name]
    for value, closed in (
        (loss.discriminator(real, fake), discriminator),
        (loss.generator(fake, real), generator),
    ):
        expected = closed(np.array(real_at), np.array(fake_at))
        assert value.item() == pytest.approx(float(expected), rel=1e-5, abs=1e-30)
        gradients = torch.autograd.grad(value, (real, fake), allow_unused=True)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_is_computed_in_float32(loss: Loss, dtype: torch.dtype) -> None:
    real, fake = (t.to(dtype) for t in logits(2, count=501))
    value = loss.discriminator(real, fake)
    assert value.dtype == torch.float32
    assert value == loss.discriminator(real.float(), fake.float())
    assert loss.generator(fake, real) == loss.generator(fake.float(), real.float())


def test_is_a_mean_over_the_batch(loss: Loss) -> None:
    """So that two processes, or two microbatches, of half the batch average to the whole one."""
    real, fake = logits(3, count=8)
    halves = [loss.discriminator(real[half], fake[half]) for half in (slice(4), slice(4, 8))]
    torch.testing.assert_close(torch.stack(halves).mean(), loss.discriminator(real, fake))


def test_pulls_logits_the_right_way(loss: Loss) -> None:
    real, fake = (torch.zeros(4, requires_grad=True) for _ in range(2))
    for_real, for_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    (for_generator,) = torch.autograd.grad(loss.generator(fake, real), fake)
    assert (for_real < 0).all() and (for_generator < 0).all()  # a step down the gradient raises the logit
    assert (for_fake >= 0).all()  # least squares rests at 0, its target for fakes


def test_generator_needs_real_logits_only_where_it_says_so(loss: Loss) -> None:
    real, fake = logits(4)
    if loss.needs_both:
        with pytest.raises(ValueError, match="real logits"):
            loss.generator(fake)
        assert loss.generator(fake, real) != loss.generator(fake, real + 1)
    else:
        assert loss.generator(fake) == loss.generator(fake, real)


def test_has_no_absolute_zero_exactly_where_a_shift_of_all_logits_is_free(loss: Loss) -> None:
    real, fake = logits(5)
    shifted = loss.discriminator(real + 3, fake + 3)
    invariant = torch.isclose(shifted, loss.discriminator(real, fake), rtol=1e-10)
    assert bool(invariant) is not loss.absolute_zero


def test_boundary_is_where_real_and_fake_balance(loss: Loss) -> None:
    """With real and fake logits in one place, the discriminator likes that place best to be the boundary."""
    if not loss.absolute_zero:
        pytest.skip("only differences mean anything")
    at = torch.tensor([loss.boundary], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.discriminator(at, at), at)
    assert slope.item() == pytest.approx(0, abs=1e-12)


def test_non_saturating_is_binary_cross_entropy() -> None:
    real, fake = logits(6)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    expected = F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)
    torch.testing.assert_close(NonSaturating().discriminator(real, fake), expected)
    expected = F.binary_cross_entropy_with_logits(fake, ones)
    torch.testing.assert_close(NonSaturating().generator(fake), expected)


def test_minimax_is_zero_sum_in_the_fakes() -> None:
    real, fake = (t.requires_grad_() for t in logits(7))
    total = Minimax().discriminator(real, fake) + Minimax().generator(fake)
    (gradient,) = torch.autograd.grad(total, fake)
    assert gradient.abs().max() < 1e-12


def test_relativistic_networks_swap_roles() -> None:
    real, fake = logits(8)
    torch.testing.assert_close(Relativistic().generator(fake, real), Relativistic().discriminator(fake, real))


def test_only_least_squares_has_a_boundary_off_zero(loss: Loss) -> None:
    assert (loss.boundary != 0) is isinstance(loss, LeastSquares)


def test_registry_reads_a_loss_by_its_name(loss: Loss) -> None:
    adapter: TypeAdapter[Loss] = TypeAdapter(AnyLoss)
    assert adapter.validate_python({"name": loss.name}) == loss
    with pytest.raises(ValidationError, match="discriminator_scale"):
        adapter.validate_python({"name": loss.name, "discriminator_scale": 0})

"""The sliced Wasserstein distance: its invariants, a closed form, and that it orders real damage."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gantool import seeding
from gantool.data import PreparedSet, prepare
from gantool.images import to_unit_range
from gantool.metrics import sliced_wasserstein
from gantool.metrics.sliced_wasserstein import _sliced
from tests.training.helpers import tiny


def distance(first: Tensor, second: Tensor, seed: int = 0) -> float:
    return sliced_wasserstein(first, second, seeding.generator(seed, "test"))


@pytest.fixture(scope="module")
def garments() -> Tensor:
    config = tiny("data={source: embedded}")
    dataset = PreparedSet.open(prepare(config.data, seed=0))
    return to_unit_range(torch.from_numpy(dataset.read(dataset.indices("train")[:1024])))


def test_shifted_gaussians_have_the_closed_form() -> None:
    """W₁ between N(0, I) and N(m, I) along a unit direction u is |u·m|; its mean over u has a closed form too."""
    source = torch.Generator().manual_seed(0)
    dim, shift = 49, 3.0
    first = torch.randn(20_000, dim, generator=source)
    second = torch.randn(20_000, dim, generator=source)
    second[:, 0] += shift
    # E|u₁| for u uniform on the sphere: Γ(d/2) / (√π · Γ((d+1)/2))
    expected = shift * math.exp(math.lgamma(dim / 2) - math.lgamma((dim + 1) / 2)) / math.sqrt(math.pi)
    measured = float(_sliced(first, second, source))
    assert measured == pytest.approx(expected, rel=0.08)


def test_it_is_repeatable_and_small_for_the_same_kind(garments: Tensor) -> None:
    half, other = garments[:512], garments[512:]
    assert distance(half, other) == distance(half, other)
    assert distance(half, other) < 0.3 * distance(half, torch.rand_like(half) * 2 - 1)


def test_damage_is_ordered(garments: Tensor) -> None:
    """Real < a little noise < much noise, and a repeated picture is far off."""
    half, other = garments[:512], garments[512:]
    noise = torch.randn(half.shape, generator=torch.Generator().manual_seed(1))
    real, little, much = (distance(half, (other + a * noise).clamp(-1, 1)) for a in (0.0, 0.1, 0.5))
    assert real < little < much
    assert distance(half, other[:1].expand_as(half)) > 3 * real


def test_only_equal_shapes_are_compared(garments: Tensor) -> None:
    with pytest.raises(ValueError, match="one shape"):
        distance(garments[:10], garments[:11])

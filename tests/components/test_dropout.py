"""Dropout: its rate, its scale, and that the installed generator alone decides."""

from __future__ import annotations

import pytest
import torch

from gantool.nn.dropout import Dropout, kept_levels
from gantool.seeding import generator, installed

COUNT = 200_001  # odd: the last 64-bit draw is used in part


def dropped(layer: Dropout, features: torch.Tensor, seed: int = 0) -> torch.Tensor:
    with installed(generator(seed)):
        return layer(features)


@pytest.mark.parametrize("probability", [0.05, 0.3, 0.5, 0.9])
def test_rate_mean_and_variance(probability: float) -> None:
    out = dropped(Dropout(probability), torch.ones(COUNT))
    keep = 1 - probability
    rate_error = ((out == 0).double().mean() - probability).abs()
    assert rate_error < 4 * (probability * keep / COUNT) ** 0.5
    assert abs(out.double().mean() - 1) < 4 * (probability / keep / COUNT) ** 0.5
    assert out.double().var().item() == pytest.approx(probability / keep, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("probability", [0.01, 0.3, 1 / 3, 0.999])
def test_scale_is_the_inverse_of_the_keep_probability_in_every_dtype(probability: float, dtype: torch.dtype) -> None:
    out = dropped(Dropout(probability), torch.ones(COUNT, dtype=dtype))
    (scale,) = out[out != 0].unique().tolist()
    keep = kept_levels(probability, dtype) / 65536
    assert keep * scale == pytest.approx(1, abs=2**-17 * scale), "what is kept makes up for what is dropped"
    assert keep == pytest.approx(1 - probability, rel=torch.finfo(dtype).eps, abs=2**-16)


def test_the_four_elements_of_a_draw_are_independent() -> None:
    kept = (dropped(Dropout(0.5), torch.ones(400_000)) != 0).double().view(-1, 4)
    correlation = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlation.abs().max() < 4 / 100_000**0.5
    assert ((kept.mean(dim=0) - 0.5).abs() < 4 * 0.5 / 100_000**0.5).all()


def test_the_generator_decides() -> None:
    features = torch.ones(5, 7)
    first, again, other = (dropped(Dropout(0.5), features, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    with installed(generator(1)):
        layer = Dropout(0.5)
        assert not torch.equal(layer(features), layer(features)), "the second call draws anew"


def test_torchs_own_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    dropped(Dropout(0.5), torch.ones(9))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_generator_it_refuses_to_draw() -> None:
    with pytest.raises(RuntimeError, match="installed"):
        Dropout(0.5)(torch.ones(3))


def test_does_nothing_in_eval_mode_or_at_probability_0() -> None:
    features = torch.randn(3, 4)
    assert torch.equal(Dropout(0.5).eval()(features), features)
    assert torch.equal(Dropout(0.0)(features), features)


@pytest.mark.parametrize("probability", [-0.1, 1.0, 2.0])
def test_an_impossible_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        Dropout(probability)


def test_derivatives_pass_through_the_same_mask() -> None:
    features = torch.rand(3, 5, dtype=torch.float64, requires_grad=True)
    layer = Dropout(0.4)

    def curved(features: torch.Tensor) -> torch.Tensor:
        return dropped(layer, features).pow(3)

    assert torch.autograd.gradcheck(curved, (features,))
    assert torch.autograd.gradgradcheck(curved, (features,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 5, 7, 3), (3, 1, 4, 4), (2, 3, 1, 1)])
def test_keeps_dtype_and_memory_format(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    features = torch.ones(shape, dtype=dtype).contiguous(memory_format=torch.channels_last)
    out = dropped(Dropout(0.3), features)
    assert out.dtype == dtype and out.stride() == features.stride()
    scale = torch.tensor(65536 / kept_levels(0.3, dtype), dtype=dtype).item()
    assert set(out.float().unique().tolist()) <= {0.0, scale}


def test_the_mask_lies_in_the_order_of_memory() -> None:
    flat = dropped(Dropout(0.5), torch.ones(2 * 3 * 4 * 5))
    last = dropped(Dropout(0.5), torch.ones(2, 5, 3, 4).contiguous(memory_format=torch.channels_last))
    assert torch.equal(last.movedim(1, 3).flatten(), flat)
    assert torch.equal(dropped(Dropout(0.5), torch.ones(2, 3, 4, 5)).flatten(), flat)


def test_a_map_that_is_neither_layout_works() -> None:
    features = torch.ones(4, 6, 8, 10)[:, ::2, :, ::2]
    out = dropped(Dropout(0.5), features)
    assert out.shape == features.shape and 0.3 < (out == 0).float().mean() < 0.7

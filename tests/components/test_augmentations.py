"""Augmentations: draws from the generator alone, and an application that can be differentiated twice."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from gantool.augment import AnyAugmentation, Augmentation, Mirror
from gantool.seeding import generator


def draw(augmentation: Augmentation, count: int, seed: int = 0, *, seen: int = 0) -> torch.Tensor:
    return augmentation.draw(count, augmentation.chance(seen, augmentation.memory()), generator(seed))


def test_draws_depend_on_the_generator_alone(augmentation: Augmentation) -> None:
    first, again, other = (draw(augmentation, 64, seed) for seed in (1, 1, 2))
    assert first.shape[0] == 64 and first.dim() == 2
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_keeps_shape_and_dtype_and_memory_format(augmentation: Augmentation) -> None:
    images = torch.rand(6, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    changed = augmentation.apply(images, draw(augmentation, 6))
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert changed.is_contiguous(memory_format=torch.channels_last)


def test_each_image_is_changed_by_its_own_parameters(augmentation: Augmentation) -> None:
    """So that a process may take its rows of the global draw."""
    images = torch.rand(8, 3, 8, 8)
    parameters = draw(augmentation, 8)
    whole = augmentation.apply(images, parameters)
    parts = [augmentation.apply(images[rows], parameters[rows]) for rows in (slice(3), slice(3, 8))]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_is_twice_differentiable(augmentation: Augmentation) -> None:
    images = torch.rand(4, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    parameters = draw(augmentation, 4)

    def curved(images: torch.Tensor) -> torch.Tensor:
        return augmentation.apply(images, parameters).square()

    assert torch.autograd.gradcheck(curved, (images,))
    assert torch.autograd.gradgradcheck(curved, (images,))


@pytest.mark.parametrize("probability", [-0.1, 1.1, {"from": 0, "to": 2}])
def test_probability_is_checked(augmentation: Augmentation, probability: object) -> None:
    adapter: TypeAdapter[Augmentation] = TypeAdapter(AnyAugmentation)
    with pytest.raises(ValidationError, match="between 0 and 1"):
        adapter.validate_python({"name": augmentation.name, "probability": probability})


def test_mirror_flips_left_and_right_of_the_images_it_drew() -> None:
    images = torch.rand(3, 2, 4, 5)
    flipped = Mirror().apply(images, torch.tensor([[True], [False], [True]]))
    assert torch.equal(flipped[1], images[1])
    for i in (0, 2):
        assert torch.equal(flipped[i], torch.stack([images[i, :, :, 4 - x] for x in range(5)], dim=-1))


@pytest.mark.parametrize("probability", [0.0, 0.5, 0.9, 1.0])
def test_mirror_flips_as_often_as_it_should(probability: float) -> None:
    count = 20_000
    share = draw(Mirror(probability=probability), count, seed=3).float().mean().item()
    deviation = (probability * (1 - probability) / count) ** 0.5
    assert abs(share - probability) <= 4 * deviation


def test_mirror_follows_its_schedule() -> None:
    mirror = Mirror.model_validate({"probability": {"from": 0, "to": 1, "until": 1000}})
    shares = [draw(mirror, 4000, seen=seen).float().mean().item() for seen in (0, 500, 1000, 9000)]
    assert shares[0] == 0 and 0.45 < shares[1] < 0.55 and shares[2:] == [1, 1]


def test_mirror_changes_the_data_set_only() -> None:
    assert Mirror.reals_only and Mirror().probability == 0.5

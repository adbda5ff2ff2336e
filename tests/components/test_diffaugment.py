"""DiffAugment: each change against its formula, and how often."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool.augment import DiffAugment
from gantool.seeding import generator


def parameters(count: int, **numbers: float) -> Tensor:
    """Numbers that change nothing (the middle of each range), but for those given."""
    order = ("brightness", "saturation", "contrast", "down", "right", "row", "column")
    row = [numbers.get(name, 0.5) for name in order] + [1.0]
    return torch.tensor([row] * count)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 16, 24, generator=generator(0)) * 2 - 1


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.9])
def test_colours_by_their_formulas(images: Tensor, uniform: float) -> None:
    colour = DiffAugment(changes=("colour",))
    grey, mean = images.mean(dim=1, keepdim=True), images.mean(dim=(1, 2, 3), keepdim=True)
    for name, expected in (
        ("brightness", images + uniform - 0.5),
        ("saturation", grey + (images - grey) * 2 * uniform),
        ("contrast", mean + (images - mean) * (uniform + 0.5)),
    ):
        torch.testing.assert_close(colour.apply(images, parameters(2, **{name: uniform})), expected)


def test_translation_is_an_eighth_at_most_and_brings_in_grey(images: Tensor) -> None:
    moved = DiffAugment(changes=("translation",)).apply(images, parameters(2, down=0.999, right=0.0))
    assert torch.equal(moved[:, :, 2:, :-3], images[:, :, :-2, 3:])
    assert not moved[:, :, :2].any() and not moved[:, :, :, -3:].any()


@pytest.mark.parametrize(
    ("row", "column", "rows", "columns"), [(0.5, 0.5, (4, 12), (6, 18)), (0.0, 0.999, (0, 4), (18, 24))]
)
def test_cutout_is_half_the_sides(
    images: Tensor, row: float, column: float, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    cut = DiffAugment(changes=("cutout",)).apply(images, parameters(2, row=row, column=column))
    expected = images.clone()
    expected[:, :, rows[0] : rows[1], columns[0] : columns[1]] = 0
    assert torch.equal(cut, expected)


def test_cutout_lies_anywhere_equally_often() -> None:
    cutout = DiffAugment(changes=("cutout",))
    cut = cutout.apply(torch.ones(20_000, 1, 8, 8), cutout.draw(20_000, 1.0, generator(2))) == 0
    middle = cut[:, 0, 4].float().mean(dim=0)  # columns of a row that is often cut
    assert middle[3:5].min() > middle[0] > 0
    torch.testing.assert_close(middle, middle.flip(0), rtol=0, atol=0.02)


def test_alpha_keeps_its_values_and_moves_with_the_rest() -> None:
    images = torch.rand(2, 4, 16, 16)
    coloured = DiffAugment(changes=("colour",)).apply(images, parameters(2, brightness=0.9, contrast=0.1))
    assert torch.equal(coloured[:, 3], images[:, 3]) and not torch.equal(coloured[:, :3], images[:, :3])
    moved = DiffAugment(changes=("translation",)).apply(images, parameters(2, down=0.999))
    assert torch.equal(moved[:, 3, 2:], images[:, 3, :-2])


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_as_many_images_are_changed_as_asked(probability: float) -> None:
    augmentation = DiffAugment(probability=probability)
    drawn = augmentation.draw(10_000, augmentation.chance(0, {}), generator(4))
    share = drawn[:, 7].mean().item()
    assert abs(share - probability) <= 4 * (probability * (1 - probability) / 10_000) ** 0.5
    images = torch.randn(100, 3, 16, 16)
    changed = augmentation.apply(images, drawn[:100])
    for i in range(100):
        assert torch.equal(changed[i], images[i]) is (drawn[i, 7] == 0).item()


def test_other_numbers_are_uniform() -> None:
    drawn = DiffAugment().draw(20_000, 1.0, generator(5))[:, :7]
    assert (drawn.mean(dim=0) - 0.5).abs().max() < 4 * (1 / 12 / 20_000) ** 0.5
    assert (torch.corrcoef(drawn.T) - torch.eye(7)).abs().max() < 4.5 / 20_000**0.5


def test_both_real_and_fake_are_changed() -> None:
    assert not DiffAugment.reals_only

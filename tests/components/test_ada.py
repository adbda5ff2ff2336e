"""ADA: how often, how much, what each number does, and where the controller settles."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from gantool.augment import ADA
from gantool.augment.ada_changes import recoloured, warped
from gantool.config import parse_config
from gantool.errors import ConfigError
from gantool.seeding import generator
from tests.training.helpers import BASE

COUNT = 20_000
COLUMNS = {
    "flip": 0, "turns": 1, "down": 2, "right": 3, "scale": 4, "rotation_1": 5, "anisotropy": 6, "rotation_2": 7,
    "lower": 8, "farther": 9, "brightness": 10, "contrast": 11, "luma": 12, "hue": 13, "saturation": 14,
}  # fmt: skip


def drawn(chance: float | Tensor) -> Tensor:
    return ADA().draw(COUNT, chance, generator(7))


def one(**numbers: float) -> Tensor:
    parameters = torch.zeros(1, 15)
    for name, number in numbers.items():
        parameters[0, COLUMNS[name]] = number
    return parameters


@pytest.mark.parametrize("chance", [0.0, 0.2, 0.55, 1.0])
def test_changes_are_as_frequent_as_p(chance: float) -> None:
    parameters = drawn(torch.tensor(chance))
    assert parameters.shape == (COUNT, 15)
    # A flip of 0 and no quarter turn are among what is drawn; the two rotations have p together.
    share = {0: 1 / 2, 1: 3 / 4, 12: 1 / 2}
    for column in range(15):
        each = 1 - math.sqrt(1 - chance) if column in (5, 7) else chance * share.get(column, 1)
        found = (parameters[:, column] != 0).float().mean().item()
        assert abs(found - each) <= 4 * math.sqrt(each * (1 - each) / COUNT), column
    either = ((parameters[:, 5] != 0) | (parameters[:, 7] != 0)).float().mean().item()
    assert abs(either - chance) <= 4 * math.sqrt(chance * (1 - chance) / COUNT)


def test_changes_are_independent_of_each_other() -> None:
    applied = (drawn(0.5)[:, [0, 1, 2, 4, 6, 8, 10, 11, 13, 14]] != 0).float()
    correlation = torch.corrcoef(applied.T) - torch.eye(applied.shape[1])
    assert correlation.abs().max() < 4.5 / math.sqrt(COUNT)


def test_numbers_are_as_large_as_the_papers() -> None:
    parameters = drawn(1.0)
    for column, deviation in ((4, 0.2), (6, 0.2), (8, 0.125), (9, 0.125), (10, 0.2), (11, 0.5), (14, 1.0)):
        assert parameters[:, column].std().item() == pytest.approx(deviation, rel=0.03)
    assert parameters[:, 2:4].abs().max().item() == pytest.approx(0.125, rel=0.01)
    for column in (5, 7, 13):
        assert parameters[:, column].abs().max().item() == pytest.approx(math.pi, rel=0.01)
    assert parameters[:, 1].unique().tolist() == [0, 1, 2, 3]


def test_an_unchanged_image_stays_to_the_last_bit() -> None:
    images = torch.randn(8, 3, 16, 16)
    parameters = ADA().draw(8, 1.0, generator(0))
    parameters[::2] = 0
    changed = ADA().apply(images, parameters)
    assert torch.equal(changed[::2], images[::2])
    assert all(not torch.equal(changed[i], images[i]) for i in range(1, 8, 2))


def picture() -> Tensor:
    """A soft blob off the middle, in three shades."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    blob = (-((rows - 10) ** 2 + (columns - 20) ** 2) / 20).exp()
    return torch.stack([blob, 0.5 * blob, 1 - blob])[None]


@pytest.mark.parametrize(
    ("numbers", "place"),
    [
        ({"flip": 1.0}, (10, 11)),
        ({"turns": 1.0}, (11, 10)),  # a quarter turn against the clock
        ({"turns": 2.0}, (21, 11)),
        ({"down": 0.125}, (14, 20)),
        ({"right": -0.125}, (10, 16)),
        ({"rotation_1": math.pi / 2}, (11, 10)),
        ({"rotation_2": -math.pi / 2}, (20, 21)),
        ({"scale": 1.0}, (5, 25)),  # twice as large: 5.5 above the middle becomes 11
        ({"anisotropy": 1.0}, (13, 25)),  # twice as wide and half as high
        ({"lower": 0.25}, (18, 20)),
        ({"farther": 0.25}, (10, 28)),
        ({"down": 0.125, "turns": 1.0}, (15, 10)),  # the turn comes first
    ],
    ids=str,
)
def test_geometry_moves_what_it_should(numbers: dict[str, float], place: tuple[int, int]) -> None:
    moved = warped(picture(), one(**numbers)[:, :10])
    assert moved[0, :, place[0], place[1]].tolist() == pytest.approx([1, 0.5, 0], abs=0.15)


def test_colours_are_changed_as_they_are_called() -> None:
    image = torch.rand(1, 3, 8, 8) - 0.5
    luma = image.mean(dim=1, keepdim=True)

    def after(**numbers: float) -> Tensor:
        return recoloured(image, one(**numbers)[:, 10:])

    torch.testing.assert_close(after(brightness=0.3), image + 0.3)
    torch.testing.assert_close(after(contrast=1.0), 2 * image)
    torch.testing.assert_close(after(luma=1.0), image - 2 * luma)
    torch.testing.assert_close(after(hue=2 * math.pi / 3), image.roll(1, dims=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after(saturation=1.0), luma + 2 * (image - luma))
    torch.testing.assert_close(after(saturation=-40.0), luma.expand_as(image))


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_rgba(channels: int) -> None:
    images = torch.rand(6, channels, 16, 16) - 0.5
    parameters = ADA().draw(6, 1.0, generator(1))
    assert ADA().apply(images, parameters).shape == images.shape
    coloured = recoloured(images, parameters[:, 10:])
    if channels == 4:
        assert torch.equal(coloured[:, 3], images[:, 3]), "alpha is no colour"
        torch.testing.assert_close(coloured[:, :3], recoloured(images[:, :3], parameters[:, 10:]))
    else:
        torch.testing.assert_close(recoloured(images, one(hue=1.0, saturation=1.0)[:, 10:].expand(6, -1)), images)
        torch.testing.assert_close(recoloured(images, one(luma=1.0)[:, 10:].expand(6, -1)), -images)


def settle(ada: ADA, overfitting: float, steps: int) -> tuple[float, list[float]]:
    """A discriminator that knows its pictures the better the fewer changes it sees: r = overfitting·(1 − p) in the
    mean, by the signs of 64 logits. Gives the last tenth's mean r, and p after every correction."""
    memory, source, course, signs = ada.memory(), generator(3), [], []
    for step in range(steps):
        r = overfitting * (1 - memory["probability"].item())
        logits = torch.where(torch.rand(64, generator=source) < (1 + r) / 2, 2.0, -0.5)
        ada.observe(logits, memory)
        said = ada.steer(step, 64, memory)
        course.append(said["ada_probability"].item())
        signs.append(said["ada_r"].item())
    return sum(signs[-steps // 10 :]) / (steps // 10), course


def test_the_controller_settles_at_its_target() -> None:
    r, course = settle(ADA(ramp_images=100_000), overfitting=0.95, steps=8000)
    assert r == pytest.approx(0.6, abs=0.03)
    assert course[-1] == pytest.approx(1 - 0.6 / 0.95, abs=0.05)
    assert course[0] == 0 and min(course) >= 0


def test_the_controller_moves_as_fast_as_the_paper_says() -> None:
    """4 steps of 64 images of 500,000 at each correction."""
    _, course = settle(ADA(), overfitting=1.0, steps=40)
    assert course[2] == 0 and course[3] == pytest.approx(4 * 64 / 500_000)
    assert course[39] == pytest.approx(10 * 4 * 64 / 500_000, rel=1e-5)


def test_p_is_bounded_however_well_it_overfits() -> None:
    ada = ADA(ramp_images=5_000, target=0.1)
    _, course = settle(ada, overfitting=30.0, steps=400)  # r is far above any target
    assert course[-1] == pytest.approx(0.8) and max(course) <= 0.8 + 1e-6
    _, course = settle(ada, overfitting=-1.0, steps=100)
    assert max(course) == 0


def test_without_a_target_it_follows_its_schedule() -> None:
    ada = ADA.model_validate({"target": None, "probability": {"from": 0, "to": 0.5, "until": 1000}})
    assert ada.memory() == {} and ada.steer(3, 64, {}) == {}
    assert [ada.chance(seen, {}) for seen in (0, 500, 2000)] == [0, 0.25, 0.5]


def test_a_ramp_and_a_target_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match="target: null"):
        ADA.model_validate({"probability": {"from": 0, "to": 0.5}})


@pytest.mark.parametrize("name", ["relativistic", "wasserstein"])
def test_it_is_not_steered_by_logits_without_a_zero(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"augment\.1\.target: ada is steered by .* {name}; set target: null"):
        parse_config(
            BASE, file="tiny.yaml", overrides=(f"loss={{name: {name}}}", "augment=[{name: mirror}, {name: ada}]")
        )
    steady = "augment=[{name: ada, target: null, probability: {from: 0, to: 0.5}}]"
    assert parse_config(BASE, file="tiny.yaml", overrides=(f"loss={{name: {name}}}", steady))

"""Noise from what is installed: one source for a step, or one for each image."""

from __future__ import annotations

import pytest
import torch

from gantool import seeding

CPU = torch.device("cpu")


def test_an_images_noise_is_the_same_in_any_batch() -> None:
    with seeding.installed(seeding.PerImage(3, 0, 8)):
        whole = [seeding.normal(8, 1, 4, 5, device=CPU) for _ in range(2)]
    with seeding.installed(seeding.PerImage(3, 5, 2)):
        part = [seeding.normal(2, 1, 4, 5, device=CPU) for _ in range(2)]
    assert all(torch.equal(few, many[5:7]) for few, many in zip(part, whole, strict=True))
    assert not torch.equal(whole[0], whole[1]), "a second layer draws anew"
    assert len({tuple(noise.flatten().tolist()) for noise in whole[0]}) == 8
    with seeding.installed(seeding.PerImage(4, 0, 8)):
        assert not torch.equal(seeding.normal(8, 1, 4, 5, device=CPU), whole[0])


def test_a_steps_noise_comes_from_its_generator() -> None:
    with seeding.installed(seeding.generator(1)):
        drawn = seeding.normal(3, 2, device=CPU)
    assert torch.equal(drawn, torch.randn(3, 2, generator=seeding.generator(1)))


def test_noise_for_another_number_of_images_is_a_mistake() -> None:
    with seeding.installed(seeding.PerImage(0, 0, 4)), pytest.raises(ValueError, match="4 images was installed, and 3"):
        seeding.normal(3, 1, device=CPU)


def test_nothing_is_drawn_without_a_source() -> None:
    with pytest.raises(RuntimeError, match="installed"):
        seeding.normal(1, device=CPU)
    with seeding.installed(seeding.PerImage(0, 0, 1)), pytest.raises(RuntimeError, match="whole batch"):
        seeding.current()

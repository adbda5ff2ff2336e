"""FastGAN: excitation over skips, and a discriminator that draws what it saw."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool.config import parse_config
from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.models import FastGAN
from gantool.seeding import generator, installed
from tests.training.helpers import BASE

SMALL = FastGAN(latent_dim=8, width=4)


@pytest.mark.parametrize(("side", "skips"), [(64, [(4, 64)]), (112, [(7, 112)]), (128, [(4, 64), (8, 128)]),
                                             (256, [(4, 64), (8, 128), (16, 256)])])  # fmt: skip
def test_small_maps_excite_large_ones(side: int, skips: list[tuple[int, int]]) -> None:
    network = SMALL.build_generator(ImageShape(3, side, side), 0).eval()
    seen: list[tuple[int, int]] = []
    for excitation in network.excitations:
        excitation.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0].shape[-1], out.shape[1])))
    with installed(generator(0)):
        network(torch.randn(2, 8))
    channels = {level: block.layers[0][0].out_channels // 2 for level, block in enumerate(network.blocks, start=1)}
    base = skips[0][0]
    assert seen == [(small, channels[(large // base).bit_length() - 1]) for small, large in skips]


def test_excitation_closes_and_opens_channels() -> None:
    """With a gate of 0 behind the sigmoid every channel passes by half; with a strong one none does."""
    network = SMALL.model_copy(update={"generator_spectral_norm": False}).build_generator(ImageShape(3, 64, 64), 0)
    excitation = network.excitations[0]
    small = torch.rand(3, 64, 4, 4)
    with torch.no_grad():
        excitation.gate.weight.zero_()
    assert torch.equal(excitation(small), torch.full((3, 8, 1, 1), 0.5))


def test_smaller_pictures_are_refused_with_the_sizes_that_work() -> None:
    with pytest.raises(ConfigError, match=r"^data\.resolution: 32 is too small for fastgan.*64"):
        SMALL.check(ImageShape(3, 32, 32))
    with pytest.raises(ConfigError, match=r"data\.resolution: 16 is too small for fastgan"):
        parse_config(BASE, file="tiny.yaml", overrides=("model={name: fastgan}",))


def drawn(network, images: Tensor, seed: int) -> float:  # type: ignore[no-untyped-def]
    with installed(generator(seed)), torch.no_grad():
        return float(network.judge(images, real=True).own["reconstruction"])


@pytest.mark.parametrize("side", [64, 96, 128])
def test_reconstruction_is_of_the_image_its_copy_and_a_quadrant(side: int) -> None:
    """Decoders that draw one shade know the loss by hand: its distance to the mean of each square of pixels."""
    network = SMALL.model_copy(update={"spectral_norm": False}).build_discriminator(ImageShape(3, side, side), 0).eval()
    for decoder in (network.draw_whole, network.draw_small, network.draw_part):
        torch.nn.init.zeros_(decoder.image.weight)
        torch.nn.init.constant_(decoder.image.bias, 0.5)
    shade = torch.tanh(torch.tensor(0.5)).item()
    quarters = torch.tensor([[-1.0, -0.5], [0.0, 1.0]])
    images = quarters.repeat_interleave(side // 2, 0).repeat_interleave(side // 2, 1).expand(64, 3, -1, -1)
    whole = (shade - quarters).abs().mean().item()
    parts = [(shade - quarter).abs().mean().item() for quarter in quarters.flatten()]
    found = (drawn(network, images, seed=1) - 2 * whole) * 64
    # 64 images, each with a quarter of its own: the counts of the four add up to the loss.
    source = generator(1)
    lower, right = (torch.rand(64, 1, 1, 1, generator=source).flatten() < 0.5 for _ in range(2))
    expected = sum(parts[2 * int(low) + int(far)] for low, far in zip(lower, right, strict=True))
    assert found == pytest.approx(expected, rel=1e-4)
    counts = torch.bincount(2 * lower.int() + right.int(), minlength=4)
    assert counts.min() > 4, "all four are drawn"


def test_it_learns_to_draw_what_it_sees() -> None:
    torch.manual_seed(0)
    network = SMALL.build_discriminator(ImageShape(1, 64, 64), 0)
    images = torch.rand(4, 1, 4, 4).repeat_interleave(16, 2).repeat_interleave(16, 3) * 2 - 1
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for step in range(40):
        optimizer.zero_grad()
        with installed(generator(step)):
            loss = network.judge(images, real=True).own["reconstruction"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_fakes_are_not_drawn_again() -> None:
    network = SMALL.build_discriminator(ImageShape(3, 64, 64), 0)
    assert network.losses_of_reals == ("reconstruction",) and network.losses_of_fakes == ()
    assert network.judge(torch.randn(2, 3, 64, 64), real=False).own == {}

"""R3GAN: the paper's sizes and initial weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gantool.images import ImageShape
from gantool.models import R3GAN
from gantool.seeding import generator, installed

CIFAR = ImageShape(3, 32, 32)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_cifar10_has_the_papers_size() -> None:
    """Four levels of two blocks, 768 channels, 1536 in 96 groups inside; ten classes."""
    settings = R3GAN(conditioning="class")
    block = (768 * 1536 + 1536) + (1536 * 16 * 3 * 3 + 1536) + 1536 * 768
    embedding, base = 10 * 64, 4 * 4 * 768
    generator = embedding + (64 + 64) * 768 + base + 8 * block + 768 * 3
    discriminator = 3 * 768 + 8 * block + base + 768 * 768 + 10 * 768
    assert generator == 20_781_952 and discriminator == 21_280_512
    with torch.device("meta"):
        assert parameters(settings.build_generator(CIFAR, 10)) == generator
        assert parameters(settings.build_discriminator(CIFAR, 10)) == discriminator
        groups = {
            layer.groups for layer in settings.build_generator(CIFAR, 10).modules() if isinstance(layer, nn.Conv2d)
        }
    assert groups == {1, 96}


def test_larger_images_narrow_above_the_wide_levels() -> None:
    settings = R3GAN(width=64, wide_levels=3, group_size=None, blocks=1)
    network = settings.build_generator(ImageShape(3, 128, 128), 0)
    assert [level[0].leave.out_channels for level in network.levels] == [64, 64, 64, 32, 16, 8]
    changes = [change for change in network.changes if isinstance(change, nn.Conv2d)]
    assert [(change.in_channels, change.out_channels) for change in changes] == [(64, 32), (32, 16), (16, 8)]


def test_blocks_begin_as_the_identity_and_their_first_weights_shrink_with_depth() -> None:
    torch.manual_seed(0)
    network = R3GAN(width=128, group_size=16).build_generator(CIFAR, 0)
    block = network.levels[1][0]
    x = torch.randn(2, 128, 8, 8)
    assert torch.equal(block(x), x)
    gain = math.sqrt(2 / 1.04) * 8 ** (-1 / 4)
    assert block.enter.weight.std().item() == pytest.approx(gain / math.sqrt(128), rel=0.02)
    assert block.mix.weight.std().item() == pytest.approx(gain / math.sqrt(16 * 9), rel=0.02)
    assert not block.enter.bias.any() and not block.mix.bias.any() and block.leave.bias is None


def test_without_groups_or_expansion_it_is_plain() -> None:
    network = R3GAN(width=8, group_size=None, expansion=1).build_discriminator(CIFAR, 0)
    assert {layer.groups for layer in network.modules() if isinstance(layer, nn.Conv2d)} == {1}
    assert network.levels[0][0].mix.in_channels == 8


def test_a_fresh_generator_draws_at_unit_scale() -> None:
    torch.manual_seed(0)
    network = R3GAN(width=64, group_size=16).build_generator(CIFAR, 0)
    with installed(generator(0)):
        assert 0.2 < network(torch.randn(64, 64)).std().item() < 3

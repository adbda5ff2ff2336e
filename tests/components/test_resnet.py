"""The residual networks: the papers' sizes, and what each setting does."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from gantool.images import ImageShape
from gantool.models import ResNet
from gantool.nn.attention import SelfAttention
from gantool.nn.conditioning import ConditionalBatchNorm
from gantool.nn.spectral import SpectralNorm

CIFAR = ImageShape(3, 32, 32)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def conv(before: int, after: int, side: int) -> int:
    return before * after * side**2 + after


def test_sngan_cifar10_has_the_papers_size() -> None:
    settings = ResNet()
    block = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 2 * (256 + 256)  # two batch norms
    generator = 128 * 4 * 4 * 256 + 4 * 4 * 256 + 3 * block + (256 + 256) + conv(256, 3, 3)
    assert generator == 4_276_739 == parameters(settings.build_generator(CIFAR, 0))
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    halving = 2 * conv(128, 128, 3) + conv(128, 128, 1)
    discriminator = first + halving + 2 * 2 * conv(128, 128, 3) + 128 + 1
    assert discriminator == 1_053_825 == parameters(settings.build_discriminator(CIFAR, 0))


def test_biggan_cifar10_conditions_every_block_on_its_piece_and_the_class() -> None:
    """The latent of 80 in four pieces of 20; each norm's gain and shift come from piece and embedding, 20 + 128."""
    settings = ResNet(
        latent_dim=80,
        generator_width=256,
        discriminator_width=256,
        class_embedding_dim=128,
        hierarchical_latent=True,
        generator_spectral_norm=True,
        conditioning="class",
    )
    norm = 2 * 256 + 2 * (20 + 128) * 256
    block = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 2 * norm
    generator = 10 * 128 + (20 + 1) * 4 * 4 * 256 + 3 * block + (256 + 256) + conv(256, 3, 3)
    assert parameters(settings.build_generator(CIFAR, 10)) == generator
    first = conv(3, 256, 3) + conv(256, 256, 3) + conv(3, 256, 1)
    halving = 2 * conv(256, 256, 3) + conv(256, 256, 1)
    discriminator = first + halving + 2 * 2 * conv(256, 256, 3) + (256 + 1) + 10 * 256
    assert parameters(settings.build_discriminator(CIFAR, 10)) == discriminator


def test_biggan_128_widths() -> None:
    """Brock 2019, table 4: 16, 16, 8, 4, 2, 1 times the width up; 1, 2, 4, 8, 16, 16 times down."""
    settings = ResNet(generator_width=2, discriminator_width=2, widest=16, kept_doublings=0, plain_blocks=1)
    shape = ImageShape(3, 128, 128)
    up, down = settings.build_generator(shape, 0), settings.build_discriminator(shape, 0)
    assert [block.conv_2.out_channels // 2 for block in up.blocks] == [16, 8, 4, 2, 1]
    assert up.blocks[0].conv_1.in_channels // 2 == 16
    assert [block.conv_2.out_channels // 2 for block in (down.first, *down.blocks)] == [1, 2, 4, 8, 16, 16]
    assert [block.halves for block in down.blocks] == [True, True, True, True, False]


@pytest.mark.parametrize(("asked", "side"), [(1, 8), (2, 16), (3, 32), (9, 64)])
def test_attention_sits_where_it_is_asked_for(asked: int, side: int) -> None:
    settings = ResNet(generator_width=8, discriminator_width=8, widest=2, attention=asked, kept_doublings=0)
    shape = ImageShape(3, 64, 64)
    for network, data in (
        (settings.build_generator(shape, 0), torch.randn(2, 128)),
        (settings.build_discriminator(shape, 0), torch.randn(2, *shape)),
    ):
        seen: list[int] = []
        (layer,) = (module for module in network.modules() if isinstance(module, SelfAttention))
        layer.register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(inputs[0].shape[-1]))
        network(data)
        # The discriminator's largest map is half the image's.
        assert seen == [side if network.__class__.__name__ == "ResNetGenerator" else min(side, 32)]


@torch.no_grad()
def test_attention_is_the_softmax_of_inner_products() -> None:
    """Against the sums written out, place by place."""
    torch.manual_seed(0)
    layer = SelfAttention(16)
    layer.gamma.data.fill_(0.7)
    x = torch.randn(1, 16, 4, 6)
    query, key, value = (conv(x)[0] for conv in (layer.query, layer.key, layer.value))
    key, value = (map_.unfold(1, 2, 2).unfold(2, 2, 2).amax(dim=(3, 4)) for map_ in (key, value))
    expected = torch.empty_like(x)
    for row in range(4):
        for column in range(6):
            scores = torch.stack([query[:, row, column] @ key[:, r, c] for r in range(2) for c in range(3)])
            shares = scores.exp() / scores.exp().sum()
            seen = sum(share * value[:, i // 3, i % 3] for i, share in enumerate(shares))
            expected[0, :, row, column] = x[0, :, row, column] + 0.7 * (layer.out.weight[:, :, 0, 0] @ seen)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_attention_begins_as_the_identity() -> None:
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(SelfAttention(16)(x), x)


def test_conditional_batch_norm_moves_gain_and_shift() -> None:
    layer = ConditionalBatchNorm(4, 3)
    x, condition = torch.randn(5, 4, 3, 3), torch.randn(5, 3)
    plain = layer.norm(x)
    gain, shift = condition @ layer.gain.weight.T, condition @ layer.shift.weight.T
    expected = plain * (1 + gain[:, :, None, None]) + shift[:, :, None, None]
    torch.testing.assert_close(layer(x, condition), expected)
    assert torch.equal(ConditionalBatchNorm(4, 0)(x, None), nn.BatchNorm2d(4)(x))


def test_each_piece_of_the_latent_enters_at_its_own_block() -> None:
    """The last piece moves the last block's norms only: everything before is the same."""
    settings = ResNet(latent_dim=12, generator_width=8, hierarchical_latent=True)
    network = settings.build_generator(ImageShape(1, 32, 32), 0).eval()
    outputs: list[torch.Tensor] = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, out: outputs.append(out))
    latent = torch.randn(1, 12)
    changed = latent.clone()
    changed[:, 9:] += 1  # pieces of 3
    network(latent)
    network(changed)
    before, after = outputs[:3], outputs[3:]
    assert torch.equal(before[0], after[0]) and torch.equal(before[1], after[1])
    assert not torch.allclose(before[2], after[2], atol=1e-4)


def test_a_short_latent_cannot_be_cut() -> None:
    with pytest.raises(ValidationError, match="give it 7 or more"):
        ResNet(latent_dim=6, hierarchical_latent=True)


def test_spectral_norm_in_both() -> None:
    settings = ResNet(generator_width=8, discriminator_width=8, generator_spectral_norm=True)
    for network in (settings.build_generator(CIFAR, 0), settings.build_discriminator(CIFAR, 0)):
        weighted = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        assert len(weighted) == sum(isinstance(m, SpectralNorm) for m in network.modules()) > 5


def test_a_classifier_in_the_projections_place() -> None:
    settings = ResNet(discriminator_width=8, conditioning="class", class_head="classifier", classifier_weight=0.5)
    network = settings.build_discriminator(CIFAR, 4).eval()
    images, labels = torch.randn(3, *CIFAR), torch.tensor([0, 3, 1])
    judged = network.judge(images, labels, real=True)
    assert torch.equal(network(images, labels), network(images, labels.flip(0))), "the logit knows no class"
    chances = network.classifier(network.features(images)).softmax(dim=1)
    expected = -0.5 * chances[torch.arange(3), labels].log().mean()
    torch.testing.assert_close(judged.own["classification"], expected)
    with pytest.raises(ValueError, match="labels"):
        network(images)


@pytest.mark.parametrize("shape", [(3, 10, 10), (1, 14, 14), (4, 10, 12), (3, 12, 10), (3, 20, 28)])
@pytest.mark.parametrize("kept", [0, 2])
def test_attention_at_every_size_that_the_blocks_draw(shape: tuple[int, int, int], kept: int) -> None:
    """Where a map of odd sides is the only one there is, its last row and column are no keys."""
    settings = ResNet(attention=1, generator_width=8, discriminator_width=8, kept_doublings=kept)
    settings.check(ImageShape(*shape))
    generator = settings.build_generator(ImageShape(*shape), 0)
    discriminator = settings.build_discriminator(ImageShape(*shape), 0)
    discriminator.attention.gamma.data.fill_(1.0)  # type: ignore[union-attr]
    logits = discriminator(generator(torch.randn(2, settings.latent_dim)))
    logits.sum().backward()
    assert logits.shape == (2,) and logits.isfinite().all()

"""StyleGAN2: the published sizes, modulation by its definition, mixing, truncation, minibatch deviation."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models import StyleGAN2
from gantool.nn.equalised import EqualConv2d, EqualLinear
from gantool.nn.minibatch_std import MinibatchStd
from gantool.nn.modulated import ModulatedConv2d, StyledLayer
from gantool.nn.resampling import double
from gantool.seeding import generator, installed

SMALL = StyleGAN2(latent_dim=8, style_dim=16, mapping_layers=2, width=8, max_width=16)
SHAPE = ImageShape(3, 16, 16)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def conv(before: int, after: int, side: int) -> int:
    return before * after * side**2 + after


def test_the_256_networks_have_the_published_size() -> None:
    """512 channels up to 32×32, then 256, 128, 64; eight dense layers of 512."""
    widths = [512, 512, 512, 512, 256, 128, 64]
    dense = 512 * 512 + 512

    def layer(before: int, after: int) -> int:
        return (512 * before + before) + conv(before, after, 3) + 1  # its affine, its weights, its noise's strength

    def colours(width: int) -> int:
        return (512 * width + width) + conv(width, 3, 1)

    generator = 8 * dense + 512 * 4 * 4 + layer(512, 512)
    generator += sum(layer(a, b) + layer(b, b) for a, b in pairwise(widths))
    generator += sum(colours(width) for width in widths)
    blocks = sum(conv(b, b, 3) + conv(b, a, 3) + b * a for a, b in pairwise(widths))
    discriminator = conv(3, 64, 1) + blocks + conv(513, 512, 3) + (512 * 16 * 512 + 512) + (512 + 1)
    assert generator == 24_767_458 and discriminator == 24_001_089
    with torch.device("meta"):
        assert parameters(StyleGAN2().build_generator(ImageShape(3, 256, 256), 0)) == generator
        assert parameters(StyleGAN2().build_discriminator(ImageShape(3, 256, 256), 0)) == discriminator


@pytest.mark.parametrize("doubles", [False, True])
@pytest.mark.parametrize("demodulates", [False, True])
def test_modulation_is_a_set_of_weights_for_each_image(doubles: bool, demodulates: bool) -> None:
    """w'ᵢⱼₖ = sᵢ·wᵢⱼₖ, w'' = w' / √(Σ w'² + ε), image by image (eq. 1, 3)."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(4, 6, 3, 5, doubles=doubles, demodulates=demodulates).double()
    x, style = torch.randn(3, 4, 8, 8, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    out = layer(x, style)
    weight = layer.weight.transpose(0, 1) if doubles else layer.weight
    for index in range(3):
        scaled = weight * layer.affine(style[index : index + 1])[0][None, :, None, None]
        if demodulates:
            scaled = scaled / (scaled.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        else:
            scaled = scaled * layer.scale
        image = x[index : index + 1]
        if doubles:
            row = torch.tensor([1, 3, 3, 1], dtype=torch.float64) / 8
            wide = F.pad(F.conv_transpose2d(image, scaled.transpose(0, 1), stride=2), (1, 1, 1, 1))
            expected = 4 * F.conv2d(wide, torch.outer(row, row).expand(6, 1, 4, 4), groups=6)
        else:
            expected = F.conv2d(image, scaled, padding=1)
        torch.testing.assert_close(out[index : index + 1], expected)


def test_demodulation_gives_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(32, 64, 3, 8)
    out = layer(torch.randn(8, 32, 32, 32), 5 * torch.randn(8, 8))[:, :, 1:-1, 1:-1]
    assert out.var(dim=(1, 2, 3)).sub(1).abs().max() < 0.15


def test_noise_is_one_map_an_image_and_the_same_for_all_channels() -> None:
    layer = StyledLayer(4, 4, 8)
    layer.noise.strength.data.fill_(0.5)
    x, style = torch.zeros(3, 4, 6, 6), torch.randn(3, 8)
    with installed(generator(0)):
        noise = torch.randn(3, 1, 6, 6, generator=generator(0))
        expected = F.leaky_relu(0.5 * noise, 0.2) * math.sqrt(2)
        torch.testing.assert_close(layer(x, style), expected.expand(-1, 4, -1, -1))
    quiet = StyledLayer(4, 4, 8, noise=False)
    assert torch.equal(quiet(x, style), torch.zeros_like(x)), "and it asks for no source of noise"


def test_styles_are_mixed_as_often_as_asked_from_a_random_layer_on() -> None:
    network = SMALL.model_copy(update={"style_mixing": 0.7}).build_generator(SHAPE, 0).train()
    with installed(generator(0)):
        styles = network.styles(torch.randn(4000, 8))
    assert styles.shape == (4000, 6, 16)
    mixed = (styles[:, 0] != styles[:, -1]).any(dim=1)
    assert abs(mixed.float().mean().item() - 0.7) < 4 * (0.21 / 4000) ** 0.5
    changes = (styles[:, 1:] != styles[:, :-1]).any(dim=2)
    assert (changes.sum(dim=1) == mixed).all(), "one change in each mixed image"
    places = changes[mixed].float().mean(dim=0)
    assert (places - 1 / 5).abs().max() < 4 * (0.16 / 2800) ** 0.5, "anywhere equally often"


def test_nothing_is_mixed_in_eval_mode() -> None:
    styles = SMALL.build_generator(SHAPE, 0).eval().styles(torch.randn(5, 8))
    assert torch.equal(styles, styles[:, :1].expand_as(styles))


def test_truncation_draws_styles_together() -> None:
    network = SMALL.build_generator(SHAPE, 0)
    with installed(generator(0)):
        for _ in range(3000):
            network.train().styles(torch.randn(64, 8, generator=generator(1)))
    network.eval()
    latents = torch.randn(64, 8, generator=generator(1))
    whole = network.styles(latents)
    mean = whole.mean(dim=0)
    network.truncation = 0.25
    torch.testing.assert_close(network.styles(latents), mean + 0.25 * (whole - mean), rtol=1e-2, atol=1e-2)
    network.truncation = 0.0
    assert network.styles(latents).std(dim=0).max() == 0


def by_groups(x: Tensor, group: int) -> Tensor:
    count = len(x) // group
    return torch.stack([(x[i % count :: count].var(dim=0, unbiased=False) + 1e-8).sqrt().mean() for i in range(len(x))])


@pytest.mark.parametrize(("images", "asked", "taken"), [(8, 4, 4), (6, 4, 3), (7, 4, 1), (2, 4, 2), (12, 32, 12)])
def test_minibatch_deviation(images: int, asked: int, taken: int) -> None:
    x = torch.randn(images, 3, 4, 5)
    out = MinibatchStd(asked)(x)
    assert torch.equal(out[:, :3], x)
    expected = by_groups(x, taken)[:, None, None, None].expand(-1, 1, 4, 5)
    torch.testing.assert_close(out[:, 3:], expected)


def test_minibatch_deviation_knows_a_collapsed_batch() -> None:
    network = SMALL.build_discriminator(SHAPE, 0).eval()
    images = torch.randn(4, *SHAPE)
    alike = images[:1].expand(4, -1, -1, -1)
    assert (network(alike)[0] - network(images)[0]).abs() > 1e-3
    without = SMALL.model_copy(update={"minibatch_group": 1}).build_discriminator(SHAPE, 0).eval()
    torch.testing.assert_close(without(alike)[0], without(images)[0])


@pytest.mark.parametrize("layer", [EqualLinear(256, 64), EqualLinear(256, 64, rate=0.01), EqualConv2d(32, 64, 3)])
def test_equalised_layers_keep_the_variance_and_learn_equally_fast(layer: nn.Module) -> None:
    x = torch.randn(64, 256) if isinstance(layer, EqualLinear) else torch.randn(16, 32, 16, 16)
    out = layer(x)
    out = out if out.dim() == 2 else out[:, :, 1:-1, 1:-1]
    assert out.std().item() == pytest.approx(1, rel=0.1)
    assert layer.weight.std().item() == pytest.approx(1 / getattr(layer, "rate", 1.0), rel=0.05)


def test_the_image_is_the_sum_over_the_levels() -> None:
    network = SMALL.build_generator(SHAPE, 0).eval()
    seen: list[Tensor] = []
    for colours in network.colours:
        colours.register_forward_hook(lambda _, __, out: seen.append(out))
    with installed(generator(0)):
        images = network(torch.randn(2, 8))
    base, middle, full = seen
    torch.testing.assert_close(images, double(double(base, taps=4) + middle, taps=4) + full)
    assert all(level.std() > 1e-3 for level in seen)


def test_the_class_is_learnt_as_fast_as_the_rest_of_the_logit() -> None:
    """One step of Adam moves the projection as far as the head: its vectors have an equalised rate as well."""
    torch.manual_seed(0)
    settings = SMALL.model_copy(update={"conditioning": "class"})
    network = settings.build_discriminator(SHAPE, 4)
    features, labels = torch.randn(256, network.head.in_features), torch.arange(256) % 4
    moved = []
    for part in (
        lambda: (network.head(features) - network.head.bias)[:, 0],
        lambda: network.projection(features, labels),
    ):
        before = part().detach()
        assert before.std() == pytest.approx(1, rel=0.25)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3, betas=(0.0, 0.99))
        part()[labels == 0].sum().backward()
        optimizer.step()
        moved.append((part().detach() - before)[labels == 0].mean().item())
    assert moved[1] == pytest.approx(moved[0], rel=0.5)

"""The seed's two networks, layer by layer and by number, and the small network of the quickstart."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models import DCGAN, MLP, Compact, ModelSettings
from gantool.nn.dropout import Dropout
from gantool.nn.normalisation import BatchNorm
from gantool.seeding import generator, installed

GREY28 = ImageShape(1, 28, 28)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def dense(before: int, after: int) -> int:
    return before * after + after


def conv(before: int, after: int, kernel: int, *, bias: bool = True) -> int:
    return before * after * kernel * kernel + bias * after


def norm(features: int) -> int:
    return 2 * features


def test_s1_parameter_counts() -> None:
    map_7 = 7 * 7 * 256
    expected_g = (
        (100 * map_7 + norm(map_7))
        + (conv(256, 128, 5, bias=False) + norm(128))
        + (conv(128, 64, 5, bias=False) + norm(64))
        + conv(64, 1, 5, bias=False)
    )
    expected_d = conv(1, 64, 5) + conv(64, 128, 5) + dense(7 * 7 * 128, 1)
    assert parameters(DCGAN().build_generator(GREY28, 0)) == expected_g == 2_305_472
    assert parameters(DCGAN().build_discriminator(GREY28, 0)) == expected_d == 212_865


def test_s2_parameter_counts() -> None:
    expected_g = dense(100, 128) + dense(128, 256) + dense(256, 512) + dense(512, 1024) + dense(1024, 784)
    expected_d = dense(784, 1024) + dense(1024, 512) + dense(512, 256) + dense(256, 128) + dense(128, 1)
    assert parameters(MLP().build_generator(GREY28, 0)) == expected_g == 1_506_448
    assert parameters(MLP().build_discriminator(GREY28, 0)) == expected_d == 1_492_993


def test_compact_parameter_counts() -> None:
    expected_g = (
        (10 * 32 + (64 + 32) * 96 * 49 + norm(96))
        + (conv(96, 96, 3, bias=False) + norm(96))
        + (conv(96, 48, 3, bias=False) + norm(48) + conv(48, 48, 3, bias=False) + norm(48))
        + (conv(48, 24, 3, bias=False) + norm(24) + conv(24, 1, 3))
    )
    expected_d = (
        (conv(1, 48, 3) + conv(48, 48, 4) + conv(48, 96, 3) + conv(96, 96, 4) + conv(96, 96, 3))
        + dense(7 * 7 * 96, 1)
        + 10 * 96
    )
    settings = Compact(conditioning="class")
    assert parameters(settings.build_generator(GREY28, 10)) == expected_g
    assert parameters(settings.build_discriminator(GREY28, 10)) == expected_d


def test_s1_layers() -> None:
    network_g, network_d = (build(GREY28, 0) for build in (DCGAN().build_generator, DCGAN().build_discriminator))
    up = [layer for layer in network_g.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [(c.in_channels, c.out_channels, c.stride) for c in up] == [
        (256, 128, (1, 1)),
        (128, 64, (2, 2)),
        (64, 1, (2, 2)),
    ]
    down = [layer for layer in network_d.modules() if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.stride) for c in down] == [(1, 64, (2, 2)), (64, 128, (2, 2))]
    assert all(c.kernel_size == (5, 5) and c.padding == (2, 2) for c in up + down)
    assert all(c.bias is None for c in up) and all(c.bias is not None for c in down)
    norms = [layer for layer in network_g.modules() if isinstance(layer, BatchNorm)]
    assert [(n.weight.numel(), n.eps, n.momentum) for n in norms] == [
        (256 * 49, 1e-3, 0.01),
        (128, 1e-3, 0.01),
        (64, 1e-3, 0.01),
    ]
    assert not any(isinstance(layer, BatchNorm) for layer in network_d.modules())
    dropouts = [layer for layer in network_d.modules() if isinstance(layer, Dropout)]
    assert dropouts and all(layer.probability == 0.3 for layer in dropouts)


def up_by_hand(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """A transposed convolution as what it is: zeros between the pixels, then a convolution, kernel flipped."""
    count, channels, height, width = x.shape
    spread = x.new_zeros(count, channels, height * stride, width * stride)
    spread[:, :, ::stride, ::stride] = x
    return F.conv2d(spread, weight.transpose(0, 1).flip(2, 3), padding=2)


def test_s1_generator_computes_what_the_seed_says() -> None:
    torch.manual_seed(0)
    network = DCGAN().build_generator(GREY28, 0).double()
    latents = torch.randn(6, 100, dtype=torch.float64)
    weights = [p for p in network.parameters() if p.dim() > 1]

    def normalised(x: Tensor) -> Tensor:  # fresh batch norm: weight 1, bias 0
        dims = [0, *range(2, x.dim())]
        variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
        x = (x - mean) / (variance + 1e-3).sqrt()
        return torch.where(x > 0, x, 0.3 * x)

    x = normalised(latents @ weights[0].T)
    x = x.view(6, 7, 7, 256).movedim(3, 1)  # the framework of the article keeps channels last
    x = normalised(up_by_hand(x, weights[1], stride=1))
    x = normalised(up_by_hand(x, weights[2], stride=2))
    expected = torch.tanh(up_by_hand(x, weights[3], stride=2))
    torch.testing.assert_close(network(latents), expected)


def test_s1_discriminator_computes_what_the_seed_says() -> None:
    torch.manual_seed(0)
    network = DCGAN().build_discriminator(GREY28, 0).double()
    images = torch.randn(5, *GREY28, dtype=torch.float64)
    weight_1, bias_1, weight_2, bias_2, weight_3, bias_3 = network.parameters()

    def patches(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        columns = F.unfold(x, 5, padding=2, stride=2)
        side = x.shape[2] // 2
        return (weight.flatten(1) @ columns + bias[:, None]).view(len(x), -1, side, side)

    # Dropout's masks are drawn in the order of the layers, from the installed generator.
    drop = Dropout(0.3)
    with installed(generator(1)):
        x = drop(F.leaky_relu(patches(images, weight_1, bias_1), 0.3))
        x = drop(F.leaky_relu(patches(x, weight_2, bias_2), 0.3))
    expected = (x.movedim(1, 3).flatten(1) @ weight_3.T + bias_3)[:, 0]
    with installed(generator(1)):
        torch.testing.assert_close(network(images), expected)
    assert not torch.allclose(network.eval()(images), expected)


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_s2_computes_what_the_seed_says(side: str) -> None:
    torch.manual_seed(0)
    network = getattr(MLP(), f"build_{side}")(GREY28, 0)
    inputs = torch.randn(4, 100) if side == "generator" else torch.randn(4, *GREY28)
    *hidden, (last_weight, last_bias) = zip(*[iter(network.parameters())] * 2, strict=True)
    x = inputs.flatten(1)
    for weight, bias in hidden:
        x = x @ weight.T + bias
        x = torch.maximum(x, 0.2 * x)
    x = x @ last_weight.T + last_bias
    expected = torch.tanh(x).view(4, 1, 28, 28) if side == "generator" else x[:, 0]
    torch.testing.assert_close(network(inputs), expected)


def test_s1_initial_weights_are_glorot_uniform() -> None:
    torch.manual_seed(0)
    fans = {
        "dense.weight": 100 + 12544,
        "convs.0.weight": (256 + 128) * 25,
        "convs.1.weight": (128 + 64) * 25,
        "image.weight": (64 + 1) * 25,
    }
    weights = dict(DCGAN().build_generator(GREY28, 0).named_parameters())
    fans_d = {"convs.0.weight": (1 + 64) * 25, "convs.1.weight": (64 + 128) * 25, "head.weight": 6272 + 1}
    weights_d = dict(DCGAN().build_discriminator(GREY28, 0).named_parameters())
    for tensors, fan_sums in ((weights, fans), (weights_d, fans_d)):
        for name, fan_sum in fan_sums.items():
            bound = math.sqrt(6 / fan_sum)
            assert 0.95 * bound < tensors[name].abs().max() <= bound, name
            assert tensors[name].std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05), name
    assert all((p == 0).all() for name, p in weights_d.items() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("shape", "up", "down"),
    [
        (ImageShape(3, 32, 32), [512, 256, 128, 64, 3], [64, 128, 256]),
        (ImageShape(3, 128, 128), [512, 512, 512, 256, 128, 64, 3], [64, 128, 256, 512, 512]),
    ],
)
def test_dcgan_widths_at_other_sizes(shape: ImageShape, up: list[int], down: list[int]) -> None:
    with torch.device("meta"):
        network_g = nn.ModuleList([DCGAN().build_generator(shape, 0)])
        network_d = nn.ModuleList([DCGAN().build_discriminator(shape, 0)])
    ups = [c for c in network_g.modules() if isinstance(c, nn.ConvTranspose2d)]
    assert [ups[0].in_channels, *(c.out_channels for c in ups)] == up
    assert [c.out_channels for c in network_d.modules() if isinstance(c, nn.Conv2d)] == down


def test_dcgan_without_normalisation_has_biases_instead() -> None:
    network = DCGAN(normalisation="none").build_generator(GREY28, 0)
    assert not any(isinstance(layer, BatchNorm) for layer in network.modules())
    assert network.dense.bias is not None and all(c.bias is not None for c in network.convs)
    assert network(torch.randn(1, 100)).shape == (1, *GREY28)  # one image is enough without batch statistics


def test_compact_layers_at_28() -> None:
    settings = Compact()
    assert settings.latent_dim == 64
    network_g, network_d = settings.build_generator(GREY28, 0), settings.build_discriminator(GREY28, 0)
    convs_g = [c for c in network_g.modules() if isinstance(c, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convs_g] == [
        (96, 96, 3),
        (96, 48, 3),
        (48, 48, 3),
        (48, 24, 3),
        (24, 1, 3),
    ]
    convs_d = [c for c in network_d.modules() if isinstance(c, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convs_d] == [
        (48, 3, 1),
        (48, 4, 2),
        (96, 3, 1),
        (96, 4, 2),
        (96, 3, 1),
    ]


def test_compact_generator_computes_what_its_docstring_says() -> None:
    torch.manual_seed(0)
    network = Compact(width=8).build_generator(GREY28, 0).double()
    latents = torch.randn(6, 64, dtype=torch.float64)
    dense_weight, *kernels = [p for p in network.parameters() if p.dim() > 1]

    def active(x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, [0, 2, 3], correction=0, keepdim=True)
        return ((x - mean) / (variance + 1e-5).sqrt()).clamp(min=0)

    x = active((latents @ dense_weight.T).view(6, 7, 7, 16).movedim(3, 1))
    for index, kernel in enumerate(kernels[:-1]):
        if index in (1, 3):
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = active(F.conv2d(x, kernel, padding=1))
    expected = torch.tanh(F.conv2d(x, kernels[-1], network.image.bias, padding=1))
    torch.testing.assert_close(network(latents), expected)


@pytest.mark.parametrize("settings", [MLP(), DCGAN(), Compact()], ids=lambda settings: settings.name)
def test_conditioning_is_off_by_default(settings: ModelSettings) -> None:
    assert settings.conditioning == "none" and settings.build_generator(GREY28, 10).classes == 0

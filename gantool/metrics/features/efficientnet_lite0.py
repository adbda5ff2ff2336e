"""EfficientNet-Lite0's features: 1280 numbers a picture.

EfficientNet (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", table 1) in
its Lite form (Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite"): no squeeze-and-excitation, ReLU6
in place of swish, and a stem and a head that are never scaled. Lite0 is the smallest: 224×224 pixels, 0.4 billion
multiplications a picture. The weights are Google's, trained on ImageNet.

The network is only ever read, so each batch norm is folded into the convolution before it when the weights are loaded;
on a CPU that and channels-last memory make it four times as fast as the same layers one by one. bfloat16 would double
that again, but moves the features by several per cent: they stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gantool.device import exactly
from gantool.metrics.features.base import FeatureFacts
from gantool.metrics.features.inputs import FILTER, at_side
from gantool.metrics.features.weights import SHA256, efficientnet_lite0_tensors

SIDE = 224
DEPTH = 1280
TEXTURE_DEPTH = 80
BLOCK = {"cpu": 8, "cuda": 128}
"""Pictures that go through the network together. On a CPU more do not fit into the caches and are slower."""

_EPSILON = 1e-3
_TEXTURE_AFTER = 5  # of the blocks below: the end of table 1's stage 4, 28×28 maps of 40 channels
_ENDS_OF_STAGES = (0, 1, 3, 5)
# Tan & Le 2019, table 1, stages 2 to 8: repeats, expansion, kernel, stride of the first
_STAGES = ((1, 1, 3, 1), (2, 6, 3, 2), (2, 6, 5, 2), (3, 6, 3, 2), (3, 6, 5, 1), (4, 6, 5, 2), (1, 6, 3, 1))


class Description(NamedTuple):
    """What the network sees in N pictures."""

    content: NDArray[np.float32]
    """N×1280, all ≥ 0: the mean over the picture of the last layer's maps: what is shown."""
    texture: NDArray[np.float32]
    """N×80: mean and deviation over the picture of an early layer's maps: how it is drawn, and on what ground."""


class EfficientNetLite0:
    """The network, ready on one device.

    Nothing global is changed: not the random generators, not the number of threads, not the mode of gradients. The
    features of a picture are the same to the last bit whatever is asked for beside it, on one machine with the same
    versions and threads: every pass through the network has the same number of pictures, the last one filled up.

    Args:
        device: where it computes.

    Raises:
        UsageError: when the package with the weights is missing or does not hold what it should.
    """

    facts = FeatureFacts("efficientnet_lite0", DEPTH, SHA256, f"{SIDE}×{SIDE}", FILTER)

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self._blocks = [block.to(self.device) for block in _blocks(efficientnet_lite0_tensors())]
        self._count = BLOCK.get(self.device.type, BLOCK["cpu"])

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of pictures, float32 N×1280: `Description.content`, for the arguments see `describe`."""
        return self.describe(pixels).content

    def describe(self, pixels: NDArray[np.uint8]) -> Description:
        """Look at pictures.

        Args:
            pixels: uint8 N×H×W×C of any size; grey, rgb, or premultiplied rgba, which is laid on white. Another shape
                than a square is stretched.
        """
        content = np.empty((len(pixels), DEPTH), np.float32)
        texture = np.empty((len(pixels), TEXTURE_DEPTH), np.float32)
        batch = np.zeros((self._count, SIDE, SIDE, 3), np.uint8)
        for start in range(0, len(pixels), self._count):
            part = slice(start, min(start + self._count, len(pixels)))
            held = part.stop - start
            batch[:held] = at_side(pixels[part], SIDE)
            seen = self._pass(torch.from_numpy(batch))
            content[part], texture[part] = seen.content[:held], seen.texture[:held]
        return Description(content, texture)

    def early_maps(self, pictures: Tensor) -> list[Tensor]:
        """What the first layers see, to compare pictures by; it can be differentiated, which `of` cannot.

        Args:
            pictures: float N×3×H×W in [0, 255] of any size.

        Returns:
            Maps N×C×h×w after the stem and after each of table 1's first three stages: half, half, a quarter and an
            eighth of the sides.
        """
        maps = (pictures.to(self.device) - 127) / 128
        seen = []
        for number, block in enumerate(self._blocks[: _TEXTURE_AFTER + 1]):
            maps = block(maps)
            if number in _ENDS_OF_STAGES:
                seen.append(maps.clone())  # the next block works in place
        return seen

    def _pass(self, batch: Tensor) -> Description:
        """Of uint8 B×224×224×3."""
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False), exactly(self.device):
            # a view of N×H×W×C as N×C×H×W lies channels-last
            maps = batch.to(self.device).permute(0, 3, 1, 2).float().sub_(127).div_(128)
            for block in self._blocks[: _TEXTURE_AFTER + 1]:
                maps = block(maps)
            deviations, means = torch.std_mean(maps, (2, 3))
            texture = torch.cat([means, deviations], dim=1)
            for block in self._blocks[_TEXTURE_AFTER + 1 :]:
                maps = block(maps)
            return Description(maps.mean((2, 3)).cpu().numpy(), texture.cpu().numpy())


class _Layer(NamedTuple):
    """A convolution with its batch norm folded in, and ReLU6 unless it ends a block."""

    weight: Tensor
    bias: Tensor
    stride: int
    clipped: bool

    def __call__(self, maps: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        padding = kernel // 2
        if self.stride == 2:  # TensorFlow's "same": of an uneven margin the smaller half comes first
            maps, padding = F.pad(maps, ((kernel - 2) // 2, (kernel - 1) // 2) * 2), 0
        groups = maps.shape[1] // self.weight.shape[1]
        maps = F.conv2d(maps, self.weight, self.bias, self.stride, padding, groups=groups)
        return maps.clamp_(0, 6) if self.clipped else maps


class _Block(NamedTuple):
    """An inverted bottleneck (Sandler 2018, "MobileNetV2", figure 4b): widen, filter each channel, narrow."""

    layers: tuple[_Layer, ...]
    skips: bool = False
    """Whether its input is added to its output."""

    def __call__(self, maps: Tensor) -> Tensor:
        out = maps
        for layer in self.layers:
            out = layer(out)
        return out.add_(maps) if self.skips else out

    def to(self, device: torch.device) -> _Block:
        """The same block on ``device``."""
        moved = (layer._replace(weight=layer.weight.to(device), bias=layer.bias.to(device)) for layer in self.layers)
        return self._replace(layers=tuple(moved))


def _blocks(tensors: Mapping[str, Tensor]) -> Iterator[_Block]:
    """Stem, sixteen inverted bottlenecks, head."""
    yield _Block((_folded(tensors, "_conv_stem", "_bn0", stride=2),))
    number = 0
    for repeats, expansion, _, first_stride in _STAGES:
        for repeat in range(repeats):
            inside = f"_blocks.{number}."
            stride = 1 if repeat else first_stride
            layers = [_folded(tensors, inside + "_expand_conv", inside + "_bn0")] if expansion != 1 else []
            layers.append(_folded(tensors, inside + "_depthwise_conv", inside + "_bn1", stride=stride))
            layers.append(_folded(tensors, inside + "_project_conv", inside + "_bn2", clipped=False))
            yield _Block(tuple(layers), skips=repeat > 0)
            number += 1
    yield _Block((_folded(tensors, "_conv_head", "_bn1"),))


def _folded(tensors: Mapping[str, Tensor], conv: str, norm: str, *, stride: int = 1, clipped: bool = True) -> _Layer:
    """γ(Wx − μ)/√(σ² + ε) + β as one convolution: weight γW/√(σ² + ε), bias β − γμ/√(σ² + ε)."""
    gamma, beta, mean, variance = (
        tensors[f"{norm}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + _EPSILON).sqrt()
    weight = (tensors[f"{conv}.weight"].double() * scale[:, None, None, None]).float()
    return _Layer(weight.contiguous(memory_format=torch.channels_last), (beta - mean * scale).float(), stride, clipped)

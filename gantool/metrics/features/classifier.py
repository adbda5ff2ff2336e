"""Features that a labelled set teaches by itself, for pictures that are unlike photographs.

A small convolutional network learns to tell the set's classes apart; what its last hidden layer says of a picture are
the features. They see what matters for the classes and little else, so they find a missing class at once and a wrong
texture late. The same network says which class a generated picture looks like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from gantool import seeding
from gantool.device import exactly
from gantool.metrics.features.base import FeatureFacts
from gantool.metrics.features.inputs import FILTER

DIMENSIONS = 128
VERSION = 1
"""Raised whenever the same set would teach other weights."""

_LARGEST = 64  # pixels a side that the network is shown
_BATCH, _BLOCK = 64, 256
_IMAGES = 60_000  # shown while it learns, whatever the size of the set
_MOST_PASSES = 30
_RATE = 2e-3


class Classifier:
    """A trained classifier.

    Args:
        tensors: the weights, as `train` gives them.
        classes: names, by number.
        channels: of the pictures.
        size: height and width of the pictures; larger ones are shown at 64 pixels a side at most.
        device: where it computes.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        classes: Sequence[str],
        channels: int,
        size: tuple[int, int],
        device: torch.device | None = None,
    ) -> None:
        self.classes = tuple(classes)
        self.device = device or torch.device("cpu")
        self._size = _shown(size)
        self._network = _Network(channels, self._size, len(classes))
        self._network.load_state_dict(dict(tensors))
        self._network.to(self.device).eval().requires_grad_(False)
        height, width = self._size
        self.facts = FeatureFacts("classifier", DIMENSIONS, digest(tensors), f"{height}×{width}", FILTER)

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The last hidden layer: uint8 N×H×W×C → float32 N×128."""
        return self._through(pixels, self._network.features, DIMENSIONS)

    def classify(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class that each picture looks like: uint8 N×H×W×C → int64 N."""
        found: NDArray[np.int64] = self._through(pixels, self._network, len(self.classes)).argmax(axis=1)
        return found

    def _through(
        self, pixels: NDArray[np.uint8], network: Callable[[Tensor], Tensor], depth: int
    ) -> NDArray[np.float32]:
        found = np.empty((len(pixels), depth), np.float32)
        for start in range(0, len(pixels), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(pixels)))
            images = np.zeros(
                (_BLOCK, *self._size, pixels.shape[3]), np.uint8
            )  # full blocks: the same bits in any company
            images[: part.stop - start] = _at(pixels[part], self._size)
            with torch.inference_mode(), torch.autocast(self.device.type, enabled=False), exactly(self.device):
                seen = network(_in_unit_range(torch.from_numpy(images).to(self.device)))
            found[part] = seen[: part.stop - start].cpu().numpy()
        return found


def train(
    read: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
    labels: NDArray[np.int64],
    classes: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Tensor]:
    """Teach a classifier, on the CPU; the same bits for the same set, versions and threads.

    60,000 pictures are shown, at most 30 times each, moved by up to a twelfth of the side so that few are enough.

    Args:
        read: gives training pictures by their places among ``labels``: uint8 n×H×W×C.
        labels: int64 N.
        classes: how many.
        seed: of the weights, the order and the moves.
        progress: told how many pictures were shown, and of how many.
    """
    height, width, channels = read(np.zeros(1, np.int64)).shape[1:]
    size = _shown((height, width))
    count = len(labels)
    steps = max(1, min(_IMAGES, _MOST_PASSES * count) // _BATCH)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():  # whoever measures has turned gradients off
        torch.default_generator.manual_seed(seeding.derive(seed, "classifier-weights"))
        network = _Network(channels, size, classes).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        order, place = _order(count, seed, 0), 0
        for step in range(steps):
            if place + min(_BATCH, count) > count:
                order, place = _order(count, seed, step), 0
            rows = np.sort(order[place : place + _BATCH])
            place += _BATCH
            source = seeding.generator(seed, "classifier-moves", step)
            images = _moved(_in_unit_range(torch.from_numpy(_at(read(rows), size))), source)
            loss = F.cross_entropy(network(images), torch.from_numpy(labels[rows]), label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            progress(min((step + 1) * _BATCH, steps * _BATCH), steps * _BATCH)
    return {name: tensor.detach().clone().contiguous() for name, tensor in network.state_dict().items()}


class _Network(nn.Module):
    """3×3 convolutions with batch norm, halved until 4 to 7 pixels are left, a hidden layer of 128, the classes."""

    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        width, side = 24, max(size)
        layers = _block(channels, width)
        while side > 7:
            wider = min(2 * width + 16, DIMENSIONS)
            layers += [nn.MaxPool2d(2, ceil_mode=True), *_block(width, wider)]
            width, side = wider, (side + 1) // 2
        layers += _block(width, DIMENSIONS)
        self.body = nn.Sequential(*layers)
        self.hidden = nn.Linear(DIMENSIONS, DIMENSIONS)
        self.head = nn.Linear(DIMENSIONS, classes)

    def features(self, images: Tensor) -> Tensor:
        """N×C×H×W → N×128."""
        maps = self.body(images)
        return F.relu(self.hidden(maps.mean((2, 3)) + maps.amax((2, 3))))

    def forward(self, images: Tensor) -> Tensor:
        """N×C×H×W → N×classes logits."""
        logits: Tensor = self.head(self.features(images))
        return logits


def _block(incoming: int, outgoing: int) -> list[nn.Module]:
    return [nn.Conv2d(incoming, outgoing, 3, padding=1, bias=False), nn.BatchNorm2d(outgoing), nn.ReLU(inplace=True)]


def _shown(size: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, _LARGEST / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _at(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """N×H×W×C at ``size`` (height, width), each channel by itself."""
    if pixels.shape[1:3] == size or len(pixels) == 0:
        return pixels
    planes = pixels.transpose(0, 3, 1, 2).reshape(-1, *pixels.shape[1:3])
    resized = [np.asarray(Image.fromarray(p).resize(size[::-1], Image.Resampling.BICUBIC)) for p in planes]
    return np.stack(resized).reshape(len(pixels), -1, *size).transpose(0, 2, 3, 1)


def _in_unit_range(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def _moved(images: Tensor, source: torch.Generator) -> Tensor:
    """Each batch moved by up to a twelfth of its side; what comes in repeats the edge."""
    height, width = images.shape[2:]
    pad = max(1, round(max(height, width) / 12))
    padded = F.pad(images, (pad, pad, pad, pad), mode="replicate")
    top, left = torch.randint(2 * pad + 1, (2,), generator=source).tolist()
    return padded[:, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)


def _order(count: int, seed: int, step: int) -> NDArray[np.int64]:
    order: NDArray[np.int64] = torch.randperm(
        count, generator=seeding.generator(seed, "classifier-order", step)
    ).numpy()
    return order


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()

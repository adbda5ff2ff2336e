"""What every network of features offers, and what a metric card says of it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class FeatureFacts(NamedTuple):
    """What two cards must share for their numbers to be comparable."""

    name: str
    """``efficientnet_lite0``, ``inception`` or ``classifier``."""
    dimensions: int
    """Numbers a picture."""
    weights: str
    """SHA-256 of the weights."""
    size: str
    """Height × width in pixels at which pictures are shown to the network."""
    filter: str
    """How they are brought to that size."""


class Extractor(Protocol):
    """A network of features, ready on a device. The same picture has the same features in any company."""

    facts: FeatureFacts
    device: torch.device

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of uint8 N×H×W×C pictures (grey, rgb, or premultiplied rgba): float32 N×D."""
        ...

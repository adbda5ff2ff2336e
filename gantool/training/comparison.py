"""Generated pictures against held-out ones, as often as a run wishes: what real pictures give is computed once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool import seeding
from gantool.data import PreparedSet
from gantool.evaluation.extractors import FeaturesName, extractor
from gantool.evaluation.real import RealFeatures
from gantool.evaluation.reference import Reference
from gantool.evaluation.scores import MEASURES, Scorer, floors
from gantool.images import to_unit_range
from gantool.metrics import sliced_wasserstein
from gantool.metrics.features import Inception

SLICED = "sliced_wasserstein"
_BLOCK = 64


class InFeatures:
    """Numbers between features, beside the same numbers between training and held-out pictures.

    Args:
        name: of the features.
        dataset: the set.
        against: the real pictures, and how many generated ones stand against them.
        device: where features are computed.
        look: told of progress; may raise to leave.

    Raises:
        UsageError: when the features cannot be had.
    """

    def __init__(
        self,
        name: FeaturesName,
        dataset: PreparedSet,
        against: Reference,
        device: torch.device,
        look: Callable[..., None],
    ) -> None:
        self._look = look
        self._network = extractor(name, dataset, device, look)
        logits = self._network.logits if isinstance(self._network, Inception) else None
        real = RealFeatures(dataset, self._network)
        real.of(against.everyone, look)
        features = real.of(against.rows)
        self._scorer, self._real_spread = Scorer(features, logits), _spread(features)
        found = floors(against, real, self._network.facts, (0,), logits, only="train_holdout")
        self._floor = found["train_holdout"][0]

    def compare(self, fakes: NDArray[np.uint8]) -> dict[str, float]:
        """The numbers of uint8 N×H×W×C pictures, their floors, and ``diversity``: 1 is as different as real ones."""
        features = np.concatenate([self._features(part) for part in np.array_split(fakes, -(-len(fakes) // _BLOCK))])
        values = self._scorer.score(features, 0).values
        found = {"diversity": _spread(features) / max(self._real_spread, 1e-12)}
        for measure in MEASURES:
            if measure in values:
                found |= {measure: values[measure], f"{measure}_floor": self._floor[measure]}
        return found

    def _features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._look()
        return self._network.of(pixels)


class InPixels:
    """The sliced Wasserstein distance, which needs no network; for the arguments see `InFeatures`."""

    def __init__(self, dataset: PreparedSet, against: Reference, seed: int) -> None:
        count = min(against.samples, len(against.rows))
        like_train = against.floor_rows("train_holdout", 0)[0]
        self._held_out, train = (_images(dataset.read(rows[:count])) for rows in (against.rows, like_train))
        self._seed = seed
        self._floor = self._distance(train)

    def compare(self, fakes: NDArray[np.uint8]) -> dict[str, float]:
        """See `InFeatures.compare`."""
        images = _images(fakes[: len(self._held_out)])
        diversity = _spread(images.flatten(1).numpy()) / max(_spread(self._held_out.flatten(1).numpy()), 1e-12)
        return {"diversity": diversity, SLICED: self._distance(images), f"{SLICED}_floor": self._floor}

    def _distance(self, images: Tensor) -> float:
        return sliced_wasserstein(images, self._held_out, seeding.generator(self._seed, SLICED))


def _images(pixels: NDArray[np.uint8]) -> Tensor:
    return to_unit_range(torch.from_numpy(pixels)).contiguous()


def _spread(points: NDArray[np.float32]) -> float:
    """The root of the total variance of N×D points: how far they are from each other."""
    centre = points.mean(axis=0, dtype=np.float64)
    parts = np.array_split(points, -(-len(points) // _BLOCK))  # no copy of all of them in float64
    return float(np.sqrt(sum(np.square(part - centre).sum() for part in parts) / len(points)))

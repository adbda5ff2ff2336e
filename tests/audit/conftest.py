"""A set of real garments, garments that are in no set, and generators of which it is known what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.data import PreparedSet, prepare
from gantool.data.detect import settings_for
from gantool.evaluation.card import Subject as Facts
from gantool.subject import Made, Subject
from tests.data.garments import garments

IN_THE_SET, SPARE = 1500, 1500

Pixels = NDArray[np.uint8]


def generator(pixels: Pixels, dataset: PreparedSet, labels: NDArray[np.int64] | None = None) -> Subject:
    """One that draws ``pixels``, asked for ``labels``."""

    def stream(count: int, seed: int) -> Iterator[Made]:
        yield Made(pixels[:count], None if labels is None else labels[:count])

    return Subject(Facts(kind="images", name="planted"), dataset, stream, available=len(pixels))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """1,500 labelled garments, a quarter of them held out."""
    folder = tmp_path_factory.mktemp("garments")
    known = garments(IN_THE_SET)
    np.savez(folder / "garments.npz", images=known.pixels, labels=np.asarray(known.classes))
    settings = settings_for(str(folder / "garments.npz"), holdout=0.25)
    return PreparedSet.open(prepare(settings, seed=0, out=folder / "set"))


@pytest.fixture(scope="session")
def spare() -> Pixels:
    """1,500 garments that are not in the set: what a perfect generator would draw."""
    return garments(IN_THE_SET + SPARE).pixels[IN_THE_SET:, :, :, None].copy()


@pytest.fixture(scope="session")
def spare_labels() -> NDArray[np.int64]:
    """Their classes."""
    return np.asarray(garments(IN_THE_SET + SPARE).labels[IN_THE_SET:])


@pytest.fixture(scope="session")
def noised() -> Callable[[Pixels, float], Pixels]:
    """Adds noise of so many grey levels."""

    def add(pixels: Pixels, sigma: float) -> Pixels:
        noise = np.random.default_rng(5).normal(0, sigma, pixels.shape)
        return (pixels + noise).round().clip(0, 255).astype(np.uint8)

    return add


@pytest.fixture(scope="session")
def trained_on(real: PreparedSet) -> Pixels:
    """All training pictures, in no order."""
    rows = np.random.default_rng(4).permutation(real.indices("train"))[:SPARE]
    return real.read(rows)

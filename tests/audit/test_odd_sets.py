"""Sets that are odd themselves: full of repetitions, with other classes held out, larger than what is searched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.audit.limits import Limits
from gantool.audit.material import Material, Seen
from gantool.audit.memory import memorisation
from gantool.audit.reference import FEWEST_OF_CLASS, reference
from gantool.audit.variety import duplicates
from gantool.metrics.collisions import seen_from_afar
from gantool.metrics.features import FeatureFacts
from gantool.metrics.memorisation import different, exact, fingerprints
from tests.audit.conftest import Pixels
from tests.data.garments import garments


def looked_at(train: Pixels, holdout: Pixels, made: Pixels) -> Material:
    """Without a classifier to teach: the features are the averaged pixels."""

    def seen(pixels: Pixels) -> Seen:
        afar, mirror = seen_from_afar(pixels), pixels[:, :, ::-1].copy()
        return Seen(afar, afar, fingerprints(pixels), seen_from_afar(mirror), fingerprints(mirror))

    facts = FeatureFacts("averaged", 196, "", "", "")
    rows = np.arange(len(train))
    return Material(
        seen(train), seen(holdout), seen(made), rows, len(train), train.__getitem__, made, "no", "no", facts
    )


@pytest.fixture(scope="module")
def known() -> Pixels:
    return garments(900).pixels[..., None].copy()


def test_a_picture_that_is_there_a_hundred_times_hides_no_copies(
    known: Pixels, spare: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    train = np.concatenate([known[:600], known[[600] * 100], known[[601] * 100]])
    made = np.concatenate([noised(known[[600] * 20 + [601] * 20], 3), spare[:260]])
    found, _ = memorisation(looked_at(train, known[602:], made), Limits())
    assert found.verdict == "fail"
    assert found.numbers[0].name == "copy_rate"
    assert found.numbers[0].value is not None
    assert found.numbers[0].value >= 40 / 300


@pytest.mark.parametrize("times", [2, 8])
def test_a_collapsed_generator_fails_beside_twins(times: int, known: Pixels, spare: Pixels) -> None:
    """A set in which every picture is there several times over."""
    train = known[:160].repeat(times, axis=0)
    collapsed = looked_at(train, known[:0], spare[np.arange(times * 150) % 3])
    assert duplicates(collapsed, Limits(), 0)[0].verdict == "fail"
    assert duplicates(looked_at(train, known[:0], spare[: times * 150]), Limits(), 0)[0].verdict == "pass"


def test_without_held_out_pictures_exact_copies_still_fail(known: Pixels, spare: Pixels) -> None:
    train, made = known[:120], np.concatenate([known[:1], spare[:60]])
    check, sheet = memorisation(looked_at(train, known[:0], made), Limits())
    assert check.verdict == "fail"
    assert check.reason.startswith("Of 61 generated pictures 1 is a training picture to the last pixel.")
    assert sheet is not None
    assert memorisation(looked_at(train, known[:0], spare[:60]), Limits())[0].verdict == "skipped"


def test_a_choice_is_called_one(known: Pixels, spare: Pixels) -> None:
    some = dataclasses.replace(looked_at(known[:600], known[600:], spare[:300]), train_total=1125)
    assert "the 600 training pictures (of 1,125) that were searched" in memorisation(some, Limits())[0].reason


def test_fingerprints_are_of_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
    pixels[4], pixels[5] = pixels[1], (7, 8, 9)
    marks = fingerprints(pixels)
    assert marks[5] == 0  # one colour gives nothing away
    assert exact(marks, marks[[1, 5]]).tolist() == [False, True, False, False, True, False]
    assert different(marks).tolist() == [0, 1, 2, 3, 5]
    assert different(np.zeros(3, np.uint64)).tolist() == [0, 1, 2]
    assert fingerprints(pixels[:0]).shape == (0,)


class Held:
    """A set of 900 training pictures, one in ten of class 0, and others held out."""

    classes = ("few", "many")

    def __init__(self, held: list[int]) -> None:
        self.labels = np.array([0] * 90 + [1] * 810 + held)

    def indices(self, split: str) -> NDArray[np.int64]:
        return np.arange(900) if split == "train" else np.arange(900, len(self.labels))

    def read_labels(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(self.labels[rows])


@pytest.mark.parametrize("held", [[0] * 50 + [1] * 50, [0] * 50, [1] * 50, [0] * 9 + [1] * 80, []])
def test_the_classes_are_those_of_training_pictures(held: list[int]) -> None:
    known = Held(held)
    rows, labels, weights = reference(known, known.indices("train"), known.indices("holdout"))  # type: ignore[arg-type]
    assert (labels == known.labels[rows]).all()
    of_few = known.labels[rows] == 0
    assert weights[of_few].sum() / weights.sum() == pytest.approx(0.1)
    assert min(of_few.sum(), (~of_few).sum()) >= 50
    for which, chosen in enumerate((of_few, ~of_few)):
        enough = held.count(which) >= FEWEST_OF_CLASS
        assert (rows[chosen] >= 900).all() if enough else (rows[chosen] < 900).any()

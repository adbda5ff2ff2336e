"""Sets that are odd themselves: full of repetitions, with other classes held out, larger than what is searched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.audit import material
from gantool.audit.reference import FEWEST_OF_CLASS, reference
from gantool.data import PreparedSet, prepare
from gantool.data.detect import settings_for
from gantool.metrics.memorisation import different, exact, fingerprints
from tests.audit.conftest import Pixels
from tests.audit.test_planted import asked, check_of, number
from tests.data.garments import garments


def prepared(folder: Path, pixels: Pixels, labels: NDArray[np.int64] | list[str], holdout: float = 0.25) -> PreparedSet:
    np.savez(folder / "some.npz", images=pixels, labels=np.asarray(labels))
    return PreparedSet.open(
        prepare(settings_for(str(folder / "some.npz"), holdout=holdout), seed=0, out=folder / "set")
    )


def test_a_picture_that_is_there_a_hundred_times_hides_no_copies(
    tmp_path: Path, spare: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    known = garments(700)
    often = [*range(600), *([600] * 100), *([601] * 100)]
    repeated = prepared(tmp_path, known.pixels[often], [known.classes[index] for index in often])
    copies = np.concatenate([known.pixels[[600] * 20], known.pixels[[601] * 20]])[..., None]
    found = asked(np.concatenate([noised(copies, 3), spare[:260]]), repeated)
    assert number(found, "memorisation", "copy_rate") > 0.12


@pytest.mark.parametrize("times", [2, 8])
def test_a_collapsed_generator_fails_beside_twins(times: int, tmp_path: Path, spare: Pixels) -> None:
    """A set in which every picture is there several times over."""
    known = garments(160)
    doubled = prepared(tmp_path, known.pixels.repeat(times, axis=0), np.repeat(known.classes, times))
    collapsed = asked(spare[np.arange(times * 150) % 3], doubled)
    assert check_of(collapsed, "duplicates").verdict == "fail"
    assert check_of(asked(spare[: times * 150], doubled), "duplicates").verdict == "pass"


def test_without_held_out_pictures_exact_copies_still_fail(tmp_path: Path, spare: Pixels) -> None:
    known = garments(120)
    bare = prepared(tmp_path, known.pixels, known.classes, 0.0)
    copied = asked(np.concatenate([known.pixels[:1, :, :, None], spare[:60]]), bare)
    check = check_of(copied, "memorisation")
    assert check.verdict == "fail"
    assert check.reason.startswith("Of 61 generated pictures 1 is a training picture to the last pixel.")
    assert copied.pictures["memorisation.png"].size
    assert check_of(asked(spare[:60], bare), "memorisation").verdict == "skipped"


def test_fingerprints_are_of_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
    pixels[4], pixels[5] = pixels[1], (7, 8, 9)
    marks = fingerprints(pixels)
    assert marks[5] == 0  # one colour gives nothing away
    assert exact(marks, marks[[1, 5]]).tolist() == [False, True, False, False, True, False]
    assert different(marks).tolist() == [0, 1, 2, 3, 5]
    assert different(np.zeros(3, np.uint64)).tolist() == [0, 1, 2]
    assert fingerprints(pixels[:0]).shape == (0,)


def test_a_choice_is_called_one(real: PreparedSet, spare: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "MOST_TRAIN", 800)
    found = asked(spare[:300], real)
    assert (found.audit.dataset.train, found.audit.dataset.train_searched) == (1125, 800)
    assert "the 800 training pictures (of 1,125) that were searched" in check_of(found, "memorisation").reason


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
    rows, weights = reference(known, known.indices("train"), known.indices("holdout"))  # type: ignore[arg-type]
    of_few = known.labels[rows] == 0
    assert weights[of_few].sum() / weights.sum() == pytest.approx(0.1)
    assert min(of_few.sum(), (~of_few).sum()) >= 50
    for which, chosen in enumerate((of_few, ~of_few)):
        enough = held.count(which) >= FEWEST_OF_CLASS
        assert (rows[chosen] >= 900).all() if enough else (rows[chosen] < 900).any()

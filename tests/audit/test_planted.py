"""Generators of which it is known what is wrong with them: each is found out, and the sane one passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.audit import Audit, Audited, Check, Limits, audit
from gantool.audit.material import Logits
from gantool.audit.memory import membership
from gantool.audit.summary import sentence
from gantool.data import PreparedSet
from tests.audit.conftest import Pixels, generator


def asked(pixels: Pixels, real: PreparedSet, labels: NDArray[np.int64] | None = None) -> Audited:
    """The features of the set's own classifier: no package is needed for them."""
    return audit(generator(pixels, real, labels), features="classifier", device="cpu")


def check_of(audited: Audited, name: str) -> Check:
    (found,) = [check for check in audited.audit.checks if check.name == name]
    return found


def number(audited: Audited, check: str, name: str) -> float:
    (found,) = [one.value for one in check_of(audited, check).numbers if one.name == name]
    assert found is not None
    return found


def failures(found: Audit) -> set[str]:
    return {check.name for check in found.checks if check.verdict == "fail"}


def show(audited: Audited) -> None:
    for check in audited.audit.checks:
        print(check.verdict, check.name, check.reason, {n.name: n.value for n in check.numbers})


@pytest.fixture(scope="module")
def sane(real: PreparedSet, spare: Pixels) -> Audited:
    return asked(spare, real)


def test_a_sane_generator_passes(sane: Audited) -> None:
    show(sane)
    assert sane.audit.passed
    verdicts = {check.name: check.verdict for check in sane.audit.checks}
    assert verdicts == {"memorisation": "pass", "membership": "skipped", "balance": "pass", "duplicates": "pass"}
    assert abs(number(sane, "memorisation", "leaning_pixels")) < 0.15
    assert number(sane, "memorisation", "copy_rate_p") > 0.001


def test_training_pictures_are_found_out(real: PreparedSet, trained_on: Pixels) -> None:
    found = asked(trained_on, real)
    show(found)
    assert failures(found.audit) == {"memorisation"}
    assert number(found, "memorisation", "copy_rate") == 1
    assert number(found, "memorisation", "leaning_features") == pytest.approx(1)
    assert number(found, "memorisation", "authenticity_pixels") == 0


@pytest.mark.parametrize("sigma", [4, 8, 16])
def test_noise_on_training_pictures_hides_nothing(
    sigma: float, real: PreparedSet, trained_on: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    found = asked(noised(trained_on, sigma), real)
    show(found)
    assert not found.audit.passed
    assert check_of(found, "memorisation").verdict == "fail"
    assert number(found, "memorisation", "copy_rate") > 0.99
    assert number(found, "memorisation", "leaning_pixels") > 0.99


def test_noise_on_new_pictures_is_no_memorisation(
    real: PreparedSet, spare: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    found = asked(noised(spare, 16), real)
    show(found)
    assert check_of(found, "memorisation").verdict == "pass"


def test_mirrored_training_pictures_are_found_out(real: PreparedSet, trained_on: Pixels) -> None:
    found = asked(trained_on[:, :, ::-1].copy(), real)
    assert check_of(found, "memorisation").verdict == "fail"
    assert number(found, "memorisation", "copy_rate") == 1


def test_a_few_copies_among_many_are_found_out(real: PreparedSet, spare: Pixels, trained_on: Pixels) -> None:
    few = len(spare) // 20
    found = asked(np.concatenate([trained_on[:few], spare[few:]]), real)
    show(found)
    assert failures(found.audit) == {"memorisation"}


@pytest.mark.parametrize("mirrored", [False, True])
def test_exact_copies_fail_however_few_there_are(
    mirrored: bool, real: PreparedSet, spare: Pixels, trained_on: Pixels
) -> None:
    """Five of a hundred would not be significant; but nobody draws a training picture to the last pixel by chance."""
    copies = trained_on[:5, :, ::-1] if mirrored else trained_on[:5]
    found = asked(np.concatenate([copies, spare[:95]]), real)
    show(found)
    assert check_of(found, "memorisation").verdict == "fail"
    assert number(found, "memorisation", "exact_copies") == 0.05
    assert "5 of them are training pictures to the last pixel" in check_of(found, "memorisation").reason


def test_too_few_pictures_to_be_sure_are_no_pass(
    real: PreparedSet, spare: Pixels, trained_on: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    found = asked(np.concatenate([noised(trained_on[:8], 4), spare[:242]]), real)
    show(found)
    check = check_of(found, "memorisation")
    assert (check.verdict, check.unsure, found.audit.passed) == ("skipped", True, False)
    assert "is above the limit of" in check.reason
    assert "too few to be sure" in check.reason
    assert "cannot be sure: memorised pictures" in sentence(found.audit)


def test_too_few_pictures_to_see_the_limit(real: PreparedSet, spare: Pixels) -> None:
    found = asked(spare[:60], real)
    show(found)
    assert failures(found.audit) == set()
    assert not any(check.unsure for check in found.audit.checks)
    for name in ("memorisation", "balance"):
        assert check_of(found, name).verdict == "skipped"
        assert "are needed" in check_of(found, name).reason


def test_dropped_classes_are_named(real: PreparedSet, spare: Pixels, spare_labels: NDArray[np.int64]) -> None:
    from gantool.data.sources.embedded import CLASSES

    found = asked(spare[(spare_labels != 1) & (spare_labels != 8)], real)
    show(found)
    assert failures(found.audit) == {"balance"}
    rows = check_of(found, "balance").classes
    assert rows is not None
    assert {row.name for row in rows if row.dropped} == {CLASSES[1], CLASSES[8]}
    assert CLASSES[1] in check_of(found, "balance").reason


def test_one_class_that_is_drawn_too_often_is_found_out(
    real: PreparedSet, spare: Pixels, spare_labels: NDArray[np.int64]
) -> None:
    bags = np.flatnonzero(spare_labels == 8)
    others = np.flatnonzero(spare_labels != 8)[: len(bags)]
    found = asked(spare[np.concatenate([bags, others])], real)
    show(found)
    assert check_of(found, "balance").verdict == "fail"
    assert number(found, "balance", "total_variation") == pytest.approx(0.4, abs=0.06)


def test_pictures_of_another_class_than_asked_for_are_counted(
    real: PreparedSet, spare: Pixels, spare_labels: NDArray[np.int64]
) -> None:
    """The classes are all there, as often; a third of the trousers was asked to be bags, and the reverse."""
    from gantool.data.sources.embedded import CLASSES

    own = np.asarray([real.classes.index(name) for name in CLASSES])[spare_labels]  # as the set numbers them
    sane = check_of(asked(spare, real, own), "balance")
    known = {one.name: one for one in sane.numbers}["as_asked"]
    assert known.value is not None
    assert known.baseline == pytest.approx(known.value, abs=0.06)  # real garments that nobody saw, against such
    assert known.value > 0.75

    trousers, bags = (np.flatnonzero(spare_labels == kind) for kind in (1, 8))
    swapped = own.copy()
    some = min(len(trousers), len(bags)) // 3
    swapped[trousers[:some]], swapped[bags[:some]] = own[bags[0]], own[trousers[0]]
    found = asked(spare, real, swapped)
    show(found)
    check = check_of(found, "balance")
    assert check.verdict == sane.verdict == "pass"
    assert number(found, "balance", "as_asked") == pytest.approx(known.value - 2 * some / len(spare), abs=0.01)
    assert check.classes is not None
    assert sane.classes is not None
    for row, before in zip(check.classes, sane.classes, strict=True):
        assert row.as_asked is not None
        assert before.as_asked is not None
        lost = {CLASSES[1]: some / len(trousers), CLASSES[8]: some / len(bags)}.get(row.name, 0.0)
        assert row.as_asked == pytest.approx(before.as_asked - lost, abs=0.05)


def test_a_generator_without_classes_was_asked_for_none(real: PreparedSet, spare: Pixels) -> None:
    check = check_of(asked(spare, real), "balance")
    assert "as_asked" not in {one.name for one in check.numbers}
    assert all(row.as_asked is None for row in check.classes or ())


@pytest.mark.parametrize("sigma", [0, 8])
def test_fifty_pictures_over_and_over_are_found_out(
    sigma: float, real: PreparedSet, spare: Pixels, noised: Callable[[Pixels, float], Pixels]
) -> None:
    repeated = noised(spare[np.arange(1500) % 50], sigma)
    found = asked(repeated, real)
    show(found)
    assert "duplicates" in failures(found.audit)
    assert "memorisation" not in failures(found.audit)
    assert number(found, "duplicates", "twins") > 0.99
    assert 30 < number(found, "duplicates", "support") < 60


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "pass"), (0.3, "pass"), (1.5, "fail")])
def test_a_discriminator_that_knows_its_pictures_by_heart(shift: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    train, held_out = (rng.standard_normal(count).astype(np.float32) for count in (2000, 500))
    found = membership(Logits(train + np.float32(shift), held_out), Limits())
    assert found.verdict == verdict
    assert membership(Logits(train[:20], held_out[:20]), Limits()).verdict == "skipped"
    assert membership(Logits(train * np.nan, held_out), Limits()).verdict == "skipped"

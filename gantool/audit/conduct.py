"""All checks of one subject, and what is written of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.audit.limits import Limits
from gantool.audit.material import gather
from gantool.audit.memory import membership, memorisation
from gantool.audit.serial import FILE, Audit, DatasetPart
from gantool.audit.variety import balance, duplicates
from gantool.errors import UsageError
from gantool.evaluation import card
from gantool.evaluation.extractors import FeaturesName, Progress, silent
from gantool.images import save_picture
from gantool.subject import Subject

SAMPLES = 10_000
FOLDER = "audit"
"""In a run folder."""

_LIMITS = Limits()


class Audited(NamedTuple):
    """The verdict, and the evidence: sheets uint8 H×W×3 by the names of their files."""

    audit: Audit
    pictures: Mapping[str, NDArray[np.uint8]]

    def write(self, folder: Path) -> None:
        """``audit.json`` and the pictures beside it.

        Raises:
            UsageError: when the folder cannot be written.
        """
        self.audit.write(folder / FILE)
        try:
            for name, pixels in self.pictures.items():
                save_picture(folder / name, pixels)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from error


def audit(
    subject: Subject,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    features: FeaturesName = "efficientnet_lite0",
    limits: Limits = _LIMITS,
    device: str = "auto",
    progress: Progress = silent,
) -> Audited:
    """Ask all questions of ``subject``.

    Args:
        subject: a checkpoint or pictures, and the real pictures they stand against.
        samples: generated pictures, at most.
        seed: of the generated pictures.
        features: the network that looks at pictures, beside their pixels.
        limits: from where on an answer is a failure.
        device: where features are computed.
        progress: told what is done.

    Raises:
        UsageError: when the features cannot be had, or there are no pictures.
    """
    dataset = subject.dataset
    count = samples if subject.available is None else min(samples, subject.available)
    if count < 2:
        raise UsageError(f"{subject.facts.name}: {count} pictures are too few to audit")
    material = gather(subject, count, seed, features, device, progress)
    memorised, worst = memorisation(material, limits)
    repeated, twins = duplicates(material, limits, seed)
    checks = (memorised, membership(material.logits, limits), balance(material, limits), repeated)
    verdicts = [check.verdict for check in checks]
    found = Audit(
        subject=subject.facts,
        dataset=DatasetPart(
            fingerprint=dataset.fingerprint,
            **dataset.counts,
            train_searched=len(material.train),
            holdout_searched=len(material.holdout),
        ),
        samples=len(material.pixels),
        seed=seed,
        features=card.Features(**material.facts._asdict()),
        passed="fail" not in verdicts and "pass" in verdicts and not any(check.unsure for check in checks),
        checks=checks,
    )
    sheets = {memorised.picture: worst, repeated.picture: twins}
    return Audited(found, {name: sheet for name, sheet in sheets.items() if name is not None and sheet is not None})

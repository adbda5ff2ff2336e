"""The metric card of a model or of a folder of pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gantool import seeding
from gantool.data import PreparedSet
from gantool.device import choose_device
from gantool.errors import UsageError
from gantool.evaluation import card
from gantool.evaluation.card import Card
from gantool.evaluation.discriminator import judge
from gantool.evaluation.extractors import FeaturesName, Progress, extractor, silent
from gantool.evaluation.real import RealFeatures
from gantool.evaluation.reference import FloorName, Reference, Split, reference
from gantool.evaluation.scores import MEASURES, Logits, Scorer, Scores, floors, leading
from gantool.metrics.features import Extractor, Inception
from gantool.metrics.frechet import is_reliable
from gantool.subject import Critic, Subject, of_checkpoint

SAMPLES = 10_000
SEEDS = (0, 1, 2)
_JUDGED = 10_000


def evaluate(
    file_or_run: Path | str,
    *,
    data: Path | str | None = None,
    split: Split = "holdout",
    samples: int = SAMPLES,
    features: FeaturesName = "efficientnet_lite0",
    seeds: Sequence[int] = SEEDS,
    raw_weights: bool = False,
    device: str = "auto",
) -> Card:
    """Measure a checkpoint, a run (its best checkpoint, else its newest) or an exported generator, from Python.

    Args:
        file_or_run: the file or the folder.
        data: a prepared set to stand against; None takes the one that the run was trained on.
        split, samples, features, seeds, device: as `measure` takes them.
        raw_weights: the weights of the last step, not their average.

    Raises:
        GantoolError: its message says what, where and what to do.
    """
    subject = of_checkpoint(
        file_or_run, data=None if data is None else Path(data), device=device, raw_weights=raw_weights
    )
    return measure(subject, split=split, samples=samples, features=features, seeds=seeds, device=device)


def measure(
    subject: Subject,
    *,
    split: Split = "holdout",
    samples: int = SAMPLES,
    features: FeaturesName = "efficientnet_lite0",
    seeds: Sequence[int] = SEEDS,
    device: str = "auto",
    progress: Progress = silent,
) -> Card:
    """Measure ``subject`` against the pictures of ``split``.

    Args:
        subject: what is measured.
        split: ``holdout``, which training never shows, or ``train``.
        samples: at most so many generated and so many real pictures.
        features: the network that looks at them.
        seeds: one set of generated pictures for each.
        device: where features are computed.
        progress: told what is done.

    Raises:
        UsageError: when the features cannot be had.
        DataError: when there are too few pictures.
    """
    asked = samples if subject.available is None else min(samples, subject.available)
    against = reference(subject.dataset, split, asked)
    network = extractor(features, subject.dataset, choose_device(device), progress)
    real = RealFeatures(subject.dataset, network)
    logits = network.logits if isinstance(network, Inception) else None
    real.of(against.everyone, progress)
    scorer = Scorer(real.of(against.rows), logits)
    scores, on_made = [], None
    for seed in seeds:
        features_of, logits_of = _looked_at(subject, network, against.samples, seed, progress)
        scores.append(scorer.score(features_of, seed))
        on_made = logits_of if on_made is None else on_made
    found = floors(against, real, network.facts, seeds, logits, progress)
    lead = leading(against, network.facts.dimensions)
    return Card(
        subject=subject.facts,
        features=card.Features(**network.facts._asdict()),
        reference=card.ReferencePart(
            split=split,
            fingerprint=subject.dataset.fingerprint,
            pictures=len(against.rows),
            of=len(subject.dataset.indices(split)),
        ),
        samples=against.samples,
        seeds=tuple(seeds),
        values=_values(network, against, scores, found, lead, logits, fixed=subject.available == against.samples),
        discriminator=_judgement(subject, on_made),
        notes=(*against.notes, *subject.notes, *_notes(subject, against, features)),
    )


def _judgement(subject: Subject, on_made: NDArray[np.float32] | None) -> dict[str, float | bool] | None:
    """What the discriminator makes of training, held-out and generated pictures, at most 10,000 of each."""
    critic, dataset = subject.critic, subject.dataset
    if critic is None or on_made is None:
        return None
    train = _logits(critic, dataset, "train")
    held_out = _logits(critic, dataset, "holdout") if len(dataset.indices("holdout")) else None
    return {
        "absolute": critic.boundary is not None,
        **judge(train, held_out, on_made, boundary=critic.boundary),
    }


def card_path(run: Path, split: str, features: str) -> Path:
    """Where a run keeps its card."""
    return run / "evaluations" / f"{split}-{features}.json"


def keep(found: Card, subject: Subject) -> tuple[Path | None, str]:
    """Put the card of a run's current checkpoint into the run.

    A card of the same checkpoint that was measured on more pictures stays.

    Returns:
        where the card is, None where it was not kept; and why not, where a person could expect it.

    Raises:
        UsageError: when the run cannot be written.
    """
    if subject.run is None:
        return None, ""
    path = card_path(subject.run.path, found.reference.split, found.features.name)
    with contextlib.suppress(UsageError):
        before = card.read(path)
        same = before.subject == found.subject and not card.differences(
            before.model_copy(update={"samples": found.samples, "reference": found.reference}), found
        )
        if same and before.samples * len(before.seeds) > found.samples * len(found.seeds):
            return None, (
                f"{path} stays: it was measured on more pictures ({len(before.seeds)} times {before.samples:,})"
            )
    found.write(path)
    return path, ""


def _looked_at(
    subject: Subject, network: Extractor, count: int, seed: int, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Features of generated pictures, and what the discriminator makes of them; the pictures themselves are let go."""
    features, logits = [], []
    for made in subject.pieces(count, seed, progress):
        features.append(network.of(made.pixels))
        if subject.critic is not None:
            logits.append(subject.critic.logits(made.pixels, made.labels))
    return np.concatenate(features), np.concatenate(logits) if logits else None


def _values(
    network: Extractor,
    against: Reference,
    scores: Sequence[Scores],
    found: dict[FloorName, list[dict[str, float]]],
    lead: str,
    logits: Logits | None,
    *,
    fixed: bool,
) -> tuple[card.Value, ...]:
    names = [name for name in MEASURES if name != "inception_score" or logits is not None]
    reliable = is_reliable(against.samples, len(against.rows), dimensions=network.facts.dimensions)
    order = sorted(names, key=lambda name: name != lead)
    return tuple(
        card.value(name, network.facts, scores, found, reliable=reliable, leads=name == lead, fixed=fixed)
        for name in order
    )


def _notes(subject: Subject, against: Reference, features: FeaturesName) -> list[str]:
    notes = []
    if features != "classifier" and subject.dataset.shape.channels == 1 and len(subject.dataset.classes) > 1:
        notes.append(
            f"Grey pictures are unlike the photographs that {features} knows; --features classifier, taught by the "
            "labels of this set, sees more in them."
        )
    if against.split == "train":
        notes.append("Measured on training pictures: a model that has learned them by heart scores well here.")
    if subject.available is not None and subject.available > against.samples:
        notes.append(f"{subject.available:,} pictures were given; every seed takes its own choice of them.")
    return notes


def _logits(critic: Critic, dataset: PreparedSet, split: Split) -> NDArray[np.float32]:
    rows = dataset.indices(split)
    if len(rows) > _JUDGED:
        order = torch.randperm(len(rows), generator=seeding.generator(0, "judged", split))
        rows = np.sort(rows[order[:_JUDGED].numpy()])
    return critic.logits_of_rows(dataset, rows)

"""The metric card of a model or of a folder of pictures."""

from __future__ import annotations

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
from gantool.subject import Critic, Made, Subject, of_checkpoint

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
    if subject.available is not None and subject.available < 4:
        raise UsageError(f"{subject.facts.name}: {subject.available} pictures are too few to measure")
    asked = samples if subject.available is None else min(samples, subject.available)
    against = reference(subject.dataset, split, asked)
    network = extractor(features, subject.dataset, choose_device(device), progress)
    real = RealFeatures(subject.dataset, network)
    logits = network.logits if isinstance(network, Inception) else None
    real.of(against.everyone, progress)
    scorer = Scorer(real.of(against.rows), logits)
    scores, first = [], None
    for seed in seeds:
        made = subject.draw(against.samples, seed, progress)
        first = first or made
        scores.append(scorer.score(_features(network, made, progress), seed))
    found = floors(against, real, network.facts, seeds, logits, progress)
    lead = leading(against, network.facts.dimensions)
    assert first is not None  # noqa: S101 - there is a seed
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
        values=_values(network, against, scores, found, lead, logits),
        discriminator=None if subject.critic is None else dict(judgement(subject.critic, subject.dataset, first)),
        notes=(*against.notes, *_notes(subject, split, features)),
    )


def judgement(critic: Critic, dataset: PreparedSet, made: Made) -> dict[str, float | bool]:
    """What the discriminator makes of training, held-out and generated pictures, at most 10,000 of each."""
    train = _logits(critic, dataset, "train")
    held_out = _logits(critic, dataset, "holdout") if len(dataset.indices("holdout")) else None
    on_made = critic.logits(made.pixels, made.labels)
    longest = max(len(train), 0 if held_out is None else len(held_out))
    paired = np.resize(on_made, longest) if critic.boundary is None else on_made
    return {
        "absolute": critic.boundary is not None,
        **judge(train, held_out, paired, boundary=critic.boundary),
    }


def card_path(run: Path, split: str, features: str) -> Path:
    """Where a run keeps its card."""
    return run / "evaluations" / f"{split}-{features}.json"


def _features(network: Extractor, made: Made, progress: Progress) -> NDArray[np.float32]:
    """Features of generated pictures, a few hundred at a time so that the bar moves."""
    at_once = 512
    found = np.empty((len(made.pixels), network.facts.dimensions), np.float32)
    for start in range(0, len(found), at_once):
        rows = slice(start, min(start + at_once, len(found)))
        found[rows] = network.of(made.pixels[rows])
        progress("look at generated pictures", rows.stop, len(found))
    return found


def _values(
    network: Extractor,
    against: Reference,
    scores: Sequence[Scores],
    found: dict[FloorName, list[dict[str, float]]],
    lead: str,
    logits: Logits | None,
) -> tuple[card.Value, ...]:
    names = [name for name in MEASURES if name != "inception_score" or logits is not None]
    reliable = is_reliable(against.samples, len(against.rows), dimensions=network.facts.dimensions)
    order = sorted(names, key=lambda name: name != lead)
    return tuple(
        card.value(name, network.facts, scores, found, reliable=reliable, leads=name == lead) for name in order
    )


def _notes(subject: Subject, split: Split, features: FeaturesName) -> list[str]:
    notes = []
    if features != "classifier" and subject.dataset.shape.channels == 1 and len(subject.dataset.classes) > 1:
        notes.append(
            f"Grey pictures are unlike the photographs that {features} knows; --features classifier, taught by the "
            "labels of this set, sees more in them."
        )
    if split == "train":
        notes.append("Measured on training pictures: a model that has learned them by heart scores well here.")
    if subject.available is not None:
        notes.append(f"{subject.available:,} pictures were given; every seed takes its own choice of them.")
    return notes


def _logits(critic: Critic, dataset: PreparedSet, split: Split) -> NDArray[np.float32]:
    rows = dataset.indices(split)
    if len(rows) > _JUDGED:
        order = torch.randperm(len(rows), generator=seeding.generator(0, "judged", split))
        rows = np.sort(rows[order[:_JUDGED].numpy()])
    labels = dataset.read_labels(rows) if critic.network.classes else None
    return critic.logits(dataset.read(rows), labels)

"""What the checks look at: the pictures in two spaces, and what else is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gantool import seeding
from gantool.audit.reference import Classes, in_blocks, reference
from gantool.data import PreparedSet
from gantool.device import choose_device
from gantool.errors import UsageError
from gantool.evaluation.extractors import FeaturesName, Progress, classifier_of, extractor
from gantool.evaluation.real import RealFeatures
from gantool.metrics.collisions import seen_from_afar
from gantool.metrics.features import Extractor, FeatureFacts
from gantool.metrics.memorisation import fingerprints
from gantool.subject import Made, Subject

MOST_TRAIN, MOST_HOLDOUT = 60_000, 10_000
"""Real pictures that are looked at, of larger sets a choice: features cost a hundredth of a second each."""

_AT_ONCE, _BYTES_AT_ONCE = 512, 16 << 20

Read = Callable[[NDArray[np.int64]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Seen:
    """Pictures, as the checks see them.

    Attributes:
        features: float32 n×D.
        afar: averaged down (`seen_from_afar`), float32 n×d.
        marks: the `fingerprints` of their pixels, uint64 n.
        mirrored: their mirror images, averaged down; None for training pictures, which others are held against.
        mirrored_marks: the fingerprints of those.
    """

    features: NDArray[np.float32]
    afar: NDArray[np.float32]
    marks: NDArray[np.uint64]
    mirrored: NDArray[np.float32] | None = None
    mirrored_marks: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class Logits:
    """What the discriminator makes of training and held-out pictures: float32 N, float32 m."""

    train: NDArray[np.float32]
    holdout: NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """Everything an audit looks at.

    Attributes:
        train, holdout, made: pictures; ``holdout`` has none where nothing is held out.
        train_rows: where the training pictures stand in the set, int64 N.
        train_total: how many training pictures the set has; more than N where a choice is looked at.
        read: gives pictures of the set by their rows.
        pixels: the generated pictures, uint8 n×H×W×C.
        classes: or a sentence that says why there are none.
        logits: or such a sentence.
        facts: of the features.
        own: whether the model was trained on these training pictures.
    """

    train: Seen
    holdout: Seen
    made: Seen
    train_rows: NDArray[np.int64]
    train_total: int
    read: Read
    pixels: NDArray[np.uint8]
    classes: Classes | str
    logits: Logits | str
    facts: FeatureFacts
    own: bool = True


def gather(
    subject: Subject, samples: int, seed: int, features: FeaturesName, device: str, progress: Progress
) -> Material:
    """Draw, and look at everything.

    Raises:
        UsageError: when the features cannot be had.
    """
    dataset = subject.dataset
    where = choose_device(device)
    network = extractor(features, dataset, where, progress)
    known = RealFeatures(dataset, network)
    train, holdout = (
        _choice(dataset.indices("train"), MOST_TRAIN, "train"),
        _choice(dataset.indices("holdout"), MOST_HOLDOUT, "holdout"),
    )
    drawn = subject.draw(samples, seed, progress)
    return Material(
        train=Seen(known.of(train, progress), *_looked_at(dataset.read, train)),
        holdout=_both_ways(known.of(holdout, progress), dataset.read, holdout),
        made=_both_ways(
            _features(network, drawn, progress), drawn.pixels.__getitem__, np.arange(len(drawn.pixels), dtype=np.int64)
        ),
        train_rows=train,
        train_total=dataset.counts["train"],
        read=dataset.read,
        pixels=drawn.pixels,
        classes=_classes(subject.dataset, known, (train, holdout), drawn, where, progress),
        logits=_logits(subject, train, holdout),
        facts=network.facts,
        own=subject.own,
    )


def _choice(rows: NDArray[np.int64], most: int, split: str) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    order = torch.randperm(len(rows), generator=seeding.generator(0, "audited", split))
    return np.sort(rows[order[:most].numpy()])


def _both_ways(features: NDArray[np.float32], read: Read, rows: NDArray[np.int64]) -> Seen:
    return Seen(features, *_looked_at(read, rows), *_looked_at(read, rows, mirrored=True))


class _Looked(NamedTuple):
    """float32 n×d, uint64 n."""

    afar: NDArray[np.float32]
    marks: NDArray[np.uint64]


def _looked_at(read: Read, rows: NDArray[np.int64], mirrored: bool = False) -> _Looked:
    """In blocks of a bounded size: a large set never lies in memory."""
    size = 1 if not len(rows) else max(1, min(_AT_ONCE, _BYTES_AT_ONCE // max(1, read(rows[:1]).nbytes)))
    parts = [rows[start : start + size] for start in range(0, max(len(rows), 1), size)]
    afar, marks = [], []
    for part in parts:
        pixels = read(part)[:, :, ::-1].copy() if mirrored else read(part)
        afar.append(seen_from_afar(pixels))
        marks.append(fingerprints(pixels))
    return _Looked(np.concatenate(afar), np.concatenate(marks))


def _features(network: Extractor, made: Made, progress: Progress) -> NDArray[np.float32]:
    found = np.empty((len(made.pixels), network.facts.dimensions), np.float32)
    for start in range(0, len(found), _AT_ONCE):
        rows = slice(start, min(start + _AT_ONCE, len(found)))
        found[rows] = network.of(made.pixels[rows])
        progress("look at generated pictures", rows.stop, len(found))
    return found


def _classes(
    dataset: PreparedSet,
    known: RealFeatures,
    splits: tuple[NDArray[np.int64], NDArray[np.int64]],
    made: Made,
    device: torch.device,
    progress: Progress,
) -> Classes | str:
    if len(dataset.classes) < 2:
        return (
            f"The set has {'one class only' if dataset.classes else 'no labels'}, so there are no classes to balance."
        )
    try:
        classifier = classifier_of(dataset, device, progress)
    except UsageError as error:
        return str(error)
    rows, labels, weights = reference(dataset, *splits)
    return Classes(
        dataset.classes,
        real=in_blocks(classifier.classify, dataset, rows),
        labels=labels,
        weights=weights,
        features=known.of(rows, progress),
        made=classifier.classify(made.pixels),
        asked=made.labels,
    )


def _logits(subject: Subject, train: NDArray[np.int64], holdout: NDArray[np.int64]) -> Logits | str:
    if subject.facts.kind == "images":
        return "Pictures alone bring no discriminator to question."
    if subject.critic is None:
        return "The file holds no discriminator (an exported generator has none), or it was trained on another set."
    if not len(holdout):
        return "Nothing is held out in this set, so nothing can be told from training pictures."
    critic, dataset = subject.critic, subject.dataset
    train = train if len(train) <= MOST_HOLDOUT else _choice(train, MOST_HOLDOUT, "judged")
    return Logits(critic.logits_of_rows(dataset, train), critic.logits_of_rows(dataset, holdout))

"""Networks of features by name. Those that have to be fetched or taught are kept in the cache."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gantool import files
from gantool.data import PreparedSet, cache_folder
from gantool.errors import UsageError
from gantool.metrics.features import Classifier, EfficientNetLite0, Extractor, Inception, inception
from gantool.metrics.features import classifier as teaching
from gantool.metrics.features.weights import efficientnet_lite0_tensors

FeaturesName = Literal["efficientnet_lite0", "inception", "classifier"]

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


DIMENSIONS: Mapping[FeaturesName, int] = {
    "efficientnet_lite0": EfficientNetLite0.facts.dimensions,
    "inception": inception.DIMENSIONS,
    "classifier": teaching.DIMENSIONS,
}


def require(name: FeaturesName, dataset: PreparedSet) -> None:
    """Find out in a moment, and before a run begins, whether `extractor` will be able to give a network.

    Raises:
        UsageError: when its weights cannot be had, or the set has no labels to teach a classifier.
    """
    if name == "efficientnet_lite0":
        efficientnet_lite0_tensors()
    elif name == "inception":
        inception.require_weights(cache_folder() / "weights")
    else:
        _require_classes(dataset)


def extractor(
    name: FeaturesName, dataset: PreparedSet, device: torch.device | None = None, progress: Progress = silent
) -> Extractor:
    """The network ``name``, ready on ``device``.

    Raises:
        UsageError: when its weights cannot be had, or the set has no labels to teach a classifier.
    """
    if name == "efficientnet_lite0":
        return EfficientNetLite0(device)
    if name == "inception":
        return Inception(cache_folder() / "weights", device)
    return classifier_of(dataset, device, progress)


def classifier_of(dataset: PreparedSet, device: torch.device | None = None, progress: Progress = silent) -> Classifier:
    """The classifier that the set's training pictures teach; taught once, on the CPU, and kept in the cache.

    Raises:
        UsageError: when the set has no labels, or only one class.
    """
    _require_classes(dataset)
    channels, height, width = dataset.shape
    path = cache_folder() / "classifiers" / f"{dataset.fingerprint[:32]}-{teaching.VERSION}.safetensors"
    tensors = _kept(path)
    if tensors is None:
        rows = dataset.indices("train")
        labels = dataset.read_labels(rows)
        assert labels is not None  # noqa: S101 - the set has classes
        tensors = teaching.train(
            lambda places: dataset.read(rows[places]),
            labels,
            len(dataset.classes),
            progress=lambda done, total: progress("teach the classifier", done, total),
        )
        _keep(path, tensors)
    return Classifier(tensors, dataset.classes, channels, (height, width), device)


def _require_classes(dataset: PreparedSet) -> None:
    if len(dataset.classes) < 2:
        raise UsageError(
            f"features classifier: it is taught by the labels of the set, and {dataset.folder} has "
            f"{'one class only' if dataset.classes else 'none'}; use efficientnet_lite0"
        )


def _kept(path: Path) -> dict[str, Tensor] | None:
    """The weights in the cache; None where there are none or they are not what was written."""
    try:
        tensors = load_file(path)
        written = (path.with_suffix(".sha256")).read_text(encoding="utf-8").strip()
    except (OSError, SafetensorError, ValueError):
        return None
    return tensors if teaching.digest(tensors) == written else None


def _keep(path: Path, tensors: dict[str, Tensor]) -> None:
    with contextlib.suppress(OSError, SafetensorError):  # a cache that cannot be written costs the next one a minute
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_path(path) as temporary:
            save_file(tensors, temporary)
        files.write_text(path.with_suffix(".sha256"), teaching.digest(tensors) + "\n")

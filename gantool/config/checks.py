"""What no section can know by itself: rules between keys, and ramps that end with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gantool.component import Settings
from gantool.config.settings import ExperimentConfig
from gantool.data.base import DEPTH
from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.schedules import Ramp
from gantool.yamlfile import KeyPath

Found = Iterator[tuple[KeyPath, str]]


def run(sections: Mapping[str, Any]) -> Found:
    """Every broken rule, as (path, message).

    Args:
        sections: the top-level keys that are right by themselves; a rule that needs another one is skipped.
    """
    for needs, rule in _RULES:
        if all(key in sections for key in needs):
            yield from rule(*(sections[key] for key in needs))


def resolve_ramps(config: ExperimentConfig) -> ExperimentConfig:
    """Give every ramp without ``until`` the run's length, for good: extending the run then holds its end value."""
    resolved: ExperimentConfig = _resolved(config, config.training.total_images)
    return resolved


def _resolved(value: Any, until: int) -> Any:
    if isinstance(value, Settings):
        fields = {name: _resolved(getattr(value, name), until) for name in type(value).model_fields}
        if isinstance(value, Ramp) and value.until is None:
            fields["until"] = until
        return value.model_copy(update=fields)
    if isinstance(value, tuple):
        return tuple(_resolved(item, until) for item in value)
    return value


def _microbatch(training: Any) -> Found:
    batch, micro = training.batch_size, training.microbatch_size
    if micro is not None and batch % micro:
        fitting = max(size for size in range(1, min(micro, batch) + 1) if batch % size == 0)
        yield ("training", "microbatch_size"), f"{micro} does not divide batch_size {batch}; {fitting} does"


def _different_penalties(penalties: Any) -> Found:
    names = [penalty.name for penalty in penalties]
    for index, name in enumerate(names):
        if name in names[:index]:
            first = names.index(name)
            yield ("penalties", index), f"{name} is penalties.{first} already; give that one the weight of both"


def _labels(data: Any, model: Any) -> Found:
    # Only a folder says in its config whether it has labels; other sources know when they are opened.
    if model.conditioning == "class" and getattr(data, "labels", None) == "none":
        yield (
            ("model", "conditioning"),
            "class needs labels, and data.labels is none; set data.labels to folders, or conditioning to none",
        )


def _drawable(data: Any, model: Any) -> Found:
    if data.size is None:  # known when the pictures are opened
        return
    try:
        model.check(ImageShape(DEPTH[data.channels or "rgb"], *data.size))
    except ConfigError as error:
        for fault in error.faults:
            yield ("data", "resolution"), fault.removeprefix("data.resolution: ")


def _steered(augment: Any, loss: Any) -> Found:
    for index, augmentation in enumerate(augment):
        if augmentation.needs_absolute_zero and not loss.absolute_zero:
            yield (
                ("augment", index, "target"),
                f"{augmentation.name} is steered by the sign of the real logits, which means nothing with the loss "
                f"{loss.name}; set target: null, and probability to a number or a ramp",
            )


_RULES: tuple[tuple[tuple[str, ...], Callable[..., Found]], ...] = (
    (("training",), _microbatch),
    (("penalties",), _different_penalties),
    (("augment", "loss"), _steered),
    (("data", "model"), _labels),
    (("data", "model"), _drawable),
)

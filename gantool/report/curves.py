"""Which curves a run has: losses and rates from its log, metrics with their floors from its evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from gantool.pages.charts import Chart, Drawing, Mark, Series, draw
from gantool.pages.text import visible
from gantool.report.records import Records
from gantool.report.thinning import Line

MOST_MARKS = 40
"""Happenings that are marked in the curves, the first ones."""
MOST_CHARTS = 24
"""Of one kind; a log may hold any number of names."""

Better = Literal["lower", "higher"]

METRICS: Mapping[str, tuple[str, Better]] = {
    "kernel_distance": ("Kernel distance", "lower"),
    "frechet_distance": ("Fréchet distance", "lower"),
    "sliced_wasserstein": ("Sliced Wasserstein distance", "lower"),
    "precision": ("Precision", "higher"),
    "recall": ("Recall", "higher"),
    "density": ("Density", "higher"),
    "coverage": ("Coverage", "higher"),
    "inception_score": ("Inception score", "higher"),
}
_SHARES = ("precision", "recall", "coverage")
_GROUPS: Mapping[str, tuple[str, str]] = {
    "loss_": ("Losses", ""),
    "accuracy_": ("How often the discriminator is right", "share of pictures"),
    "logit_": ("The discriminator's mean logit", ""),
    "penalty_": ("Penalties", ""),
    "gradient_norm_": ("Gradient norms", ""),
}
"""Prefix → title and unit: values that are read beside one another. In the order they are shown."""
_UNITS: Mapping[str, str] = {
    "diversity": "1: made pictures differ from one another as real ones do",
    "gap": "mean logit of training pictures less that of held-out ones",
}
_LAST = {"images_per_second": "Images a second"}
_SUMS = ("loss_total",)
_FLOOR = "_floor"


def training_curves(records: Records) -> list[Drawing]:
    """Losses, accuracies, penalties, norms, speed; what the log holds besides, under its own name."""
    return _drawn([*_grouped(records.logs, _marks(records)), *_single(records.logs, _marks(records))])


def metric_curves(records: Records) -> list[Drawing]:
    """Metrics with their floors and their best, then the discriminator's side of the evaluations."""
    lines, marks = records.evaluations, _marks(records)
    names = _names(lines)
    charts = [_metric(lines, name, names, marks) for name in METRICS if name in names]
    return _drawn([*charts, *_grouped(lines, marks), *_single(lines, marks)])


def _marks(records: Records) -> list[Mark]:
    return [Mark(one.images_seen, number) for number, one in enumerate(records.happenings[:MOST_MARKS], 1)]


def _drawn(charts: Sequence[Chart]) -> list[Drawing]:
    return [drawing for chart in charts[:MOST_CHARTS] if (drawing := draw(chart)) is not None]


def _names(lines: Sequence[Line]) -> list[str]:
    """Every name that stands in a line, in the order of their first appearance."""
    return list(dict.fromkeys(name for line in lines for name in line.values))


def _series(lines: Sequence[Line], name: str, shown: str, *, floor: bool = False) -> Series:
    """A null in the records is a gap; a name that a line lacks was not measured there."""
    return Series(shown, [_gap(line.values[name]) if name in line.values else None for line in lines], floor)


def _gap(value: float | None) -> float:
    return math.nan if value is None else value


def _counter(lines: Sequence[Line]) -> list[float]:
    return [line.images_seen for line in lines]


def _metric(lines: Sequence[Line], name: str, names: Sequence[str], marks: Sequence[Mark]) -> Chart:
    title, better = METRICS[name]
    series = [_series(lines, name, "made pictures")]
    if name + _FLOOR in names:
        series.append(_series(lines, name + _FLOOR, "floor: real pictures", floor=True))
    return Chart(title, _counter(lines), series, better, (0.0, 1.0) if name in _SHARES else None, marks)


def _grouped(lines: Sequence[Line], marks: Sequence[Mark]) -> list[Chart]:
    names, charts = _names(lines), []
    for prefix, (title, unit) in _GROUPS.items():
        members = [name for name in names if name.startswith(prefix) and name not in _SUMS]
        series = [_series(lines, name, _words(name.removeprefix(prefix))) for name in members]
        if series:
            bounds = (0.0, 1.0) if unit.startswith("share") else None
            charts.append(Chart(title, _counter(lines), series, None, bounds, marks, unit))
    return charts


def _single(lines: Sequence[Line], marks: Sequence[Mark]) -> list[Chart]:
    known = {*METRICS, *(name + _FLOOR for name in METRICS), *_SUMS}
    names = [name for name in _names(lines) if name not in known and not name.startswith(tuple(_GROUPS))]
    names.sort(key=lambda name: name in _LAST)
    return [
        Chart(
            _LAST.get(name) or _words(name).capitalize(),
            _counter(lines),
            [_series(lines, name, _words(name))],
            marks=marks,
            unit=_UNITS.get(name, ""),
        )
        for name in names
    ]


def _words(name: str) -> str:
    return visible(name[:60].replace("_", " "))

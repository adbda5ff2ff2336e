"""The report as a page: what was gathered, in the order that a person asks for it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gantool.evaluation.card import Card, Features, Value
from gantool.pages import render as render_page
from gantool.pages.text import counted, number, share, visible, whole
from gantool.report import curves
from gantool.report.cards import Audit, Figure, floor_of, leading
from gantool.report.gathering import Gathered

VERDICTS: Mapping[str, str] = {"pass": "fine", "fail": "stop", "skipped": "note"}
"""Verdict → the mark that it is shown with."""

_MOST_HAPPENINGS = 60
_LARGEST_CLASSES, _SMALLEST_CLASSES = 16, 8
_ENVIRONMENT = ("torch", "device", "instructions", "threads", "processes", "precision")


def render(gathered: Gathered) -> str:
    """The page, for a file in UTF-8."""
    run = shlex.quote(visible(str(gathered.run.path)))
    return render_page(
        "gantool.report",
        "report.html.j2",
        name=visible(gathered.name),
        command=run,
        judgement="note" if gathered.audit is None else "fine" if gathered.audit.passed else "stop",
        headline=headline(gathered),
        numbers=_numbers(gathered),
        about=_about(gathered),
        timeline=gathered.timeline,
        counted=counted,
        cards=[_card(name, card, gathered.info.get("dataset_fingerprint")) for name, card in gathered.cards.items()],
        metric_curves=curves.metric_curves(gathered.records),
        training_curves=curves.training_curves(gathered.records),
        happenings=gathered.records.happenings[:_MOST_HAPPENINGS],
        more_happenings=max(0, gathered.records.happened - _MOST_HAPPENINGS),
        audit=gathered.audit,
        audited=_audited(gathered.audit),
        evidence=gathered.evidence,
        verdicts=VERDICTS,
        figure=_figure,
        data=gathered.data,
        classes=_classes(gathered.data.classes),
        between=f"… {len(gathered.data.classes) - _LARGEST_CLASSES - _SMALLEST_CLASSES:,} classes between …",
        settings=gathered.settings,
        config_text="\n".join(visible(line) for line in gathered.settings.text.splitlines()),
        environment=_environment(gathered.info),
        cost=gathered.cost,
        costs=_costs(gathered),
        faults=[visible(fault) for fault in gathered.faults],
    )


def headline(gathered: Gathered) -> str:
    """The run in one sentence."""
    seen, config = gathered.images_seen, gathered.settings.config
    total = config.training.total_images if config else None
    trained = (
        f"Trained on {seen:,} images" if total is None or seen >= total else f"{seen:,} of {total:,} images so far"
    )
    return f"{trained}; {_measured(gathered.cards, seen)}; {_audit_words(gathered.audit)}."


def _measured(cards: Mapping[str, Card], images_seen: int) -> str:
    """What the first card that has a value says; the moment too, where it is not the run's last."""
    for card in cards.values():
        first = leading(card)
        if first is not None:
            title = first.title if first.title[:7] == "Fréchet" else first.title[:1].lower() + first.title[1:]
            seen = card.subject.images_seen
            moment = f" at {seen:,} images" if seen not in (None, images_seen) else ""
            return visible(f"{title} {number(first.mean)}{moment}{_against_floor(first)}")
    return "not evaluated yet"


def _against_floor(value: Value) -> str:
    floor = floor_of(value)
    if floor is None or floor.mean is None or value.mean is None:
        return ""
    ratio = times_floor(value)
    return f", {ratio} times its floor" if ratio else f" (floor {number(floor.mean, floor.deviation)})"


def times_floor(value: Value) -> str:
    """How many times its floor a distance is; "" where the floor is not clearly above 0, and for other metrics."""
    floor = floor_of(value)
    if value.better != "lower" or floor is None or floor.mean is None or value.mean is None or value.mean < 0:
        return ""
    if floor.mean <= (floor.deviation or 0.0):  # an unbiased distance between equals is 0 or so: no measure of anything
        return ""
    ratio = value.mean / floor.mean
    if not math.isfinite(ratio):
        return ""
    return f"{ratio:,.1f}" if ratio < 100 else whole(ratio)


def _audit_words(audit: Audit | None) -> str:
    if audit is None:
        return "not audited yet"
    failed = sum(check.verdict == "fail" for check in audit.checks)
    if audit.passed:
        return "the audit passed"
    return f"the audit failed ({failed} of {len(audit.checks)} checks)" if failed else "the audit failed"


def _numbers(gathered: Gathered) -> list[tuple[str, str, str]]:
    """Word, number and unit of what is read first."""
    pace = gathered.cost.images_per_second
    rows = [("images seen", f"{gathered.images_seen:,}", ""), ("computing", *_time(gathered.cost.hours))]
    if pace is not None:
        rows.append(("pace", whole(pace) if pace >= 10 else number(round(pace, 2)), " images/s"))
    rows.append(("energy, estimated", number(float(f"{gathered.cost.kilowatt_hours:.2g}")), " kWh"))
    return rows


def _about(gathered: Gathered) -> list[tuple[str, str]]:
    """What was trained on what, in a few words."""
    config, environment = gathered.settings.config, gathered.info.get("environment")
    data = dict(gathered.data.rows)
    rows = [("pictures", ", ".join(data[key] for key in ("pictures", "shape") if key in data))]
    if config is not None:
        model = config.model
        rows.append(("model", f"{model.name}{', by class' if model.conditioning == 'class' else ''}"))
        rows.append(("loss", ", ".join([config.loss.name, *(penalty.name for penalty in config.penalties)])))
    if isinstance(environment, dict):
        words = [str(environment[key])[:60] for key in ("device", "precision") if environment.get(key)]
        rows.append(("computed", visible(", ".join(words))))
    return [(word, text.replace("_", " ")) for word, text in rows if text]


def _time(hours: float) -> tuple[str, str]:
    if hours >= 1:
        return (f"{hours:,.1f}" if hours < 1e6 else number(hours)), " h"
    return (f"{hours * 60:.0f}", " min") if hours * 60 >= 1 else (f"{hours * 3600:.0f}", " s")


def _card(name: str, card: Card, trained_on: object) -> dict[str, Any]:
    """A metric card as the template shows it; ``trained_on`` is the fingerprint of the run's own data set."""
    subject, reference = card.subject, card.reference
    weights = {"ema": "averaged weights", "raw": "raw weights"}.get(subject.weights or "", "")
    seen = f"{subject.images_seen:,} images seen" if subject.images_seen is not None else ""
    seeds = counted(len(card.seeds), "seed") if card.seeds else ""
    facts = [
        ("subject", ", ".join(part for part in (visible(subject.name), seen, weights) if part)),
        ("features", features_words(card.features)),
        (
            "against",
            f"{reference.pictures:,} {visible(reference.split)} pictures, set {visible(reference.fingerprint)[:12]}",
        ),
        ("samples", ", ".join(part for part in (f"{card.samples:,} made pictures", seeds) if part)),
    ]
    if card.version:
        facts.append(("by", f"gantool {visible(card.version)}"))
    foreign = isinstance(trained_on, str) and trained_on != reference.fingerprint
    notes = [*card.notes, *(["Its pictures are not of the set that this run was trained on."] * foreign)]
    return {
        "name": visible(name),
        "title": f"{visible(card.features.name)}, against {visible(reference.split)}",
        "facts": facts,
        "values": [(value, times_floor(value)) for value in card.values],
        "discriminator": _discriminator(card),
        "notes": notes,
    }


def features_words(features: Features) -> str:
    """What saw the pictures: name, dimensions, size, filter, the beginning of the weights' hash."""
    parts = [visible(features.name)]
    if features.dimensions:
        parts.append(f"{features.dimensions:,} dimensions")
    if features.size:
        parts.append(f"at {visible(features.size)}")
    if features.filter:
        parts.append(visible(features.filter))
    if features.weights:
        parts.append(f"weights {visible(features.weights)[:12]}")
    return ", ".join(parts)


def _discriminator(card: Card) -> list[tuple[str, str]]:
    known = card.discriminator or {}
    rows = [
        (visible(key[:60].replace("_", " ")), share(value) if key.startswith("accuracy") else number(float(value)))
        for key, value in known.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]
    if rows and known.get("absolute") is False:
        rows.append(("note", "its loss compares pairs: a logit alone says nothing"))
    return rows


def _audited(audit: Audit | None) -> str:
    """What an audit looked at."""
    if audit is None:
        return ""
    parts = [visible(audit.subject.name)]
    if audit.samples is not None:
        parts.append(counted(audit.samples, "made picture"))
    if audit.dataset.train is not None:
        parts.append(f"against {audit.dataset.train:,} training and {audit.dataset.holdout or 0:,} held-out pictures")
    return ", ".join(parts)


def _figure(value: float | None, figure: Figure) -> str:
    """A number of a check in its unit."""
    if value is None:
        return "–"
    if figure.unit == "share":
        return share(value, 2)
    if figure.unit == "count":
        return whole(value)
    return number(float(f"{value:.3g}"))


def _classes(classes: Sequence[tuple[str, int]]) -> list[tuple[str, int] | None]:
    """None stands for the classes of the middle, where there are many."""
    if len(classes) <= _LARGEST_CLASSES + _SMALLEST_CLASSES:
        return [*classes]
    return [*classes[:_LARGEST_CLASSES], None, *classes[-_SMALLEST_CLASSES:]]


def _environment(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    inner = info.get("environment")
    inner = inner if isinstance(inner, dict) else {}
    rows = [(key, info[key]) for key in ("version", "python", "system") if info.get(key)]
    rows += [(key, inner[key]) for key in (*_ENVIRONMENT, *sorted(inner.keys() - {*_ENVIRONMENT})) if key in inner]
    if info.get("started"):
        rows.append(("started", info["started"]))
    command = info.get("command")
    if isinstance(command, list) and command:
        rows.append(("command", shlex.join(["gantool", *map(str, command[1:])])))
    if info.get("bit_exact") is False:
        rows.append(("exactness", "resumed inexactly: not what an uninterrupted run would be"))
    return [("gantool" if key == "version" else visible(key), visible(str(value)[:2000])) for key, value in rows]


def _costs(gathered: Gathered) -> list[tuple[str, str]]:
    cost, sessions = gathered.cost, gathered.records.sessions
    pace = f"{number(cost.images_per_second)} images a second, the median of the log" if cost.images_per_second else "–"
    return [
        ("computing", f"{''.join(_time(cost.hours))} in {counted(sessions, 'session')}"),
        ("pace", pace),
        ("energy", f"hours × watts ÷ 1,000: {cost.formula}"),
        ("watts", f"{whole(cost.watts)} W, {cost.assumption}"),
    ]

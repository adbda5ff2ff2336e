"""Runs, metric cards and audits by hand, in the formats that `evaluate`, `audit` and `train` write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from gantool.config import load_config
from gantool.recipes import recipes

HOSTILE = (
    '"><img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=2</script>",
    "</style><style>body{display:none}",
    "{{ 7 * 7 }}{% raw %}",
    "[red]not red[/red] [/] :smile:",
    "\x1b[2J\x07 clears\u202egnp.exe",
    "' onfocus='window.hacked=4' autofocus='",
)
FINGERPRINT = "ab" * 32


def value(name: str, mean: float | None, deviation: float | None = 0.0001, **more: Any) -> dict[str, Any]:
    """One metric of a card."""
    lower = name.endswith("distance")
    titles = {"kernel_distance": "Kernel distance", "frechet_distance": "Fréchet distance"}
    floor = {"halves": {"mean": 0.0004 if lower else 0.9, "deviation": 0.0001}, "train_holdout": None}
    return {
        "name": name,
        "title": f"{titles.get(name, name.capitalize())} (efficientnet_lite0)",
        "better": "lower" if lower else "higher",
        "mean": mean,
        "deviation": deviation,
        "per_seed": [mean] * 3,
        "within": None,
        "floor": floor,
        "reliable": True,
        "leads": name == "kernel_distance",
        "note": "",
        **more,
    }


def card(name: str = "quick-001/checkpoints/000000640.safetensors", **more: Any) -> dict[str, Any]:
    """A metric card."""
    return {
        "format": 1,
        "kind": "metric card",
        "tool": "gantool",
        "version": "0.1.0",
        "subject": {"kind": "checkpoint", "name": name, "digest": "cd" * 32, "images_seen": 640, "weights": "ema"},
        "features": {
            "name": "efficientnet_lite0",
            "dimensions": 1280,
            "weights": "ef" * 32,
            "size": "224×224",
            "filter": "Pillow bicubic, antialiased",
        },
        "reference": {"split": "holdout", "fingerprint": FINGERPRINT, "pictures": 1000, "of": 1000},
        "samples": 9000,
        "seeds": [0, 1, 2],
        "values": [
            value("frechet_distance", 31.47, 0.21, reliable=False, note="Fewer than 2,560 reference pictures."),
            value("kernel_distance", 0.00213),
            value("precision", 0.71, 0.004),
            value("recall", 0.28, 0.006),
            value("density", 0.83, 0.01),
            value("coverage", None, None, note="It could not be computed."),
        ],
        "discriminator": {
            "absolute": True,
            "accuracy_train": 0.74,
            "accuracy_holdout": 0.7,
            "accuracy_made": 0.81,
            "logit_train": 0.91,
            "logit_holdout": 0.62,
            "logit_made": -1.2,
            "gap": 0.29,
        },
        "notes": ["The kernel distance leads."],
        **more,
    }


def audit(**more: Any) -> dict[str, Any]:
    """An audit that failed one of its checks."""
    return {
        "format": 1,
        "kind": "audit",
        "tool": "gantool",
        "version": "0.1.0",
        "subject": card()["subject"],
        "dataset": {"fingerprint": FINGERPRINT, "train": 9000, "holdout": 1000},
        "samples": 9000,
        "seed": 0,
        "features": card()["features"],
        "passed": False,
        "checks": [
            {
                "name": "memorisation",
                "title": "Memorised pictures",
                "verdict": "pass",
                "reason": "Made pictures are no nearer to training pictures than held-out ones are.",
                "numbers": [
                    number("copy_rate", "Copies of training pictures", 0.002, 0.001, 0.01, "share"),
                    number("p_value", "Nearer than held-out pictures", 0.31, None, 0.001, "p"),
                ],
                "picture": "memorisation.png",
                "caption": "The most suspicious pairs: made on the left, training picture on the right.",
                "classes": None,
            },
            {
                "name": "membership",
                "title": "Membership",
                "verdict": "skipped",
                "reason": "The checkpoint holds no discriminator.",
                "numbers": [],
                "picture": None,
                "caption": "",
                "classes": None,
            },
            {
                "name": "balance",
                "title": "Balance of classes",
                "verdict": "fail",
                "reason": "Of 10 classes 1 is not drawn: sandal.",
                "numbers": [number("dropped", "Dropped classes", 1, None, 0, "count")],
                "picture": None,
                "caption": "",
                "classes": [
                    {
                        "name": "sneaker",
                        "expected": 0.1,
                        "made": 0.12,
                        "recall": 0.4,
                        "coverage": 0.6,
                        "dropped": False,
                        "as_asked": 0.937,
                    },
                    {"name": "sandal", "expected": 0.1, "made": 0.0, "recall": 0.0, "coverage": None, "dropped": True},
                ],
            },
        ],
        **more,
    }


def number(
    name: str, title: str, value: float, baseline: float | None, limit: float | None, unit: str
) -> dict[str, Any]:
    """One number of a check."""
    return {"name": name, "title": title, "value": value, "baseline": baseline, "limit": limit, "unit": unit}


def log(seen: int, elapsed: float, *, began: float = 1000.0, event: str = "log", **values: Any) -> dict[str, Any]:
    """One line of ``metrics.jsonl``."""
    clock = {"time": began + elapsed, "elapsed": elapsed, "images_per_second": 64.0}
    return {"event": event, "images_seen": seen, **values, "clock": clock}


def lines() -> list[dict[str, Any]]:
    """A short run's records: two sessions, a gap, a warning, a rollback."""
    found: list[dict[str, Any]] = []
    for step in range(1, 11):
        loss = None if step == 5 else 0.7 + step / 10
        first = step <= 6
        moment = {"elapsed": 10.0 * step if first else 10.0 * (step - 6), "began": 1000.0 if first else 9000.0}
        found.append(log(64 * step, loss_generator=loss, loss_discriminator=1.4, accuracy_real=0.6, **moment))
        if step % 2 == 0:
            metrics = {"kernel_distance": 0.5 / step**2, "kernel_distance_floor": 0.0004, "precision": step / 20}
            found.append(log(64 * step, event="evaluation", **metrics, **moment))
    when = {"clock": {"time": 1.0}}
    found.append(
        {"event": "warning", "images_seen": 320, "message": "The discriminator has won; try --set x=1.", **when}
    )
    found.append({"event": "rollback", "images_seen": 512, "message": "a loss was not finite", **when})
    return found


def make_run(
    folder: Path,
    *,
    records: list[dict[str, Any]] | None = None,
    cards: dict[str, Any] | None = None,
    audited: Any = None,
    grids: int = 5,
    changes: tuple[str, ...] = ("training.total_images=640",),
    info: dict[str, Any] | None = None,
) -> Path:
    """A run folder without checkpoints."""
    for name in ("samples", "checkpoints", "evaluations", "audit"):
        (folder / name).mkdir(parents=True)
    (folder / "config.yaml").write_text(load_config(recipes()["quickstart"], changes).to_yaml(), encoding="utf-8")
    environment = {"torch": "2.10", "device": "cpu", "threads": 2, "processes": 1, "precision": "bfloat16"}
    known = {
        "tool": "gantool",
        "version": "0.1.0",
        "command": ["/x/gantool", "train", "quickstart"],
        "python": "3.11.7",
        "environment": environment,
        "prepared": str(folder / "gone"),
        "dataset_fingerprint": FINGERPRINT,
        "bit_exact": True,
    }
    (folder / "run.json").write_text(json.dumps(known | (info or {})), encoding="utf-8")
    text = "".join(json.dumps(line) + "\n" for line in (lines() if records is None else records))
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    for index in range(grids):
        shade = 255 * index // max(1, grids - 1)
        Image.new("RGB", (120, 80), (shade, 80, 255 - shade)).save(folder / "samples" / f"{64 * index:09d}.png")
    for name, content in (cards or {}).items():
        (folder / "evaluations" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    if audited is not None:
        (folder / "audit" / "audit.json").write_text(json.dumps(audited), encoding="utf-8")
        Image.new("RGB", (300, 100), (10, 120, 60)).save(folder / "audit" / "memorisation.png")
    return folder


def full_run(folder: Path) -> Path:
    """A run of which nothing is missing but its data."""
    return make_run(folder, cards={"holdout-efficientnet_lite0": card()}, audited=audit())


def hostile_run(folder: Path) -> Path:
    """Strangers' text in every place that can hold it."""
    worst = HOSTILE[0]
    bad = card(
        worst,
        features={**card()["features"], "name": HOSTILE[1], "filter": HOSTILE[2], "size": HOSTILE[3]},
        reference={"split": "holdout", "fingerprint": worst, "pictures": 10, "of": 10},
        values=[{**value("kernel_distance", 0.1), "title": text, "note": text} for text in HOSTILE],
        discriminator=dict.fromkeys(HOSTILE, 0.5),
        notes=list(HOSTILE),
        version=HOSTILE[1],
    )
    checks = [
        {
            **audit()["checks"][2],
            "name": text,
            "title": text,
            "reason": text,
            "numbers": [number(text, text, 1.0, None, None, text)],
            "picture": "memorisation.png",
            "caption": text,
            "classes": [{"name": text, "expected": 0.1, "made": 0.1, "recall": None, "coverage": None}],
        }
        for text in HOSTILE
    ]
    records: list[dict[str, Any]] = [log(64 * step, 10.0 * step, **dict.fromkeys(HOSTILE, step)) for step in (1, 2)]
    records += [log(128, 21.0, event="evaluation", **dict.fromkeys(HOSTILE, 0.5))]
    records += [{"event": "warning", "images_seen": 64, "message": text} for text in HOSTILE]
    environment = {text: text for text in HOSTILE} | {"device": HOSTILE[1], "threads": worst}
    make_run(
        folder,
        records=records,
        cards={"holdout-x": bad},
        audited=audit(checks=checks, subject={**audit()["subject"], "name": worst}),
        info={"environment": environment, "command": ["x", *HOSTILE], "prepared": f"/{worst}", "python": worst},
    )
    return folder

"""Reports to show, with hostile names in them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from gantool.inspection.report import Advice, Facts, Finding, Report

HOSTILE = (
    '"><img src=x onerror="window.hacked=1">.png',
    "</script><script>window.hacked=2</script>.png",
    "</style><style>body{display:none}.png",
    "{{ 7 * 7 }}{% raw %}.png",
    "[red]not red[/red] :smile:.png",
    "javascript:window.hacked=3//.png",
    "bytes-\udcff-of-another-time.png",
    "\x1b[2J\x07 clears\nthe screen\u202egnp.exe",
    "' onfocus='window.hacked=4' autofocus='.png",
)


def picture(index: int) -> bytes:
    """A thumbnail: PNG or WebP, large or small, each of another colour."""
    colour = (37 * index % 256, 91 * index % 256, 200)
    content = io.BytesIO()
    Image.new("RGB", (28, 28) if index % 3 else (120, 60), colour).save(content, "PNG" if index % 2 else "WEBP")
    return content.getvalue()


def report(
    findings: Sequence[Finding] = (),
    *,
    names: Sequence[str] = tuple(f"pictures/{index:03d}.png" for index in range(40)),
    labels: Sequence[str | None] | None = None,
    source: str = "my-pictures",
    classes: dict[str, int] | None = None,
    options: dict[str, object] | None = None,
    lines: Sequence[str] = ("40 pictures are few.", "Say --background white."),
) -> Report:
    """A report over 40 pictures."""
    count = len(names)
    return Report(
        source=source,
        names=names,
        labels=labels if labels is not None else [None] * count,
        findings=findings,
        facts=Facts(
            total=count,
            readable=count,
            formats={"PNG": count - 1, "JPEG": 1},
            modes={"rgb": count},
            smallest=(20, 30),
            median=(64, 80),
            largest=(480, 640),
            class_counts=classes or {},
            captions=3,
        ),
        advice=Advice(usable=count, resolution=64, recipe="folder32", lines=lines),
        options=options or {},
    )


def mixed() -> Report:
    """One of everything: every severity, groups, findings without pictures, out of order."""
    return report(
        [
            Finding("mixed_sizes", (), "3 sizes"),
            Finding("alpha", (11,), "a tenth of its pixels"),
            Finding("blurred", (9,), "sharpness 0.05", 2.0),
            Finding("blurred", (10,), "sharpness 0.09", 1.0),
            Finding("near_duplicates", (2, 3), "3 of 256 bits differ"),
            Finding("near_duplicates", (4, 5, 6), "7 of 256 bits differ"),
            Finding("two_labels", (7, 8), "cat and dog"),
            Finding("unreadable", (0,), "truncated"),
            Finding("unreadable", (1,), "empty"),
            Finding("small_class", (), "dog: 4 pictures"),
            Finding("small_class", (), "emu: 5 pictures"),
            Finding("blank", (12,), "one value"),
        ],
        labels=[("cat", "dog")[index % 2] for index in range(40)],
        classes={"cat": 31, "dog": 4, "emu": 5},
        options={"resolution": 64, "mirrored": False},
    )


def hostile() -> Report:
    """Strangers' text in every place that can hold it."""
    worst = HOSTILE[0]
    every = range(len(HOSTILE))
    return report(
        [
            *(Finding("unreadable", (index,), HOSTILE[-1 - index]) for index in every),
            *(Finding("blurred", (index,), HOSTILE[index]) for index in every),
            Finding("near_duplicates", tuple(every), worst),
            Finding("passed_over", (), HOSTILE[1]),
        ],
        names=HOSTILE,
        labels=HOSTILE[::-1],
        source=worst,
        classes=dict.fromkeys(HOSTILE, 1),
        options={worst: HOSTILE[6]},
        lines=HOSTILE,
    )

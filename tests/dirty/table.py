"""A score as tables, in Markdown or plain text."""

from __future__ import annotations

from collections.abc import Sequence

from gantool.inspection.report import KINDS
from tests.dirty.score import Row, Score

Cells = Sequence[str]


def rendered(score: Score, *, markdown: bool = False) -> str:
    """All that a score says: demands, what was planted, false flags, missed pictures and strange groups."""
    half = "both halves" if score.half == "both" else f"half {score.half}"
    parts = [
        _title(f"{score.name}, {half}", markdown),
        _table(("demand", "wanted", "got", "of", ""), _demands(score), markdown),
        _table(("planted", "variant", "count", "found", "share"), _planted(score), markdown),
        _table(("good pictures flagged", "severity", "count", "share"), _false(score), markdown),
    ]
    missed = [f"{row.title}: {name}" for row in score.rows for name in row.missed]
    flagged = [f"{kind}: {name}" for kind, names in score.false.items() for name in names if not KINDS[kind].grouped]
    groups = [f"{kind}: {', '.join(names)}" for kind, names in score.strange_groups]
    for title, lines in (
        ("Missed", missed),
        ("Good pictures that are flagged", flagged),
        ("Groups that join different pictures", groups),
    ):
        if lines:
            parts.append(_title(f"{title} ({len(lines)})", markdown))
            parts.append("\n".join(f"- `{line}`" if markdown else f"  {line}" for line in lines))
    return "\n\n".join(parts) + "\n"


def _demands(score: Score) -> list[Cells]:
    return [
        (
            demand.what,
            f"{'≤' if demand.most else '≥'} {demand.wanted:.0%}",
            f"{demand.got:.1%}",
            str(demand.of),
            "met" if demand.met else "MISSED",
        )
        for demand in score.demands
    ]


def _planted(score: Score) -> list[Cells]:
    """A row for each sort, in the order of `KINDS`; a kind of several sorts begins with its sum."""
    lines: list[Cells] = []
    for kind in KINDS:
        rows = [row for row in score.rows if row.kind == kind]
        rows.sort(key=lambda row: row.grade or 0)
        if len(rows) > 1:
            missed = tuple(name for row in rows for name in row.missed)
            rows = [Row(kind, "all", None, sum(row.planted for row in rows), missed), *rows]
        lines += [
            (
                kind if number == 0 else "",
                row.variant,
                str(row.planted),
                str(row.found),
                f"{row.found / row.planted:.0%}",
            )
            for number, row in enumerate(rows)
        ]
    return lines


def _false(score: Score) -> list[Cells]:
    of = max(1, score.good)
    lines = [
        (kind, KINDS[kind].severity, str(len(names)), f"{len(names) / of:.1%}") for kind, names in score.false.items()
    ]
    flagged = len(score.flagged)
    return [*lines, ("any but notes", "", f"{flagged} of {score.good}", f"{flagged / of:.1%}")]


def _title(text: str, markdown: bool) -> str:
    return f"### {text}" if markdown else f"{text}\n{'=' * len(text)}"


def _table(head: Cells, lines: Sequence[Cells], markdown: bool) -> str:
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    if not markdown:
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (head, ["-" * width for width in widths], *lines)
        )
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (head, ["-" * width for width in widths], *lines)
    )

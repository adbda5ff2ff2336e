"""Contact sheets: what was planted, and what a report got wrong."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from tests.dirty.make import PICTURES, TRUTH
from tests.dirty.score import Halves, flags_of_json, score
from tests.dirty.truth import Planted, Truth, read_truth

CELL, GAP, MARGIN = 72, 4, 270
PER_ROW = 14

Row = tuple[str, Sequence[str]]
"""(title, names of pictures)."""


def draw_planted(folder: Path, out: Path) -> None:
    """A row for each kind, grade or variant, of the first of its pictures; a copy stands right of its original."""
    truth = read_truth(folder / TRUTH)
    rows: list[Row] = [("good", [good.name for good in truth.good[:PER_ROW]])]
    for title, planted in grouped(truth).items():
        names = [name for one in planted for name in ((one.of, one.name) if one.of else (one.name,))]
        rows.append((title, names))
    _draw(folder / PICTURES, rows, out)


def draw_wrong(folder: Path, report: Path, half: Halves, out: Path) -> None:
    """The good pictures that a report flags, by kind, and the planted faults that it missed."""
    truth = read_truth(folder / TRUTH)
    found = score(flags_of_json(report), truth, half)
    rows: list[Row] = [(f"good, flagged {kind}", names) for kind, names in found.false.items()]
    rows += [(f"{group[0]}: one group", group[1]) for group in found.strange_groups]
    rows += [(f"missed {row.title}", row.missed) for row in found.rows if row.missed]
    _draw(folder / PICTURES, [part for row in rows for part in _in_lines(row)], out)


def grouped(truth: Truth) -> dict[str, list[Planted]]:
    """The planted by a title of kind and grade, or of kind and variant."""
    groups: dict[str, list[Planted]] = {}
    for one in truth.planted:
        groups.setdefault(f"{one.kind}, {one.grade or one.variant}", []).append(one)
    return groups


def _in_lines(row: Row) -> Iterable[Row]:
    for start in range(0, len(row[1]), PER_ROW):
        yield row[0] if start == 0 else "", row[1][start : start + PER_ROW]


def _draw(pictures: Path, rows: Sequence[Row], out: Path) -> None:
    line = CELL + GAP
    sheet = Image.new("RGB", (MARGIN + PER_ROW * line, max(1, len(rows)) * line), (70, 90, 120))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for number, (title, names) in enumerate(rows):
        pen.text((6, number * line + 26), title, fill="white", font=font)
        for column, name in enumerate(names[:PER_ROW]):
            thumb = _thumb(pictures / name)
            corner = (MARGIN + column * line, number * line)
            sheet.paste(thumb, (corner[0] + (CELL - thumb.width) // 2, corner[1] + (CELL - thumb.height) // 2))
    sheet.save(out)


def _thumb(path: Path) -> Image.Image:
    """The picture to fit a cell, with the same pixels visible; a grey cross for what cannot be read."""
    try:
        with warnings.catch_warnings(action="error"), Image.open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            deep = upright.mode.startswith("I")
            shown = (upright.point(lambda level: level / 257).convert("L") if deep else upright).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError):
        cross = Image.new("RGB", (CELL // 2,) * 2, "grey")
        ImageDraw.Draw(cross).line((0, 0, CELL // 2, CELL // 2), fill="red", width=3)
        return cross
    scale = min(CELL / max(shown.size), max(1, CELL // 28))
    size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
    ground = Image.new("RGBA", size, (230, 150, 230))  # what is transparent shows in pink
    ground.alpha_composite(shown.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS))
    return ground.convert("RGB")

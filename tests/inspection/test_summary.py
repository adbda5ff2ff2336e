"""The summary in a terminal: what it says, that it fits, and that strangers' names do nothing."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from gantool.inspection import summary
from gantool.inspection.report import KINDS, Finding, Report
from gantool.pages.text import shortened

from .helpers import hostile, mixed, report

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def said(shown: Report, *, width: int = 80, encoding: str = "utf-8", terminal: bool = False) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    summary.show(shown, console)
    stream.flush()
    return raw.getvalue().decode(encoding)


def lines_before_commands(text: str) -> list[str]:
    return text.split("\nNext\n", maxsplit=1)[0].splitlines()


def test_it_says_verdict_facts_kinds_advice_and_commands_in_this_order() -> None:
    text = said(mixed())
    order = [
        "Training would stop: cannot be read (2)",
        "my-pictures",
        "PNG 39, JPEG 1",
        "30×20 to 640×480",
        "cat 31, emu 5, dog 4",
        "resolution 64, no mirrored",
        "would stop training",
        "cannot be read",
        "would poison training",
        "the same picture under two labels",
        "near duplicates",
        "blank or nearly constant",
        "worth a look",
        "blurred",
        "class with few pictures",
        "note",
        "mixed sizes",
        "What it means for training",
        "40 pictures are few.",
        "Say --background white.",
        "gantool data check my-pictures --html check.html",
        "gantool data check my-pictures --exclude-to exclude.txt",
        "gantool data prepare my-pictures --out prepared --resolution 64 --exclude exclude.txt",
    ]
    place = 0
    for part in order:
        assert part in text[place:], part
        place = text.index(part, place) + len(part)


def test_a_kind_has_its_count_and_an_example() -> None:
    rows = {line.split("  ")[1].strip(): line for line in said(mixed()).splitlines() if line.startswith("  ")}
    assert re.search(r"\b2\b.*pictures/000.png: truncated", rows["cannot be read"])
    assert re.search(r"\b3\b.*pictures/002.png = pictu", rows["near duplicates"])
    assert "dog: 4 pictures" in rows["class with few pictures"]


@pytest.mark.parametrize("width", [80, 60, 120])
def test_lines_fit_the_terminal(width: int) -> None:
    long = [f"a/very/long/path/of/many/folders/{'x' * 90}-{index}.png" for index in range(3)]
    findings = [Finding(kind, (0, 1) if KINDS[kind].grouped else (2,), "a detail " * 9) for kind in KINDS]
    text = said(report(findings, names=long, source="s" * 200), width=width)
    assert max(cell_len(line) for line in lines_before_commands(text)) <= width
    assert "….png" not in text
    assert "-2.png" in text  # the middle was cut, not the end


def test_commands_are_whole_and_quoted() -> None:
    text = said(report([Finding("blank", (0,), "")], source="my pictures/" + "of a long summer " * 8))
    command = next(line for line in text.splitlines() if "data prepare" in line)
    assert f"'my pictures/{'of a long summer ' * 8}'" in command
    assert command.endswith("--exclude exclude.txt")


def test_a_clean_set_is_fine() -> None:
    text = said(report(lines=()))
    assert text.startswith("Fine: nothing was found")
    for absent in ("would", "--html", "--exclude", "What it means"):
        assert absent not in text.split("\n", 1)[1]
    assert "gantool data prepare my-pictures" in text


def test_an_empty_source_can_be_shown() -> None:
    text = said(report([Finding("none", (), "0 usable")], names=()))
    assert "Training would stop: no pictures to train on" in text


@pytest.mark.parametrize("terminal", [False, True])
def test_strangers_names_do_nothing(terminal: bool) -> None:
    text = said(hostile(), width=300, terminal=terminal)
    assert "[red]not red[/red] :smile:.png" in text
    plain = ESCAPES.sub("", text)
    assert all(char.isprintable() or char == "\n" for char in plain)
    assert "\nthe screen" not in plain
    assert r"\udcff" in plain
    if not terminal:
        assert plain == text


def test_a_terminal_without_unicode_gets_its_own_characters() -> None:
    text = said(hostile(), encoding="ascii") + said(mixed(), encoding="ascii")
    assert text.isascii()
    assert "30x20 to 640x480" in text


def test_colour_says_nothing_that_words_do_not() -> None:
    coloured = said(mixed(), terminal=True)
    assert ESCAPES.sub("", coloured) == said(mixed())
    assert coloured != said(mixed())


@pytest.mark.parametrize("text", ["short.png", "a/" * 50 + "end.png", "画像/" * 20 + "猫.png"])
def test_shortening_cuts_the_middle(text: str) -> None:
    for width in range(8, 60):
        short = shortened(text, width)
        assert cell_len(short) <= width
        assert short == text if cell_len(text) <= width else "…" in short
        assert short.endswith(".png")
        assert short[0] == text[0] or width < 12

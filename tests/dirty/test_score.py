"""The scorer counts as a person would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from gantool.inspection.report import Advice, Facts, Finding, Report
from gantool.inspection.serial import to_json
from tests.dirty import __main__ as command
from tests.dirty.score import Flag, Halves, Score, flags_of, flags_of_json, score
from tests.dirty.sheet import draw_planted, draw_wrong
from tests.dirty.table import rendered
from tests.dirty.truth import Good, Planted, Truth

Made = tuple[Path, Truth]

SMALL = Truth(
    "tiny",
    0,
    28,
    good=[
        Good("a/1.png", "a", "A"),
        Good("a/2.png", "a", "A"),
        Good("a/3.png", "a", "B"),
        Good("b/4.png", "b", "B", ("grey_among_colour",)),
    ],
    planted=[
        Planted("a/copy.bmp", "exact_duplicates", "BMP", "a", "A", of="a/1.png"),
        Planted("a/near.jpg", "near_duplicates", "cropped", "a", "B", of="a/3.png"),
        Planted("b/both.png", "two_labels", "byte copy", "b", "A", of="a/2.png"),
        Planted("b/dark1.png", "dark", "multiplied", "b", "A", 1),
        Planted("b/dark3.png", "dark", "multiplied", "b", "B", 3),
        Planted("b/phone.heic", "passed_over", "HEIC", "b", "B"),
    ],
)


def flag(kind: str, *names: str, detail: str = "") -> Flag:
    return Flag(kind, frozenset(names), detail)


def perfect(truth: Truth) -> list[Flag]:
    return [
        flag(one.kind, detail=f"{one.name}: not read") if one.kind == "passed_over"
        else flag(one.kind, *([one.of] if one.of else []), one.name)
        for one in truth.planted
    ]  # fmt: skip


def found(scored: Score) -> dict[str, tuple[int, int]]:
    return {row.title: (row.found, row.planted) for row in scored.rows}


def test_a_perfect_report_finds_all_and_an_empty_one_nothing(garments: Made, emoji: Made) -> None:
    for _, truth in (garments, emoji):
        for half in get_args(Halves):
            best = score(perfect(truth), truth, half)
            assert all(row.found == row.planted for row in best.rows)
            assert best.meets_all
            assert not best.false
            assert not best.strange_groups
            worst = score([], truth, half)
            assert [row.planted for row in worst.rows] == [row.planted for row in best.rows]
            assert all(row.found == 0 for row in worst.rows)
            assert [demand.met for demand in worst.demands] == [demand.most for demand in worst.demands]


def test_the_halves_divide_the_set() -> None:
    a, b = score(perfect(SMALL), SMALL, "A"), score(perfect(SMALL), SMALL, "B")
    assert found(a) == {"exact_duplicates, BMP": (1, 1), "two_labels, byte copy": (1, 1), "dark, grade 1": (1, 1)}
    assert found(b) == {"near_duplicates, cropped": (1, 1), "dark, grade 3": (1, 1), "passed_over, HEIC": (1, 1)}
    assert (a.good, b.good) == (2, 2)
    flags = [flag("dark", "a/3.png")]
    assert score(flags, SMALL, "A").false == {}
    assert score(flags, SMALL, "B").false == {"dark": ["a/3.png"]}


@pytest.mark.parametrize(
    ("kind", "names", "counts"),
    [
        ("exact_duplicates", ("a/1.png", "a/copy.bmp"), True),
        ("two_labels", ("a/1.png", "a/copy.bmp", "b/4.png"), True),
        ("near_duplicates", ("a/1.png", "a/copy.bmp"), False),  # equal pixels are more than nearly equal
        ("exact_duplicates", ("a/2.png", "a/copy.bmp"), False),  # another picture's copy
        ("exact_duplicates", ("a/copy.bmp",), False),
    ],
)
def test_a_copy_is_found_with_its_original(kind: str, names: Sequence[str], counts: bool) -> None:
    assert found(score([flag(kind, *names)], SMALL))["exact_duplicates, BMP"] == (int(counts), 1)


def test_a_near_copy_may_be_called_exact_and_two_labels_only_so() -> None:
    for kind in ("near_duplicates", "exact_duplicates", "two_labels"):
        flags = [flag(kind, "a/3.png", "a/near.jpg"), flag(kind, "a/2.png", "b/both.png")]
        assert found(score(flags, SMALL))["near_duplicates, cropped"] == (1, 1)
        assert found(score(flags, SMALL))["two_labels, byte copy"] == (int(kind == "two_labels"), 1)


def test_only_good_pictures_are_falsely_flagged() -> None:
    scored = score(
        [
            flag("blank", "b/dark3.png"),  # may rightly be blank too
            flag("dark", "a/1.png"),
            flag("bright", "a/1.png"),
            flag("palette", "a/2.png"),
            flag("grey_among_colour", "b/4.png"),  # a fact
            flag("small_class", "a/3.png"),  # says nothing of this picture
        ],
        SMALL,
    )
    assert scored.false == {"dark": ["a/1.png"], "bright": ["a/1.png"], "palette": ["a/2.png"]}
    assert scored.flagged == {"a/1.png"}  # once, and a note is no accusation
    (demand,) = [demand for demand in scored.demands if demand.most]
    assert (demand.got, demand.of, demand.met) == (0.25, 4, False)


def test_groups_of_different_pictures_are_false_and_listed() -> None:
    joined = flag("near_duplicates", "a/1.png", "a/copy.bmp", "a/3.png")
    scored = score([joined, flag("near_duplicates", "a/3.png", "a/near.jpg")], SMALL)
    assert scored.false == {"near_duplicates": ["a/3.png"]}
    assert scored.strange_groups == [("near_duplicates", ["a/1.png", "a/3.png", "a/copy.bmp"])]


def report_of(flags: Sequence[Flag], truth: Truth) -> Report:
    names = [name for name in truth.names if not name.endswith("heic")]
    findings = [Finding(one.kind, tuple(sorted(map(names.index, one.names))), one.detail) for one in flags]
    facts = Facts(len(names), len(names), {}, {}, (28, 28), (28, 28), (28, 28), {}, 0)
    return Report("set", names, [None] * len(names), findings, facts, Advice(4, 28, "quickstart", []))


def test_a_report_and_its_json_score_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_of([*perfect(SMALL)[1:], flag("dark", "a/2.png")], SMALL)
    (tmp_path / "report.json").write_text(to_json(report), encoding="utf-8")
    key = repr
    assert sorted(flags_of(report), key=key) == sorted(flags_of_json(tmp_path / "report.json"), key=key)
    assert found(score(flags_of(report), SMALL))["exact_duplicates, BMP"] == (0, 1)
    SMALL.write(tmp_path / "truth.json")
    arguments = ["dirty", "score", str(tmp_path / "report.json"), str(tmp_path / "truth.json")]
    monkeypatch.setattr("sys.argv", arguments)
    assert command.main() == 1


def test_the_table_says_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    scored = score([*perfect(SMALL)[:3], flag("dark", "a/2.png", "b/dark1.png")], SMALL)
    text, marked = rendered(scored), rendered(scored, markdown=True)
    (line,) = [line for line in text.splitlines() if line.startswith("dark, grades")]
    assert line.split()[-5:] == ["≥", "90%", "0.0%", "1", "MISSED"]
    for wanted in ("1 of 4", "dark, grade 3: b/dark3.png", "dark: a/2.png"):
        assert wanted in text
        assert wanted in marked
    assert all(line.endswith("|") for line in marked.splitlines() if line.startswith("|"))


def test_sheets_show_what_was_planted_and_what_was_missed(tmp_path: Path, garments: Made) -> None:
    from PIL import Image

    folder, _ = garments
    draw_planted(folder, tmp_path / "planted.png")
    (tmp_path / "report.json").write_text(to_json(report_of([], SMALL)), encoding="utf-8")
    draw_wrong(folder, tmp_path / "report.json", "A", tmp_path / "missed.png")
    for name in ("planted.png", "missed.png"):
        with Image.open(tmp_path / name) as sheet:
            assert sheet.height > 20 * 72
            assert len(sheet.getcolors(1 << 24) or ()) > 100

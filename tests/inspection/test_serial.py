"""The JSON: everything of the report survives, names are those of the exclusion list, and it is the same each time."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data import exclusions
from gantool.inspection import serial
from gantool.inspection.report import KINDS, Advice, Facts, Finding, Report

from .helpers import HOSTILE, hostile, mixed, report


def rebuilt(document: dict[str, Any]) -> Report:
    """A report from nothing but its JSON."""
    sizes = {key: tuple(document["facts"].pop(key)) for key in ("smallest", "median", "largest")}
    return Report(
        source=document["source"],
        names=tuple(document["names"]),
        labels=document["labels"],
        findings=[
            Finding(found["kind"], tuple(found["pictures"]), found["detail"], found["score"])
            for found in document["findings"]
        ],
        facts=Facts(**document["facts"], **sizes),
        advice=Advice(**document["advice"] | {"lines": tuple(document["advice"]["lines"])}),
        options=document["options"],
    )


def by_kind(findings: Any) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.kind)  # stable: the order within a kind counts


@pytest.mark.parametrize("shown", [mixed(), hostile(), report()], ids=["mixed", "hostile", "clean"])
def test_everything_survives(shown: Report) -> None:
    again = rebuilt(json.loads(serial.to_json(shown)))
    assert by_kind(again.findings) == by_kind(shown.findings)
    for field in ("source", "names", "facts", "options"):
        assert getattr(again, field) == getattr(shown, field), field
    assert list(again.labels) == list(shown.labels)
    assert vars(again.advice) == vars(shown.advice)


def test_it_says_what_machines_need() -> None:
    document = json.loads(serial.to_json(mixed()))
    assert document["format"] == 1
    assert document["verdict"]["judgement"] == "stop"
    assert [kind["kind"] for kind in document["kinds"]][:3] == ["unreadable", "two_labels", "near_duplicates"]
    near = next(kind for kind in document["kinds"] if kind["kind"] == "near_duplicates")
    assert (near["severity"], near["findings"], near["pictures"]) == ("poison", 2, 3)
    first = document["findings"][0]
    assert (first["severity"], first["names"], first["excluded"]) == (
        "stop",
        ["pictures/000.png"],
        ["pictures/000.png"],
    )
    group = next(found for found in document["findings"] if found["kind"] == "near_duplicates")
    assert group["excluded"] == ["pictures/003.png"]
    assert next(found for found in document["findings"] if found["kind"] == "blurred")["excluded"] == []


def test_what_is_left_out_keeps_one_of_each_group() -> None:
    document = json.loads(serial.to_json(mixed()))
    assert document["excluded"] == [f"pictures/{index:03d}.png" for index in (0, 1, 3, 5, 6, 12)]


def test_names_are_those_of_the_exclusion_list(tmp_path: Path) -> None:
    text = serial.to_json(hostile())
    assert text.isascii()
    names = json.loads(text)["excluded"]
    assert sorted(names) == sorted(HOSTILE)
    path = tmp_path / "exclude.txt"
    path.write_text(exclusions.render([(name, "blank", True) for name in names]), encoding="utf-8")
    assert exclusions.read(path) == set(names)


def test_equal_reports_give_equal_documents() -> None:
    assert serial.to_json(mixed()) == serial.to_json(mixed())


def test_numbers_that_are_none_become_null() -> None:
    shown = report([Finding("outlier", (0,), "far", math.inf), Finding("outlier", (1,), "far", math.nan)])
    document = json.loads(serial.to_json(shown), parse_constant=pytest.fail)
    assert [found["score"] for found in document["findings"]] == [None, None]


def test_options_of_any_plain_kind_are_written() -> None:
    options = {
        "exclude": Path("a/b.txt"),
        "size": (64, 96),
        "span": None,
        "features": {"model": "x", "on": np.True_, "k": np.int64(9)},
    }
    document = json.loads(serial.to_json(report(options=options)))
    assert document["options"] == {
        "exclude": "a/b.txt",
        "size": [64, 96],
        "span": None,
        "features": {"model": "x", "on": True, "k": 9},
    }
    with pytest.raises(TypeError, match="cannot be written"):
        serial.to_json(report(options={"odd": object()}))


@pytest.mark.parametrize(
    ("kind", "judgement"),
    [("unreadable", "stop"), ("blank", "poison"), ("dark", "look"), ("alpha", "fine"), (None, "fine")],
)
def test_the_verdict_is_the_worst_that_was_found(kind: str | None, judgement: str) -> None:
    findings = [Finding("rotated", (3,), ""), *([Finding(kind, (0,), "")] if kind else [])]
    verdict = json.loads(serial.to_json(report(findings)))["verdict"]
    assert verdict["judgement"] == judgement
    if kind and judgement != "fine":
        assert f"{KINDS[kind].title} (1)" in verdict["sentence"]

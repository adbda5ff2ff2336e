"""Run folders that others made: pipes, huge files, numbers beyond sense. A report ends, and says what it left out."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gantool import files
from gantool.comparison import compare, page
from gantool.errors import DataError
from gantool.pages.text import number
from gantool.report import write_report
from gantool.report.cards import read_card
from gantool.rundir import RunFolder

from ..pages import Read
from .helpers import audit, card, full_run, make_run, value

CARD = "evaluations/holdout-efficientnet_lite0.json"
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def words_of(run: Path) -> str:
    write_report(run)
    return Read((run / "report.html").read_text(encoding="utf-8")).words


@needs_pipes
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("samples/000000064.png", "samples/000000064.png: no regular file"),
        (CARD, f"{CARD}: no regular file"),
        ("audit/audit.json", "audit/audit.json: no regular file"),
        ("audit/memorisation.png", "audit/memorisation.png: no regular file"),
        ("run.json", "run.json cannot be read (no regular file)"),
        ("metrics.jsonl", "metrics.jsonl cannot be read: no regular file"),
        ("config.yaml", "config.yaml: no regular file"),
        ("checkpoints/best.json", "Report of run"),
        ("checkpoints/000000640.safetensors", "Report of run"),
    ],
)
def test_a_pipe_is_not_waited_for(tmp_path: Path, file: str, said: str) -> None:
    run = full_run(tmp_path / "run")
    (run / file).unlink(missing_ok=True)
    os.mkfifo(run / file)
    assert said in words_of(run)
    assert RunFolder(run).best() is None
    assert RunFolder(run).newest() is None


@needs_pipes
def test_a_pipe_in_the_prepared_set_is_not_waited_for(tmp_path: Path) -> None:
    run = full_run(tmp_path / "run")
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    prepared = Path(info["prepared"])
    prepared.mkdir()
    os.mkfifo(prepared / "dataset.json")
    assert "dataset.json is no regular file" in words_of(run)


@needs_pipes
def test_a_pipe_that_took_a_files_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regular, pipe = tmp_path / "file", tmp_path / "pipe"
    regular.write_bytes(b"x")
    os.mkfifo(pipe)
    found = regular.stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: found)
    with pytest.raises(OSError, match="no regular file"):
        files.read_regular(pipe, 10)


def test_huge_files_are_named(tmp_path: Path) -> None:
    run = full_run(tmp_path / "run")
    for name in (CARD, "run.json", "config.yaml", "samples/000000064.png", "metrics.jsonl"):
        os.truncate(run / name, 10_000_000_000)  # a hole: it takes no room
    words = words_of(run)
    for said in (
        f"{CARD}: larger than 32 MB",
        "run.json cannot be read (larger than 4 MB)",
        "config.yaml: larger than 1 MB",
        "samples/000000064.png: larger than 128 MB",
        "metrics.jsonl cannot be read: larger than 4,000 MB",
    ):
        assert said in words, said


@pytest.mark.parametrize("name", ["abc.safetensors", "../x/000000064.safetensors", "000000064.png", "", 3, "a\0b"])
def test_the_best_is_a_checkpoint_or_none(tmp_path: Path, name: Any) -> None:
    """`since_best` and the page of a comparison read the number out of its name."""
    run = full_run(tmp_path / "one")
    for file in ("abc.safetensors", "000000064.png"):
        (run / "checkpoints" / file).write_bytes(b"")
    (run / "checkpoints" / "best.json").write_text(json.dumps({"file": name}), encoding="utf-8")
    assert RunFolder(run).best() is None
    shutil.copytree(run, tmp_path / "two")
    assert "after 256 images" in page.render(compare([run, tmp_path / "two"]))


def test_a_best_that_is_there_is_found(tmp_path: Path) -> None:
    run = RunFolder(full_run(tmp_path / "run"))
    best = run.checkpoint_path(64)
    best.write_bytes(b"")
    run.write_best(best, "kernel_distance", 0.1)
    assert run.best() == run.newest() == best


@pytest.mark.parametrize(
    ("mean", "deviation", "shown"),
    [
        (1e308, 1e-300, "1.000e+308 ± 1.0e-300"),
        (1.0, 1e300, "1 ± 1.0e+300"),
        (2.5e-9, 1e-10, "2.500e-09 ± 1.0e-10"),
        (31.468, 0.21, "31.47 ± 0.21"),
        (0.00213, 0.0001, "0.00213 ± 0.00010"),
        (0.5, -0.1, "0.5"),
        (0.5, 0.0, "0.5"),
    ],
)
def test_no_number_runs_over_the_page(mean: float, deviation: float, shown: str) -> None:
    assert number(mean, deviation) == shown


def test_a_deviation_below_0_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    floor = {"halves": {"mean": 0.1, "deviation": -1e-9}, "train_holdout": None}
    for one in (value("kernel_distance", 0.1, -0.1), value("kernel_distance", 0.1, 0.1, floor=floor)):
        file.write_text(json.dumps(card(values=[one])), encoding="utf-8")
        with pytest.raises(DataError, match="damaged"):
            read_card(file)


def test_whole_numbers_beyond_sense_are_damage(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(card(samples=10**300)), encoding="utf-8")
    with pytest.raises(DataError, match="damaged: a number of 301 digits"):
        read_card(file)


def test_extreme_numbers_stay_short_everywhere(tmp_path: Path) -> None:
    floor = {"halves": {"mean": 1e-300, "deviation": 0.0}, "train_holdout": None}
    values = [value("kernel_distance", 1e308, 1e-300, floor=floor), value("precision", 1e308, 1e307)]
    numbers = [
        {"name": unit, "title": unit, "value": 1e308, "baseline": 1e300, "limit": -1e300, "unit": unit}
        for unit in ("share", "count", "p")
    ]
    checks = [
        {
            **audit()["checks"][2],
            "numbers": numbers,
            "classes": [{"name": "a", "expected": 1e308, "made": 1e308, "recall": 1e308, "coverage": 1e308}],
        }
    ]
    record = {
        "event": "log",
        "images_seen": 64,
        "loss_generator": 1e308,
        "clock": {"time": 1e308, "elapsed": 1e308, "images_per_second": 1e308},
    }
    run = make_run(
        tmp_path / "run",
        records=[record],
        cards={"holdout-x": card(values=values, discriminator=dict.fromkeys(("accuracy_made", "gap"), 1e308))},
        audited=audit(checks=checks),
    )
    assert not re.search(r"\d{30}", words_of(run).replace(",", ""))

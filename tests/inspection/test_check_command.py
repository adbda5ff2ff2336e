"""``gantool data check``, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gantool.cli.app import app
from gantool.data import exclusions
from gantool.data.workers import most_workers
from gantool.errors import DataError, UsageError


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """120 pictures of noise, one of them twice."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (120, 16, 16, 3), np.uint8)):
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    (folder / "again.png").write_bytes((folder / "007.png").read_bytes())
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", "check", "pictures", "--features", "off", *arguments])


def test_everything_that_was_asked_for_is_written(pictures: Path, tmp_path: Path) -> None:
    result = run("--html", "check.html", "--json", "check.json", "--exclude-to", "bad.txt")
    assert result.exit_code == 0, result.output
    assert "exact duplicates" in result.stdout
    assert exclusions.read(tmp_path / "bad.txt") == {"again.png"}
    assert json.loads((tmp_path / "check.json").read_text())["excluded"] == ["again.png"]
    assert "again.png" in (tmp_path / "check.html").read_text()


def test_strict_is_for_pipelines(pictures: Path) -> None:
    assert run().exit_code == 0
    assert isinstance(run("--strict").exception, DataError)
    (pictures / "again.png").unlink()
    assert run("--strict").exit_code == 0


@pytest.mark.parametrize("number", ["0", "-1", "2000"])
def test_no_number_of_processes_that_would_kill_the_machine(pictures: Path, number: str) -> None:
    result = run("--workers", number)
    assert isinstance(result.exception, UsageError) or result.exit_code == 2, result.output
    if number == "2000":
        assert f"--workers 2000: at most {most_workers()}" in str(result.exception)
    assert run("--workers", "3").exit_code == 0


def test_a_list_that_a_person_edited_is_not_written_over(pictures: Path, tmp_path: Path) -> None:
    mine = tmp_path / "bad.txt"
    mine.write_text("mine.png\n")
    assert "--force" in str(run("--exclude-to", "bad.txt").exception)
    assert mine.read_text() == "mine.png\n"
    assert run("--exclude-to", "bad.txt", "--force").exit_code == 0
    assert exclusions.read(mine) == {"again.png"}


@pytest.mark.parametrize("option", ["--html", "--json", "--exclude-to"])
def test_files_that_cannot_be_written_are_found_before_the_work(pictures: Path, option: str) -> None:
    for target in ("none/at/all", "pictures", "/proc/check"):
        result = run(option, target)
        assert isinstance(result.exception, UsageError)
        assert result.stdout == ""


def test_the_commands_that_come_next_repeat_what_was_typed(pictures: Path) -> None:
    assert "gantool data prepare pictures --labels none --out prepared" in run("--labels", "none").stdout


def test_a_prepared_set_is_not_prepared_again(pictures: Path) -> None:
    done = CliRunner().invoke(app, ["data", "prepare", "pictures", "--out", "ready"])
    assert done.exit_code == 0, done.output
    result = CliRunner().invoke(app, ["data", "check", "ready", "--features", "off"])
    assert "data prepare" not in result.stdout
    assert "path: ready" in result.stdout

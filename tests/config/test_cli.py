"""``gantool config``, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gantool.cli.app import app
from gantool.config import load_config, parse_config
from gantool.errors import GantoolError
from gantool.recipes import recipes
from tests.config.helpers import BASE


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["config", *arguments])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_copy_check_show(tmp_path: Path) -> None:
    result = run("copy", "quickstart")
    assert result.exit_code == 0, result.output
    assert "gantool train quickstart.yaml" in result.stdout
    copied = tmp_path / "quickstart.yaml"
    assert copied.read_bytes() == recipes()["quickstart"].read_bytes()
    assert run("check", "quickstart.yaml").stdout == "quickstart.yaml: no faults\n"
    shown = run("show", "quickstart.yaml", "--set", "training.batch_size=32", "--set", "seed=9")
    assert parse_config(shown.stdout) == load_config(copied, ["training.batch_size=32", "seed=9"])


def test_a_recipe_may_stand_for_a_file() -> None:
    assert run("check", "quickstart").exit_code == 0
    assert parse_config(run("show", "seed_mlp").stdout) == load_config(recipes()["seed_mlp"])


def test_copy_writes_over_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("mine", encoding="utf-8")
    result = run("copy", "quickstart", "mine.yaml")
    assert isinstance(result.exception, GantoolError)
    assert str(result.exception).startswith("mine.yaml: is there already")
    assert target.read_text(encoding="utf-8") == "mine"
    assert run("copy", "quickstart", "mine.yaml", "--force").exit_code == 0
    assert target.read_text(encoding="utf-8") != "mine"


def test_copy_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert run("copy", "seed_mlp", "here").exit_code == 0
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["seed_mlp.yaml"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("copy", "quickstrt"), "quickstrt: no such recipe; did you mean quickstart? choices: "),
        (("copy", "quickstart", "no/such/folder.yaml"), "no/such/folder.yaml: cannot be written: No such file"),
        (("check", "nothing.yaml"), "nothing.yaml: no such file or recipe; recipes: "),
        (("check", "."), ".: this is a folder; name the config file in it"),
        (("show", "quickstart", "--set", "sed=1"), "--set sed=1: unknown key; did you mean seed?"),
    ],
)
def test_faults(arguments: tuple[str, ...], expected: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, GantoolError)
    assert str(result.exception).startswith(expected)
    assert result.exception.exit_code == 2


def test_the_list_is_plain_lines_without_a_terminal() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(recipes())
    assert all(len(line.split()) > 4 for line in lines)


def test_the_schema_is_json() -> None:
    assert "training" in json.loads(run("schema").stdout)["properties"]


@pytest.mark.parametrize("verb", ["list", "copy", "check", "show", "schema"])
def test_each_verb_shows_an_example(verb: str) -> None:
    assert f"gantool config {verb}" in run(verb, "--help").stdout


def test_a_broken_file_ends_with_2_and_every_fault_and_no_traceback(tmp_path: Path) -> None:
    broken = BASE.replace("channels", "chanels").replace("batch_size: 16", "batch_size: 0")
    (tmp_path / "broken.yaml").write_text(broken, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "gantool", "config", "check", "broken.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "broken.yaml:8: data.chanels: unknown key; did you mean channels?\n" in ended.stderr
    assert "broken.yaml:28: training.batch_size: expected a number above 0, found 0\n" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_listing_and_copying_load_no_torch(tmp_path: Path) -> None:
    code = "import sys; from gantool.cli.config import copy; copy('quickstart'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0

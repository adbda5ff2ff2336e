"""The measures of the house, and that its parts fit together."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import median

import pytest

import gantool

ROOT = Path(gantool.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))


def test_files_and_functions_fit_a_reader() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert [str(path) for path, length in lengths.items() if length > 400] == []
    assert median(lengths.values()) <= 150
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, gantool; assert 'torch' not in sys.modules; print(gantool.__version__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == gantool.__version__


def test_public_names_are_there() -> None:
    for name in gantool.__all__:
        assert getattr(gantool, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gantool.nonsense  # noqa: B018


@pytest.mark.skipif(not (ROOT.parent / "pyproject.toml").exists(), reason="needs a clone, not an installed package")
def test_the_wheel_holds_recipes_data_and_licences(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT.parent,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for recipe in (ROOT.parent / "configs").glob("*.yaml"):
        assert f"gantool/configs/{recipe.name}" in names
    assert "gantool/data/embedded/t10k-images-idx3-ubyte.gz" in names
    assert "gantool/data/embedded/LICENSE" in names


BENCHMARKS = sorted((ROOT.parent / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=[path.stem for path in BENCHMARKS])
def test_benchmarks_know_the_names_they_use(path: Path) -> None:
    """They run by hand and seldom: at least what they import must be there."""
    importlib.import_module("benchmarks" if path.stem == "__init__" else f"benchmarks.{path.stem}")

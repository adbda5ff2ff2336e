"""docs/faults.md names tests for every fault: they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.faults.sections import SECTIONS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| fault |", "| ---"))]
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::([\w:]+)`", PAGE)))


def defined_in(path: Path) -> set[str]:
    """``test_…`` and ``TestClass::test_…`` of a file."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert name in defined_in(ROOT / "tests" / file)
    assert name.rpartition("::")[2].startswith("test_")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_row_has_a_test(row: str) -> None:
    proof = row.removesuffix(" |").split(" | ")[-1]
    sections = re.findall(r"--only (\w+)", proof)
    assert set(sections) <= set(SECTIONS)
    assert re.search(r"`[\w/]+\.py::\w+", proof), f"no test: {row}"


def test_there_is_a_row_for_every_kind_of_fault() -> None:
    assert len(ROWS) >= 30

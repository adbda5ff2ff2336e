"""A checkpoint of every schema stays in tests/fixtures and keeps its worth: it is sampled, and goes on where it can.

A new one, after `SCHEMA` was raised:  gantool train tests/fixtures/config.yaml  (its last checkpoint)
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gantool.errors import CheckpointError
from gantool.rundir import RunFolder
from gantool.training.checkpoint import SCHEMA, read_checkpoint
from gantool.training.display import Silent
from gantool.training.verbs import Resumption
from tests.training.helpers import gantool

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SCHEMAS = range(1, SCHEMA + 1)
MORE = "training.total_images=96"


def stored(schema: int) -> Path:
    return FIXTURES / f"schema-{schema}.safetensors"


def as_run(schema: int, folder: Path) -> RunFolder:
    """The run that the checkpoint would have come from."""
    run = RunFolder(folder)
    run.create()
    shutil.copy(FIXTURES / "config.yaml", run.config)
    shutil.copy(stored(schema), run.checkpoint_path(64))
    lines = int(read_checkpoint(stored(schema)).metadata["metrics_lines"])
    run.metrics.write_text("".join(json.dumps({"event": "log", "images_seen": 24 * n}) + "\n" for n in range(lines)))
    return run


def go_on(run: RunFolder, *, allow_inexact: bool = False) -> None:
    resumption = Resumption(run.path, [MORE], allow_inexact=allow_inexact)
    resumption.display = Silent()
    resumption.go("cpu")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_has_its_checkpoint(schema: int) -> None:
    assert stored(schema).is_file(), f"SCHEMA is {SCHEMA}: keep a checkpoint of schema {schema} (see above)"
    assert read_checkpoint(stored(schema)).metadata["schema"] == schema


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_can_be_sampled(schema: int, tmp_path: Path) -> None:
    done = gantool("sample", "--checkpoint", stored(schema), "--count", "3", "--out", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "made").glob("*.png"))) == 3


@pytest.mark.parametrize("schema", [schema for schema in SCHEMAS if schema < SCHEMA])
def test_an_older_one_says_why_it_would_not_go_on_exactly(schema: int, tmp_path: Path) -> None:
    run = as_run(schema, tmp_path / "run")
    with pytest.raises(CheckpointError, match=rf"schema was {schema}, is {SCHEMA}.*--allow-inexact"):
        go_on(run)
    go_on(run, allow_inexact=True)
    newest = run.newest()
    assert newest is not None
    assert read_checkpoint(newest).metadata["images_seen"] == 96
    assert json.loads(run.info.read_text())["bit_exact"] is False


def test_the_newest_has_the_names_and_shapes_of_today(tmp_path: Path) -> None:
    """(Its environment is that of the machine that made it; its tensors must be those of a state of now.)"""
    run = as_run(SCHEMA, tmp_path / "run")
    go_on(run, allow_inexact=True)
    newest = run.newest()
    assert newest is not None
    before, after = read_checkpoint(stored(SCHEMA)).tensors, read_checkpoint(newest).tensors
    assert {name: tensor.shape for name, tensor in before.items()} == {n: t.shape for n, t in after.items()}

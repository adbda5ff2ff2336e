"""A signal to the whole process group while workers decode pictures, as a terminal or a batch system sends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool.config import parse_config
from gantool.data import PreparedSet, prepare
from tests.processes import children_of, is_alive
from tests.training.helpers import BASE, gantool, last, run_straight

pytestmark = pytest.mark.slow

COUNT = 4_000


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    chance = np.random.default_rng(0)
    for number in range(COUNT):
        Image.fromarray(chance.integers(0, 256, (16, 16), dtype=np.uint8)).save(pictures / f"{number:05d}.png")
    data = f"data={{source: folder, path: {pictures}, resolution: 16, holdout: 0.1}}"
    config = parse_config(BASE, file="tiny.yaml", overrides=[data, "training.total_images=40"])
    (tmp_path / "tiny.yaml").write_text(config.to_yaml())
    return tmp_path / "tiny.yaml"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130), (signal.SIGUSR1, -signal.SIGUSR1)]
)
def test_a_signal_to_everybody_during_the_preparation_loses_nothing(
    number: signal.Signals, code: int, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that a signal kills has 128 + n for a shell; it has no Python left that could print a traceback."""
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "gantool", "train", str(config_file), "--run-dir", str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not (journals := [*(tmp_path / "cache").rglob("*journal*")]) or not any(
            j.stat().st_size for j in journals
        ):
            assert process.poll() is None, "it was done before it was asked to stop"
            time.sleep(0.005)
        workers = children_of(process.pid)
        os.killpg(process.pid, number)
        assert process.wait(60) == code
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    deadline = time.monotonic() + 20
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a working process outlives its parent"
        time.sleep(0.02)
    assert not (tmp_path / "run" / "config.yaml").exists()
    done = gantool("train", config_file, "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "other-cache"))
    config = parse_config(config_file.read_text(), file="tiny.yaml")
    assert len(PreparedSet.open(prepare(config.data, seed=config.seed))) == COUNT
    assert last(run_straight(config, tmp_path / "straight")).digest == last_of(tmp_path / "run")


def last_of(folder: Path) -> str:
    from gantool.rundir import RunFolder

    return last(RunFolder(folder)).digest

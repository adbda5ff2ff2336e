"""One of two processes hangs, or dies under ``torchrun``: the other says which, or both begin again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gantool import cli
from gantool.errors import GantoolError, NoDeviceError, RankLostError, ResourceError, UsageError
from gantool.rundir import RunFolder
from tests.faults.entry import PATIENCE, PLAN
from tests.faults.plans import Plan
from tests.processes import speaking_of
from tests.training.helpers import gantool, last, lines, tiny

pytestmark = pytest.mark.slow

ENTRY = "tests.faults.entry"


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny("training.total_images=240", "checkpoints.every=80").to_yaml())
    return file


def run_with(plan: Plan, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        env={**os.environ, PLAN: plan.to_json(), **environment},
        timeout=400,
        check=False,
    )


@pytest.mark.parametrize("hung", [0, 1])
def test_a_process_that_hangs_is_named(hung: int, config_file: Path, tmp_path: Path) -> None:
    plan = Plan("step", 120, number=signal.SIGSTOP, rank=hung)
    run = RunFolder(tmp_path / "run")
    told = ("train", config_file, "--run-dir", run.path, "--processes", "2")
    ended = run_with(plan, ENTRY, *told, **{PATIENCE: "25"})
    assert ended.returncode == 6, ended.stderr
    named = "rank 1 (process " if hung == 1 else "rank 0, where they meet, does not answer"
    assert f"gantool: waited 25 s for the other processes in vain: {named}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert speaking_of(run.path) == []
    assert last(run).metadata["images_seen"] == 80


def test_torchrun_begins_again_from_the_newest_checkpoint(config_file: Path, tmp_path: Path) -> None:
    straight, run = RunFolder(tmp_path / "straight"), RunFolder(tmp_path / "run")
    assert gantool("train", config_file, "--run-dir", straight.path, "--processes", "2").returncode == 0
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3", "-m")
    plan = Plan("step", 120, number=signal.SIGKILL, rank=1)
    ended = run_with(plan, *torchrun, ENTRY, "train", config_file, "--run-dir", run.path, "--or-resume")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "going on from image 80" in ended.stdout
    assert last(run).digest == last(straight).digest
    assert lines(run) == lines(straight)


@pytest.mark.parametrize(
    ("error", "rank", "said"),
    [
        (UsageError("no such thing"), "0", "gantool: no such thing\n"),
        (UsageError("no such thing"), "1", ""),  # the first one says it
        (
            NoDeviceError("--device cuda: 1 CUDA device is here"),
            "1",
            "gantool: rank 1: --device cuda: 1 CUDA device is here\n",
        ),
        (ResourceError("out of memory"), "1", "gantool: rank 1: out of memory\n"),
        (ResourceError("out of memory"), "0", "gantool: out of memory\n"),
        (RankLostError("rank 0 does not answer"), "1", "gantool: rank 0 does not answer\n"),
    ],
)
def test_a_rank_says_what_it_alone_may_have_met(
    error: GantoolError, rank: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as met:
        cli.main()
    assert met.value.code == error.exit_code
    assert capsys.readouterr().err == said

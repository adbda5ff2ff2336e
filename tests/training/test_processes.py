"""Real processes: signals, several ranks, the command line's words and exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gantool.rundir import RunFolder
from tests.processes import can_be_locked, children_of, is_alive
from tests.training import two_ranks
from tests.training.helpers import differing, gantool, last, lines, run_straight, tiny

ENDLESS = ("training.total_images=800000", "log.every=80", "checkpoints.every=800000", "samples.every=0")


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny().to_yaml())
    return file


def wait_for_lines(run: RunFolder, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until the run has logged ``count`` lines."""
    while not run.metrics.exists() or len(run.metrics.read_text().splitlines()) < count:
        assert process.poll() is None, "the run ended before it was asked to"
        time.sleep(0.02)


def begin(config: Path, run: RunFolder, *arguments: str) -> subprocess.Popen[bytes]:
    changes = [part for change in ENDLESS for part in ("--set", change)]
    command = [sys.executable, "-m", "gantool", "train", str(config), "--run-dir", str(run.path), *changes, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_stopped_runs_go_on_exactly(number: signal.Signals, code: int, config_file: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    process = begin(config_file, run)
    wait_for_lines(run, 3, process)
    process.send_signal(number)
    assert process.wait() == code
    reached = last(run).metadata["images_seen"]
    assert (reached == 0) is (number is signal.SIGKILL)
    end = (reached // 80 + 3) * 80
    assert gantool("resume", run.path, "--set", f"training.total_images={end}").returncode == 0
    straight = run_straight(tiny(*ENDLESS, f"training.total_images={end}"), tmp_path / "straight")
    assert differing(last(straight).tensors, last(run).tensors) == []
    assert lines(straight) == lines(run)


def test_a_second_interrupt_leaves_at_once(config_file: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    process = begin(config_file, run)
    wait_for_lines(run, 2, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    last(run)  # whole, whichever it is


def test_two_processes_compute_what_one_does() -> None:
    ones, twos = two_ranks.compare()
    assert ones.keys() == twos.keys()
    for name, value in ones.items():
        scale = float(value.abs().max())
        tolerance = 1e-5 if name.startswith("gradient.") else 1e-4
        assert torch.allclose(twos[name], value, rtol=0, atol=tolerance * scale + 1e-8), name


def test_two_ranks_stop_resume_and_leave_nothing_behind(config_file: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    process = begin(config_file, run, "--processes", "2")
    wait_for_lines(run, 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert last(run).metadata["environment"]["processes"] == 2
    reached = last(run).metadata["images_seen"]
    done = gantool("resume", run.path, "--set", f"training.total_images={reached + 160}")
    assert done.returncode == 0, done.stderr
    assert last(run).metadata["images_seen"] == reached + 160
    refused = gantool("resume", run.path, "--processes", "1", "--set", f"training.total_images={reached + 320}")
    assert refused.returncode == 4
    assert "processes was 2, is 1" in refused.stderr
    told = ("--processes", "1", "--allow-inexact", "--set", f"training.total_images={reached + 320}")
    accepted = gantool("resume", run.path, *told)
    assert accepted.returncode == 0, accepted.stderr
    assert last(run).metadata["environment"]["processes"] == 1
    assert last(run).metadata["bit_exact"] is False


@pytest.mark.parametrize("victim", ["rank 0", "rank 1", "launcher"])
def test_when_one_process_dies_all_are_gone(victim: str, config_file: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    process = begin(config_file, run, "--processes", "2")
    wait_for_lines(run, 2, process)
    children = children_of(process.pid)
    assert len(children) == 2
    killed = process.pid if victim == "launcher" else children[int(victim[-1])]
    os.kill(killed, signal.SIGKILL)
    code = process.wait(60)
    assert code == (-9 if victim == "launcher" else 137)
    deadline = time.monotonic() + 60
    while any(is_alive(child) for child in children) or not can_be_locked(run):
        assert time.monotonic() < deadline, "a rank is still alive after 60 s"
        time.sleep(0.05)


def test_torchrun(config_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "gantool"]
    arguments = ["train", str(config_file), "--run-dir", str(tmp_path / "run"), "--set", "training.total_images=80"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert last(RunFolder(tmp_path / "run")).metadata["images_seen"] == 80


def test_words_and_exit_codes(config_file: Path, tmp_path: Path) -> None:
    first = gantool("train", config_file, "--run-dir", tmp_path / "run", "--set", "training.total_images=80")
    assert first.returncode == 0, first.stderr
    head = first.stdout.splitlines()[0]
    for part in ("tiny:", "cpu", "float32", "threads", "9,000 pictures of 16×16×1", "mlp", "G ", "D ", "parameters"):
        assert part in head
    assert "Next: gantool sample --checkpoint" in first.stdout
    assert "Done: 80 images in" in first.stdout

    again = gantool("train", config_file, "--run-dir", tmp_path / "run")
    assert (again.returncode, "gantool resume" in again.stderr) == (2, True)
    finished = gantool("resume", tmp_path / "run")
    assert (finished.returncode, "finished at 80 images" in finished.stdout) == (0, True)

    for arguments, code, words in [
        (("train", tmp_path / "missing.yaml"), 2, "missing.yaml"),
        (("train", config_file, "--device", "tpu"), 2, "tpu"),
        (("train", config_file, "--device", "cuda:99"), 2, "CUDA device"),
        (("train", config_file, "--set", "training.batch_size=9001"), 3, "largest batch that would do"),
        (("train", config_file, "--set", "model.nane=dcgan"), 2, "did you mean name?"),
        (("train", config_file, "--run-dir", "/proc/nothing"), 6, "cannot be written"),
        (("resume", tmp_path / "nowhere"), 2, "no such folder"),
        (("train", config_file, "--processes", "3", "--run-dir", tmp_path / "three"), 2, "cannot be divided"),
    ]:  # fmt: skip
        said = gantool(*arguments, cwd=tmp_path)
        assert said.returncode == code, (arguments, said.stderr)
        assert words in said.stderr, (arguments, said.stderr)
        assert "Traceback" not in said.stderr


def test_help_imports_no_torch() -> None:
    code = "import sys, gantool.cli.app; print([m for m in ('torch', 'numpy', 'pydantic', 'PIL') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", ["train", "resume", "sample", "export", "doctor", "config check", "config show"])
def test_every_verbs_help_shows_an_example(verb: str) -> None:
    said = gantool(*verb.split(), "--help")
    assert said.returncode == 0
    assert "Example" in said.stdout

"""The ready files for clusters, run as far as that goes without one: SLURM's commands are played by two scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from gantool.rundir import RunFolder
from tests.training.helpers import differing, last, lines, run_straight, tiny

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SLURM = ROOT / "docs/cluster/slurm.sh"
JOB = ROOT / "docs/cluster/pytorchjob.yaml"

SRUN = """#!/bin/bash
# Starts the tasks, passes USR1 on to them, and ends with the highest exit code, as srun does.
while [[ $1 == --* ]]; do shift; done
tasks=()
trap 'kill -USR1 "${tasks[@]}"' USR1
for ((i = 0; i < SLURM_NTASKS; i++)); do SLURM_PROCID=$i SLURM_LOCALID=$i "$@" & tasks+=($!); done
code=0
for task in "${tasks[@]}"; do
  while :; do
    wait "$task"; ended=$?
    kill -0 "$task" 2>/dev/null || break
  done
  ((ended > code)) && code=$ended
done
exit $code
"""

SCONTROL = """#!/bin/bash
case $1 in
  show) echo 127.0.0.1 ;;
  requeue) echo "$2" >> "$REQUEUED" ;;
esac
"""


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """An environment in which a job believes to run under SLURM, with two tasks."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    (commands / "gantool").write_text(f'#!/bin/bash\nexec {sys.executable} -m gantool "$@"\n')
    (commands / "gantool").chmod(0o755)
    slurm = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "here"}
    more = {"PATH": f"{commands}:{os.environ['PATH']}", "REQUEUED": str(tmp_path / "requeued"), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **slurm, **more}


def test_a_job_whose_time_is_up_saves_is_queued_again_and_goes_on_exactly(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    changes = ("training.total_images=4000", "log.every=80", "checkpoints.every=40000", "samples.every=0")
    config = tmp_path / "config.yaml"
    config.write_text(tiny(*changes).to_yaml())
    run = RunFolder(tmp_path / "run")
    command = ["bash", str(SLURM), str(config), str(run.path)]

    job = subprocess.Popen(command, env=cluster, start_new_session=True, stdout=subprocess.PIPE, text=True)
    while not run.metrics.exists() or len(run.metrics.read_text().splitlines()) < 2:
        assert job.poll() is None, "the job ended before its time was up"
        time.sleep(0.02)
    srun = children_of(job.pid)
    os.kill(srun[0], signal.SIGUSR1)  # SLURM signals the step, not the batch script
    out, _ = job.communicate(timeout=120)
    assert job.returncode == 138 and "queued again" in out
    assert (tmp_path / "requeued").read_text().strip() == cluster["SLURM_JOB_ID"]
    assert 0 < last(run).metadata["images_seen"] < 4000

    again = subprocess.run(command, env=cluster, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr[-2000:]
    assert last(run).metadata["images_seen"] == 4000
    uninterrupted = RunFolder(tmp_path / "straight")
    straight = subprocess.run(
        [*command[:3], str(uninterrupted.path)], env=cluster, capture_output=True, text=True, timeout=300, check=False
    )
    assert straight.returncode == 0, straight.stderr[-2000:]
    assert differing(last(uninterrupted).tensors, last(run).tensors) == []
    assert lines(uninterrupted) == lines(run)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_kubernetes_job_starts_a_command_that_exists(tmp_path: Path) -> None:
    job = yaml.safe_load(JOB.read_text())
    replicas = job["spec"]["pytorchReplicaSpecs"]
    assert job["kind"] == "PyTorchJob" and set(replicas) == {"Master", "Worker"}
    for replica in replicas.values():
        (container,) = replica["template"]["spec"]["containers"]
        assert container["name"] == "pytorch", "the operator finds the container by this name"
        verb = container["command"]
        config, folder = tmp_path / "config.yaml", tmp_path / "run"
        config.write_text(tiny("training.total_images=16").to_yaml())
        here = {"/shared/my-config.yaml": str(config), "/shared/runs/my-run": str(folder)}
        command = [sys.executable, "-m", *(here.get(part, part) for part in verb)]
        for _ in range(2):  # a pod that is started again finds the run
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr


def test_or_resume_goes_on_where_a_run_is(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(tiny("training.total_images=80").to_yaml())
    command = [sys.executable, "-m", "gantool", "train", str(config), "--or-resume"]
    nameless = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert nameless.returncode == 2 and "--run-dir" in nameless.stderr
    for total in ("80", "160"):
        more = ["--run-dir", str(tmp_path / "run"), "--set", f"training.total_images={total}"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    straight = run_straight(tiny("training.total_images=160"), tmp_path / "straight")
    assert differing(last(straight).tensors, last(RunFolder(tmp_path / "run")).tensors) == []

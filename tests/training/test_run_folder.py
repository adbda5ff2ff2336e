"""A run on disk: what is kept, what falls back, who may write."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gantool import files
from gantool.errors import CheckpointError, DataError, DivergedError, ResourceError, RunInUseError, UsageError
from gantool.rundir import RunFolder, next_free, resolve_checkpoint
from gantool.training import keeper as keeper_module
from gantool.training.checkpoint import read_checkpoint, write_checkpoint
from gantool.training.display import Silent
from gantool.training.verbs import Resumption, new_run, start, train
from tests.training.helpers import BATCH, StopAfter, differing, last, lines, resume, run_straight, tiny

END = 60 * BATCH


class Listening(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def names(run: RunFolder) -> list[int]:
    return [int(path.stem) for path in run.checkpoints()]


def test_a_run_folder_holds_what_the_readme_says(tmp_path: Path) -> None:
    run = run_straight(tiny(), tmp_path / "run")
    assert {p.name for p in run.path.iterdir()} == {
        "config.yaml", "run.json", "metrics.jsonl", "tensorboard", "samples", "checkpoints", "lock"
    }  # fmt: skip
    assert names(run) == [0, 160, 320, 480]
    assert [p.name for p in sorted(run.samples.iterdir())] == ["000000000.png", "000000240.png", "000000480.png"]
    info = json.loads(run.info.read_text())
    assert info["bit_exact"] is True
    assert info["environment"]["device"] == "cpu"
    logged = [line["images_seen"] for line in lines(run)]
    assert logged == [*range(56, 480, 56), 480]
    first = lines(run)[0]
    assert first["loss_total"] == pytest.approx(first["loss_generator"] + first["loss_discriminator"])
    assert 0 <= first["accuracy_real"] <= 1


def test_newest_k_best_and_every_nth_are_kept(tmp_path: Path) -> None:
    config = tiny("checkpoints.every=40", "checkpoints.keep=2", "checkpoints.keep_every=200", "evaluation.every=104")
    run = run_straight(config, tmp_path / "run")
    best = run.best()
    assert best is not None
    assert set(names(run)) == {0, 200, 400, 440, 480, int(best.stem)}
    assert resolve_checkpoint(run.path) == best


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path) -> None:
    config = tiny()
    straight = run_straight(config, tmp_path / "straight")
    run = RunFolder(tmp_path / "run")
    start(config, run, "cpu", display=StopAfter(40 * BATCH))
    newest = run.newest()
    assert newest is not None
    content = bytearray(newest.read_bytes())
    content[-5] ^= 16
    newest.write_bytes(content)
    listening = Listening()
    resumption = Resumption(run.path)
    resumption.display = listening
    resumption.go("cpu")
    assert any(newest.name in said and "damaged" in said for said in listening.said)
    assert newest.with_name(newest.name + ".damaged").exists()
    assert differing(last(straight).tensors, last(run).tensors) == []
    assert lines(straight) == lines(run)


def test_no_whole_checkpoint_is_left(tmp_path: Path) -> None:
    run = run_straight(tiny("training.total_images=80"), tmp_path / "run")
    for path in run.checkpoints():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="none of its"):
        Resumption(run.path).go("cpu")


def test_without_any_checkpoint_the_run_starts_from_its_config(tmp_path: Path) -> None:
    straight = run_straight(tiny("training.total_images=80"), tmp_path / "straight")
    run = RunFolder(tmp_path / "run")
    run.create()
    run.config.write_text(straight.config.read_text())
    resume(run)
    assert last(run).digest == last(straight).digest


def test_a_finished_run_can_be_extended_exactly(tmp_path: Path) -> None:
    ramp = "optimizer.generator.learning_rate={from: 1e-3, to: 1e-4, until: 200}"
    run = run_straight(tiny(ramp, "training.total_images=240", "log.every=80"), tmp_path / "run")
    assert Resumption(run.path).is_finished()
    resume(run, "training.total_images=480")
    longer = run_straight(tiny(ramp, "training.total_images=480", "log.every=80"), tmp_path / "longer")
    assert differing(last(longer).tensors, last(run).tensors) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("model.latent_dim=9", "cannot change model.latent_dim"),
        ("seed=4", "cannot change seed"),
        ("data.holdout=0.2", "cannot change data.holdout"),
        ("optimizer.generator.learning_rate=1e-3", "accept it with --allow-inexact"),
        ("training.batch_size=16", "training.batch_size changed"),
    ],
)
def test_what_a_run_cannot_change(change: str, reason: str, tmp_path: Path) -> None:
    run = run_straight(tiny("training.total_images=40"), tmp_path / "run")
    with pytest.raises(CheckpointError, match=reason):
        Resumption(run.path, [change])


def test_another_machine_is_refused_or_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantool.training.session import Machine

    run = run_straight(tiny("training.total_images=80"), tmp_path / "run")
    here = Machine.environment
    monkeypatch.setattr(Machine, "environment", lambda self: {**here(self), "threads": 96})
    with pytest.raises(CheckpointError, match=r"threads was 1, is 96.*--allow-inexact"):
        Resumption(run.path, ["training.total_images=160"]).go("cpu")
    accepted = Resumption(run.path, ["training.total_images=160"], allow_inexact=True)
    accepted.display = Silent()
    accepted.go("cpu")
    assert json.loads(run.info.read_text())["bit_exact"] is False
    assert [line for line in lines(run) if line["event"] == "inexact"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"cannot be written \({}\); .*\. Free some space, then resume"),
        (errno.EIO, r"the disk fails \({}\); .*\. See to the disk, then resume"),
        (errno.EROFS, r"the disk fails \({}\); .*\. See to the disk, then resume"),
        (errno.EACCES, r"cannot be written \({}\); .*\. See to the run's folder, then resume"),
        (errno.EMFILE, r"cannot be opened \({}\); .*\. Raise the limit of open files \(`ulimit -n`\), then resume"),
        (errno.ENOMEM, r"cannot be written \({}\); .*\. Free some memory, then resume"),
    ],
)
def test_a_disk_that_takes_no_more_keeps_the_old_checkpoint_and_ends_with_the_reason(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path, *arguments: object) -> str:
        if int(path.stem) >= 200:
            raise OSError(number, os.strerror(number))
        return write_checkpoint(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(keeper_module, "write_checkpoint", fails)
    run, listening = RunFolder(tmp_path / "run"), Listening()
    with pytest.raises(ResourceError, match=said.format(os.strerror(number))):
        start(tiny("checkpoints.every=40"), run, "cpu", display=listening)
    assert sum("trying again at the next interval" in line for line in listening.said) == 2
    assert max(names(run)) == 160
    read_checkpoint(run.checkpoint_path(160))


def test_a_full_disk_under_the_log_ends_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantool.training.recorder import Recorder

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.jsonl")

    monkeypatch.setattr(Recorder, "_write", full)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(ResourceError, match=r"metrics\.jsonl: cannot be written \(No space left on device\)"):
        start(tiny(), run, "cpu", display=Silent())
    read_checkpoint(run.checkpoint_path(0))


def test_a_checkpoint_of_a_newer_version_is_left_where_it_is(tmp_path: Path) -> None:
    run = run_straight(tiny("training.total_images=40"), tmp_path / "run")
    newest = last(run)
    write_checkpoint(newest.path, newest.tensors, {**newest.metadata, "schema": 99})
    with pytest.raises(CheckpointError, match="upgrade gantool"):
        Resumption(run.path, ["training.total_images=80"]).go("cpu")
    assert newest.path.exists()


def test_evaluation_needs_held_out_pictures(tmp_path: Path) -> None:
    config = tiny("data.holdout=0", "evaluation.every=80")
    with pytest.raises(DataError, match=r"set data\.holdout"):
        start(config, RunFolder(tmp_path / "run"), "cpu", display=Silent())


def test_an_accepted_change_marks_the_run(tmp_path: Path) -> None:
    run = run_straight(tiny("training.total_images=80"), tmp_path / "run")
    changes = ["training.total_images=160", "optimizer.generator.learning_rate=1e-3"]
    accepted = Resumption(run.path, changes, allow_inexact=True)
    accepted.display = Silent()
    accepted.go("cpu")
    assert json.loads(run.info.read_text())["bit_exact"] is False
    (event,) = [line for line in lines(run) if line["event"] == "inexact"]
    assert "optimizer.generator.learning_rate" in event["message"]


def test_too_little_disk_is_said_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module.shutil, "disk_usage", lambda _: type("U", (), {"free": 1000})())
    with pytest.raises(ResourceError, match="needed for checkpoints and 0 MB are free"):
        start(tiny(), RunFolder(tmp_path / "run"), "cpu", display=Silent())


def test_divergence_rolls_back_a_bounded_number_of_times(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    listening = Listening()
    config = tiny("optimizer.discriminator.learning_rate={from: 1e-4, to: 1e30, until: 400}")
    with pytest.raises(DivergedError, match="Lower the learning rates"):
        start(config, run, "cpu", display=listening)
    assert sum("with fresh draws" in said for said in listening.said) == 3
    assert all(t.isfinite().all() for t in last(run).tensors.values() if t.is_floating_point())


def test_one_bad_step_is_mended_by_fresh_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantool.training.steps import Steps

    whole = Steps.generator_step

    def poisoned(self, fakes):  # type: ignore[no-untyped-def]
        if fakes.draws.images_seen == 200 and fakes.draws.attempt == 0:
            next(iter(self._state.generator.parameters())).data.fill_(float("nan"))
        whole(self, fakes)

    monkeypatch.setattr(Steps, "generator_step", poisoned)
    run = RunFolder(tmp_path / "run")
    assert start(tiny(), run, "cpu", display=Silent()).images_seen == END
    events = [line for line in lines(run) if line["event"] == "rollback"]
    assert [event["images_seen"] for event in events] == [160]
    logged = [line["images_seen"] for line in lines(run) if line["event"] == "log"]
    assert logged == [*range(56, 480, 56), 480], "a line is missing or doubled"
    assert last(run).metadata["attempt"] == 1


def test_two_processes_cannot_hold_one_run(tmp_path: Path) -> None:
    run = run_straight(tiny("training.total_images=40"), tmp_path / "run")
    code = (
        "import sys; from gantool.rundir import RunFolder\n"
        "with RunFolder(sys.argv[1]).lock(): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(RunInUseError, match=rf"in use by process {holder.pid} on "):
        Resumption(run.path, ["training.total_images=80"]).go("cpu")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert holder.stdin is not None
    holder.stdin.close()
    resume(run, "training.total_images=80")


def test_who_is_refused_hears_of_the_holder_and_not_of_the_one_before_it(tmp_path: Path) -> None:
    """Between taking the lock and writing its name a process is nameless; the killed one before it is still named."""
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    code = (
        "import fcntl, os, socket, sys, time; lock = os.open(sys.argv[1], os.O_RDWR); "
        "fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); "
        "time.sleep(0.2); os.ftruncate(lock, 0); time.sleep(0.1); "
        "os.write(lock, f'process {os.getpid()} on {socket.gethostname()}'.encode()); sys.stdin.read()"
    )
    (tmp_path / "lock").write_text(f"process {killed.pid} on {socket.gethostname()}\n")
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunInUseError, match=rf"in use by process {holder.pid} on "), RunFolder(tmp_path).lock():
            pass
        holder.kill()


def test_a_folder_is_found_writable_while_another_process_tidies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a folder can be written is asked before its lock is held; who holds it removes strangers' files."""
    write = Path.write_bytes

    def write_and_lose(path: Path, content: bytes) -> int:
        written = write(path, content)
        files.remove_stale_temporaries(tmp_path)
        return written

    monkeypatch.setattr(Path, "write_bytes", write_and_lose)
    RunFolder(tmp_path).create()
    assert RunFolder(tmp_path).checkpoint_folder.is_dir()


def test_run_folders_are_numbered_and_never_overwritten(tmp_path: Path) -> None:
    assert next_free("a", tmp_path).name == "a-001"
    for name in ("a-001", "a-007", "a-b", "ab-009"):
        (tmp_path / name).mkdir()
    assert next_free("a", tmp_path).name == "a-008"
    run = run_straight(tiny("training.total_images=40"), tmp_path / "run")
    with pytest.raises(UsageError, match="holds a run already; go on with `gantool resume"):
        new_run(tiny(), run.path)
    with pytest.raises(UsageError, match="not a run folder"):
        Resumption(tmp_path / "a-b")
    with pytest.raises(UsageError, match="no such folder"):
        Resumption(tmp_path / "nowhere")


def test_checkpoints_name_no_absolute_path(tmp_path: Path) -> None:
    pictures = tmp_path / "secret-home" / "pictures"
    pictures.mkdir(parents=True)
    from PIL import Image

    for number in range(20):
        Image.new("L", (16, 16), number * 10).save(pictures / f"{number}.png")
    config = tiny(f"data={{source: folder, path: {pictures}, resolution: 16}}", "training.total_images=40")
    run = run_straight(config, tmp_path / "run")
    newest = run.newest()
    assert newest is not None
    assert b"secret-home" not in newest.read_bytes()
    resume(run, "training.total_images=80")


def test_train_from_python(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny().to_yaml())
    before = signal.getsignal(signal.SIGTERM)
    run = train(file, run_dir=tmp_path / "run", device="cpu", overrides=["training.total_images=40"], quiet=True)
    assert names(run) == [0, 40]
    assert signal.getsignal(signal.SIGTERM) is before

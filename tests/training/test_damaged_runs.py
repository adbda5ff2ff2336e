"""What a run does when its own files are no longer what was written: it says so, and loses as little as can be."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from gantool.data import PreparedSet
from gantool.data.prepared import read_header
from gantool.errors import CheckpointError, DataError, ResourceError
from gantool.rundir import RunFolder, resolve_checkpoint
from gantool.training import checkpoint
from gantool.training.checkpoint import read_checkpoint, write_checkpoint
from gantool.training.display import Silent
from gantool.training.recorder import Recorder
from gantool.training.session import Machine
from gantool.training.verbs import Resumption, start
from tests.training.helpers import BATCH, StopAfter, differing, last, lines, run_straight, tiny

CONFIG = tiny("evaluation.every=80")


class Listening(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run_straight(CONFIG, tmp_path_factory.mktemp("straight") / "run")


@pytest.fixture(scope="module")
def once_stopped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Checkpoints of 0, 160, 320 and 328 images."""
    run = RunFolder(tmp_path_factory.mktemp("stopped") / "run")
    start(CONFIG, run, "cpu", display=StopAfter(40 * BATCH))
    return run


@pytest.fixture
def stopped(once_stopped: RunFolder, tmp_path: Path) -> RunFolder:
    shutil.copytree(once_stopped.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def go_on(run: RunFolder) -> str:
    """What is said while ``run`` goes on to its end."""
    resumption, listening = Resumption(run.path), Listening()
    resumption.display = listening
    resumption.go("cpu")
    return "\n".join(listening.said)


def test_how_much_is_lost_is_said(stopped: RunFolder, straight: RunFolder) -> None:
    for newest in stopped.checkpoints()[-2:]:
        newest.write_bytes(newest.read_bytes()[:-1])
    words = go_on(stopped)
    assert "going on from 000000160.safetensors: 168 images are lost" in words
    assert last(stopped).digest == last(straight).digest
    assert lines(stopped) == lines(straight)


@pytest.mark.parametrize("word", [b'"gantool"', b'"digest"'])
def test_a_header_that_has_lost_the_word_of_ours_is_damage_too(
    word: bytes, stopped: RunFolder, straight: RunFolder
) -> None:
    newest = last(stopped).path
    newest.write_bytes(newest.read_bytes().replace(word, b'"' + bytes([word[1] ^ 1]) + word[2:], 1))
    assert "going on from 000000320.safetensors: 8 images are lost" in go_on(stopped)
    assert last(stopped).digest == last(straight).digest


def test_a_checkpoint_under_the_name_of_another_is_damage(stopped: RunFolder, straight: RunFolder) -> None:
    older, newest = stopped.checkpoints()[-2:]
    shutil.copy(older, newest)
    words = go_on(stopped)
    assert "000000328.safetensors: is the checkpoint of image 320, under another one's name" in words
    assert "8 images are lost" in words
    assert last(stopped).digest == last(straight).digest


@pytest.mark.parametrize("lost", ["metrics_lines", "attempt", "images_seen"])
def test_the_checkpoint_that_is_gone_back_to_is_looked_at_too(lost: str, stopped: RunFolder) -> None:
    older, newest = stopped.checkpoints()[-2:]
    shutil.copy(older, newest)
    found = read_checkpoint(older)
    write_checkpoint(older, found.tensors, {key: value for key, value in found.metadata.items() if key != lost})
    with pytest.raises(CheckpointError, match=f"000000320.safetensors: its metadata lacks '{lost}'"):
        go_on(stopped)


def cut(content: bytes) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-3])


def changed(content: bytes) -> bytes:
    return content.replace(b'"loss_generator": 0', b'"loss_generator": 1', 1)


def no_utf8(content: bytes) -> bytes:
    return content.replace(b'"event": "evaluation"', b'"event": "evaluation"\xff', 1)


def odd_clock(content: bytes) -> bytes:
    return content.replace(b'"elapsed"', b'"elapsed', 1)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (cut, "has lost 3 of the {known} lines"),
        (changed, "its first {known} lines are not those"),
        (no_utf8, "its first {known} lines are not those"),
        (odd_clock, "its first {known} lines are not those"),
    ],
)
def test_a_damaged_log_is_named_and_changes_no_weight(
    damage: Callable[[bytes], bytes], named: str, stopped: RunFolder, straight: RunFolder
) -> None:
    known = last(stopped).metadata["metrics_lines"]
    content = stopped.metrics.read_bytes()
    assert damage(content) != content
    stopped.metrics.write_bytes(damage(content))
    words = go_on(stopped)
    assert f"{stopped.metrics}: {named.format(known=known)}" in words
    assert "the weights are whole" in words
    assert differing(last(straight).tensors, last(stopped).tensors) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "Free some space, then resume"), (errno.EDQUOT, "Free some space, then resume"),
     (errno.EIO, "See to the disk, then resume"), (errno.EROFS, "See to the disk, then resume")],
)  # fmt: skip
def test_a_disk_that_fails_is_not_said_to_be_full(
    number: int, advice: str, stopped: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(stopped.metrics))

    monkeypatch.setattr(Recorder, "sync", fails)
    with pytest.raises(ResourceError, match=rf"metrics\.jsonl: .*{os.strerror(number)}.*is whole\. {advice}"):
        go_on(stopped)


@pytest.mark.parametrize("method", ["write_best", "best"])
def test_a_file_of_the_run_that_may_not_be_touched_is_named(
    method: str, stopped: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(stopped.best_record))

    monkeypatch.setattr(RunFolder, method, denied)
    reason = os.strerror(errno.EACCES)
    with pytest.raises(ResourceError, match=rf"best\.json: cannot be written \({reason}\);.* See to the run's folder"):
        go_on(stopped)


def test_another_error_of_the_system_is_not_said_to_be_the_runs(
    stopped: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), "/elsewhere")

    monkeypatch.setattr(RunFolder, "best", denied)
    with pytest.raises(PermissionError, match="/elsewhere"):
        go_on(stopped)


def test_a_full_disk_is_not_told_by_a_thread_that_ends_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    run, full = RunFolder(tmp_path / "run"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails_late(*_: object) -> None:
        time.sleep(0.5)
        raise full

    run.create()
    with pytest.raises(OSError, match="No space"), Recorder(run, lines=0, images_seen=0) as recorder:
        (board,) = (thread for thread in threading.enumerate() if type(thread).__module__.startswith("tensorboard."))
        monkeypatch.setattr(board._record_writer, "write", fails_late)
        recorder.log(8, {"loss": 1.0})
        close = recorder._stream.close

        def fails() -> None:
            close()
            raise full

        monkeypatch.setattr(recorder._stream, "close", fails)
    board.join()
    assert told == []


def test_a_folder_that_is_gone_is_not_said_to_be_full(stopped: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def removed_first(*arguments: Any, **more: Any) -> None:
        shutil.rmtree(stopped.checkpoint_folder, ignore_errors=True)
        save_file(*arguments, **more)

    monkeypatch.setattr(checkpoint, "save_file", removed_first)
    gone = os.strerror(errno.ENOENT)
    with pytest.raises(ResourceError, match=rf"cannot be written \({gone}\); no .*\. See to the run's folder"):
        go_on(stopped)


def test_another_clock_is_no_damage(stopped: RunFolder) -> None:
    text = stopped.metrics.read_text()
    first = json.loads(text.splitlines()[0])
    stopped.metrics.write_text(text.replace(f'"elapsed": {first["clock"]["elapsed"]}', '"elapsed": 1e9', 1))
    assert "metrics.jsonl" not in go_on(stopped)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"prepared": "/nowhere"}', b"\xff", b'{"bit_exact": tru'])
def test_a_run_that_is_not_exact_stays_marked_when_run_json_is_damaged(
    content: bytes, stopped: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Machine.environment
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Machine, "environment", lambda self: {**here(self), "threads": 96})
        accepted = Resumption(stopped.path, allow_inexact=True)
        accepted.display = StopAfter(45 * BATCH)
        assert accepted.go("cpu").signal
        assert last(stopped).metadata["bit_exact"] is False
        stopped.info.write_bytes(content)
        go_on(stopped)
    assert json.loads(stopped.info.read_text())["bit_exact"] is False


def test_a_damaged_record_of_the_best_is_said(
    straight: RunFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(straight.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.best_record.write_bytes(run.best_record.read_bytes().replace(b'"file"', b'"fild"'))
    assert resolve_checkpoint(run.path) == run.newest()
    assert "best.json: names no checkpoint that is there; taking the newest, 000000480.safetensors" in caplog.text


@pytest.mark.parametrize(
    "record",
    [
        '{"file": "000000080.safetensors"}',
        '{"file": "000000080.safetensors", "metric": "m", "value": NaN}',
        '{"file": "000000080.safetensors", "metric": ["m"], "value": 0.5}',
        '{"file": 80, "metric": "m", "value": 0.5}',
        '{"file": "000000080.safetensors", "metric": "m", "value": "low"}',
        '{"file": "000000080.safetensors", "metric": "m", "value": true}',
        f'{{"file": "000000080.safetensors", "metric": "m", "value": {10**400}}}',
    ],
)
def test_an_odd_record_of_the_best_reaches_no_checkpoint(record: str, tmp_path: Path) -> None:
    """A checkpoint that holds it could not be read again."""
    run = RunFolder(tmp_path / "run")
    run.create()
    run.best_record.write_text(record)
    assert run.read_best() is None
    assert start(tiny("evaluation.every=80", "training.total_images=80"), run, "cpu").images_seen == 80
    assert last(run).metadata["best"]["file"] == "000000080.safetensors"
    assert all(read_checkpoint(path) for path in run.checkpoints())


@pytest.mark.parametrize("value", ['"low"', "[0.1]", "true", str(-(10**400))])
def test_odd_evaluations_in_the_log_end_no_run(value: str, stopped: RunFolder) -> None:
    text = stopped.metrics.read_text()
    odd = re.sub(r'"diversity": [^,]*,', f'"diversity": {value},', text)
    assert odd != text
    stopped.metrics.write_text(odd)
    assert "metrics.jsonl: its first" in go_on(stopped)
    assert last(stopped).metadata["images_seen"] == CONFIG.training.total_images


@pytest.mark.parametrize(
    ("before", "after"), [('"origin": "fash', '"origin": "gash'), ('"holdout": 0.1', '"holdout": 0.3')]
)
def test_whatever_a_sets_header_says_is_covered(before: str, after: str, stopped: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(Resumption(stopped.path).prepare(), tmp_path / "set")
    header = tmp_path / "set" / "dataset.json"
    text = header.read_text()
    assert before in text
    header.write_text(text.replace(before, after))
    with pytest.raises(DataError, match="does not have the digest that it states"):
        PreparedSet.open(tmp_path / "set")


def test_a_set_of_an_earlier_version_states_no_digest_and_is_read(stopped: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(Resumption(stopped.path).prepare(), tmp_path / "set")
    header = read_header(tmp_path / "set")
    del header["digest"]
    (tmp_path / "set" / "dataset.json").write_text(json.dumps(header))
    assert len(PreparedSet.open(tmp_path / "set")) == 10_000


def test_a_checkpoint_of_an_earlier_version_knows_no_digest_of_the_log(stopped: RunFolder) -> None:
    newest = last(stopped)
    metadata = {key: value for key, value in newest.metadata.items() if key != "metrics_digest"}
    write_checkpoint(newest.path, newest.tensors, metadata)
    assert "metrics.jsonl" not in go_on(stopped)
    assert "metrics_digest" in read_checkpoint(last(stopped).path).metadata

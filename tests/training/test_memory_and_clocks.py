"""No memory; file times that lie."""

from __future__ import annotations

import errno
import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from gantool import memory
from gantool.errors import ResourceError, exit_code_of
from gantool.rundir import RunFolder
from gantool.training import verbs
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.display import Silent
from gantool.training.steps import Steps
from gantool.training.verbs import start
from tests.training.helpers import differing, last, lines, resume, run_straight, tiny

AT = 200


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."), True),
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("shape '[2, 1, 2, 2, 2, 2]' is invalid for input of size 25"), False),
    ],
)
def test_the_end_of_memory_is_known_by_its_words(error: Exception, is_memory: bool) -> None:
    assert memory.is_out_of_memory(error) is is_memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=["CUDA", "CPU", "Python", "system"],
)
@pytest.mark.parametrize(("change", "smaller"), [((), 4), (("training.microbatch_size=2",), 1)])
def test_no_memory_ends_with_what_would_fit_and_the_run_goes_on(
    error: Exception, change: tuple[str, ...], smaller: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(*change, "training.total_images=240")
    run, real = RunFolder(tmp_path / "run"), Steps.discriminator_step

    def greedy(steps: Any, batch: Any, draws: Any, **named: Any) -> Any:
        if draws.images_seen >= AT:
            raise error
        return real(steps, batch, draws, **named)

    with monkeypatch.context() as planted:
        planted.setattr(Steps, "discriminator_step", greedy)
        advice = (
            rf"out of memory with .* images at a time; the newest checkpoint, 000000160\.safetensors, is whole\. "
            rf"Try --set training\.microbatch_size={smaller} "
        )
        with pytest.raises(ResourceError, match=advice) as met:
            start(config, run, "cpu", display=Silent())
    assert exit_code_of(met.value) == 6
    resume(run)
    straight = run_straight(config, tmp_path / "straight")
    assert differing(last(straight).tensors, last(run).tensors) == []
    assert lines(straight) == lines(run)


def test_what_was_looked_at_before_a_run_goes_on_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large model's checkpoint would lie in memory for as long as the run takes."""
    run = run_straight(tiny(), tmp_path / "run")
    seen: list[weakref.ref[torch.Tensor]] = []

    def watched(path: Path) -> Checkpoint:
        found = read_checkpoint(path)
        seen.extend(map(weakref.ref, found.tensors.values()))
        return found

    monkeypatch.setattr(verbs, "read_checkpoint", watched)
    resumption = verbs.Resumption(run.path)
    gc.collect()
    assert resumption.images_seen == 480
    assert len(seen) > 10
    assert [held for held in seen if held() is not None] == []


def test_checkpoints_are_in_the_order_of_their_counters_whatever_their_files_times(tmp_path: Path) -> None:
    run = run_straight(tiny(), tmp_path / "run")
    for age, path in enumerate(run.checkpoints()):
        os.utime(path, (10**9 - 10**6 * age, 10**9 - 10**6 * age))
    assert [int(path.stem) for path in run.checkpoints()] == [0, 160, 320, 480]
    assert last(run).metadata["images_seen"] == 480

"""Settings that say how a run computes: threads, memory format, TF32, traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gantool.device import choose_fastest_kernels, exactly, make_deterministic, require_devices, round_products
from gantool.errors import CheckpointError, UsageError
from gantool.images import ImageShape
from gantool.rundir import RunFolder
from gantool.training import compiling
from gantool.training.display import Silent
from gantool.training.session import choose_machine
from gantool.training.state import build_state
from gantool.training.verbs import start
from tests.training.helpers import MODELS, differing, last, resume, run_straight, tiny

SHORT = "training.total_images=80"


@pytest.fixture
def threads() -> object:
    """As many threads afterwards as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_are_taken_and_belong_to_what_a_run_promises(threads: object, tmp_path: Path) -> None:
    run = run_straight(tiny(SHORT, "training.threads=2"), tmp_path / "run")
    assert torch.get_num_threads() == 2
    assert last(run).metadata["environment"]["threads"] == 2
    with pytest.raises(CheckpointError, match="threads"):
        resume(run, "training.threads=1", "training.total_images=160")


@pytest.mark.parametrize(("layout", "expected"), [("auto", True), ("channels_last", True), ("contiguous", False)])
def test_memory_format_is_that_of_weights_and_moments(layout: str, expected: bool) -> None:
    config = tiny(*MODELS["dcgan"], f"training.memory_format={layout}")
    state = build_state(config, ImageShape(3, 16, 16), 0, torch.device("cpu"), torch.float32)
    weight = next(p for p in state.discriminator.parameters() if p.dim() == 4 and min(p.shape[:2]) > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last) is expected
    moments = state.discriminator_optimizer.state[weight]
    assert moments["exp_avg"].stride() == weight.stride()


def test_memory_format_changes_nothing_but_rounding(tmp_path: Path) -> None:
    runs = [
        run_straight(tiny(SHORT, *MODELS["compact"], f"training.memory_format={layout}"), tmp_path / layout)
        for layout in ("channels_last", "contiguous")
    ]
    first, second = (last(run).tensors for run in runs)
    assert all(torch.allclose(first[name].float(), second[name].float(), atol=1e-3) for name in first)


def test_tf32_is_refused_where_there_is_none() -> None:
    with pytest.raises(UsageError, match=r"training\.precision: tf32 needs a CUDA device"):
        choose_machine(tiny("training.precision=tf32"), "cpu")


def test_float32_on_a_gpu_is_float32() -> None:
    """cuDNN rounds to TF32 unless told otherwise: the name of a precision must mean what it says."""
    try:
        round_products(to_tf32=True)
        assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
        round_products(to_tf32=False)
        assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = True


def test_exactly_keeps_cudnn_and_its_bits() -> None:
    """Its flags come one by one, and the one that is not named switches cuDNN off."""
    round_products(to_tf32=True)  # as in a run with precision tf32
    try:
        with exactly(torch.device("cuda")):
            assert torch.backends.cudnn.enabled and torch.backends.cudnn.deterministic
            assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def test_determinism_can_be_given_up_again() -> None:
    cpu = torch.device("cpu")
    make_deterministic(cpu)
    try:
        choose_fastest_kernels(cpu)
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        make_deterministic(cpu)
    assert torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("device", "missing", "reason"),
    [
        ("cpu", "compiler", "no C++ compiler is installed"),
        ("cuda", "compiler", "no C compiler is installed"),
        ("cpu", "headers", "Python's headers are not installed"),
        ("cuda", "headers", "Python's headers are not installed"),
        ("cuda", "triton", "the package triton is not installed"),
    ],
)
def test_what_a_compilation_lacks_is_named(
    device: str, missing: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Python.h").touch()
    headers = tmp_path / "nowhere" if missing == "headers" else tmp_path
    monkeypatch.setattr(compiling.sysconfig, "get_path", lambda *_: str(headers))
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None if missing == "compiler" else f"/bin/{name}")
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda _: None if missing == "triton" else object())
    assert str(compiling.compiler_is_missing(torch.device(device))).startswith(reason)


@pytest.mark.parametrize(
    ("name", "there", "said"),
    [
        ("cuda", 1, "--device cuda: 2 processes take a device each, and 1 CUDA device is here; try --processes 1"),
        ("auto", 1, "--device auto: 2 processes take a device each"),
        ("cuda:0", 4, "--device cuda:0: 2 processes take a device each; give --device cuda"),
        ("cuda", 2, ""),
        ("cpu", 0, ""),
    ],
)
def test_each_process_finds_a_device_or_none_is_started(
    name: str, there: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    if not said:
        require_devices(name, 2)
        return
    with pytest.raises(UsageError, match=said):
        require_devices(name, 2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("mode", ["default", "reduce-overhead", "max-autotune"])
def test_graphs_give_the_same_to_rounding(mode: str, tmp_path: Path) -> None:

    changes = (SHORT, *MODELS["compact"])
    runs = []
    for name, more in (("plain", ()), ("graphs", ("training.compile=true", f"training.compile_mode={mode}"))):
        run = RunFolder(tmp_path / name)
        start(tiny(*changes, *more), run, "cuda", display=Silent())
        runs.append(last(run).tensors)
    assert all(torch.allclose(runs[0][n].float(), runs[1][n].float(), atol=1e-3) for n in runs[0])


def test_a_trace_names_the_phases_and_changes_nothing(tmp_path: Path) -> None:

    traced = RunFolder(tmp_path / "traced")
    start(tiny(SHORT), traced, "cpu", display=Silent(), profile=2)
    events = json.loads((traced.path / "profile/trace.json").read_text())["traceEvents"]
    names = [event.get("name") for event in events if event.get("cat") == "user_annotation"]
    for phase in ("generator forward", "discriminator step", "generator step"):
        assert names.count(phase) == 2, "as often as asked, past the iterations that set things up"
    assert "aten::addmm" in (traced.path / "profile/operations.txt").read_text()
    straight = run_straight(tiny(SHORT), tmp_path / "straight")
    assert differing(last(straight).tensors, last(traced).tensors) == []


def test_a_run_shorter_than_its_trace_ends_well(tmp_path: Path) -> None:

    run = RunFolder(tmp_path / "run")
    assert start(tiny("training.total_images=24"), run, "cpu", display=Silent(), profile=50).images_seen == 24

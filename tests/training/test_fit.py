"""Networks without bytes: they have the names, shapes and dtypes of real ones, and take no memory at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from gantool import memory
from gantool.errors import CheckpointError, ConfigError, ResourceError
from gantool.images import ImageShape
from gantool.training import fit
from gantool.training.checkpoint import Checkpoint
from gantool.training.state import build_state
from tests.training.helpers import EVERYTHING, MODELS, tiny

CPU = torch.device("cpu")
CLASSES = 10
METADATA = {"kind": "checkpoint", "config": {}, "images_seen": 8, "attempt": 0, "metrics_lines": 0}


def shape_of(name: str) -> ImageShape:
    return ImageShape(1, *(tiny(*MODELS[name]).data.size or (16, 16)))


@pytest.mark.parametrize("name", MODELS)
def test_they_are_those_of_a_real_state(name: str) -> None:
    config, shape = tiny(*MODELS[name], *EVERYTHING), shape_of(name)
    real = build_state(config, shape, CLASSES, CPU, torch.float32).tensors()
    found = fit.state_without_bytes(config, shape, CLASSES)
    assert {key: (each.shape, each.dtype) for key, each in found.items()} == {
        key: (each.shape, each.dtype) for key, each in real.items()
    }
    assert sum(each.numel() for each in found.values() if not each.is_meta) < 1_000  # optimizers count their steps


def test_the_caller_draws_as_before() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit.state_without_bytes(tiny(), ImageShape(1, 16, 16), 0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("width", [10**6, 2**40])
def test_what_no_machine_holds_is_refused_before_it_is_made(width: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    config = tiny(f"model.hidden=[{width}, {width}]")
    with pytest.raises((ResourceError, ConfigError), match=r"model: .*(are free|that large)"):
        fit.require_memory(config, ImageShape(1, 16, 16), 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_checkpoint_of_another_width_is_refused() -> None:
    shape = ImageShape(1, 16, 16)
    saved = build_state(tiny(), shape, 0, CPU, torch.float32).tensors()
    metadata = {**METADATA, "shape": list(shape), "classes": []}
    checkpoint = Checkpoint(Path("a.safetensors"), metadata, saved, "")
    fit.require_whole_fit(checkpoint, tiny())
    with pytest.raises(CheckpointError, match=r"a\.safetensors: the checkpoint does not fit its config"):
        fit.require_whole_fit(checkpoint, tiny("model.hidden=[1000000, 1000000]"))
    one = next(name for name in saved if name.startswith("optimizer.generator"))
    odd = Checkpoint(checkpoint.path, metadata, {**saved, one: saved[one].double()}, "")
    with pytest.raises(CheckpointError, match=f"{one}: is torch.float64, the config wants torch.float32"):
        fit.require_whole_fit(odd, tiny())
    without = {key: value for key, value in metadata.items() if key != "attempt"}
    with pytest.raises(CheckpointError, match="lacks 'attempt'"):
        fit.require_whole_fit(Checkpoint(checkpoint.path, without, saved, ""), tiny())


def test_a_limit_of_address_space_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.available_memory()
    assert free is not None
    assert free > 0
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (1 << 40, 1 << 40))
    assert memory.available_memory() == pytest.approx(free, rel=0.2)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    assert memory.available_memory() == 0

"""NaN, planted in a loss, a gradient, the weights or the pictures: never saved; gone back from; in the end exit 5."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gantool.errors import DivergedError, exit_code_of
from gantool.losses.non_saturating import NonSaturating
from gantool.rundir import RunFolder
from gantool.training import steps as steps_module
from gantool.training.checkpoint import read_checkpoint
from gantool.training.display import Silent
from gantool.training.loop import ROLLBACKS_ALLOWED
from gantool.training.steps import Steps
from gantool.training.verbs import start
from tests.training.helpers import gantool, last, lines, tiny

CONFIG = tiny("evaluation.every=80")
AT = 200
NAN = float("nan")


class Planted:
    """Poisons what the run computes from image ``AT`` on: always, or in the first attempt alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, once: bool) -> None:
        self._once = once
        self._due = False
        real = Steps.discriminator_step

        def watched(steps: Any, batch: Any, draws: Any, **named: Any) -> Any:
            self._due = draws.images_seen >= AT and not (self._once and draws.attempt)
            return real(steps, batch, draws, **named)

        monkeypatch.setattr(Steps, "discriminator_step", watched)

    def into(self, value: Tensor) -> Tensor:
        return value * NAN if self._due else value

    @property
    def is_due(self) -> bool:
        return self._due


def in_the_loss(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real = NonSaturating.discriminator
    monkeypatch.setattr(NonSaturating, "discriminator", lambda self, *logits: planted.into(real(self, *logits)))


def in_a_gradient(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Steps._update

    def poisoned(self: Any, network: torch.nn.Module, *arguments: Any) -> None:
        gradient = next(network.parameters()).grad
        if planted.is_due and gradient is not None:
            gradient[0] = NAN
        real(self, network, *arguments)

    monkeypatch.setattr(Steps, "_update", poisoned)


def in_the_weights(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Steps.generator_step

    def poisoned(self: Any, fakes: Any) -> None:
        if planted.is_due:
            next(self._state.generator.parameters()).data[0] = NAN
        real(self, fakes)

    monkeypatch.setattr(Steps, "generator_step", poisoned)


def in_the_data(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real = steps_module.to_unit_range
    monkeypatch.setattr(steps_module, "to_unit_range", lambda pixels: planted.into(real(pixels)))


PLACES = [in_the_loss, in_a_gradient, in_the_weights, in_the_data]
Place = Callable[[Planted, pytest.MonkeyPatch], None]


def all_is_finite(run: RunFolder) -> bool:
    saved = [read_checkpoint(path).tensors for path in run.checkpoints()]
    return all(t.isfinite().all() for tensors in saved for t in tensors.values() if t.is_floating_point())


@pytest.mark.parametrize("place", PLACES)
def test_what_happens_once_is_mended(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(Planted(monkeypatch, once=True), monkeypatch)
    run = RunFolder(tmp_path / "run")
    assert start(CONFIG, run, "cpu", display=Silent()).images_seen == CONFIG.training.total_images
    assert [line["images_seen"] for line in lines(run) if line["event"] == "rollback"] == [160]
    assert last(run).metadata["attempt"] == 1
    assert all_is_finite(run)


@pytest.mark.parametrize("place", PLACES)
def test_what_happens_always_ends_with_5_and_advice(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(Planted(monkeypatch, once=False), monkeypatch)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(
        DivergedError, match=r"stopped being finite.*Lower the learning rates.*penalty such as r1"
    ) as met:
        start(CONFIG, run, "cpu", display=Silent())
    assert exit_code_of(met.value) == 5
    rollbacks = [line for line in lines(run) if line["event"] == "rollback"]
    assert len(rollbacks) <= ROLLBACKS_ALLOWED
    assert rollbacks[-1]["message"].startswith(f"attempt {ROLLBACKS_ALLOWED}:")
    best = run.best()
    assert best is not None
    assert last(run).metadata["images_seen"] == 160
    assert all_is_finite(run)


def test_the_command_line_ends_with_5(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(CONFIG.to_yaml())
    change = "optimizer.discriminator.learning_rate={from: 1e-4, to: 1e30, until: 400}"
    ended = gantool("train", tmp_path / "tiny.yaml", "--run-dir", tmp_path / "run", "--set", change)
    assert ended.returncode == 5, ended.stderr
    assert "Lower the learning rates" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert all_is_finite(RunFolder(tmp_path / "run"))

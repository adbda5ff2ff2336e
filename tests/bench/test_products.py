"""What is called the work that cannot be left out, against arithmetic."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from gantool.bench.peak import matmul_peak
from gantool.bench.products import Recorder
from gantool.bench.trial import Trial
from gantool.data import PreparedSet, prepare
from gantool.training.phases import PHASES
from tests.training.helpers import BATCH, tiny

LAZY = "penalties=[{name: r1, weight: 0.2, every_steps: 3}]"


def trial_of(*overrides: str) -> Trial:
    config = tiny(*overrides)
    return Trial(config, PreparedSet.open(prepare(config.data, seed=config.seed)), "cpu", print)


def test_operations_of_a_dense_gan_are_those_of_arithmetic() -> None:
    generator = list(pairwise([8, 16, 32, 256]))
    discriminator = list(pairwise([256, 32, 16, 1]))
    product = [2 * BATCH * before * after for before, after in generator]
    judged = [2 * BATCH * before * after for before, after in discriminator]
    forward = sum(product) + 3 * sum(judged)
    weights = sum(product) + 2 * sum(judged)
    # The first layer of what is trained passes nothing on; the generator's step goes through all of D.
    inputs = sum(product[1:]) + 2 * sum(judged[1:]) + sum(judged)
    with trial_of() as trial:
        run, flops = trial.products()
        assert flops == forward + weights + inputs
        run()


def test_a_lazy_penalty_counts_by_its_share() -> None:
    with trial_of() as without, trial_of(LAZY) as trial:
        assert trial.cycle == 3
        plain, flops = without.products()[1], trial.products()[1]
        assert plain < flops < 2 * plain


def test_what_is_recorded_runs_again_by_itself() -> None:
    weight = torch.randn(3, 2, 3, 3)
    with Recorder() as recorder:
        torch.conv2d(torch.randn(1, 2, 5, 5), weight)
        torch.randn(4, 4) + 1
        torch.ones(1, 1).expand(4, 4) @ torch.randn(4, 4)
    names = [str(function) for function, _, _ in recorder.calls]
    assert names == ["aten.convolution.default", "aten.mm.default"]
    assert recorder.flops == 2 * 9 * 9 * 2 * 3 + 2 * 4**3
    for function, arguments, named in recorder.calls:
        assert function(*arguments, **named).isfinite().all()


@pytest.mark.parametrize("changes", [(), (LAZY,), ("training.discriminator_steps=2",)])
def test_phases_are_those_of_an_iteration_and_sum_to_it(changes: tuple[str, ...]) -> None:
    with trial_of(*changes) as trial:
        spent = trial.phases(trial.cycle * 2)
    assert all(seconds >= 0 for seconds in spent.values())
    assert set(spent) == set(PHASES) - ({"penalties"} if LAZY not in changes else set()) | {"other"}


def test_a_trial_makes_the_iterations_of_a_run() -> None:
    """What is timed is what is trained: the counter and the weights move as the loop moves them."""
    with trial_of() as first, trial_of() as second:
        first.run(4)
        for _ in range(4):
            second.iterate()
        assert first.state.images_seen == second.state.images_seen == 4 * BATCH
        ours, theirs = first.state.tensors(), second.state.tensors()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_peak_is_a_speed(tmp_path: Path) -> None:
    assert matmul_peak(torch.float32, torch.device("cpu")) > 1e8

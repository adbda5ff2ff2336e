"""Cadences, schedules, averages and meters against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from gantool import distributed, seeding
from gantool.models import AnyModel
from gantool.optimizers import Adam, AdamW
from gantool.schedules import Ramp, value_at
from gantool.training.ema import Ema, beta_at
from gantool.training.loop import due
from gantool.training.meters import Meters
from tests.training.helpers import tiny


@pytest.mark.parametrize(
    ("every", "before", "after", "expected"),
    [(100, 0, 64, False), (100, 64, 128, True), (100, 128, 192, False), (100, 192, 256, True), (64, 0, 64, True),
     (10, 0, 64, True), (0, 0, 64, False), (100, 100, 164, False), (100, 99, 100, True)],
)  # fmt: skip
def test_due(every: int, before: int, after: int, expected: bool) -> None:
    assert due(every, before, after) is expected


def test_a_cadence_is_due_once_per_interval() -> None:
    for batch in (7, 64, 100, 250):
        fired = sum(due(100, seen, seen + batch) for seen in range(0, 100 * batch, batch))
        assert fired == min(100 * batch // 100, 100)


def test_ramps() -> None:
    linear = Ramp(start=1.0, to=0.0, until=100)
    cosine = Ramp(start=1.0, to=0.0, until=100, shape="cosine")
    assert [value_at(linear, at) for at in (0, 25, 50, 100, 1000)] == pytest.approx([1, 0.75, 0.5, 0, 0])
    assert [value_at(cosine, at) for at in (0, 25, 50, 100, 1000)] == pytest.approx(
        [1, 0.5 + 0.25 * math.sqrt(2), 0.5, 0, 0]
    )
    assert value_at(0.25, 10**9) == 0.25
    with pytest.raises(ValueError, match="not resolved"):
        value_at(Ramp(start=1.0, to=0.0), 5)


def test_ema_weight() -> None:
    # After one half-life, half of the old average is left, however many batches it took.
    for batch in (1, 10, 64):
        assert beta_at(batch, 10**9, 640, None) ** (640 / batch) == pytest.approx(0.5)
    assert beta_at(64, 1000, 10_000, 0.05) == pytest.approx(0.5 ** (64 / 50))  # ramp·images_seen = 50 < half-life
    assert beta_at(64, 10**9, 10_000, 0.05) == pytest.approx(0.5 ** (64 / 10_000))
    assert beta_at(64, 1000, 0, 0.05) == 0.0


@pytest.mark.parametrize("half_life", [0.0, 40.0])
def test_ema_is_the_recurrence_in_float64(half_life: float) -> None:
    model: AnyModel = tiny("model={name: dcgan, latent_dim: 4, width: 8}").model
    from gantool.images import ImageShape

    generator = model.build_generator(ImageShape(1, 16, 16), 0)
    ema = Ema(generator, averages=half_life != 0)
    expected = {n: t.double().clone() for n, t in generator.state_dict().items()}
    for step in range(1, 6):
        with torch.no_grad():
            for tensor in generator.state_dict().values():
                if tensor.is_floating_point():
                    tensor.add_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(step)))
        beta = beta_at(8, 8 * step, half_life, None)
        ema.update(beta)
        for name, tensor in generator.state_dict().items():
            expected[name] = beta * expected[name] + (1 - beta) * tensor.double()
    for name, tensor in ema.tensors().items():
        assert torch.allclose(tensor.double(), expected[name], atol=1e-5), name
    assert not ema.network().training


def test_ema_does_not_depend_on_who_looks() -> None:
    """β may be 0 at first and grow later (a half-life that ramps up from 0)."""
    from gantool.images import ImageShape

    generator = tiny().model.build_generator(ImageShape(1, 16, 16), 0)
    watched, alone = Ema(generator), Ema(generator)
    for step, beta in enumerate((0.0, 0.0, 0.5, 0.9)):
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter.add_(step + 1.0)
        watched.update(beta)
        alone.update(beta)
        watched.network()
    for name, tensor in watched.tensors().items():
        assert torch.equal(alone.tensors()[name], tensor), name
        assert not torch.equal(generator.state_dict()[name], tensor), name


def test_meters_average_what_was_there_and_see_poison() -> None:
    meters = Meters(("loss", "lazy", "never"), torch.device("cpu"))
    for step in range(4):
        values = {"loss": torch.tensor(float(step))}
        if step == 2:
            values["lazy"] = torch.tensor(10.0)
        meters.add(values)
    assert not meters.poisoned()
    assert meters.take() == {"loss": 1.5, "lazy": 10.0}
    assert meters.take() == {}
    meters.add({"loss": torch.tensor(float("nan"))})
    meters.add({"loss": torch.tensor(1.0)})
    assert meters.poisoned()


@pytest.mark.parametrize(("before", "now"), [(2, 1), (1, 2), (2, 4), (3, 3)])
def test_sums_go_on_in_another_number_of_processes(before: int, now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = torch.arange(2.0 * before)
    monkeypatch.setattr(distributed, "world_size", lambda: now)
    meters = Meters(("loss", "lazy"), torch.device("cpu"))
    monkeypatch.undo()
    sums = meters.of_all_here(saved)
    assert sums.shape == meters.tensors()["sums"].shape
    assert torch.equal(sums.view(now, 2).mean(0), saved.view(before, 2).mean(0))


@pytest.mark.parametrize("odd", [torch.zeros(3), torch.zeros(0), torch.zeros(2, 2), torch.zeros(4, dtype=torch.int64)])
def test_sums_that_are_none_stay_to_be_refused(odd: torch.Tensor) -> None:
    assert Meters(("loss", "lazy"), torch.device("cpu")).of_all_here(odd) is odd


@pytest.mark.parametrize(
    "settings", [Adam(learning_rate=0.1, betas=(0.5, 0.9)), AdamW(learning_rate=0.1, weight_decay=0.3)]
)
def test_optimizers_follow_the_paper(settings: Adam | AdamW) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = settings.build([weight])
    expected, first, second = weight.detach().double().clone(), torch.zeros(2).double(), torch.zeros(2).double()
    beta1, beta2 = (float(b) for b in settings.betas)  # type: ignore[arg-type]
    for step in range(1, 5):
        gradient = torch.tensor([0.3 * step, -1.0 / step])
        weight.grad = gradient.clone()
        optimizer.step()
        expected = expected * (1 - 0.1 * getattr(settings, "weight_decay", 0.0))
        first = beta1 * first + (1 - beta1) * gradient.double()
        second = beta2 * second + (1 - beta2) * gradient.double() ** 2
        expected = expected - 0.1 * (first / (1 - beta1**step)) / ((second / (1 - beta2**step)).sqrt() + settings.eps)
    assert torch.allclose(weight.detach().double(), expected, atol=1e-5)


def test_optimizer_settings_follow_their_schedules() -> None:
    settings = Adam(learning_rate=Ramp(start=1e-3, to=0.0, until=100), betas=(0.0, Ramp(start=0.9, to=0.99, until=100)))
    optimizer = settings.build([torch.nn.Parameter(torch.zeros(1))])
    settings.set_to(optimizer, 50)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(5e-4)
    assert optimizer.param_groups[0]["betas"] == pytest.approx((0.0, 0.945))


def test_streams_are_independent_of_each_other_and_of_the_machine() -> None:
    assert seeding.derive(42, "latent", 0, 0) == seeding.derive(42, "latent", 0, 0)
    keys = [
        (seed, stream, seen, attempt)
        for seed in (1, 2)
        for stream in ("a", "b")
        for seen in (0, 64)
        for attempt in (0, 1)
    ]
    assert len({seeding.derive(*key) for key in keys}) == len(keys)
    assert seeding.derive("1", 2) != seeding.derive(1, 2)
    assert seeding.derive(0, "weights") == 1396519323419861382  # frozen: a change would break every resume
    whole = seeding.latents(5, 0, 10, 4)
    assert torch.equal(seeding.latents(5, 3, 4, 4), whole[3:7])
    with pytest.raises(RuntimeError, match="outside"):
        seeding.current()

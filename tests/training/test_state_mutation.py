"""Every piece of state that anything registered has is left out in turn, and what follows is then another run.

Each piece is all tensors of one kind (``optimizer.generator…exp_avg``). It is left as a fresh run has it, two
iterations are made, and the result is compared with the one of the whole state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from gantool.augment import AnyAugmentation
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet, prepare
from gantool.optimizers import AnyOptimizer
from gantool.penalties import AnyPenalty
from gantool.training.batches import RealBatches
from gantool.training.loop import iterate
from gantool.training.session import choose_machine
from gantool.training.state import TrainingState, build_state
from gantool.training.steps import Steps
from tests.training.helpers import BATCH, EVERYTHING, MODELS, differing, tiny

BEFORE, AFTER = 5, 2


def names_of(union: Any) -> list[str]:
    members = get_args(get_args(union)[0]) or (get_args(union)[0],)
    return [member.model_fields["name"].default for member in members]


CONFIGS: dict[str, tuple[str, ...]] = {
    **{f"model {name}": (*changes, *EVERYTHING) for name, changes in MODELS.items()},
    **{f"penalty {name}": (*MODELS["dcgan"], f"penalties=[{{name: {name}}}]") for name in names_of(AnyPenalty)},
    **{f"augmentation {name}": (*MODELS["dcgan"], f"augment=[{{name: {name}}}]") for name in names_of(AnyAugmentation)},
    **{
        f"optimizer {name}": tuple(
            f"optimizer.{net}={{name: {name}, learning_rate: 1e-3}}" for net in ("generator", "discriminator")
        )
        for name in names_of(AnyOptimizer)
    },
}
CONFIGS["augmentation ada"] = (*MODELS["dcgan"], "augment=[{name: ada, probability: 0.1, ramp_images: 1000}]")

CONSTANT = {"meters.poisoned"}
"""What is as a fresh run has it in every run that is well; buffers that never change are found by themselves."""


DERIVED = {"ema.spectral"}
"""Copied from the generator's, and iterated, by every update of the average."""


class Run:
    """A run without a folder."""

    def __init__(self, config: ExperimentConfig, dataset: PreparedSet, batches: RealBatches) -> None:
        machine = choose_machine(config, "cpu")
        self.config = config
        self.state = build_state(config, dataset.shape, len(dataset.classes), machine.device, machine.precision)
        self._steps = Steps(config, self.state, machine.device, machine.precision)
        self._batches = batches

    def go(self, iterations: int) -> dict[str, Tensor]:
        for _ in range(iterations):
            iterate(self.config.training, self.state, self._steps, self._batches)
        return self.tensors()

    def go_on_from(self, tensors: dict[str, Tensor], images_seen: int, attempt: int = 0) -> dict[str, Tensor]:
        self.state.load_tensors(tensors)
        self.state.images_seen, self.state.attempt = images_seen, attempt
        return self.go(AFTER)

    def tensors(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.state.tensors().items()}


@contextmanager
def running(config: ExperimentConfig) -> Iterator[Run]:
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    labelled = config.model.conditioning == "class"
    device = torch.device("cpu")
    with RealBatches(dataset, seed=config.seed, batch_size=BATCH, device=device, labelled=labelled) as batches:
        yield Run(config, dataset, batches)


def pieces_of(tensors: dict[str, Tensor]) -> dict[str, list[str]]:
    """Names by piece: the group and the last word. Of spectral norm's two vectors each step makes the left from the
    right, so that only both of them are a piece."""
    found: dict[str, list[str]] = {}
    for name in tensors:
        words = name.split(".")
        group = ".".join(words[:2]) if words[0] in {"optimizer", "memory", "scaler"} else words[0]
        kind = "spectral" if words[-1] in {"left", "right"} else words[-1]
        found.setdefault(f"{group}.{kind}", []).append(name)
    return found


@pytest.mark.parametrize("what", CONFIGS)
def test_every_piece_of_state_of_everything_registered_counts(what: str) -> None:
    with running(tiny(*CONFIGS[what])) as run:
        fresh = run.tensors()
        saved = run.go(BEFORE)
        images_seen = run.state.images_seen
        whole = run.go(AFTER)
        assert differing(run.go_on_from(saved, images_seen), whole) == [], "the whole state is not enough"
        tried = set()
        for piece, names in pieces_of(saved).items():
            if not differing({n: fresh[n] for n in names}, {n: saved[n] for n in names}):
                assert not piece.startswith("optimizer."), f"{piece} has not moved"
                assert piece in CONSTANT or not differing({n: saved[n] for n in names}, {n: whole[n] for n in names})
                continue
            without = {**saved, **{name: fresh[name] for name in names}}
            differs = bool(differing(run.go_on_from(without, images_seen), whole))
            assert differs is (piece not in DERIVED), f"{piece} is lost, and nothing shows it"
            tried.add(piece)
    groups = {piece.partition(".")[0] for piece in tried}
    assert {"generator", "discriminator", "ema", "optimizer", "meters"} <= groups
    assert {f"memory.{owner}" for owner in run.state.memories} <= {piece.rpartition(".")[0] for piece in tried}


@pytest.mark.parametrize("lost", ["images_seen", "attempt"])
def test_the_counters_count(lost: str) -> None:
    with running(tiny(*EVERYTHING)) as run:
        saved = run.go(BEFORE)
        counters = {"images_seen": run.state.images_seen, "attempt": 1}
        whole = run.go_on_from(saved, **counters)
        assert differing(run.go_on_from(saved, **{**counters, lost: 0}), whole)


def test_the_state_has_no_other_fields() -> None:
    """Whoever adds one decides here whether losing it shows."""
    assert set(TrainingState.__dataclass_fields__) == {
        "generator", "discriminator", "ema", "generator_optimizer", "discriminator_optimizer", "meters", "scalers",
        "memories", "images_seen", "attempt", "evaluation_pending",
    }  # fmt: skip

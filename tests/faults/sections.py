"""The sections of the harness: which trials each consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.faults import corruption, disks, environments, plans, ranks, signals
from tests.faults.kills import Killed
from tests.faults.processes import Ended, run
from tests.faults.races import Race
from tests.faults.ranks import RankStruck
from tests.faults.runs import TOTAL_IMAGES, Fingerprint, fingerprint, last_words, train, write_config
from tests.faults.soak import KEPT, Soak
from tests.faults.table import Outcome
from tests.training.helpers import BATCH

MAIN_FAMILY = "dcgan"


@dataclass(frozen=True)
class Counts:
    """How often each thing is tried.

    Attributes:
        main: kills of ``MAIN_FAMILY``.
        family: kills of every other family.
        chain: kills of one run, in every family; 0 for no such run.
        ranks: kills of one of two processes.
        races: of two `resume`.
        checkpoints: damaged checkpoints that are read.
        sets: damaged prepared sets that are opened.
        folders: damaged run folders that are resumed.
        full_disks: writes from which on the disk is full; 0 for every one.
        single_writes: writes that fail alone; 0 for every one.
        soak_steps: length of the long run.
        soak_slope: bytes a step that its memory may grow: the shorter the run, the more an allocator's whims weigh.
    """

    main: int
    family: int
    chain: int
    ranks: int
    races: int
    checkpoints: int
    sets: int
    folders: int
    full_disks: int
    single_writes: int
    soak_steps: int
    soak_slope: float


FAULTS = Counts(
    main=20,
    family=4,
    chain=0,
    ranks=6,
    races=10,
    checkpoints=150,
    sets=100,
    folders=50,
    full_disks=0,
    single_writes=40,
    soak_steps=2_000,
    soak_slope=4_000.0,
)
TORTURE = Counts(
    main=200,
    family=200,
    chain=10,
    ranks=20,
    races=50,
    checkpoints=900,
    sets=600,
    folders=500,
    full_disks=0,
    single_writes=0,
    soak_steps=20_000,
    soak_slope=200.0,
)


class Trial(Protocol):
    """Something to try; it can be sent to another process."""

    @property
    def what(self) -> str:
        """The row it counts in."""

    def outcome(self) -> Outcome:
        """Try it."""


class Bench:
    """Where trials take place, and the runs left alone that they are compared with.

    Args:
        folder: holds every run.
        counts: how often each thing is tried.
        seed: of all choices.
        families: the architectures.
    """

    def __init__(self, folder: Path, counts: Counts, seed: int, families: Sequence[str]) -> None:
        self.folder = folder
        self.counts = counts
        self.seed = seed
        self.families = families
        self._references: dict[tuple[str, ...], tuple[Path, Fingerprint]] = {}

    @property
    def main_family(self) -> str:
        """The family that is tried most."""
        return MAIN_FAMILY if MAIN_FAMILY in self.families else self.families[0]

    def alone(self, family: str, *options: str) -> Path:
        """The folder of a run that no one disturbs."""
        return self.folder / "-".join(("alone", family, *(option.strip("-") for option in options)))

    def reference(self, family: str, *options: str) -> tuple[Path, Fingerprint]:
        """A config, and what its run leaves when no one disturbs it.

        Raises:
            RuntimeError: when it fails all by itself.
        """
        key = (family, *options)
        if key not in self._references:
            folder = self.alone(family, *options)
            config = write_config(family, folder.with_suffix(".yaml"))
            ended: Ended = run([*train(config, folder), *options])
            if ended.code != 0:
                raise RuntimeError(f"{family}: fails undisturbed with {ended.code}: {last_words(ended)}")
            self._references[key] = (config, fingerprint(folder))
        return self._references[key]


def kills(bench: Bench) -> Iterator[Trial]:
    """One process, killed."""
    for family in bench.families:
        config, reference = bench.reference(family)
        count = bench.counts.main if family == bench.main_family else bench.counts.family
        for index, plan in enumerate(plans.kill_points(count, TOTAL_IMAGES, f"{bench.seed} {family}")):
            folder = bench.folder / f"kill-{family}-{index}"
            yield Killed(f"{family}: killed, resumed", config, folder, [plan], reference)
        if bench.counts.chain:
            chain = plans.kill_chain(bench.counts.chain, TOTAL_IMAGES, f"{bench.seed} {family}")
            what = f"{family}: killed {len(chain)} times in one run"
            yield Killed(what, config, bench.folder / f"chain-{family}", chain, reference)


def rank_kills(bench: Bench) -> Iterator[Trial]:
    """Two processes, one killed, or one asked to stop."""
    config, reference = bench.reference(bench.main_family, *ranks.TWO)
    for index, plan in enumerate(ranks.rank_kills(bench.counts.ranks, TOTAL_IMAGES, str(bench.seed))):
        folder = bench.folder / f"rank-kill-{index}"
        yield RankStruck("two processes: either rank killed, resumed", config, folder, plan, reference)
    for index, number in enumerate(signals.NUMBERS):
        plan = plans.Plan("step", 100 + 50 * index, number=number, rank=index % 2)
        folder = bench.folder / f"rank-signal-{index}"
        yield RankStruck(f"two processes: {number.name} to one rank", config, folder, plan, reference)


def races(bench: Bench) -> Iterator[Trial]:
    """Two who resume one run."""
    config, reference = bench.reference(bench.main_family)
    for index in range(bench.counts.races):
        folder = bench.folder / f"race-{index}"
        yield Race("two resumes at once: one winner", config, folder, f"{bench.seed} race {index}", reference)


def signalled(bench: Bench) -> Iterator[Trial]:
    """One process, asked to stop in every phase."""
    config, reference = bench.reference(bench.main_family)
    for index, (phase, plan) in enumerate(signals.signal_plans()):
        folder = bench.folder / f"signal-{index}"
        yield signals.Stopped(f"asked to stop: {phase}", config, folder, plan, reference)


def damaged(bench: Bench) -> Iterator[Trial]:
    """Checkpoints, prepared sets and run folders with flipped bits, cut or exchanged."""
    family = corruption.FAMILY if corruption.FAMILY in bench.families else bench.main_family
    config, _ = bench.reference(family)
    stopped = corruption.stopped_run(config, bench.folder / "damaged")
    kinds: list[tuple[str, type[corruption.Damaged], int]] = [
        ("checkpoint read", corruption.CheckpointDamaged, bench.counts.checkpoints),
        ("prepared set opened", corruption.SetDamaged, bench.counts.sets),
        ("run folder resumed", corruption.FolderDamaged, bench.counts.folders),
    ]
    for what, kind, count in kinds:
        for index in range(count):
            folder = bench.folder / f"{what.replace(' ', '-')}-{index}"
            yield kind(f"damaged {what}", stopped, folder, f"{bench.seed} {what} {index}", bench.alone(family))


def full_disks(bench: Bench) -> Iterator[Trial]:
    """A disk that is full from the n-th write on; one write that fails; a real disk that is filled."""
    family = corruption.FAMILY if corruption.FAMILY in bench.families else bench.main_family
    config, calls, reference = disks.short_run(family, bench.folder)
    kinds = [
        ("disk full from the n-th write on", 1.0, bench.counts.full_disks),
        ("the n-th write fails, once", 0.0, bench.counts.single_writes),
    ]
    for what, share, count in kinds:
        chosen = sorted({1 + calls * index // count for index in range(count)}) if count else range(1, calls + 1)
        for number in chosen:
            folder = bench.folder / f"full-{share:.0f}-{number}"
            plan = plans.Plan("full disk", number, share)
            yield disks.Full(what, config, folder, plan, reference)
    yield disks.SmallDisk("a small disk that is filled", config, bench.folder / "small-disk", reference)


def surroundings(bench: Bench) -> Iterator[Trial]:
    """Odd machines."""
    config, reference = bench.reference(bench.main_family)
    for index, what in enumerate(environments.ODD):
        yield environments.Elsewhere(what, config, bench.folder / f"odd-{index}", reference)


def soak(bench: Bench) -> Iterator[Trial]:
    """A long run."""
    steps = bench.counts.soak_steps
    cadences = {"log": 10, "samples": 250, "checkpoints": 50, "evaluation": 250}
    changes = [f"{name}.every={every * BATCH}" for name, every in cadences.items()]
    total = f"training.total_images={steps * BATCH}"
    file = bench.folder / "soak.yaml"
    config = write_config(bench.main_family, file, *changes, total, f"checkpoints.keep={KEPT}")
    yield Soak(f"soak of {steps:,} steps", config, bench.folder / "soak", steps, bench.counts.soak_slope)


SECTIONS: dict[str, Callable[[Bench], Iterator[Trial]]] = {
    "kills": kills,
    "ranks": rank_kills,
    "races": races,
    "signals": signalled,
    "damage": damaged,
    "disks": full_disks,
    "surroundings": surroundings,
    "soak": soak,
}

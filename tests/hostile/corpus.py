"""All sections, and a worker's side of trying them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults import processes
from tests.hostile import archives, checkpoints, configs, latents, pictures, runfolders, sets
from tests.hostile.case import Case
from tests.hostile.sound import Sound
from tests.hostile.trial import Outcome, outcome

SECTIONS: Mapping[str, Sequence[Case]] = {
    "checkpoints": tuple(checkpoints.cases()),
    "configs": tuple(configs.cases()),
    "pictures": tuple(pictures.cases()),
    "archives": tuple(archives.cases()),
    "runfolders": tuple(runfolders.cases()),
    "sets": tuple(sets.cases()),
    "latents": tuple(latents.cases()),
}

_here: list[tuple[Sound, Path]] = []


def prepare_to_fork() -> None:
    """Import, once and before any fork, all that the verbs import: what is left is what they do."""
    processes.import_everything()
    import jinja2  # noqa: F401
    import rich.console
    import rich.progress
    import rich.table  # noqa: F401
    import torch_fidelity  # noqa: F401

    import gantool.audit
    import gantool.comparison
    import gantool.evaluation.scores
    import gantool.export
    import gantool.inspection
    import gantool.latent.directions
    import gantool.latent.drawing
    import gantool.latent.projecting
    import gantool.measurement
    import gantool.report
    import gantool.sample
    import gantool.subject  # noqa: F401


def enter(sound: Sound, folder: Path) -> None:
    """In a worker, before its first trial."""
    _here.append((sound, folder))


def tried(where: tuple[str, int]) -> Outcome:
    """In a worker: one case, by its section and number."""
    section, number = where
    sound, folder = _here[0]
    return outcome(SECTIONS[section][number], sound, folder / f"{section}-{number}")

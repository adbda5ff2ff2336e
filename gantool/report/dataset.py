"""What a run was trained on: from its prepared set where that is still there, else from what the run knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gantool import dataset
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.errors import CheckpointError, DataError, ResourceError
from gantool.pages.text import counted, visible
from gantool.rundir import RunFolder
from gantool.training.checkpoint import read_checkpoint

_COLOURS = {1: "grey", 3: "rgb", 4: "rgba"}
_FAULTS = (DataError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What opening and describing a foreign folder can end with."""


class DataSummary(NamedTuple):
    """Rows of a table of facts, the classes with their numbers, and what has to be said."""

    rows: Sequence[tuple[str, str]]
    classes: Sequence[tuple[str, int]]
    """Training pictures of each class, the largest first."""
    notes: Sequence[str]


def data_summary(run: RunFolder, info: Mapping[str, Any], config: ExperimentConfig | None) -> DataSummary:
    """What is known of a run's pictures. Raises nothing: what is missing or damaged is told."""
    folder = Path(str(info["prepared"])) if info.get("prepared") else None
    if folder is None:
        return _remembered(run, info, config, "The run does not say where its prepared set is.")
    try:
        _require_files(folder)
        described = dataset.describe(PreparedSet.open(folder, checked=True))  # the report trains nothing: no hashing
    except _FAULTS as error:
        reason = visible(str(error).replace(str(folder), folder.name))  # a report is shared: no paths of this machine
        return _remembered(run, info, config, f"Its prepared set cannot be looked at any more ({reason}).")
    wanted = info.get("dataset_fingerprint")
    if wanted and described["fingerprint"] != wanted:
        note = f"The folder {folder.name} holds other pictures now than those that the run was trained on."
        return _remembered(run, info, config, note)
    return _described(described)


def _require_files(folder: Path) -> None:
    """A pipe in a foreign set would block who opens it for ever.

    Raises:
        OSError: naming what is neither file nor folder.
    """
    for path in folder.iterdir():
        if path.exists() and not path.is_file() and not path.is_dir():
            raise OSError(f"{path.name} is no regular file")


def _described(known: Mapping[str, Any]) -> DataSummary:
    shape, counts = known["shape"], known["counts"]
    left_out = {word: number for word, number in known["left_out"].items() if number}
    chosen = dataset.chosen_settings(dict(known))
    rows = [
        ("pictures", f"{counts['train']:,} to train on, {counts['holdout']:,} held out"),
        ("shape", _shape((shape["channels"], shape["height"], shape["width"]))),
        ("origin", visible(str(known["origin"])) if known["origin"] else "pictures of one's own"),
        ("prepared", _options(chosen)),
        ("left out", ", ".join(f"{number:,} {word}" for word, number in left_out.items()) or "none"),
        ("fingerprint", visible(str(known["fingerprint"]))),
    ]
    if known["captions"]:
        rows.insert(2, ("captions", counted(known["captions"], "picture")))
    classes = [(visible(str(one["name"])), int(one["train"])) for one in known["classes"]]
    return DataSummary(rows, sorted(classes, key=lambda pair: -pair[1]), ())


def _remembered(run: RunFolder, info: Mapping[str, Any], config: ExperimentConfig | None, why: str) -> DataSummary:
    """What config, ``run.json`` and the newest checkpoint know."""
    rows = []
    known = _of_checkpoint(run)
    if _is_shape(known.get("shape")):
        rows.append(("shape", _shape(known["shape"])))
    classes = known.get("classes")
    if isinstance(classes, list) and classes:
        names = ", ".join(visible(str(name)) for name in classes[:12])
        rows.append(("classes", f"{len(classes):,}: {names}{' …' if len(classes) > 12 else ''}"))
    if config is not None:
        data = config.to_dict()["data"]
        rows.append(("source", visible(str(data.get("source", "")))))
        chosen = dataset.chosen_settings({"settings": data})
        rows.append(("prepared", _options({key: value for key, value in chosen.items() if key != "source"})))
    fingerprint = info.get("dataset_fingerprint") or known.get("dataset_fingerprint")
    if fingerprint:
        rows.append(("fingerprint", visible(str(fingerprint))))
    again = "It is made again from its source with: gantool data prepare SOURCE --out DIR"
    return DataSummary(rows, (), (f"{why} This is what the run itself knows. {again}",))


def _of_checkpoint(run: RunFolder) -> Mapping[str, Any]:
    newest = run.newest()
    try:
        return read_checkpoint(newest).metadata if newest is not None else {}
    except (CheckpointError, ResourceError):
        return {}


def _options(values: Mapping[str, Any]) -> str:
    words = {True: "yes", False: "no"}
    shown = [
        f"{key.replace('_', ' ')} {words[value] if isinstance(value, bool) else value}" for key, value in values.items()
    ]
    return visible(", ".join(shown)) or "with the defaults"


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(side, int) for side in value)


def _shape(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{width}×{height} {_COLOURS.get(channels, f'{channels} channels')}"

"""Prepared sets that someone sent: headers that lie, arrays that would be unpickled, records that are none."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gantool.data import prepared
from gantool.data.writer import seal
from tests.hostile.case import CONTROL, MARKUP, TURNED, Case, Room
from tests.hostile.checkpoints import _Touch

COUNT = 8
Header = dict[str, Any]


def _facts(**more: Any) -> Header:
    return {
        "format": prepared.FORMAT,
        "preparer": 3,
        "channels": "rgb",
        "shape": [3, 8, 8],
        "classes": [],
        "counts": {"train": 6, "holdout": 2},
        "holdout": 0.25,
        "seed": 0,
        "settings": {"source": "folder"},
        "range": {"setting": "auto", "extent": None},
        "origin": None,
        **more,
    }


def _record(index: int, **more: Any) -> str:
    known = {"name": f"{index}.png", "sha256": "0" * 64, "height": 8, "width": 8, "label": None, "caption": None}
    return json.dumps(known | more) + "\n"


def _set(
    facts: Header | None = None,
    *,
    records: str | None = None,
    arrays: Mapping[str, Any] | None = None,
    then: Callable[[Room, Path], None] | None = None,
) -> Callable[[Room], Path]:
    """A set whose hashes are right, whatever is in it; ``then`` something happens to it."""

    def make(room: Room) -> Path:
        folder = room.given / "odd-set"
        folder.mkdir()
        split = np.array([0] * 6 + [1] * 2, np.uint8)
        pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)
        for name, array in {"images-00000": pixels, "split": split, **(arrays or {})}.items():
            np.save(folder / f"{name}.npy", array(room) if callable(array) else array, allow_pickle=True)
        lines = "".join(_record(index) for index in range(COUNT)) if records is None else records
        (folder / prepared.RECORDS).write_text(lines, encoding="utf-8")
        seal(folder, _facts(**(facts or {})))
        if then is not None:
            then(room, folder)
        return folder

    return make


def _header(change: Callable[[Header], None]) -> Callable[[Room, Path], None]:
    def then(_: Room, folder: Path) -> None:
        header = json.loads((folder / prepared.HEADER).read_text())
        change(header)
        header["digest"] = prepared.digest_of(header)
        (folder / prepared.HEADER).write_text(json.dumps(header))

    return then


def _text(content: str) -> Callable[[Room, Path], None]:
    return lambda _, folder: (folder / prepared.HEADER).write_text(content) and None  # type: ignore[func-returns-value]


def _pipe(name: str) -> Callable[[Room, Path], None]:
    def then(_: Room, folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return then


def _lists_a_pipe(room: Room, folder: Path) -> None:
    """A file of no bytes, says the header, and a pipe has none."""
    os.mkfifo(folder / "more.npy")
    _header(lambda header: header["files"].update({"more.npy": {"bytes": 0, "sha256": []}}))(room, folder)


def _lists(name: str) -> Callable[[Room, Path], None]:
    return _header(lambda header: header["files"].update({name: {"bytes": 17, "sha256": ["0" * 64]}}))


def _objects(room: Room) -> Any:
    return np.array([_Touch(room.bait)] * COUNT, dtype=object)


def _pickled(room: Room, folder: Path) -> None:
    (folder / "images-00000.npy").write_bytes(pickle.dumps(_Touch(room.bait)))
    (folder / prepared.HEADER).unlink()
    seal(folder, _facts())


_BAD: Mapping[str, tuple[Callable[[Room], Path], str]] = {
    "pictures that are objects": (_set(arrays={"images-00000": _objects}), "cannot be read"),
    "a split of objects": (_set(arrays={"split": _objects}), "cannot be read"),
    "labels of objects": (_set({"classes": ["a"]}, arrays={"labels": _objects}), "cannot be read"),
    "a pickle for pictures": (_set(then=_pickled), "cannot be read"),
    "labels beyond the classes": (
        _set({"classes": ["a"]}, arrays={"labels": np.full(COUNT, 2**62, np.int64)}),
        "do not fit together",
    ),
    "labels below 0": (_set({"classes": ["a"]}, arrays={"labels": np.full(COUNT, -1, np.int64)}), "do not fit"),
    "pictures of another shape": (_set({"shape": [3, 2**40, 2**40]}), "do not fit together"),
    "a negative shape": (_set({"shape": [3, -8, -8]}), "names what it should not"),
    "a file up the tree": (_set(then=_lists("../../../secret.txt")), "names what it should not"),
    "a file by an absolute name": (_set(then=_lists("/etc/passwd")), "names what it should not"),
    "counts that are text": (_set({"counts": {"train": "x", "holdout": "y"}}), "lacks parts"),
    "classes that are numbers": (_set({"classes": [1, 2]}), "lacks parts"),
    "settings that are a list": (_set({"settings": [1]}), "lacks parts"),
    "a header that nests": (_set(then=_text("[" * 200_000)), "cannot be read"),
    "a header of a million digits": (_set(then=_text('{"format": ' + "9" * 1_000_000 + "}")), "cannot be read"),
    "a header that is a list": (_set(then=_text("[1]")), "lacks parts"),
    "a format of tomorrow": (_set({"format": 10**9}), "prepare it again"),
    "a fingerprint that lies": (_set(then=_header(lambda header: header.update(fingerprint="0" * 64))), "fingerprint"),
    "a header that is a pipe": (_set(then=_pipe(prepared.HEADER)), "prepare"),
    "pictures that are a pipe": (_set(then=_pipe("images-00000.npy")), "damaged"),
    "a pipe of no bytes": (_set(then=_lists_a_pipe), "damaged"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    verbs = ("info", "show", "verify")
    for number, (name, (make, says)) in enumerate(_BAD.items()):
        yield Case(name, make, verbs[number % 3], says, (3,))
        yield Case(name, make, verbs[(number + 1) % 3], says, (3,))
    for name, records in {
        "records that nest": "[" * 100_000 + "\n",
        "records that are lists": "[]\n" * COUNT,
        "a record of 3 MB": _record(0, caption="x" * 3_000_000),
    }.items():
        yield Case(name, _set(records=records), "info", "damaged", (3,))
    for name, records in {
        "a record of a class that is not there": "".join(_record(index, label=10**9) for index in range(COUNT)),
        "more records than pictures": "".join(_record(index) for index in range(COUNT + 1)),
    }.items():
        yield Case(name, _set(records=records), "check", "damaged", (3,))
    odd = {"classes": [MARKUP, CONTROL, TURNED], "origin": CONTROL, "settings": {"source": CONTROL, "fit": MARKUP}}
    labels = {"labels": np.arange(COUNT, dtype=np.int64) % 3}
    yield Case("names of control characters", _set(odd, arrays=labels), "info", "6 pictures to train on", (0,))
    yield Case("names of control characters", _set(odd, arrays=labels), "show", "wrote", (0,))
    yield Case("a range that is text", _set({"range": {"setting": MARKUP, "extent": "x"}}), "info", "", (0, 3))

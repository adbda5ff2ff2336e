"""Run folders that someone sent: links out of them, pipes, records and cards that lie, markup wherever text can be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gantool.rundir import RunFolder
from tests.hostile.case import MARKUP, Case, Room
from tests.hostile.checkpoints import good_checkpoint
from tests.hostile.configs import LAUGHS
from tests.hostile.pictures import flat
from tests.hostile.sound import config
from tests.report.helpers import card, full_run, hostile_run

Then = Callable[[Room, Path], None]


def _resumed(then: Then) -> Callable[[Room], Path]:
    """A run that could go on, where a run lies that someone goes on with; then something happens to it."""

    def make(room: Room) -> Path:
        run = RunFolder(room.out / "run")
        run.create()
        run.config.write_text(config().to_yaml(), encoding="utf-8")
        good_checkpoint(run.checkpoint_path(32))
        then(room, run.path)
        return run.path

    return make


def _shown(then: Then | None = None, *, hostile: bool = False) -> Callable[[Room], Path]:
    """A run that is looked at."""

    def make(room: Room) -> Path:
        folder = (hostile_run if hostile else full_run)(room.given / "run")
        if then is not None:
            then(room, folder)
        return folder

    return make


def _link(name: str, target: str) -> Then:
    def then(room: Room, folder: Path) -> None:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(room.folder / "home" / target)

    return then


def _pipe(name: str) -> Then:
    def then(_: Room, folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return then


def _file(name: str, content: str | bytes) -> Then:
    def then(_: Room, folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return then


def _sparse(name: str) -> Then:
    def then(_: Room, folder: Path) -> None:
        (folder / name).touch()
        os.truncate(folder / name, 1 << 40)

    return then


def _info(**entries: object) -> Then:
    return _file("run.json", json.dumps(entries))


_STRUCK: Mapping[str, tuple[Then, str, tuple[int, ...], str | None]] = {
    "the lock is a link to a secret": (_link("lock", "secret.txt"), "is a link", (2,), "lock"),
    "the records are a link to a secret": (_link("metrics.jsonl", "secret.txt"), "is a link", (2,), "metrics.jsonl"),
    "the config is a link to a secret": (_link("config.yaml", "secret.txt"), "is a link", (2,), "config.yaml"),
    "run.json is a link to a secret": (_link("run.json", "secret.txt"), "is a link", (2,), "run.json"),
    "finetune.json is a link to a secret": (_link("finetune.json", "secret.txt"), "is a link", (2,), "finetune.json"),
    "checkpoints are a link to elsewhere": (_link("checkpoints", "canary"), "is a link", (2,), "checkpoints"),
    "samples are a link to elsewhere": (_link("samples", "canary"), "is a link", (2,), "samples"),
    "tensorboard is a link to elsewhere": (_link("tensorboard", "canary"), "is a link", (2,), "tensorboard"),
    "the records are a pipe": (_pipe("metrics.jsonl"), "no plain file", (2,), "metrics.jsonl"),
    "run.json is a pipe": (_pipe("run.json"), "no plain file", (2,), "run.json"),
    "the config is a pipe": (_pipe("config.yaml"), "not a run folder", (2,), None),
    "a config of a billion laughs": (_file("config.yaml", LAUGHS), "made with other data", (4,), "run"),
    "run.json that nests": (_file("run.json", "[" * 1_000_000), "made with other data", (4,), "run"),
    "a prepared set in /etc": (_info(prepared="/etc"), "made with other data", (4,), "run"),
    "a prepared set that is a number": (_info(prepared=10**30), "made with other data", (4,), "run"),
    "a best that nests": (_file("checkpoints/best.json", "[" * 90_000), "made with other data", (4,), "run"),
}

_LOOKED_AT: Mapping[str, tuple[Then | None, str]] = {
    "markup wherever text can be": (None, ""),
    "records of a terabyte": (_sparse("metrics.jsonl"), ""),
    "records that nest": (_file("metrics.jsonl", "[" * 1_000_000 + "\n"), ""),
    "records of a million digits": (_file("metrics.jsonl", '{"images_seen": ' + "9" * 1_000_000 + "}\n"), ""),
    "records of 10,000 curves": (
        _file(
            "metrics.jsonl",
            json.dumps({"event": "log", "images_seen": 1, **{f"c{n}": n for n in range(10_000)}}) + "\n",
        ),
        "",
    ),
    "records that are a pipe": (_pipe("metrics.jsonl"), "no regular file"),
    "a grid that is a bomb": (
        lambda room, folder: _file("samples/000000064.png", flat(20_000, 20_000))(room, folder),  # noqa: PLW0108 - late
        "",
    ),
    "a grid that is a link to a secret": (_link("samples/000000064.png", "secret.txt"), ""),
    "a grid that is a pipe": (_pipe("samples/000000064.png"), "no regular file"),
    "a grid called like markup": (_file(f"samples/{MARKUP}.png".replace("</", "<"), b"x"), ""),
    "a card of a terabyte": (_sparse("evaluations/holdout-efficientnet_lite0.json"), "larger than"),
    "a card that nests": (_file("evaluations/a.json", "[" * 1_000_000), ""),
    "a card of 10^400": (_file("evaluations/a.json", json.dumps(card()).replace("31.47", "1e400")), ""),
    "a config of a billion laughs": (_file("config.yaml", LAUGHS), "aliases that repeat too much"),
    "a config with a tag": (_file("config.yaml", "name: !!python/name:os.system\n"), "tags"),
    "run.json that nests": (_file("run.json", "[" * 1_000_000), "run.json"),
    "run.json of a terabyte": (_sparse("run.json"), "run.json"),
    "a checkpoint of a terabyte": (_sparse("checkpoints/000000064.safetensors"), ""),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (then, says, codes, names) in _STRUCK.items():
        yield Case(name, _resumed(then), "resume", says, codes, names)
    for name, (then, says) in _LOOKED_AT.items():
        hostile = then is None
        yield Case(name, _shown(then, hostile=hostile), "report", says, (0,))
        if "nests" not in name or "card" in name:
            yield Case(name, _shown(then, hostile=hostile), "compare", "", (0, 2, 3))
    for verb in ("evaluate", "audit"):
        for name in ("run.json that nests", "a prepared set in /etc", "run.json is a pipe"):
            yield Case(name, _resumed(_STRUCK[name][0]), verb, "its pictures have changed", (3,))

"""Files in a checkpoint's clothing: each a lie of its own, most of them with a digest that is right."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantool.images import ImageShape
from gantool.rundir import RunFolder
from gantool.training.checkpoint import SCHEMA, digest_of, write_checkpoint
from gantool.training.keeper import portable
from gantool.training.state import build_state
from tests.hostile.case import CONTROL, MARKUP, TURNED, Case, Room
from tests.hostile.sound import config

NAME = "odd.safetensors"
_FAR = 1 << 40
_CLASSES = 10
Metadata = dict[str, Any]
Tensors = dict[str, Tensor]
Change = Callable[[Metadata, Tensors], None]


@functools.cache
def _good() -> tuple[str, Tensors]:
    """A sound checkpoint's metadata, as JSON, and its tensors."""
    settings = config("model.conditioning=class")
    state = build_state(settings, ImageShape(1, 16, 16), _CLASSES, torch.device("cpu"), torch.float32)
    metadata = {
        "kind": "checkpoint",
        "schema": SCHEMA,
        "config": portable(settings.to_dict()),
        "shape": [1, 16, 16],
        "classes": [f"class {number}" for number in range(_CLASSES)],
        "images_seen": 32,
        "attempt": 0,
        "metrics_lines": 0,
        "best": None,
        "dataset_fingerprint": "ab" * 32,
        "environment": {"torch": torch.__version__, "processes": 1},
    }
    return json.dumps(metadata), {name: tensor.detach().clone() for name, tensor in state.tensors().items()}


def raw(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """The bytes of a safetensors file, with a length that may be a lie."""
    return (len(header) if length is None else length).to_bytes(8, "little", signed=False) + header + body


def entry(dtype: str, shape: Any, begin: Any, end: Any) -> dict[str, Any]:
    """One tensor of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def described(**entries: Any) -> bytes:
    """A header that says it is gantool's."""
    return json.dumps({"__metadata__": {"gantool": "{}", "digest": "0" * 64}, **entries}).encode()


def of_bytes(content: bytes | Callable[[Room], bytes]) -> Callable[[Room], Path]:
    """Makes a file of just these."""

    def make(room: Room) -> Path:
        path = room.given / NAME
        path.write_bytes(content(room) if callable(content) else content)
        return path

    return make


def _changed(change: Change, *, signed: bool = True) -> Callable[[Room], Path]:
    """A sound checkpoint after ``change``, with the digest that it should have."""

    def make(room: Room) -> Path:
        path = room.given / NAME
        metadata, tensors = json.loads(_good()[0]), dict(_good()[1])
        change(metadata, tensors)
        write_checkpoint(path, tensors, metadata)
        if not signed:
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)
        return path

    return make


def signed(text: str, tensors: Mapping[str, Tensor]) -> bytes:
    """A file of gantool's form around any metadata text, with its digest."""
    entries: dict[str, Any] = {"__metadata__": {"gantool": text, "digest": digest_of(tensors, text)}}
    body = b""
    for name, tensor in tensors.items():
        content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        entries[name] = entry("F32", list(tensor.shape), len(body), len(body) + len(content))
        body += content
    return raw(json.dumps(entries).encode(), body)


class _Touch:
    """What a pickle would do."""

    def __init__(self, bait: Path) -> None:
        self.bait = bait

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.bait}",)


def _zipped_pickle(room: Room) -> bytes:
    path = room.given / "real.pt"
    torch.save(_Touch(room.bait), path)
    content = path.read_bytes()
    path.unlink()
    return content


def _sparse(room: Room) -> Path:
    """A terabyte of nothing: it takes no room on the disk."""
    path = room.given / NAME
    header = described(a=entry("F32", [_FAR // 4], 0, _FAR))
    path.write_bytes(raw(header))
    os.truncate(path, 8 + len(header) + _FAR)
    return path


def _large_sparse(room: Room) -> Path:
    """Less than a machine has, more than the rest of the file can need."""
    path, size = room.given / NAME, 1 << 30
    header = described(a=entry("F32", [size // 4], 0, size))
    path.write_bytes(raw(header))
    os.truncate(path, 8 + len(header) + size)
    return path


def _pipe(room: Room) -> Path:
    path = room.given / NAME
    os.mkfifo(path)
    return path


def _set(key: str, value: Any) -> Change:
    def change(metadata: Metadata, _: Tensors) -> None:
        metadata[key] = value

    return change


def _model(**keys: Any) -> Change:
    def change(metadata: Metadata, _: Tensors) -> None:
        metadata["config"]["model"] |= keys

    return change


def _dropped(metadata: Metadata, _: Tensors, key: str) -> None:
    del metadata[key]


def _without(key: str) -> Change:
    return lambda metadata, tensors: _dropped(metadata, tensors, key)


def _tensors(change: Callable[[Tensors], None]) -> Change:
    return lambda _, tensors: change(tensors)


def _other_dtype(tensors: Tensors) -> None:
    tensors.update({name: tensor.to(torch.float64) for name, tensor in tensors.items() if name.startswith("ema.")})


def _transposed(tensors: Tensors) -> None:
    tensors.update({name: tensor.t().contiguous() for name, tensor in tensors.items() if tensor.dim() == 2})


def _odd_names(tensors: Tensors) -> None:
    tensors[f"ema.{CONTROL}{TURNED}"] = torch.zeros(2)


def _path_names(tensors: Tensors) -> None:
    tensors["ema.../../../../etc/passwd"] = torch.zeros(2)


_TWICE = (
    b'{"__metadata__": {"gantool": "{}", "digest": "0"}, '
    b'"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, '
    b'"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}'
)
_MANY = {f"t{number}": entry("U8", [0], 0, 0) for number in range(30_000)}
_NOT_ONE = "cannot be read as a checkpoint"
_MISFIT = "do not fit"

FILES: Mapping[str, tuple[Callable[[Room], Path], str]] = {
    "a pickle": (of_bytes(lambda room: pickle.dumps(_Touch(room.bait))), _NOT_ONE),
    "a pickle of protocol 0": (of_bytes(lambda room: pickle.dumps(_Touch(room.bait), 0)), _NOT_ONE),
    "torch.save's zip with a pickle": (of_bytes(_zipped_pickle), _NOT_ONE),
    "a pickle behind a sound header": (
        of_bytes(lambda room: raw(described(), pickle.dumps(_Touch(room.bait)))),
        "longer than its header says",
    ),
    "an empty file": (of_bytes(b""), "0 bytes are too few"),
    "a header of 2^64 - 1 bytes": (of_bytes(raw(b"{}", length=2**64 - 1)), "the limit is"),
    "a header of 90 MB": (of_bytes(raw(b" " * 90_000_000)), "the limit is"),
    "a header longer than the file": (of_bytes(raw(b"{}", length=1_000)), "truncated"),
    "a header of brackets": (of_bytes(raw(b"[" * 3_000_000)), "not JSON"),
    "a header of a million lists": (of_bytes(raw(b"[" + b"[]," * 1_300_000 + b"[]]")), "not an object"),
    "a header that is not UTF-8": (of_bytes(raw(b'{"\xff": 1}')), "not JSON"),
    "a number of a million digits": (of_bytes(raw(b'{"a": ' + b"9" * 1_000_000 + b"}")), "not JSON"),
    "30,000 tensors": (of_bytes(raw(described(**_MANY))), "30,000 tensors"),
    "a name of a megabyte": (
        of_bytes(raw(described(**{"n" * 1_000_000: entry("U8", [0], 0, 0)}))),
        "a tensor's name of",
    ),
    "a name that stands twice": (of_bytes(raw(_TWICE, b"..")), "stands twice"),
    "offsets that overlap": (
        of_bytes(raw(described(a=entry("U8", [8], 0, 8), b=entry("U8", [8], 4, 12)), bytes(12))),
        "overlaps",
    ),
    "offsets with a gap": (
        of_bytes(raw(described(a=entry("U8", [4], 0, 4), b=entry("U8", [4], 8, 12)), bytes(12))),
        "gap",
    ),
    "negative offsets": (of_bytes(raw(described(a=entry("U8", [8], -8, 0)), bytes(8))), "offsets cannot be right"),
    "offsets that run backwards": (of_bytes(raw(described(a=entry("U8", [8], 8, 0)), bytes(8))), "offsets cannot"),
    "offsets beyond the file": (of_bytes(raw(described(a=entry("F32", [_FAR // 8], 0, _FAR // 2)))), "truncated"),
    "offsets that are text": (of_bytes(raw(described(a=entry("U8", [8], "0", "8")), bytes(8))), "offsets cannot"),
    "an unknown dtype": (of_bytes(raw(described(a=entry("PY_OBJECT", [1], 0, 8)), bytes(8))), "of a dtype"),
    "a dtype that is a list": (of_bytes(raw(described(a=entry([], [1], 0, 8)), bytes(8))), "of a dtype"),  # type: ignore[arg-type]
    "a shape of 2^62": (of_bytes(raw(described(a=entry("F32", [2**62], 0, 8)), bytes(8))), "shape cannot be right"),
    "a shape whose product overflows": (
        of_bytes(raw(described(a=entry("F32", [2**33, 2**33, 4], 0, 0)))),
        "not what its shape and dtype need",
    ),
    "a negative shape": (of_bytes(raw(described(a=entry("U8", [-1, -8], 0, 8)), bytes(8))), "shape cannot be right"),
    "a shape of true": (of_bytes(raw(described(a=entry("U8", [True], 0, 1)), bytes(1))), "shape cannot be right"),
    "100 dimensions": (of_bytes(raw(described(a=entry("U8", [1] * 100, 0, 1)), bytes(1))), "shape cannot be right"),
    "metadata that is a list": (of_bytes(raw(json.dumps({"__metadata__": [1]}).encode())), "not text by name"),
    "another tool's file": (
        of_bytes(raw(json.dumps({"a": entry("U8", [1], 0, 1)}).encode(), b"x")),
        "not one that gantool",
    ),
    "a digest that is wrong": (_changed(lambda *_: None, signed=False), "does not match its digest"),
    "metadata of a million lists": (
        of_bytes(signed('{"a": [' + "[]," * 1_000_000 + "[]]}", {})),
        "names no schema",
    ),
    "metadata that nests without end": (of_bytes(signed("[" * 1_000_000, {})), "not JSON"),
    "a schema of tomorrow": (_changed(_set("schema", 10**6)), "upgrade gantool"),
    "a schema that is text": (_changed(_set("schema", "2")), "names no schema"),
    "a version that clears the screen": (
        _changed(lambda metadata, _: metadata.update(schema=99, version=CONTROL + TURNED)),
        "upgrade gantool",
    ),
    "no config": (_changed(_without("config")), "lacks 'config'"),
    "a config that is a list": (_changed(_set("config", [1])), "'config' in its metadata cannot be right"),
    "a config that is a path": (_changed(_set("config", "../../../../etc/passwd")), "cannot be right"),
    "a shape of 2^40 pixels": (_changed(_set("shape", [3, 2**40, 2**40])), "cannot be right"),
    "a negative side": (_changed(_set("shape", [1, -16, 16])), "cannot be right"),
    "a million classes": (_changed(_set("classes", ["x"] * 200_000)), _MISFIT),
    "classes that are numbers": (_changed(_set("classes", [1, 2])), "cannot be right"),
    "widths of 2^40": (_changed(_model(hidden=[2**40, 2**40])), "no network can be that large"),
    "widths of a million": (_changed(_model(hidden=[1_000_000, 1_000_000])), _MISFIT),
    "101 layers": (_changed(_model(hidden=[8] * 101)), "cannot build its model"),
    "a latent of 4096": (_changed(_model(latent_dim=4096)), _MISFIT),
    "another architecture": (
        _changed(lambda metadata, _: metadata["config"].update(model={"name": "stylegan2", "latent_dim": 8})),
        _MISFIT,
    ),
    "an architecture with a path for a name": (_changed(_model(name="../../os")), "cannot build its model"),
    "tensors of another dtype": (_changed(_tensors(_other_dtype)), _MISFIT),
    "tensors of another shape": (_changed(_tensors(_transposed)), _MISFIT),
    "tensors that are missing": (_changed(_tensors(lambda tensors: tensors.pop("ema.image.bias"))), _MISFIT),
    "tensors called like paths": (_changed(_tensors(_path_names)), _MISFIT),
    "tensors called by control characters": (_changed(_tensors(_odd_names)), _MISFIT),
    "a pipe": (_pipe, "give a checkpoint"),
    "a terabyte of nothing": (_sparse, "cannot be read"),
}
"""By what is hostile about it: how it is made, and a part of what is said of it."""

_ODD_RUNS: Mapping[str, tuple[Change, str]] = {
    "images_seen below 0": (_set("images_seen", -5), "cannot be right"),
    "images_seen of 10^30": (_set("images_seen", 10**30), "cannot be right"),
    "metrics_lines that is text": (_set("metrics_lines", "all"), "cannot be right"),
    "no images_seen": (_without("images_seen"), "lacks 'images_seen'"),
    "processes: 10^9": (_set("environment", {"processes": 10**9}), "say how many you want"),
    "a best file up the tree": (
        _set("best", {"file": "../../../../home/secret.txt", "metric": "x", "value": 1.0}),
        "made with other data",
    ),
    "a best that is a list": (_set("best", [1, 2]), "cannot be right"),
    "widths of 2^40": (_model(hidden=[2**40, 2**40]), "no network can be that large"),
    "widths of a million": (_model(hidden=[1_000_000, 1_000_000]), "does not fit its config"),
    "a data path up the tree": (
        lambda metadata, _: metadata["config"].update(data={"source": "folder", "path": "../../../home"}),
        "its config does not describe a run",
    ),
    "a name with markup": (
        lambda metadata, _: metadata["config"].update(name=MARKUP),
        "its config does not describe a run",
    ),
    "moments of another shape": (
        _tensors(lambda tensors: tensors.update({n: t[:1] for n, t in tensors.items() if n.endswith(".exp_avg")})),
        "does not fit its config",
    ),
    "an exported generator": (_set("kind", "export"), "an exported generator"),
}


def good_checkpoint(path: Path) -> None:
    """A sound one, of data that no one has."""
    text, tensors = _good()
    write_checkpoint(path, tensors, json.loads(text))


def _as_run(make: Callable[[Room], Path]) -> Callable[[Room], Path]:
    """The file as the only checkpoint of a run that someone sent."""

    def made(room: Room) -> Path:
        run = RunFolder(room.out / "run")
        run.create()
        shutil.move(make(room), run.checkpoint_path(32))
        run.config.write_text(config().to_yaml(), encoding="utf-8")
        return run.path

    return made


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (make, says) in FILES.items():
        yield Case(name, make, "sample", says, (4,))
    for name in ("widths of a million", "tensors of another dtype", "a pickle", "a terabyte of nothing"):
        make, says = FILES[name]
        for verb in ("export", "evaluate", "audit"):
            yield Case(name, make, verb, says, (4,))
        yield Case(name, make, "finetune", says, (4,))
    yield Case("no images_seen", _changed(_without("images_seen")), "finetune", "lacks 'images_seen'", (4,))
    yield Case("a gigabyte of nothing", _large_sparse, "sample", "do not fit into memory", (6,))
    for name, (change, says) in _ODD_RUNS.items():
        yield Case(f"resume: {name}", _as_run(_changed(change)), "resume", says, (4,))
    for name in ("a pickle", "a header of 90 MB", "offsets that overlap", "a digest that is wrong"):
        yield Case(f"resume: {name}", _as_run(FILES[name][0]), "resume", "start again", (4,))
    names = [MARKUP, CONTROL, TURNED, *(f"class {number}" for number in range(3, _CLASSES))]
    yield Case("classes with markup", _changed(_set("classes", names)), "sample", "Done: 2 pictures", (0,))
    yield Case("classes with markup", _as_run(_changed(_set("classes", names))), "report", "", (0,))

"""From what a person types to settings: a folder, a file, a config, a recipe, or the name of a public set.

What is at a path decides, not only its name: the kind of file that most of a folder's bytes are in is what it is read
as, and labels are taken from where they stand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gantool import recipes, yamlfile
from gantool.data import AnyData, DataSettings
from gantool.data.listing import ARCHIVES, ARRAYS, PARQUET, Found, files_at, files_below, others
from gantool.data.prepared import HEADER, SPLIT
from gantool.data.sources.archive import ArchiveSource
from gantool.data.sources.folder import FolderSource
from gantool.data.sources.idx import idx_files
from gantool.data.sources.names import is_picture
from gantool.errors import DataError, UsageError

_ADAPTER: TypeAdapter[DataSettings] = TypeAdapter(AnyData)
_KINDS: Mapping[str, tuple[str, ...]] = {"archive": ARCHIVES, "parquet": PARQUET, "arrays": ARRAYS}
_MAGIC = ((b"PAR1", "parquet"), (b"\x93NUMPY", "arrays"), (b"PK", "archive"))
_CONFIGS = (".yaml", ".yml")


def settings_for(source: str, /, **options: Any) -> DataSettings:
    """The settings that read ``source``.

    Args:
        source: a folder of pictures, of MNIST-style files, of parquet files or of archives; a prepared set; a zip, tar,
            parquet, npy or npz file; shards with a ``*``; a config or the name of a recipe, whose ``data`` section is
            taken; ``embedded``; ``torchvision:CIFAR10:/where/it/is``.
        options: keys of the ``data`` section that go before what was found; None leaves one out. With ``source``
            nothing is found out: the pictures are read as that.

    Raises:
        DataError: when there is nothing of all this.
        UsageError: for options that such a source does not have.
    """
    chosen = {key: value for key, value in options.items() if value is not None}
    if "source" in chosen:
        return _validated(source, {"path": source} if chosen["source"] != "embedded" else {}, chosen)
    return _validated(source, _found(source, labelled="labels" in chosen), chosen)


def _found(source: str, *, labelled: bool) -> dict[str, Any]:
    """The keys that ``source`` stands for; ``labelled``: nobody asks where its labels are."""
    if source == "embedded":
        return {"source": "embedded"}
    if source.startswith("torchvision:"):
        return _torchvision(source)
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(source, path, labelled=labelled)
    if path.is_file() and path.suffix.lower() in _CONFIGS:
        return _section(path)
    if path.is_file() or "*" in source:
        first = files_at(source, ())[0]
        return _read_as(_kind_of(first), source, labelled=labelled)
    known = recipes.recipes()
    if source in known:
        return _section(known[source])
    nearest = next((parent for parent in path.absolute().parents if parent.is_dir()), path)
    raise DataError(
        f"{source}: no such folder or file (there is {nearest}), and no other source of that name: those are"
        f" embedded, torchvision:NAME:FOLDER, and the recipes {', '.join(known)}"
    )


def _torchvision(source: str) -> dict[str, Any]:
    name, colon, path = source.removeprefix("torchvision:").partition(":")
    if not (colon and path):
        raise UsageError(
            f"{source}: add the folder that torchvision keeps it in: torchvision:{name or 'CIFAR10'}:FOLDER"
        )
    return {"source": "torchvision", "dataset": name, "path": path}


def _folder(source: str, folder: Path, *, labelled: bool) -> dict[str, Any]:
    if (folder / HEADER).is_file() and (folder / SPLIT).is_file():
        return {"source": "prepared", "path": source}
    if any(kind == "images" for _, kind in idx_files(folder)):
        return {"source": "idx", "path": source}
    found = files_below(folder)
    sizes = dict.fromkeys(("folder", *_KINDS), 0)
    for file in found:
        if (kind := _kind_by_name(file.name)) is not None:
            sizes[kind] += file.size + 1  # empty files are files too
    kind = max(sizes, key=lambda kind: sizes[kind])
    if not sizes[kind]:
        raise DataError(
            f"{source}: nothing in it that is read; looked for pictures, archives ({' '.join(ARCHIVES)}), parquet"
            f" files, arrays ({' '.join(ARRAYS)}), MNIST-style files and a prepared set; {others(found)}"
        )
    if kind != "arrays":
        return _read_as(kind, source, labelled=labelled)
    arrays = [file.path for file in found if file.name.lower().endswith(ARRAYS)]
    pictures = [path for path in arrays if "label" not in path.name and not path.name.startswith("y_")]
    if len(pictures) != 1:
        raise DataError(f"{source}: {len(arrays)} arrays in it; name the one to read, such as {arrays[0]}")
    return {"source": "arrays", "path": str(pictures[0])}


def _read_as(kind: str, path: str, *, labelled: bool) -> dict[str, Any]:
    """The keys for ``path`` of a known kind, with labels where those can be in more than one place."""
    keys = {"source": kind, "path": path}
    if labelled or kind not in ("folder", "archive"):
        return keys
    opened = _validated(path, keys, {}).open()
    with contextlib.closing(opened):
        if isinstance(opened, FolderSource | ArchiveSource):
            keys["labels"] = opened.suggested_labels()
    return keys


def _kind_of(file: Found) -> str:
    """The source for a file, by what it begins with, else by its name.

    Raises:
        DataError: for a file that is none of pictures.
    """
    try:
        with file.path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise DataError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    named = _kind_by_name(file.name)
    if named == "folder":
        raise DataError(f"{file.path}: one picture; give the folder that it is in")
    kind = named or next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if kind is None:
        raise DataError(
            f"{file.path}: not a file of pictures; read are {' '.join((*ARCHIVES, *PARQUET, *ARRAYS))} and configs"
            f" ({' '.join(_CONFIGS)})"
        )
    return kind


def _kind_by_name(name: str) -> str | None:
    if is_picture(name):
        return "folder"
    return next((kind for kind, suffixes in _KINDS.items() if name.lower().endswith(suffixes)), None)


def _section(config: Path) -> dict[str, Any]:
    """The ``data`` section of a config.

    Raises:
        UsageError: when there is none, or the file is no YAML.
    """
    content = yamlfile.read(config).value
    section = content.get("data") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise UsageError(f"{config}: no data section in it")
    return dict(section)


def _validated(source: str, keys: Mapping[str, Any], options: Mapping[str, Any]) -> DataSettings:
    """Settings of the keys that were found and those that a person chose.

    Raises:
        UsageError: naming every key that does not fit.
    """
    try:
        return _ADAPTER.validate_python({**keys, **options})
    except ValidationError as error:
        kind = {**keys, **options}.get("source")
        raise UsageError("\n".join(_said(source, kind, fault) for fault in error.errors())) from None


def _said(source: str, kind: object, fault: Any) -> str:
    """One fault of the settings in a person's words."""
    key = ".".join(str(part) for part in fault["loc"] if part != kind) or "source"
    if fault["type"] == "extra_forbidden":
        return f"{source}: {key}: source {kind} has no such key"
    return f"{source}: {key}: {fault['msg'].removeprefix('Value error, ')}"

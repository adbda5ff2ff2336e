"""The checkpoint file: one safetensors file with a digest over everything in it.

Its metadata holds two strings: ``gantool`` (canonical JSON: sorted keys, no times, no absolute paths) and
``digest``, the SHA-256 over that JSON and, by sorted name, every tensor's name, dtype, shape and bytes. So two
identical runs have equal digests, a flipped bit is found, and nothing that is loaded can run code: this module
reads safetensors and never a pickle. The file is opened once, never mapped, and read by us: what was checked is what
is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from gantool import files
from gantool.errors import CheckpointError, DamagedCheckpointError, ResourceError
from gantool.legible import legible
from gantool.memory import available_memory
from gantool.training.header import SIZE_LIMIT, Header, HeaderFault, Place, read_header
from gantool.training.metadata import require_sound
from gantool.version import __version__

SCHEMA = 3
"""Raised when a checkpoint of before would load, but no longer go on to the same bits.

1: other draws of dropout. 2: logits rounded to bfloat16; ADA steered by the sign of least squares' logits.
"""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory, its digest already verified."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]
    digest: str


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """Write ``tensors`` and ``metadata`` to ``path``, whole or not at all, and return the digest.

    ``schema``, ``tool`` and ``version`` are added to the metadata.

    Raises:
        OSError: when the disk is full or cannot be written; what was at ``path`` is untouched.
        CheckpointError: when the metadata is larger than is ever read again.
    """
    # safetensors keeps no strides, so everything is written in logical order.
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = canonical_json({"schema": SCHEMA, "tool": "gantool", "version": __version__, **metadata})
    digest = digest_of(dense, text)
    with files.atomic_path(path) as temporary:
        try:
            save_file(dense, temporary, metadata={"gantool": text, "digest": digest})
        except SafetensorError as error:
            raise _os_error(error, path) from error
        _require_readable(path, temporary)
    return digest


def _os_error(error: SafetensorError, path: Path) -> OSError:
    """The same with the errno that safetensors has in its words alone."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else OSError(str(error))


def _require_readable(path: Path, written: Path) -> None:
    """What could not be read again must not take the place of what can."""
    try:
        with written.open("rb") as stream:
            read_header(stream, os.fstat(stream.fileno()).st_size)
    except HeaderFault as fault:
        raise CheckpointError(
            f"{path}: cannot be kept ({fault}); most of what stands in its header are the names of classes: "
            "merge some, or set data.labels: none"
        ) from fault


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read and verify a checkpoint or an exported generator.

    Raises:
        CheckpointError: for a file that is missing, foreign, damaged, or of a newer schema.
        ResourceError: where its tensors do not fit into memory.
    """
    path = Path(path)
    try:
        with files.open_regular(path, SIZE_LIMIT) as stream:
            header = read_header(stream, os.fstat(stream.fileno()).st_size)
            if not {"gantool", "digest"} <= header.metadata.keys():
                # Or one of ours whose header has lost the word: in a run, the one before it takes its place.
                raise DamagedCheckpointError(f"{path}: a safetensors file, but not one that gantool wrote")
            tensors = _tensors(path, stream, header)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or _first_line(error)})") from error
    except ValueError as error:  # a fault of the header, or a null byte in the name
        reason = legible(_first_line(error))
        raise DamagedCheckpointError(
            f"{path}: cannot be read as a checkpoint ({reason}); give a run's folder, or another of its checkpoints"
        ) from error
    text, digest = header.metadata["gantool"], header.metadata["digest"]
    if digest_of(tensors, text) != digest:
        raise DamagedCheckpointError(f"{path}: damaged: its content does not match its digest; use an older checkpoint")
    return Checkpoint(path, _metadata(path, text), tensors, digest)


def _tensors(path: Path, stream: BufferedReader, header: Header) -> dict[str, Tensor]:
    """All tensors, in the order in which they lie; ``stream`` stands at the first.

    Raises:
        HeaderFault: for bytes that are not there, or are no values of their dtype.
        ResourceError: where there is no memory for them.
    """
    there = available_memory()
    wanted = f"{path}: {header.size / 1e6:,.0f} MB of tensors do not fit into memory"
    advice = "if it is yours, read it on a machine with more"
    if there is not None and header.size > there:
        raise ResourceError(f"{wanted} ({there / 1e6:,.0f} MB are free); {advice}")
    try:
        return {name: _tensor(name, stream, place) for name, place in header.places.items()}
    except MemoryError as error:
        raise ResourceError(f"{wanted}; {advice}") from error


def _tensor(name: str, stream: BufferedReader, place: Place) -> Tensor:
    if place.begin == place.end:
        return torch.empty(place.shape, dtype=place.dtype)
    content = bytearray(place.end - place.begin)
    if stream.readinto(content) < len(content):
        raise HeaderFault("truncated while it was read")
    flat = torch.frombuffer(content, dtype=torch.uint8)
    if place.dtype is torch.bool and bool((flat > 1).any()):
        raise HeaderFault(f"tensor {name!r}: bytes that are neither true nor false")
    return flat.view(place.dtype).view(place.shape)


def _metadata(path: Path, text: str) -> dict[str, Any]:
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its metadata is not JSON; gantool did not write it") from error
    schema = metadata.get("schema") if isinstance(metadata, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise CheckpointError(f"{path}: its metadata names no schema; gantool did not write it")
    if schema > SCHEMA:
        wrote = legible(metadata.get("version", "a newer version"), 40)
        raise CheckpointError(f"{path}: written by gantool {wrote} in schema {schema}; upgrade gantool to read it")
    require_sound(path, metadata)
    return dict(metadata)


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 over ``text`` and, by sorted name, each tensor's name, dtype, shape and bytes in logical order."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"\0{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        total.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

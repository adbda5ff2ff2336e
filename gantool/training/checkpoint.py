"""The checkpoint file: one safetensors file with a digest over everything in it.

Its metadata holds two strings: ``gantool`` (canonical JSON: sorted keys, no times, no absolute paths) and
``digest``, the SHA-256 over that JSON and, by sorted name, every tensor's name, dtype, shape and bytes. So two
identical runs have equal digests, a flipped bit is found, and nothing that is loaded can run code: this module
reads safetensors and never a pickle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gantool import files
from gantool.errors import CheckpointError, DamagedCheckpointError
from gantool.version import __version__

SCHEMA = 2
"""Raised when a checkpoint of before would load, but no longer go on to the same bits. 1: other draws of dropout."""


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
    """
    # safetensors keeps no strides, so everything is written in logical order.
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = canonical_json({"schema": SCHEMA, "tool": "gantool", "version": __version__, **metadata})
    digest = digest_of(dense, text)
    with files.atomic_path(path) as temporary:
        try:
            save_file(dense, temporary, metadata={"gantool": text, "digest": digest})
        except SafetensorError as error:  # its I/O errors carry no errno
            raise OSError(str(error)) from error
    return digest


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read and verify a checkpoint or an exported generator.

    Raises:
        CheckpointError: for a file that is missing, foreign, damaged, or of a newer schema.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as opened:
            header = opened.metadata() or {}
            if "gantool" not in header or "digest" not in header:
                # Or one of ours whose header has lost the word: in a run, the one before it takes its place.
                raise DamagedCheckpointError(f"{path}: a safetensors file, but not one that gantool wrote")
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or _first_line(error)})") from error
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise DamagedCheckpointError(f"{path}: cannot be read as a checkpoint ({_first_line(error)})") from error
    if digest_of(tensors, header["gantool"]) != header["digest"]:
        raise DamagedCheckpointError(f"{path}: damaged: its content does not match its digest; use an older checkpoint")
    return Checkpoint(path, _metadata(path, header["gantool"]), tensors, header["digest"])


def _metadata(path: Path, text: str) -> dict[str, Any]:
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its metadata is not JSON") from error
    schema = metadata.get("schema") if isinstance(metadata, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise CheckpointError(f"{path}: its metadata names no schema; gantool did not write it")
    if schema > SCHEMA:
        wrote = metadata.get("version", "a newer version")
        raise CheckpointError(f"{path}: written by gantool {wrote} in schema {schema}; upgrade gantool to read it")
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

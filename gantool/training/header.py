"""The header of a safetensors file, believed nothing: read with limits, and checked before memory is taken.

8 bytes, little-endian: the header's length; JSON ``{name: {"dtype", "shape", "data_offsets": [begin, end]}}`` with
``__metadata__``, text by name; then the tensors' bytes, one after the other. What lies in a file that passes is what
its header says, each byte once: no gap, no overlap, nothing after the last. This module knows no tensors, only where
they lie; it runs no code of the file's and opens no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import torch

HEADER_LIMIT = 4 << 20
"""Bytes of a header. The largest architecture with a thousand classes has half a million."""
TENSOR_LIMIT = 20_000
"""Tensors in a file."""
NAME_LIMIT = 500
"""Characters of a tensor's name."""
RANK_LIMIT = 8
"""Dimensions of a tensor."""
SIZE_LIMIT = 1 << 39
"""Bytes of a file."""

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""What the tensors of a run can be."""

_METADATA = "__metadata__"


class HeaderFault(ValueError):
    """A header that cannot be right; ``str(fault)`` says why, in a few words."""


class Place(NamedTuple):
    """A tensor that was not read yet.

    Attributes:
        begin, end: its bytes, from the first tensor's.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """What a file says that it holds.

    Attributes:
        metadata: text by name.
        places: of the tensors by name, in the order in which they lie.
        start: where the first tensor begins, in bytes.
        size: bytes of all tensors.
    """

    metadata: Mapping[str, str]
    places: Mapping[str, Place]
    start: int
    size: int


def read_header(stream: BinaryIO, file_size: int) -> Header:
    """Read the header at the start of ``stream``.

    Args:
        stream: at the file's beginning; at most ``HEADER_LIMIT`` bytes and 8 are taken from it.
        file_size: of the whole file, in bytes.

    Raises:
        HeaderFault: for anything that is not a header of tensors that fill the file.
    """
    first = stream.read(8)
    if len(first) < 8:
        raise HeaderFault(f"{len(first)} bytes are too few")
    length = int.from_bytes(first, "little")
    if length > HEADER_LIMIT and file_size <= SIZE_LIMIT:
        raise HeaderFault(f"not safetensors: its header would have {length:,} bytes, the limit is {HEADER_LIMIT:,}")
    if file_size > SIZE_LIMIT:
        raise HeaderFault(f"larger than {SIZE_LIMIT >> 30:,} GiB")
    content = stream.read(length)
    if len(content) < length:
        raise HeaderFault("truncated within its header")
    entries = _parsed(content)
    metadata = entries.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise HeaderFault("its metadata is not text by name")
    if len(entries) > TENSOR_LIMIT:
        raise HeaderFault(f"{len(entries):,} tensors, the limit is {TENSOR_LIMIT:,}")
    found = [(name, _place(name, entry)) for name, entry in entries.items()]
    places = dict(sorted(found, key=lambda each: (each[1].begin, each[1].end)))
    size = file_size - 8 - length
    _require_filled(places, size)
    return Header(metadata, places, 8 + length, size)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except HeaderFault:
        raise
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8, and numbers without end
        raise HeaderFault("its header is not JSON") from error
    if not isinstance(entries, dict):
        raise HeaderFault("its header is not an object")
    return entries


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Of two equal keys one reader takes the first, another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise HeaderFault("a name stands twice in its header")
    return found


def _no_number(text: str) -> float:
    raise HeaderFault(f"{text} in its header")


def _place(name: str, entry: Any) -> Place:
    """One tensor's entry, checked by itself."""
    if len(name) > NAME_LIMIT:
        raise HeaderFault(f"a tensor's name of {len(name):,} characters")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise HeaderFault(f"tensor {name!r}: not described by dtype, shape and data_offsets")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise HeaderFault(f"tensor {name!r}: of a dtype that no run has ({str(entry['dtype'])[:20]!r})")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_counts(shape) or len(shape) > RANK_LIMIT:
        raise HeaderFault(f"tensor {name!r}: its shape cannot be right")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderFault(f"tensor {name!r}: its offsets cannot be right")
    begin, end = offsets
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise HeaderFault(f"tensor {name!r}: {end - begin:,} bytes are not what its shape and dtype need")
    return Place(dtype, tuple(shape), begin, end)


def _are_counts(value: Any) -> bool:
    """A list of whole numbers from 0 that a file can have. (To JSON, true is no number; to Python it is.)"""
    return isinstance(value, list) and all(type(each) is int and 0 <= each <= SIZE_LIMIT for each in value)


def _require_filled(places: Mapping[str, Place], size: int) -> None:
    """Every byte belongs to one tensor."""
    position = 0
    for name, place in places.items():
        if place.begin != position:
            what = "overlaps another" if place.begin < position else "leaves a gap before it"
            raise HeaderFault(f"tensor {name!r}: {what}")
        position = place.end
    if position != size:
        what = "truncated" if position > size else "longer than its header says"
        raise HeaderFault(f"{what}: {size:,} bytes of tensors instead of {position:,}")

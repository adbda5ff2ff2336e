"""How pictures and what was found in them travel between processes: a line of JSON, then the bytes that it announces.

JSON and not pickle: nothing that comes over a pipe can run code, and a child that decodes hostile files is believed no
more than they are. Whoever writes sends all bytes of a message before the other side answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data.raw import Raw

BUFFER = 1 << 20
"""Bytes that a pipe's stream gathers before it writes."""

_PLAIN = frozenset(
    ("1", "L", "LA", "La", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16L", "I;16B")
)
_TELLING = frozenset(("transparency", "exif", "xmp", "XML:com.adobe.xmp"))


class Fault(NamedTuple):
    """Why a picture cannot be used."""

    reason: str


class Packed(NamedTuple):
    """A picture ready to be sent."""

    head: object
    """A path as text, the length of a file's content, or [mode, width, height]."""
    body: bytes = b""


def packed(raw: Raw) -> Packed | None:
    """``raw``, ready to be sent; None for a picture that would not arrive as it is: one with a palette, say."""
    if isinstance(raw, Path):
        return Packed(str(raw))
    if isinstance(raw, bytes):
        return Packed(len(raw), raw)
    if type(raw) is not Image.Image or raw.mode not in _PLAIN or not _TELLING.isdisjoint(raw.info):
        return None
    return Packed([raw.mode, *raw.size], raw.tobytes())


def write_request(stream: IO[bytes], pictures: Sequence[Packed]) -> None:
    """Send pictures."""
    _write_line(stream, [(head, len(body)) for head, body in pictures])
    for _, body in pictures:
        stream.write(body)
    stream.flush()


def read_request(stream: IO[bytes]) -> list[Raw]:
    """What `write_request` sent.

    Raises:
        EOFError: when the other side has ended.
    """
    return [_unpacked(head, _read(stream, length)) for head, length in _read_line(stream)]


def _unpacked(head: Any, body: bytes) -> Raw:
    if isinstance(head, str):
        return Path(head)
    if isinstance(head, int):
        return body
    mode, width, height = head
    return Image.frombytes(mode, (width, height), body)


def write_outcomes(stream: IO[bytes], outcomes: Sequence[Sequence[Any]]) -> None:
    """Send outcomes: named tuples of uint8 arrays (or None) and of values that JSON has, or faults."""
    head, arrays = [], []
    for outcome in outcomes:
        entry = []
        for value in outcome:
            if isinstance(value, np.ndarray):
                arrays.append(value)
                value = {"shape": value.shape}  # noqa: PLW2901 - what stands for it in the line
            entry.append(value)
        head.append(entry)
    _write_line(stream, head)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data)
    stream.flush()


def read_outcomes(stream: IO[bytes], kind: Callable[..., Any]) -> list[Any]:
    """What `write_outcomes` sent: each a ``kind`` or a `Fault`. Lists arrive as tuples.

    Raises:
        EOFError: when the other side has ended.
    """
    outcomes = []
    for entry in _read_line(stream):
        values = [_value(stream, value) if isinstance(value, dict | list) else value for value in entry]
        outcomes.append(Fault(values[0]) if len(values) == 1 else kind(*values))
    return outcomes


def _value(stream: IO[bytes], value: Any) -> Any:
    return _array(stream, value["shape"]) if isinstance(value, dict) else as_tuples(value)


def as_tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def _array(stream: IO[bytes], shape: Sequence[int]) -> NDArray[np.uint8]:
    content = _read(stream, math.prod(shape))
    return np.frombuffer(content, np.uint8).reshape(shape)


def _write_line(stream: IO[bytes], content: object) -> None:
    stream.write(json.dumps(content).encode("ascii") + b"\n")


def _read_line(stream: IO[bytes]) -> Any:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return json.loads(line)


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length) if length else b""
    if len(content) != length:
        raise EOFError
    return content

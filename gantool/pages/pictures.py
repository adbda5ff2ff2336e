"""Pictures within a page: files become WebP data URIs that together stay within a number of bytes.

A picture comes from a folder that anyone may have written to: it is decoded within limits and encoded anew, so that
nothing of the file itself gets into the page.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from gantool import files

MOST_PIXELS = 64_000_000
MOST_FILE_BYTES = 128_000_000

_FORMATS = ("PNG", "JPEG", "WEBP")
_LEVELS = ((900, 82), (900, 62), (720, 60), (560, 50), (400, 40), (240, 30))
"""Longer side in pixels, and WebP's quality: tried in this order until all fit."""


class Inlined(NamedTuple):
    """A picture for an ``<img>``."""

    address: str
    width: int
    height: int


def inlined(paths: Sequence[Path], *, most_bytes: int) -> tuple[list[Inlined | None], dict[Path, str]]:
    """The pictures in ``paths`` as data URIs of about ``most_bytes`` in all, none beyond 900 pixels a side.

    Returns:
        One for each path, None for one that cannot be read; and of those, the reason.
    """
    faults: dict[Path, str] = {}
    tried: list[Inlined | None] = []
    for side, quality in _LEVELS:
        tried, total = [], 0
        for path in paths:
            tried.append(None if path in faults else _one(path, side, quality, faults))
            total += len(tried[-1].address) if tried[-1] else 0
            if total > most_bytes:
                break
        else:
            return tried, faults
    return tried + [None] * (len(paths) - len(tried)), faults


def _one(path: Path, side: int, quality: int, faults: dict[Path, str]) -> Inlined | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd files, and of large ones before it refuses them
            with files.open_regular(path, MOST_FILE_BYTES) as file, Image.open(file, formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    faults[path] = f"{image.width:,}×{image.height:,} pixels are too many"
                    return None
                small = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        small.save(content, "WEBP", quality=quality, method=4)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        faults[path] = _reason(error)
        return None
    address = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
    return Inlined(address, small.width, small.height)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"no picture of {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}"
    return (isinstance(error, OSError) and error.strerror) or str(error).strip() or type(error).__name__

"""What the name of a file says about it: a picture, a format that is not read, an archive, or a way out of one."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath

from gantool.data.decode import SUFFIXES
from gantool.data.listing import ARCHIVES

_CAMERA = "arw cr2 cr3 dng nef orf raf raw rw2"
_DRAWN = "ai eps pdf svg xcf psd"
_OTHER = "avif dds exr hdr heic heif icns ico j2k jp2 jpx jxl pbm pcx pgm pnm ppm tga"
_NOT_READ = {f".{suffix}" for suffix in f"{_CAMERA} {_DRAWN} {_OTHER}".split()}
_RENAMED = {".apng": ".png", ".dib": ".bmp", ".jpe": ".jpg", ".mpo": ".jpg"}
"""Formats that are read, under names that are not looked for."""

_PACKED = (*ARCHIVES, ".7z", ".rar")
_DRIVE = re.compile(r"[A-Za-z]:/")


class UnsafeNameError(ValueError):
    """A name that could lead out of its archive; ``str(error)`` says how."""


def is_picture(name: str) -> bool:
    """Whether ``name`` has the suffix of a format that is read."""
    return posixpath.splitext(name)[1].lower() in SUFFIXES


def why_not(name: str, *, inside: bool) -> str | None:
    """Why ``name``, which looks like a picture or a box of them, is passed over; None for all other names.

    Args:
        name: of a file that `is_picture` does not know.
        inside: whether it lies in an archive.
    """
    if name.lower().endswith(_PACKED):
        return "an archive in an archive; unpack it" if inside else "an archive; read it with data.source: archive"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _RENAMED:
        return f"{suffix} is not looked for; rename it to {_RENAMED[suffix]}"
    return f"{suffix} is not read; convert it to PNG or JPEG" if suffix in _NOT_READ else None


def cleaned(name: str) -> str:
    """The name of an archive's member with forward slashes and nothing needless: ``./a//b.png`` → ``a/b.png``.

    Raises:
        UnsafeNameError: for names that an unpacker could be led astray by.
    """
    if "\\" in name or "\0" in name:
        raise UnsafeNameError("a backslash or null byte in its name")
    if name.startswith("/") or _DRIVE.match(name):
        raise UnsafeNameError("an absolute name")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafeNameError("its name leads out of the archive")
    if not parts:
        raise UnsafeNameError("no name")
    return "/".join(parts)

"""What a machine-made picture says about itself: that no one photographed it, and how to draw it again.

PNG carries it in text fields, JPEG and WebP in EXIF, GIF in its comment, ``.npz`` and ``.mp4`` in a JSON file beside
it. `read_provenance` gives the same dictionary for all of them. What this does not do: prove anything. Whoever saves a
picture anew can drop or change these fields; they inform the honest.
"""

from __future__ import annotations

import functools
import json
import struct
import warnings
import zlib
from dataclasses import dataclass, fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from gantool.errors import DataError
from gantool.version import __version__

STATEMENT = "Machine-made image, drawn by a generative adversarial network: no photograph, no person's work."
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""The IPTC's term for media made by a trained model."""

PictureFormat = Literal["png", "jpeg", "webp"]
PICTURE_SUFFIXES: dict[str, PictureFormat] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}

_PNG_PREFIX = "gantool:"
_OF_ONE_PICTURE = ("index", "class_name", "latent")
_PNG_HEADER = 8 + 25  # signature and IHDR, which is always first and always as long
_IMAGE_DESCRIPTION, _SOFTWARE, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9286
_ASCII = b"ASCII\0\0\0"  # Exif 2.3, table 9: the character code that a UserComment begins with


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a picture comes from. Fields that do not apply are None and are not written.

    Attributes:
        checkpoint: digest of the checkpoint that drew it.
        finetuned_from: digest of the checkpoint that its training started from.
        seed: seed of the draw.
        index: number of the picture in the draw of that seed.
        class_name: the class that was asked for.
        weights: ``ema`` (the running average) or ``raw``.
        truncation: the ψ that it was drawn with.
        latent: what it was drawn from, where that is not the latent of (seed, index).
        images_seen: how far training was.
        tool: what drew it.
        version: the tool's version.
        statement: that it is machine-made, in words.
        digital_source_type: the same, as the IPTC's term.
    """

    checkpoint: str | None = None
    seed: int | None = None
    index: int | None = None
    class_name: str | None = None
    weights: str | None = None
    truncation: float | None = None
    latent: str | None = None
    images_seen: int | None = None
    finetuned_from: str | None = None
    tool: str = "gantool"
    version: str = __version__
    statement: str = STATEMENT
    digital_source_type: str = DIGITAL_SOURCE_TYPE

    def to_dict(self) -> dict[str, Any]:
        """The fields that are set, in order."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in values if value is not None}


def encode(picture: Image.Image, format: PictureFormat, provenance: Provenance) -> bytes:
    """The bytes of a file that holds ``picture`` and says where it comes from. PNG and WebP are lossless."""
    buffer = BytesIO()
    if format == "png":
        picture.save(buffer, "PNG")
        return _with_text(buffer.getvalue(), provenance)
    if format == "webp":
        picture.save(buffer, "WEBP", lossless=True, exact=True, exif=exif_of(provenance))
    else:
        picture.save(buffer, "JPEG", quality=95, subsampling=0, exif=exif_of(provenance))
    return buffer.getvalue()


def read_provenance(path: Path | str) -> dict[str, Any]:
    """What the file at ``path`` says about its origin; an empty dictionary when it says nothing.

    Args:
        path: a PNG, JPEG, WebP or GIF picture, or an ``.npz`` or ``.mp4`` with its ``.json`` beside it, or that.

    Raises:
        DataError: when the file cannot be read.
    """
    path = Path(path)
    try:
        if path.suffix in {".npz", ".mp4", ".json"}:
            return _known(path.with_suffix(".json").read_text(encoding="utf-8"))
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
                if picture.format == "GIF":
                    return _from_comment(picture)
                return _from_png(picture.info) if picture.format == "PNG" else _from_exif(picture)
    except (OSError, ValueError, SyntaxError, struct.error, Warning, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give a whole PNG, JPEG, WebP, GIF or npz file") from error


def _with_text(png: bytes, provenance: Provenance) -> bytes:
    """Text chunks right behind the header. (Through Pillow they would cost more than a small picture itself.)"""
    own = [(f"{_PNG_PREFIX}{name}", getattr(provenance, name)) for name in _OF_ONE_PICTURE]
    chunks = [_text_chunk(keyword, str(value)) for keyword, value in own if value is not None]
    shared = _shared_chunks(replace(provenance, index=None, class_name=None, latent=None))
    return b"".join([png[:_PNG_HEADER], shared, *chunks, png[_PNG_HEADER:]])


@functools.lru_cache(maxsize=8)
def _shared_chunks(provenance: Provenance) -> bytes:
    # Software and Description are the PNG standard's own keywords, so that any viewer shows them.
    text = {"Software": f"{provenance.tool} {provenance.version}", "Description": provenance.statement}
    for name, value in provenance.to_dict().items():
        if name not in {"tool", "version", "statement"}:
            text[_PNG_PREFIX + name] = str(value)
    return b"".join(_text_chunk(keyword, value) for keyword, value in text.items())


def _text_chunk(keyword: str, text: str) -> bytes:
    """PNG (third edition), 11.3.3: tEXt holds Latin-1, iTXt holds UTF-8 (here neither compressed nor translated)."""
    if text.isascii():
        content = b"tEXt" + keyword.encode("ascii") + b"\0" + text.encode("ascii")
    else:
        content = b"iTXt" + keyword.encode("ascii") + b"\0\0\0\0\0" + text.encode("utf-8")
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _from_png(info: dict[Any, Any]) -> dict[str, Any]:
    if f"{_PNG_PREFIX}digital_source_type" not in info:
        return {}
    tool, _, version = str(info.get("Software", "")).partition(" ")
    numbers: dict[str, type] = {"seed": int, "index": int, "images_seen": int, "truncation": float}
    found: dict[str, Any] = {}
    for key, value in info.items():
        if isinstance(key, str) and key.startswith(_PNG_PREFIX):
            name = key.removeprefix(_PNG_PREFIX)
            found[name] = numbers.get(name, str)(value)
    return found | {"tool": tool, "version": version, "statement": str(info.get("Description", ""))}


def exif_of(provenance: Provenance) -> Image.Exif:
    """What a JPEG or WebP says."""
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = provenance.statement
    exif[_SOFTWARE] = f"{provenance.tool} {provenance.version}"
    # json.dumps escapes what is not ASCII, so the comment is what its character code says.
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _ASCII + json.dumps(provenance.to_dict()).encode("ascii")
    return exif


def _from_exif(picture: Image.Image) -> dict[str, Any]:
    comment = picture.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT, b"")
    if not isinstance(comment, bytes) or not comment.startswith(_ASCII):
        return {}
    return _known(comment.removeprefix(_ASCII).decode("ascii"))


def _from_comment(picture: Image.Image) -> dict[str, Any]:
    comment = picture.info.get("comment", b"")
    try:
        return _known(comment.decode("ascii"))
    except ValueError:  # a stranger's comment
        return {}


def _known(text: str) -> dict[str, Any]:
    content = json.loads(text)
    return content if isinstance(content, dict) and "tool" in content else {}

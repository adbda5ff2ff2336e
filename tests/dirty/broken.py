"""Files that no decoder can read, and files of formats that are passed over."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.dirty.copies import Copy, encoded

BOMB_SIDE = 12_000
DAMAGED, SILENT = "damaged", "damaged, unnoticed by Pillow"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT = b"This was a picture once. Now it is a note that somebody saved under its name.\n"
_PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body><h1>Not Found</h1></body></html>\n"
_PSD = b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 28, 28, 8, 3) + bytes(3 * 28 * 28)
_PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\nshowpage\n%%EOF\n"
_FITS = b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(80) + b"END".ljust(2720)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><circle cx="14" cy="14" r="9"/></svg>\n'
_HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(64)
_AVIF = struct.pack(">I", 24) + b"ftypavif" + bytes(4) + b"mif1avif" + bytes(64)

PASSED_OVER = (
    Copy(_HEIC, ".heic", "HEIC"),
    Copy(_HEIC, ".HEIC", "HEIC"),
    Copy(_SVG, ".svg", "SVG"),
    Copy(_SVG, ".svg", "SVG"),
    Copy(_PSD, ".psd", "PSD"),
    Copy(_AVIF, ".avif", "AVIF"),
)


def unreadable(pictures: Iterator[Image.Image]) -> Iterator[Copy]:
    """Every way of being unreadable, each of another picture where it takes one."""
    for share in (0.15, 0.5, 0.8, 0.95):
        yield Copy(_cut(encoded(next(pictures), "PNG"), share), ".png", "truncated PNG")
    for share in (0.3, 0.7, 0.85, 0.95):
        yield Copy(_cut(encoded(next(pictures), "JPEG", quality=90), share), ".jpg", "truncated JPEG")
    for share in (0.4, 0.8):
        yield Copy(_cut(encoded(next(pictures), "WEBP", quality=90), share), ".webp", "truncated WebP")
    for share in (0.3, 0.8):
        yield Copy(_cut(encoded(next(pictures), "BMP"), share), ".bmp", "truncated BMP")
    yield from (Copy(b"", suffix, "empty") for suffix in (".png", ".jpg"))
    yield from (Copy(_TEXT, suffix, "text") for suffix in (".png", ".jpeg"))
    yield from (Copy(_PAGE, suffix, "HTML") for suffix in (".png", ".jpg"))
    yield from (Copy(bytes(1500), suffix, "zero-filled") for suffix in (".png", ".jpg"))
    for suffix, content in ((".jpg", _PSD), (".jpg", _PDF), (".png", _EPS), (".tif", _FITS)):
        yield Copy(content, suffix, "foreign format")
    yield Copy(_giant(60_000, b"\0" * 64), ".png", "bomb")
    yield Copy(_giant(BOMB_SIDE, b"\0" * ((BOMB_SIDE // 8 + 1) * BOMB_SIDE)), ".png", "bomb")
    for variant in (DAMAGED, SILENT):
        for _ in range(4):
            yield Copy(_damaged(pictures, silent=variant == SILENT), ".png", variant)


def _cut(content: bytes, share: float) -> bytes:
    """A share of it, but never all pixels: a PNG that only lacks its end marker can be read."""
    return content[: min(int(len(content) * share), len(content) - 40)]


def _giant(side: int, rows: bytes) -> bytes:
    """A black and white PNG that says it is ``side`` pixels wide and high; ``rows`` are what it really holds."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _damaged(pictures: Iterator[Image.Image], *, silent: bool) -> bytes:
    """A PNG with sixteen bytes of its pixels inverted, so that a checksum fails.

    Pillow decodes pixels until it has enough of them and looks at no checksum: about one such damage in forty gives
    it a wrong picture and no complaint. ``silent`` asks for one of these.
    """
    for picture in pictures:
        content = encoded(picture, "PNG")
        start = content.index(b"IDAT") + 4
        for at in range(start if silent else (start + len(content)) // 2, len(content) - 40):
            damaged = content[:at] + bytes(byte ^ 255 for byte in content[at : at + 16]) + content[at + 16 :]
            seen = _pixels(damaged)
            if (seen is not None and seen != picture.tobytes()) if silent else seen is None:
                return damaged
    raise ValueError("no picture is left that can be damaged so")


def _pixels(content: bytes) -> bytes | None:
    """As Pillow decodes them; None where it does not."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.tobytes()
    except (OSError, SyntaxError, ValueError):
        return None

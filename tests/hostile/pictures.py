"""Folders of pictures that were never photographed: bombs, lies about their size, other formats, names, links."""

from __future__ import annotations

import io
import os
import pickle
import socket
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile.case import CONTROL, MARKUP, TURNED, Case, Room
from tests.hostile.checkpoints import _Touch
from tests.hostile.sound import picture

Content = bytes | Callable[[Room], bytes]


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes, *more: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG whose header says what it likes."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    """A sound picture, encoded."""
    stream = io.BytesIO()
    (image or picture(99)).save(stream, kind, **options)
    return stream.getvalue()


def flat(width: int, height: int) -> bytes:
    """A grey PNG of one value, which compresses a thousandfold."""
    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, data)


def _jpeg(width: int, height: int) -> bytes:
    """A JPEG whose frame header says so."""
    content = bytearray(saved("JPEG"))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def _bmp(width: int, height: int) -> bytes:
    content = bytearray(saved("BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def _gif(width: int, height: int, frames: int = 1) -> bytes:
    images = [Image.new("P", (8, 8), index % 256) for index in range(frames)]
    content = bytearray(saved("GIF", images[0], save_all=True, append_images=images[1:]))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


def _webp(width: int, height: int) -> bytes:
    content = bytearray(saved("WEBP", lossless=False))
    place = content.index(b"\x9d\x01\x2a") + 3
    content[place : place + 4] = struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    return bytes(content)


def _tiff(entries: list[tuple[int, int, int, int]], data: bytes = b"") -> bytes:
    """A TIFF of one directory."""
    head = b"II*\0" + struct.pack("<I", 8)
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return head + body + struct.pack("<I", 0) + data


def _tiff_of(width: int, height: int) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    return _tiff([*entries, (273, 4, 1, 100), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 10)], bytes(200))


def _tiff_loop() -> bytes:
    """A directory whose next is itself."""
    content = bytearray(_tiff_of(8, 8))
    struct.pack_into("<I", content, 8 + 2 + 9 * 12, 8)
    return bytes(content)


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
_TEXT_BOMB = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))
_PROFILE_BOMB = chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))

LONE: Mapping[str, tuple[Content, str, str]] = {
    "a PNG of 2^31 - 1 square": (png(2**31 - 1, 2**31 - 1, zlib.compress(bytes(100))), "x.png", "too large"),
    "a PNG of 1 x 100,000,001": (png(1, 100_000_001, zlib.compress(bytes(100))), "x.png", "too large"),
    "a PNG of 0 x 0": (png(0, 0, b""), "x.png", "not an image"),
    "a bomb of 20,000 square": (lambda _: flat(20_000, 20_000), "x.png", "too large"),
    "a bomb just below the limit": (lambda _: flat(10_000, 9_999), "x.png", ""),
    "1 x 1,000,000": (lambda _: flat(1, 1_000_000), "x.png", ""),
    "1,000,000 x 1": (lambda _: flat(1_000_000, 1), "x.png", ""),
    "200 MB of zeros in a text chunk": (png(8, 8, zlib.compress(bytes(72)), _TEXT_BOMB), "x.png", "damaged"),
    "200 MB of zeros in a colour profile": (png(8, 8, zlib.compress(bytes(72)), _PROFILE_BOMB), "x.png", "x.png"),
    "a chunk of 2^31 bytes": (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31) + b"IHDR" + bytes(100),
        "x.png",
        "x.png",
    ),
    "a PNG with a chunk that lies": (
        png(8, 8, zlib.compress(bytes(72))).replace(b"IDAT", b"IDAX"),
        "x.png",
        "x.png",
    ),
    "a JPEG of 65,500 square": (_jpeg(65_500, 65_500), "x.jpg", "too large"),
    "a JPEG of 0 x 0": (_jpeg(0, 0), "x.jpg", "x.jpg"),
    "a JPEG of half its bytes": (saved("JPEG")[:300], "x.jpg", "truncated"),
    "a BMP of 2^31 - 1 square": (_bmp(2**31 - 1, 2**31 - 1), "x.bmp", "too large"),
    "a BMP of a negative size": (_bmp(-32, -(2**31)), "x.bmp", "x.bmp"),
    "a GIF of 65,535 square": (_gif(65_535, 65_535), "x.gif", "too large"),
    "a GIF of 2,000 frames": (_gif(8, 8, 2_000), "x.gif", ""),
    "a WebP of 16,383 square": (_webp(16_383, 16_383), "x.webp", "x.webp"),
    "a TIFF of 2^32 - 1 square": (_tiff_of(2**32 - 1, 2**32 - 1), "x.tif", "x.tif"),
    "a TIFF of 50,000 square": (_tiff_of(50_000, 50_000), "x.tif", "too large"),
    "a TIFF whose directory is its own next": (_tiff_loop(), "x.tif", ""),
    "a TIFF with 65,535 entries": (_tiff([(256, 4, 2**32 - 1, 8)] * 65_535), "x.tif", "x.tif"),
    "a pickle": (lambda room: pickle.dumps(_Touch(room.bait)), "x.png", "not an image"),
    "PostScript that writes": (
        lambda room: f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({room.bait}) (w) file\n".encode(),
        "x.png",
        "not an image",
    ),
    "an SVG that reads": (_SVG, "x.png", "not an image"),
    "a PSD": (b"8BPS\0\1" + bytes(100), "x.png", "not an image"),
    "a FITS": (b"SIMPLE  =                    T" + bytes(3000), "x.png", "not an image"),
    "an icon": (saved("ICO"), "x.png", "not an image"),
    "HTML": (f"<html>{MARKUP}</html>".encode(), "x.png", "not an image"),
    "nothing": (b"", "x.png", "empty"),
}
"""One picture beside sound ones: what its file holds, what it is called, and what the message says of it."""

_FIVE, _FOUR, _MADE = "pictures      5", "pictures      4", "Done: 4 pictures to train on"
_LARGE, _LARGE_MB = "a bomb just below the limit", 300.0
"""100 million pixels are what a good camera has: they are read, and take what SECURITY.md says."""

_NAMES: Mapping[str, str] = {
    "a name with markup": f"{MARKUP.replace('/', '')}.png",
    "a name that clears the screen": f"{CONTROL}.png",
    "a name that runs backwards": f"{TURNED}.png",
    "a name of two lines": "a\ngantool: Done: all is well\n.png",
    "a name that is no UTF-8": "\udcff\udcfe.png",
    "a name of a shell command": "$(touch code-was-run);`touch code-was-run`.png",
    "a name that is an option": "--force.png",
    "a name of 255 bytes": "x" * 251 + ".png",
    "a name of a template": "{{ 7 * 7 }}{% include 'passwd' %}.png",
}


def more_mb(name: str) -> float:
    """What the picture of this name in `LONE` may take beyond the allowance."""
    return _LARGE_MB if name == _LARGE else 0.0


def _folder(room: Room) -> Path:
    """Sound pictures."""
    folder = room.given / "pictures"
    folder.mkdir()
    for index in range(4):
        picture(index).save(folder / f"sound-{index}.png")
    return folder


def _beside_sound(content: Content, name: str) -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        folder = _folder(room)
        (folder / name).write_bytes(content(room) if callable(content) else content)
        return folder

    return make


def _linked(name: str, target: str) -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        folder = _folder(room)
        (folder / name).symlink_to(target)
        return folder

    return make


def _loops(room: Room) -> Path:
    folder = _folder(room)
    for index in range(50):
        (folder / f"d{index}").mkdir()
        for other in range(50):
            (folder / f"d{index}" / f"l{other}").symlink_to(folder / f"d{other}", target_is_directory=True)
    return folder


def _deep(room: Room) -> Path:
    """A picture 60 folders down."""
    folder = _folder(room)
    below = folder.joinpath(*["d" * 20] * 60)
    below.mkdir(parents=True)
    picture(7).save(below / "x.png")
    return folder


def _special(room: Room) -> Path:
    folder = _folder(room)
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as one:
        before = Path.cwd()
        os.chdir(folder)  # a socket's name is short
        one.bind("socket.png")
        os.chdir(before)
    return folder


def _classes(room: Room) -> Path:
    folder = room.given / "pictures"
    for number, name in enumerate((MARKUP.replace("/", ""), CONTROL, TURNED)):
        (folder / name).mkdir(parents=True)
        for index in range(3):
            picture(10 * number + index).save(folder / name / f"{index}.png")
    return folder


def _table(name: str, content: bytes) -> Callable[[Room], Path]:
    """Captions and labels as a stranger wrote them."""
    return _beside_sound(content, name)


def _arrays(room: Room) -> Path:
    """An .npy of objects: numpy would unpickle it."""
    path = room.given / "pictures.npy"
    np.save(path, np.array([_Touch(room.bait)], dtype=object), allow_pickle=True)
    return path


def _npy(header: str, body: bytes = b"") -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        path = room.given / "pictures.npy"
        text = header.encode() + b"\n"
        path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + body)
        return path

    return make


def _idx(*sides: int, body: bytes = b"") -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        folder = room.given / "pictures"
        folder.mkdir()
        content = struct.pack(f">HBB{len(sides)}I", 0, 8, len(sides), *sides) + body
        (folder / "train-images-idx3-ubyte").write_bytes(content)
        return folder

    return make


_SHAPES = {
    "an array of objects": (_arrays, "pictures.npy"),
    "an array of 2^60 pictures": (
        _npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**60}, 8, 8)}}"),
        "pictures.npy",
    ),
    "an array of a negative shape": (
        _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 8, 8)}", bytes(256)),
        "pictures.npy",
    ),
    "an array whose header is code": (
        _npy("__import__('os').system('touch ../../code-was-run')"),
        "pictures.npy",
    ),
    "an array whose header nests": (_npy("(" * 9_000), "pictures.npy"),
    "an idx of 2^32 pictures": (_idx(2**32 - 1, 2**32 - 1, 2**32 - 1), "cannot be right"),
    "an idx of one picture of 2^36 pixels": (_idx(1, 2**18, 2**18), "too large"),
    "an idx of 0 x 0 pictures": (_idx(1_000_000, 0, 0), "cannot be right"),
    "an idx that is too short": (_idx(1_000, 28, 28, body=bytes(100)), "its header states"),
}


def cases() -> Iterator[Case]:
    """All of them; what the check only says, the preparation refuses, unless it is told to skip."""
    for name, (content, called, says) in LONE.items():
        make = _beside_sound(content, called)
        more = more_mb(name)
        if says:
            yield Case(name, make, "check", "pictures      5, of which 4 can be read", (0,))
            yield Case(name, make, "prepare", says, (3,), called)
        else:
            yield Case(name, make, "check", _FIVE, (0,), more_mb=more)
            yield Case(name, make, "skip", _MADE, (0,), more_mb=more)
    for name, called in _NAMES.items():
        yield Case(
            f"{name}, in ruins",
            _beside_sound(b"no picture", called),
            "check",
            "pictures      5, of which 4 can be read",
            (0,),
        )
        yield Case(f"{name}, in ruins", _beside_sound(b"no picture", called), "prepare", "not an image", (3,))
        yield Case(f"{name}, sound", _beside_sound(saved("PNG"), called), "skip", _MADE, (0,))
    yield Case("a link to /", _linked("up", "/"), "check", _FOUR, (0,))
    yield Case("a link to the folder above", _linked("up", "../.."), "check", _FOUR, (0,))
    yield Case("a link to a secret", _linked("x.png", "../../../secret.txt"), "prepare", "not an image", (3,), "x.png")
    yield Case("a link to a device", _linked("x.png", "/dev/zero"), "check", _FOUR, (0,))
    yield Case("a link to itself", _linked("x.png", "x.png"), "check", _FOUR, (0,))
    yield Case("2,500 links in circles", _loops, "check", _FOUR, (0,))
    yield Case("60 folders deep", _deep, "check", _FIVE, (0,))
    yield Case("a pipe and a socket", _special, "check", _FOUR, (0,))
    yield Case("classes with odd names", _classes, "check", "pictures      9", (0,))
    yield Case("classes with odd names", _classes, "prepare", "Done:", (0,))
    for name, (make, says) in _SHAPES.items():
        yield Case(name, make, "prepare", says, (3,))
        yield Case(name, make, "check", says, (3,))
    for name, content in {
        "captions of markup": b"".join(
            b'{"file_name": "sound-%d.png", "text": "%s \\u001b[2J", "label": "%s"}\n'
            % (index, MARKUP.encode(), MARKUP.encode())
            for index in range(4)
        ),
        "captions up the tree": b'{"file_name": "../../../secret.txt", "text": "x", "label": "a"}\n',
        "captions that nest": b"[" * 500_000,
        "captions of a million digits": b'{"file_name": ' + b"9" * 1_000_000 + b"}\n",
    }.items():
        yield Case(name, _table("metadata.jsonl", content), "check", _FOUR, (0,))

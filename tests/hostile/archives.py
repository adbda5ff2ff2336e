"""Archives that would have an unpacker write where it should not, or without end."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.hostile.case import CONTROL, MARKUP, TURNED, Case, Room
from tests.hostile.pictures import saved
from tests.hostile.sound import picture

_SOUND = [saved("PNG", picture(number)) for number in range(4)]
Members = Sequence[tuple[str, bytes]]

_LED_ASTRAY: Mapping[str, str] = {
    "slip up the tree": "../../../canary/pictures.png",
    "slip by an absolute name": "/tmp/gantool-hostile-slip.png",  # noqa: S108 - nothing is ever written there
    "slip by backslashes": "..\\..\\..\\canary\\pictures.png",
    "slip by a drive": "C:/pictures.png",
    "slip in the middle": "a/../../../../canary/pictures.png",
    "a name of markup": MARKUP.replace("/", "") + ".png",
    "a name that clears the screen": CONTROL + ".png",
    "a name that runs backwards": TURNED + ".png",
    "a name of 60 kB": "x" * 60_000 + ".png",
    "a name of two lines": "a\ngantool: Done\n.png",
}


def _zip(room: Room, members: Members, name: str = "odd.zip") -> Path:
    path = room.given / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        for number, content in enumerate(_SOUND):
            box.writestr(f"sound-{number}.png", content)
        for called, content in members:
            box.writestr(called, content)
    return path


def _tar(room: Room, infos: Sequence[tuple[tarfile.TarInfo, bytes]], name: str = "odd.tar") -> Path:
    path = room.given / name
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as box:
        for number, content in enumerate(_SOUND):
            box.addfile(_info(f"sound-{number}.png", content), io.BytesIO(content))
        for info, content in infos:
            box.addfile(info, io.BytesIO(content))
    return path


def _info(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content), kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


def _named_zip(name: str) -> Callable[[Room], Path]:
    return lambda room: _zip(room, [(name, _SOUND[0])])


def _named_tar(name: str, compressed: str = "") -> Callable[[Room], Path]:
    return lambda room: _tar(room, [(_info(name, _SOUND[0]), _SOUND[0])], f"odd.tar{compressed}")


def _special(kind: bytes, **more: object) -> Callable[[Room], Path]:
    return lambda room: _tar(room, [(_info("x.png", b"", kind, **more), b"")])


def _zip_link(room: Room) -> Path:
    info = zipfile.ZipInfo("x.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = _zip(room, [])
    with zipfile.ZipFile(path, "a") as box:
        box.writestr(info, "../../../secret.txt")
    return path


def _zip_of_zips(room: Room) -> Path:
    content = b"\0" * 1_000_000
    for _ in range(20):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as box:
            for number in range(4):
                box.writestr(f"{number}.zip", content)
        content = stream.getvalue()
    return _zip(room, [("inner.zip", content)])


def _bomb(room: Room) -> Path:
    """A member of 2 GB in 2 MB."""
    path = _zip(room, [])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as box, box.open("x.png", "w") as member:
        for _ in range(2_000):
            member.write(bytes(1_000_000))
    return path


def _overlapping(room: Room) -> Path:
    """1,000 members that are all the same 10 MB (Fifield 2019, "A better zip bomb")."""
    path = room.given / "odd.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("x.png", bytes(10_000_000))
        first = box.infolist()[0]
        for number in range(1_000):
            info = zipfile.ZipInfo(f"{number:04d}.png")
            for key in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(info, key, getattr(first, key))
            box.filelist.append(info)
        box._didModify = True  # type: ignore[attr-defined]
    return path


def _lying_size(room: Room) -> Path:
    """A central directory that says 2^40 bytes."""
    path = _zip(room, [("x.png", _SOUND[0])])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 2**32 - 2)
    path.write_bytes(content)
    return path


def _many_members(room: Room) -> Path:
    path = room.given / "odd.zip"
    with zipfile.ZipFile(path, "w") as box:
        for number in range(30_000):
            box.writestr(f"{number}.bin", b"")
        for number, content in enumerate(_SOUND):
            box.writestr(f"sound-{number}.png", content)
    return path


def _damaged(room: Room) -> Path:
    path = _zip(room, [])
    path.write_bytes(path.read_bytes()[:-30])
    return path


def _header(room: Room, size: bytes, kind: bytes = b"0") -> Path:
    """A tar of one header with a size field of our own."""
    header = bytearray(_info("x.png").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size.ljust(12, b"\0")
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    path = room.given / "odd.tar"
    path.write_bytes(bytes(header) + bytes(10_240))
    return path


def _gzip_bomb(room: Room) -> Path:
    """8 GB of zeros in a .tar.gz, said to be one picture."""
    path = room.given / "odd.tar.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    header = bytearray(_info("x.png").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (8 << 30).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    with path.open("wb") as file:
        file.write(packer.compress(bytes(header)))
        block = bytes(1 << 20)
        for _ in range(256):
            file.write(packer.compress(block))
        file.write(packer.flush())
    return path


def _pax(**headers: str) -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        info = _info("x.png", _SOUND[0])
        info.pax_headers = headers
        return _tar(room, [(info, _SOUND[0])])

    return make


def _gzip_of_nothing(room: Room) -> Path:
    path = room.given / "odd.tar.gz"
    path.write_bytes(gzip.compress(b""))
    return path


_TARS: Mapping[str, tuple[Callable[[Room], Path], str, str, tuple[int, ...]]] = {
    "a tar with a link out": (
        _special(tarfile.SYMTYPE, linkname="../../../secret.txt"),
        "check",
        "pictures      4",
        (0,),
    ),
    "a tar with a hard link out": (
        _special(tarfile.LNKTYPE, linkname="../../../secret.txt"),
        "check",
        "pictures      4",
        (0,),
    ),
    "a tar with a device": (_special(tarfile.CHRTYPE, devmajor=1, devminor=5), "check", "pictures      4", (0,)),
    "a tar with a block device": (
        _special(tarfile.BLKTYPE, devmajor=8, devminor=0),
        "prepare",
        "Done: 3 pictures to train on",
        (0,),
    ),
    "a tar with a pipe": (_special(tarfile.FIFOTYPE), "check", "pictures      4", (0,)),
    "a tar with a sparse member": (_special(tarfile.GNUTYPE_SPARSE), "check", "", (0, 3)),
    "a tar that climbs by pax": (_pax(path="../../../canary/pictures.png"), "check", "pictures      4", (0,)),
    "a tar with a pax size of 10^30": (_pax(size="9" * 30), "check", "odd.tar", (3,)),
    "a tar with a negative pax size": (_pax(size="-1024"), "check", "odd.tar", (3,)),
    "a tar with a pax size that is text": (_pax(size="x"), "check", "", (0, 3)),
    "a tar with a size of 2^63": (
        lambda room: _header(room, b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7),
        "check",
        "",
        (3,),
    ),
    "a tar with a negative size": (lambda room: _header(room, b"\xff" * 12), "check", "odd.tar", (3,)),
    "a tar with a long name of 8 GB": (lambda room: _header(room, b"77777777777", b"L"), "check", "odd.tar", (3,)),
    "a tar.gz of 8 GB": (_gzip_bomb, "check", "odd.tar.gz", (3,)),
    "a tar.gz of nothing": (_gzip_of_nothing, "check", "odd.tar.gz", (3,)),
}

_ZIPS: Mapping[str, tuple[Callable[[Room], Path], str, str, tuple[int, ...]]] = {
    "a zip with a link out": (_zip_link, "check", "pictures      4", (0,)),
    "a zip of zips of zips": (_zip_of_zips, "check", "pictures      4", (0,)),
    "a zip with 2 GB in 2 MB": (_bomb, "check", "", (0,)),
    "a zip with 2 GB in 2 MB, prepared": (_bomb, "prepare", "too large", (3,)),
    "a zip of 10 GB in 10 kB": (_overlapping, "check", "decompression bomb", (3,)),
    "a zip that states 4 GB": (_lying_size, "check", "", (0, 3)),
    "a zip of 30,000 members": (_many_members, "check", "pictures      4", (0,)),
    "a zip without its end": (_damaged, "check", "odd.zip", (3,)),
    "an encrypted-looking zip": (lambda room: _flagged(room, 0x1), "check", "pictures      4", (0,)),
    "a zip of an unknown method": (lambda room: _method(room, 99), "check", "pictures      4", (0,)),
}


def _flagged(room: Room, flag: int) -> Path:
    path = _zip(room, [("x.png", _SOUND[0])])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 8] |= flag
    path.write_bytes(content)
    return path


def _method(room: Room, method: int) -> Path:
    path = _zip(room, [("x.png", _SOUND[0])])
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.rindex(b"PK\x01\x02") + 10, method)
    path.write_bytes(content)
    return path


def cases() -> Iterator[Case]:
    """All of them."""
    for name, called in _LED_ASTRAY.items():
        taken = not name.startswith("slip")
        yield Case(f"zip: {name}", _named_zip(called), "check", f"pictures      {4 + taken}", (0,))
        yield Case(f"tar: {name}", _named_tar(called), "prepare", f"Done: {3 + taken} pictures to train on", (0,))
    gzipped = _named_tar(_LED_ASTRAY["slip up the tree"], ".gz")
    yield Case("tar.gz: slip up the tree", gzipped, "prepare", "Done: 3 pictures to train on", (0,))
    for name, (make, verb, says, codes) in {**_TARS, **_ZIPS}.items():
        yield Case(name, make, verb, says, codes)

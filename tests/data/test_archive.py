"""Archives that mean harm, or are damaged: nothing leaves them, nothing is believed, and every fault has a name."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import os
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data import prepare
from gantool.data.decode import BadPicture
from gantool.data.sources import archive as module
from gantool.data.sources import box
from gantool.data.sources.archive import Archive
from gantool.errors import DataError
from tests.data.garments import content_of, png, pngs

PICTURE = pngs(1)[0]


def zipped(path: Path, *members: str | zipfile.ZipInfo, content: bytes = PICTURE) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            with contextlib.suppress(UserWarning):  # of two members of one name
                archive.writestr(member, content)
    return str(path)


def tarred(path: Path, *members: str | tarfile.TarInfo, mode: Any = "w") -> str:
    with tarfile.open(path, mode) as archive:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.type == tarfile.REGTYPE:
                info.size = len(PICTURE)
            archive.addfile(info, io.BytesIO(PICTURE) if info.size else None)
    return str(path)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def names_of(path: str) -> list[str]:
    with contextlib.closing(Archive(path=path).open()) as source:
        return [item.name for item in source.items]


def passed_over(path: str) -> dict[str, str]:
    with contextlib.closing(Archive(path=path).open()) as source:
        return dict(source.passed_over)


UNSAFE = ("/etc/evil.png", "../evil.png", "a/../../evil.png", "C:/evil.png", "a\\evil.png")


class TestNames:
    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_names_that_lead_out_are_passed_over_and_said(self, tmp_path: Path, pack: Callable[..., str]) -> None:
        folder = tmp_path / "deep" / "er"
        folder.mkdir(parents=True)
        path = pack(folder / ("a.zip" if pack is zipped else "a.tar"), *UNSAFE, "./a//good.png", "b.png")
        before = sorted(tmp_path.rglob("*"))
        content = content_of(Archive(path=path))
        assert content.names == ["a/good.png", "b.png"]
        assert sorted(tmp_path.rglob("*")) == before
        said = passed_over(path)
        assert set(said) == set(UNSAFE)
        assert said["../evil.png"] == "its name leads out of the archive"
        assert said["/etc/evil.png"] == said["C:/evil.png"] == "an absolute name"

    def test_links_and_devices(self, tmp_path: Path) -> None:
        members = [
            special("link.png", tarfile.SYMTYPE, "/etc/passwd"),
            special("hard.png", tarfile.LNKTYPE, "good.png"),
            special("pipe.png", tarfile.FIFOTYPE),
            special("device.png", tarfile.CHRTYPE),
        ]
        path = tarred(tmp_path / "a.tar", "good.png", *members)
        assert names_of(path) == ["good.png"]
        reasons = passed_over(path)
        assert [reasons[f"{name}.png"] for name in ("link", "hard")] == ["a link"] * 2
        assert [reasons[f"{name}.png"] for name in ("pipe", "device")] == ["not a regular file"] * 2

    def test_a_member_without_a_name_is_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good.png", PICTURE)
            archive.writestr("x.png", PICTURE)
            archive.filelist[1].filename = ""  # what the directory at the end says
        assert names_of(str(path)) == ["good.png"]
        assert passed_over(str(path)) == {"": "no name"}

    def test_links_in_zips(self, tmp_path: Path) -> None:
        link, pipe = zipfile.ZipInfo("link.png"), zipfile.ZipInfo("pipe.png")
        link.external_attr, pipe.external_attr = (stat.S_IFLNK | 0o777) << 16, (stat.S_IFIFO | 0o666) << 16
        path = zipped(tmp_path / "a.zip", link, pipe, "good.png")
        assert names_of(path) == ["good.png"]
        assert passed_over(path) == {"link.png": "a link", "pipe.png": "not a regular file"}

    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_hidden_junk_boxes_and_other_formats(self, tmp_path: Path, pack: Callable[..., str]) -> None:
        quiet = ("__MACOSX/._a.png", ".hidden/a.png", "b/.x.png", "Thumbs.db", "notes.txt")
        said_of = ("more.zip", "more.tar.gz", "b/photo.HEIC", "drawn.svg", "x.jpe")
        path = pack(tmp_path / ("a.zip" if pack is zipped else "a.tar"), *quiet, "a.png", *said_of)
        assert names_of(path) == ["a.png"]
        said = passed_over(path)
        assert said["more.zip"] == said["more.tar.gz"] == "an archive in an archive; unpack it"
        assert said["b/photo.HEIC"] == ".heic is not read; convert it to PNG or JPEG"
        assert said["x.jpe"] == ".jpe is not looked for; rename it to .jpg"
        assert set(said) == set(said_of)

    @pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
    def test_of_two_members_of_one_name_the_last_counts(self, tmp_path: Path, suffix: str) -> None:
        first, last = pngs(2)
        path = tmp_path / f"a.{suffix}"
        if suffix == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.png", first)
                archive.writestr("./a.png", last)
        else:
            with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
                for name, content in (("a.png", first), ("./a.png", last)):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        with contextlib.closing(Archive(path=str(path)).open()) as source:
            assert [item.name for item in source.items] == ["a.png"]
            assert source.raw(0) == last
            assert "the last one counts" in dict(source.passed_over)["a.png"]


class TestBombs:
    def test_a_zip_member_is_counted_while_it_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        limit = 1 << 20
        monkeypatch.setattr(module, "FILE_LIMIT", limit)
        path = zipped(tmp_path / "a.zip", "bomb.png", content=bytes(40 * limit))
        content = bytearray(Path(path).read_bytes())
        place = content.index(b"PK\1\2")
        lying = content[: place + 24] + struct.pack("<I", 50) + content[place + 28 :]  # states 50 bytes
        (tmp_path / "lying.zip").write_bytes(lying)
        for name, text in (("a.zip", "too large: more than 1 MiB"), ("lying.zip", "damaged in its archive")):
            with contextlib.closing(Archive(path=str(tmp_path / name)).open()) as source:
                assert len(source.items) == 1
                tracemalloc.start()
                with pytest.raises(BadPicture, match=text):
                    source.raw(0)
                assert tracemalloc.get_traced_memory()[1] < 4 * limit
                tracemalloc.stop()

    def test_methods_that_cannot_be_read_piece_by_piece(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("bomb.png", bytes(1 << 20))
            archive.writestr("good.png", PICTURE, zipfile.ZIP_STORED)
        assert names_of(str(path)) == ["good.png"]
        assert "method 12" in passed_over(str(path))["bomb.png"]

    @pytest.mark.parametrize("suffix", ["zip", "tar.bz2"])
    def test_a_whole_archive_of_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
        monkeypatch.setattr(box, "INFLATED_FREE", 1 << 20)
        path = tmp_path / f"a.{suffix}"
        if suffix == "zip":
            zipped(path, *(f"{number}.png" for number in range(10)), content=bytes(1 << 20))
        else:
            header = tarfile.TarInfo("a.png")
            header.size = 1 << 50  # never reached: it would take a year to decompress
            path.write_bytes(bz2.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
        with pytest.raises(DataError, match="a decompression bomb"):
            names_of(str(path))

    def test_headers_that_would_fill_the_memory(self, tmp_path: Path) -> None:
        for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            header = special("x", kind)
            header.size = 64 << 20
            (tmp_path / "a.tar.gz").write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(64 << 20), 1))
            tracemalloc.start()
            with pytest.raises(DataError, match="a header of 67,108,864 bytes"):
                names_of(str(tmp_path / "a.tar.gz"))
            assert tracemalloc.get_traced_memory()[1] < 20 << 20
            tracemalloc.stop()

    def test_members_that_never_end(self, tmp_path: Path) -> None:
        """A size below zero would lead back to the same header for ever; thousands of nested ones, too deep."""
        record = b"14 size=-1536\n"  # three blocks: back to the beginning
        header = special("x", tarfile.XHDTYPE)
        header.size = len(record)
        pax = header.tobuf(tarfile.USTAR_FORMAT) + record + bytes(512 - len(record))
        member = tarfile.TarInfo("a.png").tobuf(tarfile.USTAR_FORMAT)
        (tmp_path / "a.tar").write_bytes(pax + member + bytes(1024))
        (tmp_path / "b.tar").write_bytes((pax[:512] + b"13 comment=x\n" + bytes(499)) * 5000 + member + bytes(1024))
        for name, text in (("a.tar", "members that overlap"), ("b.tar", "damaged")):
            with pytest.raises(DataError, match=text):
                names_of(str(tmp_path / name))


class TestDamage:
    def test_encrypted_members(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", "secret.png", "open.png")
        content = bytearray(Path(path).read_bytes())
        content[content.index(b"PK\1\2") + 8] |= 1
        Path(path).write_bytes(content)
        assert names_of(path) == ["open.png"]
        assert passed_over(path) == {"secret.png": "encrypted; pack it again without a password"}

    def test_one_damaged_member_of_a_zip_leaves_the_others(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for number, content in enumerate(pngs(5)):
                archive.writestr(f"{number}.png", content)
        content = bytearray((tmp_path / "a.zip").read_bytes())
        content[content.index(b"IDAT") + 20] ^= 8
        (tmp_path / "a.zip").write_bytes(content)
        with contextlib.closing(Archive(path=str(tmp_path / "a.zip")).open()) as source:
            with pytest.raises(BadPicture, match="damaged in its archive"):
                source.raw(0)
            assert source.raw(1) == pngs(5)[1]
        with pytest.raises(DataError, match=r"1 of 5 pictures cannot be used:\n +0.png: damaged in its archive"):
            prepare(Archive(path=str(tmp_path / "a.zip")), seed=0)

    @pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
    def test_truncated_at_every_tenth(self, tmp_path: Path, suffix: str) -> None:
        whole = tmp_path / f"whole.{suffix}"
        noise = [png(np.random.default_rng(seed).integers(0, 256, (9, 9), np.uint8)) for seed in range(20)]
        if suffix == "zip":
            with zipfile.ZipFile(whole, "w") as archive:
                for number, content in enumerate(noise):
                    archive.writestr(f"{number}.png", content)
        else:
            mode: Any = f"w:{suffix.removeprefix('tar').removeprefix('.')}"
            with tarfile.open(whole, mode) as tar:
                for number, content in enumerate(noise):
                    info = tarfile.TarInfo(f"{number}.png")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        content = whole.read_bytes()
        used = max(content.rindex(noise[-1]) if suffix == "tar" else len(content) - 1, 1)
        path = tmp_path / f"a.{suffix}"
        for tenth in range(10):
            path.write_bytes(content[: used * tenth // 10])
            with pytest.raises(DataError, match=r"damaged|no pictures") as caught:
                content_of(Archive(path=str(path)))
            assert f"a.{suffix}" in str(caught.value)

    @pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
    def test_flipped_bits_never_give_a_traceback(self, tmp_path: Path, suffix: str) -> None:
        names = [f"folder/{number}.png" for number in range(6)]
        whole = tmp_path / f"whole.{suffix}"
        if suffix == "zip":
            zipped(whole, *names)
        else:
            tarred(whole, *names, mode="w:gz" if suffix.endswith("gz") else "w")
        content = whole.read_bytes()
        draws = np.random.default_rng(0)
        path = tmp_path / f"a.{suffix}"
        for _ in range(150):
            changed = bytearray(content)
            changed[int(draws.integers(len(changed)))] ^= 1 << int(draws.integers(8))
            path.write_bytes(changed)
            with (
                contextlib.suppress(DataError, BadPicture),
                contextlib.closing(Archive(path=str(path)).open()) as source,
            ):
                for index in range(len(source.items)):
                    with contextlib.suppress(BadPicture):
                        source.raw(index)

    def test_a_damaged_header_in_the_middle_of_a_tar_is_no_end(self, tmp_path: Path) -> None:
        path = Path(tarred(tmp_path / "a.tar", "a.png", "b.png", "c.png"))
        content = bytearray(path.read_bytes())
        content[content.index(b"b.png") + 150] ^= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            names_of(str(path))

    def test_no_pictures_says_what_is_there(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", "a.txt", "a.heic", "b/c.heic")
        with pytest.raises(DataError, match=r"no pictures in it.*passed over 2 members, such as a\.heic"):
            names_of(path)
        with pytest.raises(DataError, match="no such file or folder"):
            names_of(str(tmp_path / "none.zip"))
        with pytest.raises(DataError, match="matches no file"):
            names_of(str(tmp_path / "none-*.tar"))
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match=r"no \.zip .*found no files at all"):
            names_of(str(tmp_path / "empty"))

    def test_a_changed_archive_is_a_new_state(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", "a.png")
        before = Archive(path=path).open().state()
        assert Archive(path=path).open().state() == before
        os.utime(path, (1, 1))
        assert Archive(path=path).open().state() != before


def test_a_compressed_tar_is_read_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted at the decompressor: listing is one pass, reading in order another, and no more."""
    path = tarred(tmp_path / "a.tar.gz", *(f"{number:03d}.png" for number in range(100)), mode="w:gz")
    starts = 0
    rewind = gzip._GzipReader._rewind  # type: ignore[attr-defined]

    def counted(self: Any) -> None:
        nonlocal starts
        starts += 1
        rewind(self)

    monkeypatch.setattr(gzip._GzipReader, "_rewind", counted)  # type: ignore[attr-defined]
    with contextlib.closing(Archive(path=path).open()) as source:
        for index in range(len(source.items)):
            source.raw(index)
        assert starts <= 2

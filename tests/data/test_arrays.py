"""Arrays that are refused: what could be two things, what could run code, and what is damaged."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data.decode import BadPicture
from gantool.data.sources.arrays import Arrays
from gantool.errors import DataError
from tests.data.garments import content_of

BYTES = np.random.default_rng(0).integers(0, 256, (5, 8, 9), np.uint8)


def refusal(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        content_of(Arrays(path=str(path), **settings))
    assert path.name in str(caught.value)
    return str(caught.value)


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


class TestCode:
    def test_pickles_are_never_loaded(self, tmp_path: Path) -> None:
        harm = np.array([Harm(), Harm()], object)
        np.save(tmp_path / "a.npy", harm, allow_pickle=True)
        np.savez(tmp_path / "images.npz", images=harm)
        np.savez(tmp_path / "labels.npz", images=BYTES[:2], labels=harm)
        np.savez(tmp_path / "classes.npz", images=BYTES[:2], labels=[0, 1], classes=harm)
        for name in ("a.npy", "images.npz", "labels.npz", "classes.npz"):
            assert "pickled objects, which could run code" in refusal(tmp_path / name)
        (tmp_path / "b.npy").write_bytes(b"\x80\x04N.")
        assert "no npy array" in refusal(tmp_path / "b.npy")

    @pytest.mark.parametrize("header", ["{", "{'descr': '|u1'}", "[" * 5000, "{'descr': 'zz'}", "\0", "", "1 +"])
    def test_headers_of_nonsense(self, tmp_path: Path, header: str) -> None:
        text = header.encode()
        (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(99))
        assert "no npy array" in refusal(tmp_path / "a.npy")


class TestShapes:
    @pytest.mark.parametrize(
        ("shape", "text"),
        [
            ((784,), "are no pictures; reshape them"),
            ((5, 784), "are no pictures; reshape them"),
            ((64, 64, 3), "looks like one picture"),
            ((5, 3, 8, 3), "could be N×H×W×C or N×C×H×W"),
            ((5, 2, 8, 9), "1, 3 or 4 channels are understood"),
            ((5, 8, 8, 8, 3), "are no pictures"),
            ((5, 0, 8), "cannot be right"),
            ((0, 8, 8), "no pictures"),
        ],
    )
    def test_what_is_no_picture_or_could_be_two(self, tmp_path: Path, shape: tuple[int, ...], text: str) -> None:
        np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
        assert text in refusal(tmp_path / "a.npy")

    @pytest.mark.parametrize("kind", ["i8", "i1", "u4", "c8", "U3", "M8[s]"])
    def test_types(self, tmp_path: Path, kind: str) -> None:
        np.save(tmp_path / "a.npy", np.zeros((5, 8, 8), kind))
        assert "uint8, bool, uint16 and floating point are read" in refusal(tmp_path / "a.npy")

    def test_deep_colour(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.zeros((5, 8, 8, 3), np.uint16))
        assert "scale it to uint8" in refusal(tmp_path / "a.npy")


class TestColourInFloatingPoint:
    def test_another_scale_is_refused_as_a_whole(self, tmp_path: Path) -> None:
        for low, high in ((-1, 1), (0, 255)):
            np.save(tmp_path / "a.npy", np.random.default_rng(0).uniform(low, high, (5, 8, 8, 3)))
            assert "is read as 0 to 1" in refusal(tmp_path / "a.npy")

    def test_one_picture_that_is_not_a_number_is_bad_alone(self, tmp_path: Path) -> None:
        values = np.full((5, 8, 8, 3), 0.5)
        values[2, 1] = np.nan
        np.save(tmp_path / "a.npy", values)
        source = Arrays(path=str(tmp_path / "a.npy")).open()
        assert len(source.items) == 5
        assert set(np.asarray(source.raw(1)).ravel().tolist()) == {128}
        with pytest.raises(BadPicture, match="nan"):
            source.raw(2)


class TestLabels:
    def test_other_numbers_of_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=BYTES, labels=[0, 1, 2])
        assert "labels of shape 3 for 5 pictures" in refusal(tmp_path / "a.npz")
        np.savez(tmp_path / "a.npz", images=BYTES, labels=np.eye(5))
        assert "one class a picture" in refusal(tmp_path / "a.npz")

    def test_labels_that_are_none(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=BYTES, labels=np.zeros(5))
        assert "whole numbers and text" in refusal(tmp_path / "a.npz")
        for odd in (-1, 1 << 40):
            np.savez(tmp_path / "a.npz", images=BYTES, labels=[0, 1, 2, 3, odd])
            assert f"a label {odd} cannot be right" in refusal(tmp_path / "a.npz")

    def test_more_labels_than_names(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=BYTES, labels=range(5), classes=["a", "b"])
        assert "2 names, but there is a label 4" in refusal(tmp_path / "a.npz")

    def test_labels_in_words_and_in_a_column(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", x_train=BYTES, y_train=[["b"], ["a"], ["b"], ["c"], ["a"]])
        assert content_of(Arrays(path=str(tmp_path / "a.npz"))).classes == ["b", "a", "b", "c", "a"]


class TestKeys:
    def test_the_only_array_of_pictures_is_found(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", faces=BYTES, ages=np.arange(5))
        assert content_of(Arrays(path=str(tmp_path / "a.npz"))).names[0] == "faces/000000"
        np.savez(tmp_path / "a.npz", faces=BYTES, masks=BYTES)
        assert "looked for images, x_train" in refusal(tmp_path / "a.npz")
        np.savez(tmp_path / "a.npz")
        assert "found nothing" in refusal(tmp_path / "a.npz")

    def test_a_second_array_without_a_name_is_labels_or_nothing(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", BYTES, np.arange(5))
        assert content_of(Arrays(path=str(tmp_path / "a.npz"))).classes == list("01234")
        np.savez(tmp_path / "a.npz", BYTES, BYTES)
        assert set(content_of(Arrays(path=str(tmp_path / "a.npz"))).classes) == {None}

    def test_no_official_split(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=BYTES)
        np.save(tmp_path / "a.npy", BYTES)
        for name in ("a.npz", "a.npy"):
            assert "set data.holdout: 0.1" in refusal(tmp_path / name, holdout="official")

    def test_what_it_is_not(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").touch()
        assert "reads .npy and .npz" in refusal(tmp_path / "a.txt")
        assert "no such file" in refusal(tmp_path / "none.npy")
        assert "this is a folder" in refusal(tmp_path)


class TestDamage:
    def test_truncated_or_longer(self, tmp_path: Path) -> None:
        np.save(tmp_path / "whole.npy", BYTES)
        content = (tmp_path / "whole.npy").read_bytes()
        for change in (content[:-1], content + b"x"):
            (tmp_path / "a.npy").write_bytes(change)
            assert "its header states" in refusal(tmp_path / "a.npy")
        for length in (0, 5, 9, 60):
            (tmp_path / "a.npy").write_bytes(content[:length])
            assert "no npy array" in refusal(tmp_path / "a.npy")

    def test_a_header_that_states_more_than_there_is(self, tmp_path: Path) -> None:
        stream = io.BytesIO()
        header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 64, 64)}
        np.lib.format.write_array_header_1_0(stream, header)
        (tmp_path / "a.npy").write_bytes(stream.getvalue())
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("images.npy", stream.getvalue())
        for name in ("a.npy", "a.npz"):
            assert "its header states" in refusal(tmp_path / name)

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_truncated_and_flipped_npz(self, tmp_path: Path, save: Any) -> None:
        save(tmp_path / "whole.npz", images=BYTES, labels=np.arange(5))
        content = (tmp_path / "whole.npz").read_bytes()
        path = tmp_path / "a.npz"
        path.write_bytes(content[: len(content) // 2])
        assert "no zip file" in refusal(path)
        draws = np.random.default_rng(1)
        for _ in range(100):
            changed = bytearray(content)
            changed[int(draws.integers(len(changed)))] ^= 1 << int(draws.integers(8))
            path.write_bytes(changed)
            with contextlib.suppress(DataError):
                content_of(Arrays(path=str(path)))

    def test_columns_first_in_an_npz(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=np.asfortranarray(BYTES))
        assert "np.ascontiguousarray" in refusal(tmp_path / "a.npz")


def test_what_gantool_samples_can_be_read(tmp_path: Path) -> None:
    """As `gallery` writes it: a header of its own, then pixels, then labels, none of it compressed."""
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (5, 8, 9, 1)}
            np.lib.format.write_array_header_1_0(member, header)
            member.write(BYTES.tobytes())
        with archive.open("labels.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.arange(5))
    assert (np.stack(content_of(Arrays(path=str(tmp_path / "images.npz"))).pixels) == BYTES).all()


def test_a_small_file_of_countless_pictures(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((10_000_001, 1, 1), np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < 20_000
    assert "10,000,001 pictures; at most 10,000,000" in refusal(tmp_path / "a.npz")

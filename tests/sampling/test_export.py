"""`gantool export`: the generator alone, drawing the same, and no secret in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gantool.sample import load_generator
from gantool.training.checkpoint import read_checkpoint
from tests.command import Ended

Command = Callable[..., Ended]


@pytest.fixture
def exported(gantool: Command, garments: Path, tmp_path: Path) -> Path:
    out = tmp_path / "shared" / "garments.safetensors"
    ended = gantool("export", garments, out)
    assert ended.code == 0
    assert str(out) in ended.out
    return out


def test_it_holds_the_averaged_generator_and_nothing_else(garments: Path, exported: Path) -> None:
    before, after = read_checkpoint(garments), read_checkpoint(exported)
    assert after.tensors.keys() == {name for name in before.tensors if name.startswith("ema.")}
    assert exported.stat().st_size < 0.5 * garments.stat().st_size
    assert after.metadata["kind"] == "export"
    assert after.metadata["exported_from"] == before.digest
    assert after.metadata["config"]["model"] == before.metadata["config"]["model"]


def test_no_place_of_this_machine_is_in_it(garments: Path, exported: Path) -> None:
    assert b"my-secret-folder" in garments.read_bytes()
    assert b"my-secret-folder" not in exported.read_bytes()
    assert str(garments.parent).encode() not in exported.read_bytes()


def test_its_pictures_are_the_same_files(gantool: Command, garments: Path, exported: Path, tmp_path: Path) -> None:
    for name, source in (("a", garments), ("b", exported)):
        asked = ["--count", 6, "--seed", 2, "--grid", "--out", tmp_path / name]
        assert gantool("sample", "--checkpoint", source, *asked).code == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_export_can_be_exported_again(gantool: Command, exported: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    assert gantool("export", exported, again).code == 0
    assert read_checkpoint(again).digest == read_checkpoint(exported).digest


def test_raw_weights(gantool: Command, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "raw.safetensors"
    assert gantool("export", plain, out, "--raw-weights").code == 0
    expected = load_generator(plain, device="cpu", raw_weights=True).sample(2)
    for raw_weights in (False, True):
        loaded = load_generator(out, device="cpu", raw_weights=raw_weights)
        assert np.array_equal(loaded.sample(2), expected)
        assert loaded.origin.weights == "raw"


def test_raw_weights_of_an_export_that_has_none(gantool: Command, exported: Path, tmp_path: Path) -> None:
    ended = gantool("sample", "--checkpoint", exported, "--raw-weights", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "averaged weights only" in ended.err


@pytest.mark.parametrize(
    ("source", "out", "code", "words"),
    [
        ("{plain}", "{here}/generator.pt", 2, [".safetensors"]),
        ("{plain}", "{here}/taken.safetensors", 2, ["in the way", "--force"]),
        ("{here}/nowhere", "{here}/x.safetensors", 2, ["no such file"]),
        ("{here}", "{here}/x.safetensors", 4, ["not a run folder"]),
        ("{here}/taken.safetensors", "{here}/x.safetensors", 4, ["cannot be read"]),
        ("{plain}", "{here}/taken.safetensors/x.safetensors", 6, ["cannot be written"]),
    ],
)
def test_wrong_input(
    gantool: Command, plain: Path, tmp_path: Path, source: str, out: str, code: int, words: list[str]
) -> None:
    (tmp_path / "taken.safetensors").write_text("mine", encoding="utf-8")
    places = {"plain": plain, "here": tmp_path}
    ended = gantool("export", source.format(**places), out.format(**places))
    assert ended.code == code
    assert all(word in ended.err for word in words), ended.err
    assert (tmp_path / "taken.safetensors").read_text(encoding="utf-8") == "mine"


def test_force_replaces(gantool: Command, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "taken.safetensors"
    out.write_text("mine", encoding="utf-8")
    assert gantool("export", plain, out, "--force").code == 0
    assert read_checkpoint(out).metadata["kind"] == "export"

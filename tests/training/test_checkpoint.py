"""The checkpoint file: whole, verified, free of code."""

from __future__ import annotations

import pickle  # noqa: TID251 - to make what must never be read
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gantool.errors import CheckpointError
from gantool.training.checkpoint import SCHEMA, canonical_json, read_checkpoint, write_checkpoint

TENSORS = {
    "generator.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last),
    "meters.poisoned": torch.tensor(False),
    "optimizer.step": torch.tensor(7.0),
    "empty": torch.zeros(0),
    "half": torch.ones(3, dtype=torch.bfloat16),
}
METADATA = {"kind": "checkpoint", "images_seen": 3, "config": {"data": {}}}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "000000003.safetensors"
    digest = write_checkpoint(path, TENSORS, METADATA)
    checkpoint = read_checkpoint(path)
    assert checkpoint.digest == digest
    assert checkpoint.metadata["images_seen"] == 3
    assert checkpoint.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(checkpoint.tensors[name], tensor)
        assert checkpoint.tensors[name].dtype == tensor.dtype
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "a temporary file was left"


def test_the_digest_depends_on_every_part(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "a.safetensors", TENSORS, METADATA)
    assert write_checkpoint(tmp_path / "b.safetensors", dict(reversed(TENSORS.items())), METADATA) == base
    others = [
        ({**TENSORS, "half": -TENSORS["half"]}, METADATA),
        ({**TENSORS, "half": TENSORS["half"].reshape(3, 1)}, METADATA),
        ({**TENSORS, "half": TENSORS["half"].view(torch.float16)}, METADATA),
        ({("other" if k == "half" else k): v for k, v in TENSORS.items()}, METADATA),
        (TENSORS, {**METADATA, "images_seen": 4}),
    ]
    assert len({base, *(write_checkpoint(tmp_path / "c.safetensors", t, m) for t, m in others)}) == len(others) + 1


def test_no_flipped_bit_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, TENSORS, METADATA)
    whole = path.read_bytes()
    chance = random.Random(0)
    for _ in range(300):
        position = chance.randrange(len(whole))
        broken = bytearray(whole)
        broken[position] ^= 1 << chance.randrange(8)
        path.write_bytes(broken)
        try:
            checkpoint = read_checkpoint(path)
        except CheckpointError:
            continue
        # A flip in the header's padding or a comment-like place may leave the same content; it must be the same.
        assert canonical_json(checkpoint.metadata) == canonical_json(
            {"schema": SCHEMA, "tool": "gantool", **METADATA, "version": checkpoint.metadata["version"]}
        )
        assert all(torch.equal(checkpoint.tensors[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("length", [0, 4, 8, 100, -1, -7])
def test_truncated(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, TENSORS, METADATA)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        read_checkpoint(path)


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("/tmp/gantool-was-here"),))  # type: ignore[return-value]  # noqa: S108


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(_Hostile()))
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(path)
    assert not Path("/tmp/gantool-was-here").exists()  # noqa: S108


def test_foreign_and_newer_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not one that gantool wrote"):
        read_checkpoint(path)
    write_checkpoint(path, TENSORS, {**METADATA, "schema": 99, "version": "9.9"})
    with pytest.raises(CheckpointError, match=r"gantool 9\.9 in schema 99; upgrade"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "missing.safetensors")


@pytest.mark.parametrize("name", ["x" * 5_000, "\u732b" * 2_000, '"' * 3_000])
def test_however_long_a_class_is_called_what_was_written_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, TENSORS, {**METADATA, "classes": [name, "dog"]})
    assert read_checkpoint(path).metadata["classes"] == [name, "dog"]


@pytest.mark.parametrize("text", ["x" * 4_200_000, '"' * 900_000])
def test_what_could_not_be_read_is_not_written(text: str, tmp_path: Path) -> None:
    """Each mark of quotation takes two characters in the metadata, and four in the header."""
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, TENSORS, METADATA)
    many = {f"{number:03}{'n' * 400}": torch.zeros(0) for number in range(2_000)}
    with pytest.raises(CheckpointError, match=r"a\.safetensors: cannot be kept .* the limit is .* merge some"):
        write_checkpoint(path, many, {**METADATA, "classes": [text]})
    assert read_checkpoint(path).metadata["images_seen"] == 3
    assert [p.name for p in tmp_path.iterdir()] == [path.name]

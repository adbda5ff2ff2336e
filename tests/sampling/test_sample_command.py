"""`gantool sample`: files, names, provenance, and every fault a person can cause."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import gallery
from gantool.models import Compact
from gantool.models.base import Generator
from gantool.provenance import read_provenance
from gantool.rundir import RunFolder
from gantool.sample import load_generator
from gantool.training.checkpoint import read_checkpoint
from tests.command import Ended
from tests.sampling.helpers import GARMENTS, make_checkpoint, small

Command = Callable[..., Ended]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_pictures_are_those_of_the_python_interface(gantool: Command, plain: Path, tmp_path: Path) -> None:
    ended = gantool("sample", "--checkpoint", plain, "--count", 3, "--seed", 7, "--out", tmp_path / "out")
    assert ended.code == 0
    assert str(tmp_path / "out") in ended.out
    assert "Next: gantool" in ended.out
    assert names(tmp_path / "out") == ["000000.png", "000001.png", "000002.png"]
    drawn = load_generator(plain, device="cpu").sample(3, seed=7)
    for index, picture in enumerate(drawn):
        path = tmp_path / "out" / f"{index:06d}.png"
        assert np.array_equal(pixels(path), picture[..., 0])
        said = read_provenance(path)
        assert said["index"] == index
        assert said["seed"] == 7
        assert said["weights"] == "ema"
        assert said["images_seen"] == 1200
        assert said["checkpoint"] == read_checkpoint(plain).digest


def test_files_of_a_larger_count_begin_with_those_of_a_smaller(gantool: Command, plain: Path, tmp_path: Path) -> None:
    for count in (5, 70):
        assert gantool("sample", "--checkpoint", plain, "--count", count, "--out", tmp_path / str(count)).code == 0
    for path in (tmp_path / "5").iterdir():
        assert path.read_bytes() == (tmp_path / "70" / path.name).read_bytes()


def test_classes_take_turns_and_stand_in_the_names(gantool: Command, garments: Path, tmp_path: Path) -> None:
    assert gantool("sample", "--checkpoint", garments, "--count", 5, "--out", tmp_path).code == 0
    slugs = ["t-shirt-top", "sneaker", "bag", "3"]
    assert names(tmp_path) == [f"{index:06d}-{slugs[index % 4]}.png" for index in range(5)]
    assert read_provenance(tmp_path / "000004-t-shirt-top.png")["class_name"] == "T-shirt/top"


def test_so_many_of_each_class_that_is_asked_for(gantool: Command, garments: Path, tmp_path: Path) -> None:
    asked = ["--class", "SNEAKER", "--class", 2, "--class", "sneaker", "--per-class", 3]
    assert gantool("sample", "--checkpoint", garments, *asked, "--out", tmp_path).code == 0
    assert names(tmp_path) == [f"{i:06d}-{'sneaker' if i % 2 == 0 else 'bag'}.png" for i in range(6)]
    expected = load_generator(garments, device="cpu").sample(6, labels=["Sneaker", "Bag"])
    assert np.array_equal(pixels(tmp_path / "000003-bag.png"), expected[3, ..., 0])


def test_the_grid_has_one_row_a_class(gantool: Command, garments: Path, tmp_path: Path) -> None:
    assert gantool("sample", "--checkpoint", garments, "--per-class", 3, "--grid", "--out", tmp_path).code == 0
    sheet = pixels(tmp_path / "grid.png")
    drawn = load_generator(garments, device="cpu").sample(12)
    factor, cell = 4, 16 * 4 + 2
    left = sheet.shape[1] - 3 * cell
    for index, picture in enumerate(drawn):
        row, column = index % 4, index // 4
        place = sheet[2 + row * cell :, left + column * cell :][: cell - 2, : cell - 2, 0]
        assert np.array_equal(place[::factor, ::factor], picture[..., 0])
    assert "index" not in read_provenance(tmp_path / "grid.png")


@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_grid_whose_rows_are_not_full(gantool: Command, garments: Path, tmp_path: Path, count: int) -> None:
    assert gantool("sample", "--checkpoint", garments, "--count", count, "--grid", "--out", tmp_path).code == 0
    assert pixels(tmp_path / "grid.png").shape[2] == 3


@pytest.mark.parametrize(("format", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")])
def test_every_picture_format(gantool: Command, garments: Path, tmp_path: Path, format: str, suffix: str) -> None:
    ended = gantool("sample", "--checkpoint", garments, "--count", 2, "--format", format, "--out", tmp_path)
    assert ended.code == 0
    said = [read_provenance(path) for path in sorted(tmp_path.glob(f"*{suffix}"))]
    assert [(s["index"], s["class_name"]) for s in said] == [(0, "T-shirt/top"), (1, "Sneaker")]


def test_one_array(gantool: Command, garments: Path, tmp_path: Path) -> None:
    asked = ["--count", 150, "--format", "npz", "--grid", "--out", tmp_path]
    assert gantool("sample", "--checkpoint", garments, *asked).code == 0
    assert names(tmp_path) == ["grid.png", "images.json", "images.npz"]
    with np.load(tmp_path / "images.npz") as arrays:
        assert np.array_equal(arrays["images"], load_generator(garments, device="cpu").sample(150))
        assert arrays["labels"].tolist() == [index % 4 for index in range(150)]
    said = json.loads((tmp_path / "images.json").read_text(encoding="utf-8"))
    assert said["count"] == 150
    assert said["classes"] == list(GARMENTS)
    assert read_provenance(tmp_path / "images.npz") == said


def test_raw_weights_draw_something_else_and_say_so(gantool: Command, plain: Path, tmp_path: Path) -> None:
    assert gantool("sample", "--checkpoint", plain, "--count", 1, "--raw-weights", "--out", tmp_path).code == 0
    raw = load_generator(plain, device="cpu", raw_weights=True).sample(1)[0, ..., 0]
    assert np.array_equal(pixels(tmp_path / "000000.png"), raw)
    assert not np.array_equal(raw, load_generator(plain, device="cpu").sample(1)[0, ..., 0])
    assert read_provenance(tmp_path / "000000.png")["weights"] == "raw"


def test_a_run_means_its_best_checkpoint_else_its_newest(gantool: Command, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create()
    older = make_checkpoint(run.checkpoint_path(100), small(Compact), images_seen=100)
    make_checkpoint(run.checkpoint_path(200), small(Compact), images_seen=200)
    for number, expected in enumerate([200, 100]):
        out = tmp_path / f"out-{number}"
        assert gantool("sample", "--checkpoint", run.path, "--count", 1, "--out", out).code == 0
        assert read_provenance(out / "000000.png")["images_seen"] == expected
        run.write_best(older, "distance", 1.0)


def test_the_same_command_can_be_given_again_another_not(gantool: Command, plain: Path, tmp_path: Path) -> None:
    def draw(*more: object) -> Ended:
        return gantool("sample", "--checkpoint", plain, "--count", 2, "--grid", "--out", tmp_path, *more)

    assert draw().code == 0
    assert draw().code == 0
    before = (tmp_path / "000000.png").read_bytes()
    for change in (["--seed", 1], ["--raw-weights"]):
        refused = draw(*change)
        assert refused.code == 2
        assert "--force" in refused.err
    assert (tmp_path / "000000.png").read_bytes() == before
    assert draw("--seed", 1, "--force").code == 0
    assert (tmp_path / "000000.png").read_bytes() != before


@pytest.mark.parametrize(("name", "format"), [("000001.png", "png"), ("grid.png", "png"), ("images.npz", "npz")])
def test_a_file_of_the_user_is_never_replaced(
    gantool: Command, plain: Path, tmp_path: Path, name: str, format: str
) -> None:
    (tmp_path / name).write_bytes(b"mine")
    asked = ["--count", 2, "--grid", "--format", format, "--out", tmp_path]
    ended = gantool("sample", "--checkpoint", plain, *asked)
    assert ended.code == 2
    assert name in ended.err
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--checkpoint", "{plain}", "--class", "bag"], 2, ["knows no classes"]),
        (["--checkpoint", "{plain}", "--per-class", "2"], 2, ["--count"]),
        (["--checkpoint", "{garments}", "--class", "sneeker"], 2, ["did you mean Sneaker?", "2 Bag"]),
        (["--checkpoint", "{garments}", "--class", "9"], 2, ["class 9", "choices"]),
        (["--checkpoint", "{garments}", "--per-class", "2", "--count", "2"], 2, ["give one of them"]),
        (["--checkpoint", "{plain}", "--count", "0"], 2, ["--count"]),
        (["--checkpoint", "{plain}", "--batch-size", "0"], 2, ["--batch-size"]),
        (["--checkpoint", "{plain}", "--format", "gif"], 2, ["gif", "webp"]),
        (["--checkpoint", "{plain}", "--device", "tpu"], 2, ["--device tpu"]),
        (["--checkpoint", "{here}/nowhere"], 2, ["nowhere", "no such file"]),
        (["--checkpoint", "{here}"], 4, ["not a run folder"]),
        (["--checkpoint", "{here}/text.safetensors"], 4, ["text.safetensors", "cannot be read"]),
        (["--checkpoint", "{here}/flipped.safetensors"], 4, ["flipped.safetensors", "damaged"]),
        (["--checkpoint", "{plain}", "--out", "{here}/text.safetensors"], 2, ["no folder", "--out"]),
        (["--checkpoint", "{plain}", "--out", "{here}/text.safetensors/deeper"], 2, ["no folder", "--out"]),
        ([], 2, ["--checkpoint"]),
    ],
)
def test_wrong_input_has_one_message_and_an_exit_code(
    gantool: Command, plain: Path, garments: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    (tmp_path / "text.safetensors").write_text("hello", encoding="utf-8")
    content = bytearray(plain.read_bytes())
    content[-5] ^= 1
    (tmp_path / "flipped.safetensors").write_bytes(content)
    places = {"plain": plain, "garments": garments, "here": tmp_path}
    out = [] if "--out" in arguments else ["--out", tmp_path / "out"]
    ended = gantool("sample", *(each.format(**places) for each in arguments), *out)
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err
    assert not (tmp_path / "out").exists()


def test_help_shows_an_example(gantool: Command) -> None:
    ended = gantool("sample", "--help")
    assert ended.code == 0
    assert "gantool sample --checkpoint" in ended.out


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "--out"), (errno.EROFS, "--out")]
)
@pytest.mark.parametrize("format", ["png", "npz"])
def test_a_disk_that_says_no(
    gantool: Command, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, format: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(gallery, "encode", refuse)
    monkeypatch.setattr(gallery.zipfile, "ZipFile", refuse)
    ended = gantool("sample", "--checkpoint", plain, "--count", 2, "--format", format, "--out", tmp_path)
    assert ended.code == 6
    assert words in ended.err
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        MemoryError(),
    ],
    ids=["CUDA", "CPU", "Python"],
)
def test_no_memory_is_said_with_what_to_do(
    gantool: Command, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def greedy(*_: object) -> None:
        raise error

    monkeypatch.setattr(Generator, "draw", greedy)
    ended = gantool("sample", "--checkpoint", plain, "--batch-size", 8, "--out", tmp_path / "made")
    assert ended.code == 6
    assert "a batch of 8 does not fit; try a smaller --batch-size" in ended.err


@pytest.mark.parametrize(("format", "left"), [("png", 64), ("npz", 0)])
def test_stopped_between_blocks(plain: Path, tmp_path: Path, format: gallery.Format, left: int) -> None:
    generator = load_generator(plain, device="cpu")
    wish = gallery.Wish(count=200)
    done = gallery.write_gallery(generator, tmp_path, wish, format=format, with_grid=True, stop=lambda: True)
    assert done == 64
    assert len(names(tmp_path)) == left


_LIMITED = """
import resource, sys
from gantool.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))  # bytes: less than any picture
for format in ("png", "npz"):
    sys.argv = ["gantool", *sys.argv[1:7], "--format", format, "--grid", "--out", format]
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_no_half_file_stays_when_a_write_fails(plain: Path, tmp_path: Path) -> None:
    arguments = ["sample", "--checkpoint", str(plain), "--count", "64", "--raw-weights"]
    command = [sys.executable, "-c", _LIMITED, *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["6", "6"], ended.stderr
    assert ended.stderr.count("cannot be written") == 2
    assert names(tmp_path / "png") == names(tmp_path / "npz") == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_whole_pictures(plain: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "gantool", "sample", "--checkpoint", plain, "--count", "1000000", "--grid"]
    with subprocess.Popen([*map(str, command), "--out", str(tmp_path)], stderr=subprocess.PIPE, text=True) as process:
        try:
            while not any(tmp_path.iterdir()) and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(number)
            _, err = process.communicate()
        finally:
            process.kill()
    assert process.returncode == 128 + number, err
    assert "of 1,000,000 pictures" in err
    assert "Traceback" not in err
    written = names(tmp_path)
    assert len(written) % 64 == 0
    assert written == [f"{index:06d}.png" for index in range(len(written))]
    assert all(pixels(tmp_path / name).shape == (16, 16) for name in written)

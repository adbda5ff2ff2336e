"""Films from picture to picture: which pictures they go through, along which way, and what is written."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from gantool import seeding
from gantool.errors import UsageError
from gantool.latent.animation import FilmFormat, write_film
from gantool.latent.interpolation import Place, Way, between, frames, spherical
from gantool.latent.points import Samples, numbers_of
from gantool.models import StyleGAN2
from gantool.provenance import Provenance, read_provenance
from gantool.sample import load_generator
from tests.command import Ended
from tests.sampling.helpers import make_checkpoint, small

Command = Callable[..., Ended]


def test_along_the_sphere() -> None:
    a, b = torch.randn(2, 50, 64, generator=seeding.generator("ends"))
    t = torch.linspace(0, 1, 50)
    torch.testing.assert_close(spherical(a, b, torch.zeros(50)), a)
    torch.testing.assert_close(spherical(a, b, torch.ones(50)), b)
    a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    on_sphere = spherical(a, b, t)
    torch.testing.assert_close(on_sphere.norm(dim=1), torch.ones(50))
    angle = torch.acos((a * b).sum(dim=1))
    turned = torch.acos((a * on_sphere).sum(dim=1).clamp(-1, 1))
    torch.testing.assert_close(turned, t * angle, atol=1e-3, rtol=0)


def test_where_there_is_no_angle_it_is_straight() -> None:
    a = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    b = torch.tensor([[3.0, 6.0], [-1.0, -2.0], [1.0, 1.0]])
    found = spherical(a, b, torch.full((3,), 0.25))
    torch.testing.assert_close(found, torch.tensor([[1.5, 3.0], [0.5, 1.0], [0.25, 0.25]]))


def test_every_named_picture_is_a_frame() -> None:
    keys = Samples((4, 9, 2))
    open_way = Way(keys, 10).places()
    assert len(open_way) == 10
    assert [(p.start, i) for i, p in enumerate(open_way) if p.t == 0] == [(0, 0), (1, 4), (2, 9)]
    closed = Way(keys, 9, loop=True).places()
    assert [(p.start, p.end) for p in closed] == [(0, 1)] * 3 + [(1, 2)] * 3 + [(2, 0)] * 3
    assert [p.t for p in closed][:4] == pytest.approx([0, 1 / 3, 2 / 3, 0])
    for count in range(3, 40):
        for loop in (False, True):
            places = Way(keys, count, loop).places()
            assert len(places) == count
            assert {p.start for p in places if p.t == 0} == {0, 1, 2}


def test_noise_between_two_pictures_is_standard_normal() -> None:
    places = [0.0, 0.5, 1.0]
    noise = seeding.Between([(1, 5)] * 3, [(1, 8)] * 3, places).normal(3, 1, 200, 200)
    own = seeding.PerImage.of([(1, 5), (1, 8)]).normal(2, 1, 200, 200)
    assert torch.equal(noise[0], own[0])
    assert torch.equal(noise[2], own[1])
    torch.testing.assert_close(noise[1], (own[0] + own[1]) / 2**0.5)


def all_frames(path: Path, way: Way) -> NDArray[np.uint8]:
    return np.concatenate(list(frames(load_generator(path, device="cpu"), way)))


@pytest.mark.parametrize("truncation", [None, 0.6])
def test_named_pictures_are_those_of_sample_to_the_last_bit(any_checkpoint: Path, truncation: float | None) -> None:
    generator = load_generator(any_checkpoint, device="cpu")
    keys = Samples((5, 70, 2), seed=3, classes=(2, 1), truncation=truncation)
    film = all_frames(any_checkpoint, Way(keys, 7))
    drawn = generator.sample(71, seed=3, labels=[2, 1], truncation=truncation)
    for frame, number in ((0, 5), (3, 70), (6, 2)):
        assert np.array_equal(film[frame], drawn[number])
    changes = np.abs(np.diff(film.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert (changes > 0).all()


def test_frames_between_are_drawn_from_between(any_checkpoint: Path) -> None:
    generator = load_generator(any_checkpoint, device="cpu")
    points = between(generator, Samples((0, 1), classes=(0, 2)), [Place(0, 1, 0.25)])
    assert points.labels is not None
    assert points.labels.tolist() == [[0.75, 0.0, 0.25, 0.0]]
    latents = seeding.latents(0, 0, 2, generator.latent_dim)
    styles = generator.network.styles(latents, torch.tensor([0, 2]))
    if generator.network.layers:
        torch.testing.assert_close(points.styles[0], 0.75 * styles[0] + 0.25 * styles[1])
    else:
        torch.testing.assert_close(points.styles, spherical(latents[:1], latents[1:], torch.tensor([0.25])))


def test_the_same_film_for_any_batch_size_to_a_grey_level(any_checkpoint: Path) -> None:
    films = [
        all_frames(any_checkpoint, Way(Samples((0, 1), classes=(0, 1), batch_size=size), 30)).astype(int)
        for size in (7, 64)
    ]
    assert np.abs(films[0] - films[1]).max() <= 1


def enlarged_frames(path: Path) -> list[NDArray[np.uint8]]:
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_a_film_holds_its_frames(gantool: Command, plain: Path, tmp_path: Path, format: str) -> None:
    asked = ["--interpolate", "3,8", "--frames", 9, "--loop", "--fps", 10, "--format", format, "--out", tmp_path]
    ended = gantool("sample", "--checkpoint", plain, "--seed", 4, *asked)
    assert ended.code == 0, ended.err
    path = tmp_path / f"interpolation.{format}"
    assert str(path) in ended.out
    shown = enlarged_frames(path)
    film = all_frames(plain, Way(Samples((3, 8), seed=4), 9, loop=True))
    assert len(shown) == 9
    for frame, pixels in zip(shown, film, strict=True):
        assert frame.shape == (128, 128, 3)
        assert np.array_equal(frame[::8, ::8], pixels.repeat(3, axis=2)), "grey loses nothing"
    said = read_provenance(path)
    assert said["latent"] == "interpolate 3,8 in 9 frames, loop"
    assert said["seed"] == 4
    assert "Machine-made" in said["statement"]
    with Image.open(path) as film_file:
        film_file.seek(1)
        film_file.load()  # WebP tells a frame's duration only then
        assert film_file.info["duration"] == 100
        assert film_file.info["loop"] == 0


@pytest.mark.parametrize(("format", "fps"), [("gif", 30), ("gif", 50), ("webp", 30), ("webp", 60)])
def test_a_second_has_the_frames_asked_for(plain: Path, tmp_path: Path, format: FilmFormat, fps: int) -> None:
    generator = load_generator(plain, device="cpu")
    way = Way(Samples((3, 8)), fps)
    path = write_film(tmp_path, lambda: frames(generator, way), fps, Provenance(), format=format, fps=fps)
    assert path is not None
    lasted = []
    with Image.open(path) as film:
        for frame in range(fps):
            film.seek(frame)
            film.load()
            lasted.append(film.info["duration"])
    assert sum(lasted) == 1000, "frames of whole hundredths (gif) or thousandths (webp) do not add up a rounding"
    assert max(lasted) - min(lasted) <= 10
    assert min(lasted) >= (20 if format == "gif" else 16), "viewers slow down frames of one hundredth"


def test_frames_as_single_pictures(gantool: Command, garments: Path, tmp_path: Path) -> None:
    asked = ["--interpolate", "1,2", "--frames", 4, "--format", "png", "--class", "bag", "--out", tmp_path]
    assert gantool("sample", "--checkpoint", garments, *asked).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"frame-{n:05d}.png" for n in range(4)]
    film = all_frames(garments, Way(Samples((1, 2), classes=(2,)), 4))
    for number, pixels in enumerate(film):
        with Image.open(tmp_path / f"frame-{number:05d}.png") as picture:
            assert np.array_equal(np.asarray(picture), pixels[..., 0])
    said = read_provenance(tmp_path / "frame-00002.png")
    assert said["latent"] == "interpolate 1,2 in 4 frames: frame 2"
    assert said["class_name"] == "Bag"


@pytest.mark.parametrize("format", ["gif", "webp", "png"])
def test_a_film_is_replaced_only_by_itself(gantool: Command, plain: Path, tmp_path: Path, format: str) -> None:
    def ask(keys: str, *more: object) -> Ended:
        out = ["--format", format, "--frames", 3, "--out", tmp_path]
        return gantool("sample", "--checkpoint", plain, "--interpolate", keys, *out, *more)

    assert ask("0,1").code == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert ask("0,1").code == 0
    refused = ask("0,2")
    assert refused.code == 2
    assert "--force" in refused.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert ask("0,2", "--force").code == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} != before


def test_a_stopped_film_leaves_nothing(plain: Path, tmp_path: Path) -> None:
    generator = load_generator(plain, device="cpu")
    way = Way(Samples((0, 1)), 100)
    written = write_film(tmp_path, lambda: frames(generator, way), 100, Provenance(), stop=lambda: True)
    assert written is None
    assert list(tmp_path.iterdir()) == []


_FFMPEG = """#!{python}
import sys
out = sys.argv[-1]
content = sys.stdin.buffer.read()
if "fail" in {name!r}:
    sys.exit("no such codec")
open(out, "wb").write(content)
open({log!r}, "w").write(" ".join(sys.argv[1:]))
"""


def fake_ffmpeg(folder: Path, name: str) -> Path:
    program = folder / name / "ffmpeg"
    program.parent.mkdir()
    program.write_text(_FFMPEG.format(python=sys.executable, name=name, log=str(folder / "log")), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


@pytest.mark.skipif(sys.platform == "win32", reason="a script as a program")
def test_mp4_goes_through_ffmpeg(
    gantool: Command, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(fake_ffmpeg(tmp_path, "good")))
    asked = ["--interpolate", "3,8", "--frames", 5, "--format", "mp4", "--out", tmp_path / "out"]
    assert gantool("sample", "--checkpoint", plain, *asked).code == 0
    raw = np.fromfile(tmp_path / "out" / "interpolation.mp4", np.uint8).reshape(5, 128, 128, 3)
    assert np.array_equal(raw[:, ::8, ::8, :1], all_frames(plain, Way(Samples((3, 8)), 5)))
    assert "-video_size 128x128" in (tmp_path / "log").read_text(encoding="utf-8")
    assert read_provenance(tmp_path / "out" / "interpolation.mp4")["latent"] == "interpolate 3,8 in 5 frames"
    assert gantool("sample", "--checkpoint", plain, *asked).code == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "interpolation.json").write_text("{}", encoding="utf-8")
    assert gantool("sample", "--checkpoint", plain, *asked[:-1], tmp_path / "mine").code == 2
    assert (tmp_path / "mine" / "interpolation.json").read_text(encoding="utf-8") == "{}"
    monkeypatch.setenv("PATH", str(fake_ffmpeg(tmp_path, "fail")))
    failed = gantool("sample", "--checkpoint", plain, *asked[:-1], tmp_path / "other")
    assert failed.code == 6
    assert "no such codec" in failed.err
    assert list((tmp_path / "other").iterdir()) == []


def test_mp4_without_ffmpeg_says_what_to_install(
    gantool: Command, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    ended = gantool("sample", "--checkpoint", plain, "--interpolate", "0,1", "--format", "mp4", "--out", tmp_path / "o")
    assert ended.code == 2
    assert "imageio-ffmpeg" in ended.err
    assert not (tmp_path / "o").exists()


def test_numbers_as_people_type_them() -> None:
    assert numbers_of("3,8, 20-23", "--x") == (3, 8, 20, 21, 22, 23)
    for wrong in ("", "a", "1,,2", "-1", "1.5", "5-3", "0-999999999999", "1;2", "٣"):
        with pytest.raises(UsageError, match="--x"):
            numbers_of(wrong, "--x")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--interpolate", "3"], ["two pictures or more"]),
        (["--interpolate", "3,x"], ["numbers of pictures"]),
        (["--interpolate", "0-5", "--frames", "4"], ["--frames 4", "from 6"]),
        (["--interpolate", "0,1", "--frames", "99999"], ["--frames 99999", "10,000"]),
        (["--interpolate", "0,1", "--count", "4"], ["--count and --interpolate", "leave one out"]),
        (["--interpolate", "0,1", "--grid"], ["--grid and --interpolate"]),
        (["--interpolate", "0,1", "--mix", "0,1"], ["--interpolate and --mix", "give one of them"]),
        (["--interpolate", "0,1", "--format", "jpeg"], ["--format jpeg", "gif, webp, mp4, png"]),
        (["--format", "gif"], ["--format gif", "--interpolate", "png, jpeg, webp, npz"]),
        (["--frames", "8"], ["--frames", "goes with --interpolate"]),
        (["--loop"], ["--loop", "goes with --interpolate"]),
        (["--fps", "0", "--interpolate", "0,1"], ["--fps"]),
        (["--fps", "60", "--interpolate", "0,1"], ["--fps 60", "50", "--format webp"]),
        (["--fps", "1", "--interpolate", "0,0", "--frames", "700"], ["--frames 700", "--fps 1", "--format webp"]),
        (["--interpolate", "0,1", "--class", "bag"], ["knows no classes"]),
        (["--interpolate", "0,1", "--truncation", "-1"], ["--truncation -1"]),
    ],
)
def test_wrong_input(gantool: Command, plain: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    ended = gantool("sample", "--checkpoint", plain, "--out", tmp_path / "out", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err
    assert not (tmp_path / "out").exists()


def test_the_noise_of_a_stylegan_moves_too(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "s.safetensors", small(StyleGAN2))
    generator = load_generator(path, device="cpu")
    with torch.no_grad():
        generator.network.first.noise.strength.fill_(5.0)  # type: ignore[union-attr]
    keys = Samples((0, 1))
    film = np.concatenate(list(frames(generator, Way(keys, 5))))
    assert np.array_equal(film[0], generator.sample(1)[0])
    steps = np.abs(np.diff(film.astype(int), axis=0)).mean(axis=(1, 2, 3))
    whole = np.abs(film[-1].astype(int) - film[0]).mean()
    assert steps.max() < 0.75 * whole, "no jump"

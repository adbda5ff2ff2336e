"""`gantool project`: a picture that the generator made is found again, and what is written draws it again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gantool.data.decode import Options, decode_raw
from gantool.errors import UsageError
from gantool.images import ImageShape
from gantool.latent import likeness
from gantool.latent.likeness import Likeness
from gantool.latent.projecting import Fitting, read_picture
from gantool.latent.projection import Search, Stopped, project
from gantool.metrics.features import EfficientNetLite0
from gantool.models import MLP, Compact, StyleGAN2
from gantool.provenance import Provenance, read_provenance
from gantool.sample import LoadedGenerator, load_generator
from gantool.training.checkpoint import read_checkpoint
from tests.command import Ended
from tests.sampling.helpers import GARMENTS, make_checkpoint, small

Command = Callable[..., Ended]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_early_maps_are_those_of_the_features() -> None:
    network = EfficientNetLite0()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    maps = network.early_maps(torch.from_numpy(pictures).permute(0, 3, 1, 2).float())
    assert [tuple(each.shape[1:]) for each in maps] == [(32, 112, 112), (16, 112, 112), (24, 56, 56), (40, 28, 28)]
    texture = network.describe(pictures).texture
    np.testing.assert_allclose(maps[-1].mean(dim=(2, 3)), texture[:, :40], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(maps[-1].std(dim=(2, 3)), texture[:, 40:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_distance_is_nought_at_the_picture_and_leads_there(channels: int) -> None:
    source = np.random.default_rng(channels)
    alpha = source.integers(100, 256, (20, 24, 1))
    target = np.concatenate([source.integers(0, 100, (20, 24, min(channels, 3))), alpha], 2)[..., :channels]
    likeness = Likeness(target.astype(np.uint8), torch.device("cpu"))
    own = likeness.of(target[None].astype(np.uint8))
    assert own.pixels.item() == 0
    assert own.features.item() < 1e-6
    images = (0.1 * torch.randn(1, channels, 20, 24)).requires_grad_(True)
    images.data[:, 3:] += 0.5  # not all of it beyond white
    distance = likeness(images)
    assert distance.features.item() > 0.05
    for part in distance:
        (slope,) = torch.autograd.grad(part.sum(), images, retain_graph=True)
        assert likeness(images - 1e-3 * slope / slope.norm())[distance.index(part)] < part


def test_a_picture_as_it_is_decoded_is_no_warning() -> None:
    target = np.zeros((16, 16, 3), np.uint8)
    target.flags.writeable = False  # as Pillow gives it
    torch.set_warn_always(True)  # once a process otherwise
    try:
        Likeness(target, torch.device("cpu"))
    finally:
        torch.set_warn_always(False)


def fresh_styled() -> LoadedGenerator:
    """Without the helper's large weights, with which nearly every pixel leaves its range."""
    torch.manual_seed(1)
    network = small(StyleGAN2).build_generator(ImageShape(1, 16, 16), 0)
    return LoadedGenerator(network, (), Provenance(), torch.device("cpu"))


@pytest.mark.parametrize(
    ("settings", "space"),
    [(small(MLP), None), (small(Compact), "z"), (small(StyleGAN2), "w"), (small(StyleGAN2), "w+")],
    ids=["mlp", "compact", "w", "w+"],
)
def test_its_own_picture_is_found(tmp_path: Path, settings: object, space: str | None) -> None:
    if space in {"w", "w+"}:
        generator = fresh_styled()
    else:
        path = make_checkpoint(tmp_path / "g.safetensors", settings)  # type: ignore[arg-type]
        generator = load_generator(path, device="cpu")
    target = generator.sample(9, seed=123)[8]
    search = Search(steps=50, starts=2, seed=1, space=space)  # type: ignore[arg-type]
    found = project(generator, target, search)
    assert all(start.after < 0.7 * start.before for start in found.starts)
    assert found.after.rmse < 0.6 * found.before.rmse
    assert found.after.features < found.before.features
    assert min(start.before for start in found.starts) == found.starts[0].before
    short = [project(generator, target, Search(steps=2, starts=1, seed=seed)).points.styles for seed in (1, 1, 2)]
    assert torch.equal(short[0], short[1]), "the same to the last bit"
    assert not torch.equal(short[0], short[2])


def test_the_class_is_found_too(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "g.safetensors", small(MLP, conditional=True), classes=GARMENTS)
    generator = load_generator(path, device="cpu")
    target = generator.sample(1, seed=5, labels=[2])[0]
    found = project(generator, target, Search(steps=30, starts=4, classes=(0, 1, 2, 3)))
    assert found.points.labels is not None
    assert found.points.labels.tolist() == [2]
    elsewhere = project(generator, target, Search(steps=2, starts=2, classes=(3,)))
    assert [start.label for start in elsewhere.starts] == [3, 3]


def test_latents_stay_as_long_as_normal_ones(plain: Path) -> None:
    generator = load_generator(plain, device="cpu")
    unreachable = np.random.default_rng(0).integers(0, 256, (16, 16, 1), np.uint8)
    found = project(generator, unreachable, Search(steps=40, starts=1))
    assert 0.4 < found.points.styles.square().mean().item() < 2.5


def test_one_style_for_all_layers_in_w() -> None:
    generator = fresh_styled()
    target = generator.sample(1, seed=9)[0]
    one, many = (project(generator, target, Search(steps=40, starts=1, space=s)).points.styles for s in ("w", "w+"))  # type: ignore[arg-type]
    assert torch.equal(one, one[:, :1].expand_as(one))
    assert not torch.equal(many, many[:, :1].expand_as(many))


def test_stopped(plain: Path) -> None:
    generator = load_generator(plain, device="cpu")
    with pytest.raises(Stopped):
        project(generator, generator.sample(1)[0], Search(), stop=lambda: True)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Files by name; checkpoints by digest, for the order of their header's keys is not stable."""
    return {
        path.name: read_checkpoint(path).digest if path.suffix == ".safetensors" else path.read_bytes()
        for path in folder.iterdir()
    }


FILES = ["before-after.png", "distances.json", "latent.safetensors", "original.png", "projected.png"]


@pytest.mark.parametrize("kind", ["garments", "styled"])
def test_files_and_drawing_again(gantool: Command, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    checkpoint = request.getfixturevalue(kind)
    generator = load_generator(checkpoint, device="cpu")
    wanted = generator.sample(4, seed=8)[3, ..., 0]
    Image.fromarray(wanted).resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / "mine.png")
    out = tmp_path / "out"
    asked = ["project", tmp_path / "mine.png", "--checkpoint", checkpoint, "--steps", 12, "--starts", 2, "--out", out]
    ended = gantool(*asked)
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in out.iterdir()) == FILES
    original = pixels(out / "original.png")
    assert original.shape == (16, 16)
    assert np.abs(original.astype(int) - wanted).mean() < 12, "brought to the model's size"
    assert read_provenance(out / "original.png") == {}, "a person's picture is not called machine-made"
    assert read_provenance(out / "projected.png")["latent"].startswith("projection of ")
    said = json.loads((out / "distances.json").read_text(encoding="utf-8"))
    rmse = np.sqrt(np.square(pixels(out / "projected.png").astype(float) - original).mean())
    assert said["after"]["rmse"] == pytest.approx(rmse)
    assert len(said["starts"]) == 2
    assert all(start["after"] <= start["before"] for start in said["starts"]), "pixels and features together"
    latent = read_checkpoint(out / "latent.safetensors")
    assert latent.metadata["checkpoint"] == read_checkpoint(checkpoint).digest

    drawn = tmp_path / "drawn"
    again = gantool("sample", "--checkpoint", checkpoint, "--latent", out / "latent.safetensors", "--out", drawn)
    assert again.code == 0, again.err
    assert np.array_equal(pixels(drawn / "latent-000000.png"), pixels(out / "projected.png")), "identical bits"
    assert read_provenance(drawn / "latent-000000.png")["latent"] == f"latents {latent.digest}"

    before = contents(out)
    assert gantool(*asked).code == 0
    assert contents(out) == before, "the same command, the same bytes"
    assert gantool(*asked, "--seed", 1).code == 2


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_user_is_never_replaced(gantool: Command, plain: Path, tmp_path: Path, name: str) -> None:
    Image.new("L", (16, 16), 90).save(tmp_path / "mine.png")
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    ended = gantool("project", tmp_path / "mine.png", "--checkpoint", plain, "--steps", 1, "--out", out)
    assert ended.code == 2
    assert name in ended.err
    assert [path.read_bytes() for path in out.iterdir()] == [b"mine"]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_picture_is_fitted_as_the_data_was(tmp_path: Path, fit: str) -> None:
    path = make_checkpoint(
        tmp_path / "g.safetensors",
        small(MLP),
        shape=ImageShape(3, 16, 16),
        config={
            "model": small(MLP).model_dump(mode="json"),
            "data": {"source": "folder", "path": "x", "fit": fit, "background": "#204060", "range": "auto"},
        },
    )
    picture = Image.effect_noise((60, 33), 90).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((60, 33)))
    picture.save(tmp_path / "p.png")
    found = read_picture(
        tmp_path / "p.png", load_generator(path, device="cpu"), Fitting.of(read_checkpoint(path).metadata["config"])
    )
    expected = decode_raw(tmp_path / "p.png", Options((16, 16), "rgb", fit, (0x20, 0x40, 0x60)))  # type: ignore[arg-type]
    assert expected.pixels is not None
    assert np.array_equal(found, expected.pixels)


def test_a_picture_of_16_bits(plain: Path, tmp_path: Path) -> None:
    deep = np.linspace(1000, 3000, 256).reshape(16, 16).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = read_picture(tmp_path / "deep.png", load_generator(plain, device="cpu"), Fitting())
    assert (found.min(), found.max()) == (0, 255)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{here}/none.png", "--checkpoint", "{plain}"], 2, ["none.png", "no such picture"]),
        (["{here}", "--checkpoint", "{plain}"], 2, ["is a folder"]),
        (["{here}/text.png", "--checkpoint", "{plain}"], 3, ["text.png", "not an image"]),
        (["{here}/mine.png", "--checkpoint", "{here}/none"], 2, ["no such file"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--steps", "0"], 2, ["--steps 0"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--starts", "65"], 2, ["--starts 65", "64"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--seed", str(1 << 63)], 2, [f"--seed {1 << 63}", "64 bits"]),
        (["{here}/pipe.png", "--checkpoint", "{plain}"], 3, ["pipe.png", "cannot be read"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--space", "w+"], 2, ["--space w+", "choices: z"]),
        (["{here}/mine.png", "--checkpoint", "{styled}", "--space", "z"], 2, ["--space z", "choices: w+, w"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--class", "bag"], 2, ["knows no classes"]),
        (["{here}/mine.png", "--checkpoint", "{garments}", "--class", "bagg"], 2, ["did you mean Bag?"]),
        (["{here}/mine.png", "--checkpoint", "{plain}", "--background", "bluish"], 2, ["--background bluish"]),
        (["{here}/mine.png"], 2, ["--checkpoint"]),
        (["--checkpoint", "{plain}"], 2, ["IMAGE"]),
    ],
)
def test_wrong_input(
    gantool: Command,
    plain: Path,
    garments: Path,
    styled: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: list[str],
) -> None:
    (tmp_path / "text.png").write_text("hello", encoding="utf-8")
    Image.new("L", (16, 16), 90).save(tmp_path / "mine.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
    else:
        (tmp_path / "pipe.png").write_bytes(b"")
    places = {"plain": plain, "garments": garments, "styled": styled, "here": tmp_path}
    ended = gantool("project", *(each.format(**places) for each in arguments), "--out", tmp_path / "out")
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err
    assert not (tmp_path / "out").exists()


def test_wrong_latent_files(gantool: Command, plain: Path, garments: Path, styled: Path, tmp_path: Path) -> None:
    Image.new("L", (16, 16), 90).save(tmp_path / "mine.png")
    asked = ["--checkpoint", plain, "--steps", 1, "--starts", 1, "--out", tmp_path]
    assert gantool("project", tmp_path / "mine.png", *asked).code == 0
    latent = tmp_path / "latent.safetensors"
    damaged = tmp_path / "damaged.safetensors"
    content = bytearray(latent.read_bytes())
    content[-5] ^= 1
    damaged.write_bytes(content)

    def drawn(checkpoint: Path, file: Path, *more: object) -> Ended:
        return gantool("sample", "--checkpoint", checkpoint, "--latent", file, "--out", tmp_path / "out", *more)

    for ended, code, words in [
        (drawn(plain, tmp_path / "none"), 2, "no such file"),
        (drawn(plain, tmp_path), 2, f"is a folder; give {latent}"),
        (drawn(plain, plain), 2, "holds no latents"),
        (drawn(plain, tmp_path / "mine.png"), 4, "mine.png"),
        (drawn(plain, damaged), 4, "damaged"),
        (drawn(styled, latent), 2, "model of another kind"),
        (drawn(garments, latent), 2, "model of another kind"),
        (drawn(plain, latent, "--seed", 3), 2, "--seed and --latent"),
        (drawn(plain, latent, "--format", "npz"), 2, "--format npz"),
    ]:
        assert ended.code == code, ended.err
        assert words in ended.err
        assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()
    raw = drawn(plain, latent, "--raw-weights")
    assert raw.code == 0
    assert "other weights" in raw.err


def test_spaces_are_checked_before_long_work(plain: Path) -> None:
    generator = load_generator(plain, device="cpu")
    with pytest.raises(UsageError, match="--space w"):
        project(generator, generator.sample(1)[0], Search(space="w"))


@pytest.mark.parametrize(("side", "wanted"), [(200, 112), (28, 112), (113, 112), (96, 96)])
def test_pictures_are_resized_as_torch_does_it(side: int, wanted: int) -> None:
    images = torch.rand(2, 3, side, side - 9)
    columns = round((side - 9) * wanted / side)
    resized = likeness._resizing(side, wanted, images.device, images.dtype) @ images
    resized = resized @ likeness._resizing(side - 9, columns, images.device, images.dtype).t()
    size = (wanted, columns)
    told = F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=wanted < side)
    torch.testing.assert_close(resized, told, rtol=0, atol=1e-5)

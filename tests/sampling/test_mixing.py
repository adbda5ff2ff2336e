"""Style mixing: whose styles each layer takes, and who is told that there are none."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import seeding
from gantool.images import grid, to_pixels
from gantool.latent import mixing
from gantool.latent.mixing import Mix, mixed
from gantool.latent.points import Samples
from gantool.models import StyleGAN2
from gantool.provenance import read_provenance
from gantool.sample import load_generator
from tests.command import Ended
from tests.sampling.helpers import GARMENTS, make_checkpoint, small

Command = Callable[..., Ended]


def test_first_layers_of_the_column_the_rest_of_the_row(styled: Path) -> None:
    generator = load_generator(styled, device="cpu")
    found = mixed(generator, Mix(Samples((4, 5)), Samples((1, 2, 5)), 3))
    assert found.shape == (2, 3, 16, 16, 1)
    network = generator.network
    latents = {n: seeding.latents(0, n, 1, 8) for n in (1, 2, 4, 5)}
    for row, source in enumerate((4, 5)):
        for column, target in enumerate((1, 2, 5)):
            styles = network.styles(latents[target]).clone()
            styles[:, 3:] = network.styles(latents[source])[:, 3:]
            with torch.no_grad(), seeding.installed(seeding.PerImage(0, target, 1)):
                expected = to_pixels(network.draw(styles))[0]
            assert np.abs(found[row, column].astype(int) - expected).max() <= 1
    own = generator.sample(6)
    assert np.array_equal(found[1, 2], own[5]), "the same picture twice is that picture"
    assert not np.array_equal(found[0, 0], own[1])
    assert not np.array_equal(found[0, 0], own[4])


def test_the_grid(gantool: Command, styled: Path, tmp_path: Path) -> None:
    asked = ["--mix", "4,5", "--into", "1-3", "--mix-from", 2, "--seed", 9, "--out", tmp_path]
    ended = gantool("sample", "--checkpoint", styled, *asked)
    assert ended.code == 0, ended.err
    assert "0 to 1 from the columns, 2 to 5 from the rows" in ended.out
    generator = load_generator(styled, device="cpu")
    keys = {"seed": 9}
    inner = mixed(generator, Mix(Samples((4, 5), **keys), Samples((1, 2, 3), **keys), 2))
    with Image.open(tmp_path / "mix.png") as picture:
        sheet = np.asarray(picture)
    body = grid(inner.reshape(-1, 16, 16, 1), columns=3)
    high, wide = body.shape[:2]
    assert np.array_equal(sheet[2 - high :, 2 - wide :], body[2:, 2:]), "what comes out stands at the lower right"
    said = read_provenance(tmp_path / "mix.png")
    assert said["latent"] == "mix 4,5 from layer 2 on into 1,2,3"
    assert gantool("sample", "--checkpoint", styled, *asked).code == 0
    assert gantool("sample", "--checkpoint", styled, *asked, "--mix-from", 3).code == 2


def test_classes_are_those_of_the_pictures(gantool: Command, tmp_path: Path) -> None:
    settings = small(StyleGAN2, conditional=True)
    path = make_checkpoint(tmp_path / "c.safetensors", settings, classes=GARMENTS)
    ended = gantool("sample", "--checkpoint", path, "--mix", "0,1", "--class", "bag", "--class", "1", "--out", tmp_path)
    assert ended.code == 0
    generator = load_generator(path, device="cpu")
    found = mixed(generator, Mix(Samples((0, 1), classes=(2, 1)), Samples((0, 1), classes=(2, 1))))
    own = generator.sample(2, labels=[2, 1])
    assert np.array_equal(found[0, 0], own[0])
    assert np.array_equal(found[1, 1], own[1])
    other = gantool("sample", "--checkpoint", path, "--mix", "0,1", "--class", "1", "--out", tmp_path)
    assert other.code == 2, "a mix of other classes is another picture"
    assert "is in the way" in other.err


def test_an_interrupt_ends_it(gantool: Command, styled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Path:
        signal.raise_signal(signal.SIGINT)
        return tmp_path

    monkeypatch.setattr(mixing, "write_mix", interrupted)
    ended = gantool("sample", "--checkpoint", styled, "--mix", "0,1", "--out", tmp_path)
    assert ended.code == 130
    assert "Done" not in ended.out


def test_other_architectures_are_told(gantool: Command, any_checkpoint: Path, tmp_path: Path) -> None:
    ended = gantool("sample", "--checkpoint", any_checkpoint, "--mix", "0,1", "--out", tmp_path / "out")
    if "StyleGAN2" in any_checkpoint.name:
        assert ended.code == 0
        return
    assert ended.code == 2
    assert "only stylegan2" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mix", "0,1", "--mix-from", "0"], ["--mix-from 0", "from 1 to 5"]),
        (["--mix", "0,1", "--mix-from", "6"], ["--mix-from 6", "layers 0 to 5"]),
        (["--mix", "0-99", "--into", "0-99"], ["too many pictures"]),
        (["--mix", "a"], ["--mix a", "numbers of pictures"]),
        (["--mix", "0,1", "--into", ""], ["--into", "numbers of pictures"]),
        (["--into", "0,1"], ["--into", "goes with --mix"]),
        (["--mix", "0,1", "--loop"], ["--loop and --mix"]),
        (["--mix", "0,1", "--format", "webp"], ["--format webp", "png"]),
    ],
)
def test_wrong_input(gantool: Command, styled: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    ended = gantool("sample", "--checkpoint", styled, "--out", tmp_path / "out", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err
    assert not (tmp_path / "out").exists()

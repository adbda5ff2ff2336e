"""Directions: eigenvectors and principal components against numpy, the weights of every architecture, the grids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import seeding
from gantool.errors import UsageError
from gantool.images import ImageShape, grid
from gantool.latent.directions import Directions, Method, Steps, find, principal, sefa, traversal
from gantool.latent.points import Samples
from gantool.models import MLP
from gantool.provenance import Provenance, read_provenance
from gantool.sample import LoadedGenerator, load_generator
from gantool.training.checkpoint import read_checkpoint
from tests.architectures import SMALL_MODELS, colour
from tests.command import Ended
from tests.sampling.helpers import architectures, make_checkpoint

Command = Callable[..., Ended]


def test_sefa_of_a_matrix_is_its_singular_vectors() -> None:
    weights = torch.randn(40, 12, generator=seeding.generator("weights"))
    vectors, shares = sefa(weights)
    _, singular, right = np.linalg.svd(weights.double().numpy())
    np.testing.assert_allclose(np.abs((vectors.numpy() * right).sum(axis=1)), 1, atol=1e-9)
    np.testing.assert_allclose(shares.numpy(), singular**2 / (singular**2).sum(), atol=1e-12)


def linear_generator() -> tuple[LoadedGenerator, torch.Tensor]:
    """A generator whose picture is a matrix times the latent, for as long as tanh is nearly straight."""
    settings = MLP(latent_dim=6, hidden=(20,), slope=1.0)
    network = settings.build_generator(ImageShape(1, 16, 16), 0)
    with torch.no_grad():
        torch.nn.init.normal_(network.hidden[0].weight, generator=seeding.generator("first"))
        network.hidden[0].weight.mul_(torch.tensor([3.0, 2.0, 1.2, 0.7, 0.4, 0.2]))
        orthogonal = torch.linalg.qr(torch.randn(256, 20, generator=seeding.generator("second"))).Q
        network.image.weight.copy_(
            0.01 * orthogonal
        )  # keeps lengths: what moves hidden layers most moves pictures most
    return LoadedGenerator(network, (), Provenance(), torch.device("cpu")), network.hidden[0].weight.detach()


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_a_linear_generator_moves_most_along_what_numpy_says(method: str) -> None:
    generator, weights = linear_generator()
    found = find(generator, method, 3)  # type: ignore[arg-type]
    _, singular, right = np.linalg.svd(weights.double().numpy())
    cosines = np.abs((found.vectors.numpy() * right[:3]).sum(axis=1))
    # Least squares over 2,048 latents is near, the closed form exact.
    assert cosines.min() > (0.9999 if method == "sefa" else 0.99)
    np.testing.assert_allclose(found.shares, (singular**2 / (singular**2).sum())[:3], atol=0.03)
    with torch.no_grad():
        moved = [(generator.network(v[None]) - generator.network(-v[None])).norm() for v in found.vectors]
    assert moved[0] > moved[1] > moved[2]


@pytest.mark.parametrize("shape", [(300, 20), (30, 200)])
def test_principal_components_are_numpys(shape: tuple[int, int]) -> None:
    scales = torch.logspace(0, -1, shape[1])
    data = torch.randn(shape, generator=seeding.generator("data")) * scales + 3
    components, coordinates, shares = principal(data, 4)
    centred = data.double().numpy() - data.double().numpy().mean(axis=0)
    _, singular, right = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs((components.numpy() * right[:4]).sum(axis=1)), 1, atol=1e-8)
    np.testing.assert_allclose(coordinates.numpy(), centred @ components.numpy().T, atol=1e-8)
    np.testing.assert_allclose(shares.numpy(), (singular**2 / (singular**2).sum())[:4], atol=1e-10)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_steering_is_the_first_step_of_every_architecture(name: str, conditional: bool) -> None:
    """What the steering weights do not see, the picture does not show; along their first direction it moves."""
    kind = next(each for each in architectures() if each.model_fields["name"].default == name.partition("-")[0])
    options = {"latent_dim": 20, **SMALL_MODELS[name], "conditioning": "class" if conditional else "none"}
    key = "style_dim" if "style_dim" in options else "latent_dim"
    shape = colour(kind.model_validate(options))
    rows = len(kind.model_validate(options).build_generator(shape, 3).steering())
    torch.manual_seed(0)
    settings = kind.model_validate({**options, key: rows + 10})  # more numbers than outputs: some must go unseen
    network = settings.build_generator(shape, 3).eval()
    labels = torch.zeros(3, dtype=torch.int64) if conditional else None
    weights = network.steering().detach().double()
    assert weights.shape == (rows, rows + 10)
    moved = torch.randn(rows + 10, dtype=torch.float64)
    unseen = moved - weights.T @ torch.linalg.lstsq(weights.T, moved[:, None]).solution[:, 0].reshape(-1)
    unseen /= unseen.norm()
    strongest = sefa(weights)[0][0]
    start = network.styles(torch.randn(1, network.latent_dim), None if labels is None else labels[:1])
    styles = torch.cat([start, start + 3 * unseen.float(), start + 3 * strongest.float()])
    with torch.no_grad(), seeding.installed(seeding.PerImage.of([(0, 0)] * 3)):
        pictures = network.draw(styles, labels)
    still, seen = ((pictures[row] - pictures[0]).abs().max().item() for row in (1, 2))
    assert still < 1e-4 * seen


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_the_analysed_layer_is_no_linear_one(name: str) -> None:
    kind = next(each for each in architectures() if each.model_fields["name"].default == name.partition("-")[0])
    settings = kind.model_validate({"latent_dim": 20, **SMALL_MODELS[name]})
    torch.manual_seed(0)
    network = settings.build_generator(colour(settings), 0).eval()
    with torch.no_grad():  # blocks that begin as the identity, too, are what training makes of them
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    seen: list[torch.Tensor] = []
    network.early().register_forward_hook(lambda *hooked: seen.append(hooked[2]))
    a, b = torch.randn(2, 1, network.latent_dim)
    with torch.no_grad(), seeding.installed(seeding.PerImage.of([(0, 0)] * 3)):
        network(torch.cat([a, b, (a + b) / 2]))
    ends, middle = (seen[0][0] + seen[0][1]) / 2, seen[0][2]
    assert (ends - middle).abs().max() > 1e-3 * middle.abs().max()


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_files_and_grids(gantool: Command, any_checkpoint: Path, tmp_path: Path, method: str) -> None:
    asked = ["--method", method, "--count", 2, "--steps", 5, "--strength", 2, "--samples", "1,6", "--seed", 3]
    ended = gantool("directions", "--checkpoint", any_checkpoint, *asked, "--class", "sneaker", "--out", tmp_path)
    assert ended.code == 0, ended.err
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["directions.safetensors", "traversal-000001.png", "traversal-000006.png"]
    generator = load_generator(any_checkpoint, device="cpu")
    kept = read_checkpoint(tmp_path / "directions.safetensors")
    assert kept.metadata["kind"] == "directions"
    assert kept.metadata["method"] == method
    directions = Directions(*(kept.tensors[name] for name in ("directions", "deviations", "shares")))
    torch.testing.assert_close(directions.vectors.norm(dim=1), torch.ones(2))
    sample = Samples((6,), seed=3, classes=(1,))
    moved = traversal(generator, directions, sample, Steps(5, 2.0))
    assert np.array_equal(moved[0, 2], generator.sample(7, seed=3, labels=[1])[6])
    assert len({picture.tobytes() for picture in moved[0]}) > 1
    with Image.open(tmp_path / "traversal-000006.png") as picture:
        sheet = np.asarray(picture)
    body = grid(moved.reshape(-1, *moved.shape[2:]), columns=5)
    assert np.array_equal(sheet[-len(body) :, -body.shape[1] :], body)
    said = read_provenance(tmp_path / "traversal-000006.png")
    assert said["latent"] == f"{method}, 2 directions, 5 steps to 2 sd"
    assert said["class_name"] == "Sneaker"
    again = gantool("directions", "--checkpoint", any_checkpoint, *asked, "--class", "sneaker", "--out", tmp_path)
    assert again.code == 0
    assert read_checkpoint(tmp_path / "directions.safetensors").digest == kept.digest
    other = gantool("directions", "--checkpoint", any_checkpoint, "--count", 1, "--out", tmp_path)
    assert other.code == 2
    assert "--force" in other.err


def test_a_step_is_so_many_deviations(styled: Path) -> None:
    generator = load_generator(styled, device="cpu")
    found = find(generator, "ganspace", 2)
    latents = torch.randn(20_000, 8, generator=seeding.generator("others"))
    along = generator.network.styles(latents)[:, 0] @ found.vectors.T
    torch.testing.assert_close(along.std(dim=0), found.deviations, rtol=0.05, atol=0)
    moved = traversal(generator, found, Samples((0,)), Steps(3, 1.5))
    styles = generator.network.styles(seeding.latents(0, 0, 1, 8)) + 1.5 * found.deviations[0] * found.vectors[0]
    pixels = generator.render(styles, None, seeding.PerImage(0, 0, 1))[0]
    assert np.abs(moved[0, 2].astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_what_moves_nothing_is_no_direction(tmp_path: Path, method: Method) -> None:
    path = make_checkpoint(tmp_path / "narrow.safetensors", MLP(hidden=(4, 8), latent_dim=16))
    generator = load_generator(path, device="cpu")
    assert len(find(generator, method, 4).vectors) == 4
    with pytest.raises(UsageError, match=r"--count 5: only 4 directions .* take 1 to 4"):
        find(generator, method, 5)
    with torch.no_grad():
        for parameter in generator.network.parameters():
            parameter.zero_()
    with pytest.raises(UsageError, match="nothing moves"):
        find(generator, method, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--count", "0"], ["--count 0", "take 1 to 8"]),
        (["--count", "9"], ["--count 9", "8 dimensions"]),
        (["--steps", "4"], ["--steps 4", "odd"]),
        (["--steps", "1"], ["--steps 1"]),
        (["--strength", "0"], ["--strength 0"]),
        (["--strength", "nan"], ["--strength nan"]),
        (["--samples", "x"], ["--samples x"]),
        (["--method", "magic"], ["sefa", "ganspace"]),
        (["--class", "bag"], ["knows no classes"]),
    ],
)
def test_wrong_input(gantool: Command, plain: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    ended = gantool("directions", "--checkpoint", plain, "--out", tmp_path / "out", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err
    assert not (tmp_path / "out").exists()

"""Drawing from Python: the same picture for a (seed, index), the right class, the right weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import gantool
from gantool import seeding
from gantool.errors import CheckpointError, UsageError
from gantool.images import ImageShape
from gantool.models import MLP, Compact, ModelSettings
from gantool.sample import load_generator
from gantool.training.checkpoint import read_checkpoint, write_checkpoint
from tests.sampling.helpers import GARMENTS, GREY, make_checkpoint, small


def by_hand(
    checkpoint: Path, settings: ModelSettings, index: int, seed: int, *, weights: str, label: int | None = None
) -> NDArray[np.uint8]:
    """One picture, in plain torch, by the words of the documentation."""
    prefix = f"{weights}."
    found = read_checkpoint(checkpoint)
    own = {n.removeprefix(prefix): t for n, t in found.tensors.items() if n.startswith(prefix)}
    network = settings.build_generator(GREY, len(found.metadata["classes"]) if label is not None else 0)
    network.load_state_dict(own)
    source = torch.Generator().manual_seed(seeding.derive(seed, "sample", index))
    latent = torch.randn(1, network.latent_dim, generator=source)
    with torch.no_grad():
        image = network.eval()(latent, None if label is None else torch.tensor([label]))
    levels: NDArray[np.uint8] = ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return levels


@pytest.mark.parametrize(("raw", "weights"), [(False, "ema"), (True, "generator")])
def test_a_picture_is_what_the_documentation_says(plain: Path, raw: bool, weights: str) -> None:
    drawn = load_generator(plain, device="cpu", raw_weights=raw).sample(3, seed=5)
    for index in range(3):
        expected = by_hand(plain, small(Compact), index, 5, weights=weights)[0]
        assert np.abs(drawn[index].astype(int) - expected).max() <= 1


def test_shape_type_and_what_it_knows_of_itself(garments: Path) -> None:
    generator = gantool.load_generator(garments)
    drawn = generator.sample(5)
    assert drawn.shape == (5, 16, 16, 1)
    assert drawn.dtype == np.uint8
    assert generator.classes == GARMENTS
    assert generator.shape == GREY
    assert generator.latent_dim == 8
    assert drawn.std() > 20, "the test's pictures must differ enough to be compared"


def test_the_bytes_of_a_picture_do_not_depend_on_the_count(any_checkpoint: Path) -> None:
    generator = load_generator(any_checkpoint, device="cpu")
    many = generator.sample(33, seed=7, batch_size=8)
    for count in (1, 7, 8, 9, 31):
        assert np.array_equal(generator.sample(count, seed=7, batch_size=8), many[:count])
    for start in (1, 8, 13):
        assert np.array_equal(generator.sample(10, seed=7, batch_size=8, start=start), many[start : start + 10])


def test_batch_sizes_agree_to_one_grey_level(any_checkpoint: Path) -> None:
    generator = load_generator(any_checkpoint, device="cpu")
    drawn = {size: generator.sample(70, seed=7, batch_size=size).astype(int) for size in (1, 7, 64)}
    for size in (1, 7):
        difference = np.abs(drawn[size] - drawn[64])
        assert difference.max() <= 1
        assert (difference > 0).mean() <= 0.001


def test_every_index_and_every_seed_draws_another_picture(plain: Path) -> None:
    generator = load_generator(plain, device="cpu")
    drawn = np.concatenate([generator.sample(20, seed=seed) for seed in (0, 1)])
    assert len({picture.tobytes() for picture in drawn}) == 40


def test_batches_are_the_same_pictures_in_pieces(garments: Path) -> None:
    generator = load_generator(garments, device="cpu")
    pieces = list(generator.batches(19, seed=3, batch_size=8, start=5))
    assert [piece.first for piece in pieces] == [5, 8, 16]
    assert np.array_equal(
        np.concatenate([p.pixels for p in pieces]), generator.sample(19, seed=3, batch_size=8, start=5)
    )
    labels = np.concatenate([p.labels for p in pieces if p.labels is not None])
    assert labels.tolist() == [index % 4 for index in range(5, 24)]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (None, [0, 1, 2, 3]),
        ("sneaker", [1]),
        (2, [2]),
        (["BAG", 0, "1"], [2, 0, 1]),
        ("3", [3]),  # a name
        (np.array([3, 3, 1]), [3, 3, 1]),
        (torch.tensor([2, 0]), [2, 0]),
    ],
)
def test_classes_by_name_and_by_number(garments: Path, asked: object, numbers: list[int]) -> None:
    generator = load_generator(garments, device="cpu")
    assert generator.class_numbers(asked) == numbers  # type: ignore[arg-type]


def test_a_name_is_meant_before_a_number(tmp_path: Path) -> None:
    digits = make_checkpoint(tmp_path / "d.safetensors", small(MLP, conditional=True), classes=("2", "1", "0"))
    generator = load_generator(digits, device="cpu")
    assert generator.class_numbers("0") == [2]
    assert generator.class_numbers(0) == [0]


def test_a_picture_is_of_the_class_that_was_asked_for(garments: Path) -> None:
    generator = load_generator(garments, device="cpu")
    drawn = generator.sample(4, seed=1, labels=["bag", "sneaker"])
    for index, label in enumerate([2, 1, 2, 1]):
        expected = by_hand(garments, small(Compact, conditional=True), index, 1, weights="ema", label=label)
        assert np.abs(drawn[index].astype(int) - expected[0]).max() <= 1
    assert not np.array_equal(drawn[0], generator.sample(1, seed=1, labels="sneaker")[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"count": 0}, ["count 0", "at least 1"]),
        ({"count": 1, "batch_size": 0}, ["batch size 0"]),
        ({"count": 1, "start": -1}, ["start -1"]),
        ({"count": 1, "labels": "sneeker"}, ["sneeker", "did you mean Sneaker?", "0 T-shirt/top", "2 Bag"]),
        ({"count": 1, "labels": 4}, ["class 4", "choices"]),
        ({"count": 1, "labels": -1}, ["class -1"]),
        ({"count": 1, "labels": []}, ["leave the labels out"]),
    ],
)
def test_wrong_calls_say_what_to_do(garments: Path, call: dict[str, object], words: list[str]) -> None:
    generator = load_generator(garments, device="cpu")
    with pytest.raises(UsageError) as fault:
        generator.sample(**call)  # type: ignore[arg-type]
    assert all(word in str(fault.value) for word in words)


def test_an_unconditional_model_is_asked_for_no_class(plain: Path) -> None:
    with pytest.raises(UsageError, match="knows no classes"):
        load_generator(plain, device="cpu").sample(1, labels=["bag"])


def test_loading_and_drawing_leave_the_global_generator_alone(plain: Path) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    load_generator(plain, device="cpu").sample(2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [ImageShape(3, 16, 24), ImageShape(4, 20, 20)])
def test_other_shapes(tmp_path: Path, shape: ImageShape) -> None:
    path = make_checkpoint(tmp_path / "s.safetensors", small(MLP), shape=shape)
    assert load_generator(path, device="cpu").sample(2).shape == (2, shape.height, shape.width, shape.channels)


def rewritten(path: Path, out: Path, **changes: object) -> Path:
    """The checkpoint with other metadata; a value of None drops the key."""
    found = read_checkpoint(path)
    metadata = {key: value for key, value in {**found.metadata, **changes}.items() if value is not None}
    write_checkpoint(out, found.tensors, metadata)
    return out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"model": {"name": "of-tomorrow"}}}, "cannot build its model"),
        ({"config": {}}, "cannot build its model"),
        ({"shape": [1, 17, 16]}, "cannot build its model"),
        ({"classes": []}, "cannot build its model"),
        ({"shape": None}, "its metadata lacks 'shape'"),
        ({"shape": [1, 32, 32]}, "do not fit"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_named(
    garments: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    odd = rewritten(garments, tmp_path / "odd.safetensors", **changes)
    with pytest.raises(CheckpointError, match=words) as fault:
        load_generator(odd, device="cpu")
    assert str(odd) in str(fault.value)


def test_a_file_without_a_generator(tmp_path: Path) -> None:
    path = tmp_path / "empty.safetensors"
    write_checkpoint(path, {"discriminator.x": torch.zeros(1)}, {"kind": "checkpoint"})
    with pytest.raises(CheckpointError, match="holds no generator"):
        load_generator(path, device="cpu")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_devices_agree(any_checkpoint: Path) -> None:
    on_cpu = load_generator(any_checkpoint, device="cpu").sample(70, seed=7).astype(int)
    on_cuda = load_generator(any_checkpoint, device="cuda").sample(70, seed=7).astype(int)
    assert np.abs(on_cpu - on_cuda).max() <= 1
    assert (on_cpu != on_cuda).mean() <= 0.001

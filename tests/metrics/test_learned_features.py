"""The classifier that a set teaches, and Inception with weights that only have its shape."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gantool.errors import UsageError
from gantool.metrics.features import Classifier, Inception
from gantool.metrics.features import classifier as teaching
from gantool.metrics.features import inception as fid_network


def shapes(count: int, side: int = 12, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bright bars: lying, standing and slanting ones, with noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (count, side, side, 1)).astype(np.uint8)
    labels = np.arange(count) % 3
    for picture, label in zip(pixels, labels, strict=True):
        place = int(rng.integers(2, side - 2))
        if label == 0:
            picture[place] = 220
        elif label == 1:
            picture[:, place] = 220
        else:
            picture[np.arange(side), (np.arange(side) + place) % side] = 220
    return pixels, labels


@functools.cache
def taught(seed: int = 0) -> dict[str, torch.Tensor]:
    pixels, labels = shapes(300)
    return teaching.train(lambda rows: pixels[rows], labels, 3, seed=seed)


def test_the_classifier_knows_pictures_it_never_saw() -> None:
    pixels, labels = shapes(300, seed=1)
    network = Classifier(taught(), ("lying", "standing", "slanting"), 1, (12, 12))
    assert (network.classify(pixels) == labels).mean() > 0.95
    assert network.of(pixels).shape == (300, network.facts.dimensions)


def test_the_classifier_is_taught_the_same_each_time_and_leaves_the_generators_alone() -> None:
    before = torch.random.get_rng_state()
    pixels, labels = shapes(40)
    first, second = (teaching.train(lambda rows: pixels[rows], labels, 3, seed=4) for _ in range(2))
    assert teaching.digest(first) == teaching.digest(second)
    assert teaching.digest(first) != teaching.digest(teaching.train(lambda rows: pixels[rows], labels, 3, seed=5))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_picture_has_the_same_features_in_any_company() -> None:
    pixels, _ = shapes(270)
    network = Classifier(taught(), ("a", "b", "c"), 1, (12, 12))
    whole = network.of(pixels)
    np.testing.assert_array_equal(whole[255:263], network.of(pixels[255:263]))
    assert network.of(pixels[:0]).shape == (0, 128)


@pytest.mark.parametrize("size", [(12, 12), (5, 9), (200, 100)])
def test_the_classifier_takes_every_size_and_channel(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, *size, 4), np.uint8)
    weights = teaching.train(lambda rows: pixels[rows], np.arange(8) % 2, 2)
    assert Classifier(weights, ("a", "b"), 4, size).of(pixels).shape == (8, 128)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of Inception's shape: random numbers, so that only the plumbing is tried."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    folder = tmp_path_factory.mktemp("weights")
    loaded: dict[str, torch.Tensor] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        patch.setattr(torch, "load", lambda *_, **__: loaded)
        torch.manual_seed(0)
        network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path="none")
    torch.save(network.state_dict(), folder / fid_network.FILE)
    return folder


@pytest.fixture
def believed(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, taken for the published file."""
    digest = hashlib.sha256((weights / fid_network.FILE).read_bytes()).hexdigest()
    monkeypatch.setattr(fid_network, "_PREFIX", digest[:8])
    return weights


def test_inception_is_torch_fidelitys_network(believed: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    pixels = np.random.default_rng(0).integers(0, 256, (3, 299, 299, 3), np.uint8)
    ours = Inception(believed)
    theirs = FeatureExtractorInceptionV3(
        "theirs", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(believed / fid_network.FILE)
    )
    seen, logits = theirs(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    found = ours.of(pixels)
    np.testing.assert_allclose(found, seen.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.logits(found), logits.numpy(), rtol=1e-4, atol=1e-4)


def test_other_weights_are_not_called_inception(weights: Path) -> None:
    with pytest.raises(UsageError, match="not the published ones"):
        Inception(weights)


def test_inception_never_unpickles_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "owned"),))

    torch.save({"weight": Evil()}, tmp_path / fid_network.FILE)
    digest = hashlib.sha256((tmp_path / fid_network.FILE).read_bytes()).hexdigest()
    monkeypatch.setattr(fid_network, "_PREFIX", digest[:8])
    with pytest.raises(UsageError, match="cannot be read"):
        Inception(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_inception_says_where_its_weights_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(UsageError) as fault:
        Inception(tmp_path / "weights")
    for part in (fid_network.URL, str(tmp_path / "weights" / fid_network.FILE), "efficientnet_lite0"):
        assert part in str(fault.value)


def test_the_classifier_can_be_taught_where_gradients_are_off() -> None:
    """An evaluation turns them off before it asks for the network."""
    pixels, labels = shapes(40)
    with torch.no_grad():
        taught_here = teaching.train(lambda rows: pixels[rows], labels, 3, seed=4)
    assert teaching.digest(taught_here) == teaching.digest(teaching.train(lambda rows: pixels[rows], labels, 3, seed=4))

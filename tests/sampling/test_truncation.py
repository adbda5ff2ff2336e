"""Truncation: the truncated normal by its own definition, styles towards a mean that is computed here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from gantool import seeding
from gantool.images import ImageShape
from gantool.latent.truncation import Truncation, truncated_normal
from gantool.models import StyleGAN2
from gantool.provenance import read_provenance
from gantool.sample import load_generator
from tests.command import Ended
from tests.sampling.helpers import GARMENTS, small

Command = Callable[..., Ended]


@pytest.mark.parametrize("psi", [0.3, 1.0, 2.5])
def test_numbers_are_those_of_the_truncated_normal(psi: float) -> None:
    latents = torch.randn(20_000, generator=seeding.generator("test"))
    bent = truncated_normal(latents, psi)
    assert bent.abs().max() <= psi
    expected = stats.truncnorm.ppf(stats.norm.cdf(latents.double().numpy()), -psi, psi)
    np.testing.assert_allclose(bent.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert stats.kstest(bent.numpy(), stats.truncnorm(-psi, psi).cdf).pvalue > 0.01


def test_far_out_nothing_is_lost() -> None:
    far = torch.tensor([-9.0, -6.0, 0.0, 5.0, 9.0])
    torch.testing.assert_close(truncated_normal(far, 20.0), far, rtol=1e-4, atol=0)
    assert truncated_normal(far, 1.5).tolist() == pytest.approx([-1.5, -1.5, 0.0, 1.5, 1.5], abs=1e-5)
    assert truncated_normal(far, 0.0).tolist() == [0.0] * 5


@pytest.mark.parametrize("conditional", [False, True])
def test_styles_are_drawn_towards_the_mean_of_their_class(conditional: bool) -> None:
    settings = small(StyleGAN2, conditional=conditional)
    torch.manual_seed(3)
    network = settings.build_generator(ImageShape(1, 16, 16), 4).eval()
    latents = torch.randn(6, network.latent_dim)
    labels = torch.tensor([0, 1, 2, 3, 1, 0]) if conditional else None
    whole = network.styles(latents, labels)
    half, none, all_ = (Truncation(network, psi)(latents, labels) for psi in (0.5, 0.0, 1.0))
    torch.testing.assert_close(all_, whole)
    torch.testing.assert_close(half, (none + whole) / 2)
    many = torch.randn(40_000, network.latent_dim, generator=seeding.generator("others"))
    for row in range(6):
        own = None if labels is None else labels[row].expand(len(many))
        mean = network.styles(many, own)[:, 0]
        error = mean.std(dim=0) / 4096**0.5
        assert ((none[row, 0] - mean.mean(dim=0)).abs() < 5 * error + 1e-6).all()
    assert torch.equal(none[1], none[4]), "one class, one mean"


def test_weights_of_classes_have_weighted_means() -> None:
    network = small(StyleGAN2, conditional=True).build_generator(ImageShape(1, 16, 16), 4).eval()
    latents = torch.randn(1, 8)
    mean = Truncation(network, 0.0)
    ends = [mean(latents, torch.tensor([label])) for label in (1, 3)]
    between = mean(latents, torch.tensor([[0.0, 0.25, 0.0, 0.75]]))
    torch.testing.assert_close(between, 0.25 * ends[0] + 0.75 * ends[1])


def test_variety_falls_with_psi(gantool: Command, any_checkpoint: Path, tmp_path: Path) -> None:
    spread = []
    for psi in ("0.0", "0.4", "1.0"):
        out = tmp_path / psi
        asked = ["--count", 3, "--class", GARMENTS[1], "--truncation", psi, "--out", out]
        assert gantool("sample", "--checkpoint", any_checkpoint, *asked).code == 0
        assert read_provenance(out / "000000-sneaker.png")["truncation"] == float(psi)
        drawn = load_generator(any_checkpoint, device="cpu").sample(16, labels=[1], truncation=float(psi))
        spread.append(drawn.astype(float).std(axis=0).mean())
    assert spread[0] < spread[1] < spread[2]


def test_another_psi_is_another_picture(gantool: Command, plain: Path, tmp_path: Path) -> None:
    asked = ["sample", "--checkpoint", plain, "--count", 1, "--out", tmp_path]
    assert gantool(*asked, "--truncation", 0.5).code == 0
    assert gantool(*asked, "--truncation", 0.5).code == 0
    assert gantool(*asked, "--truncation", 0.6).code == 2
    assert gantool(*asked).code == 2


@pytest.mark.parametrize("psi", ["-0.1", "nan", "inf", "much"])
def test_what_is_no_psi(gantool: Command, plain: Path, tmp_path: Path, psi: str) -> None:
    ended = gantool("sample", "--checkpoint", plain, "--out", tmp_path / "out", "--truncation", psi)
    assert ended.code == 2
    assert "--truncation" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()

"""Spectral norm against the singular values that LAPACK finds."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models import FastGAN, ResNet
from gantool.nn.spectral import SpectralNorm, settle_spectral_norm, spectral_norm_everywhere

LAYERS = {
    "linear": lambda: nn.Linear(12, 7),
    "row": lambda: nn.Linear(12, 1),
    "conv": lambda: nn.Conv2d(3, 8, 3),
    "transposed": lambda: nn.ConvTranspose2d(8, 3, 3),
    "embedding": lambda: nn.Embedding(5, 9),
}


def largest_singular_value(layer: nn.Module) -> float:
    weight = layer.weight.detach()
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return torch.linalg.svdvals(weight.flatten(1))[0].item()


@pytest.mark.parametrize("kind", LAYERS)
def test_largest_singular_value_becomes_one(kind: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[kind]()
    direction = layer.weight.detach() / layer.weight.detach().norm()
    spectral_norm_everywhere(layer)
    settle_spectral_norm(layer, iterations=200)
    layer.eval()
    assert largest_singular_value(layer) == pytest.approx(1, rel=1e-3)
    torch.testing.assert_close(layer.weight / layer.weight.norm(), direction)


def test_every_weighted_layer_is_found() -> None:
    network = nn.Sequential(*(make() for make in LAYERS.values()), nn.Sequential(nn.Linear(2, 2)))
    spectral_norm_everywhere(network)
    assert sum(isinstance(m, SpectralNorm) for m in network.modules()) == len(LAYERS) + 1


def test_training_moves_the_vectors_and_evaluation_does_not() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(20, 20)
    spectral_norm_everywhere(layer)
    vectors = [buffer.clone() for buffer in layer.buffers()]
    assert len(vectors) == 2
    layer.eval()(torch.ones(1, 20))
    assert all(torch.equal(a, b) for a, b in zip(layer.buffers(), vectors, strict=True))
    layer.train()(torch.ones(1, 20))
    assert not any(torch.equal(a, b) for a, b in zip(layer.buffers(), vectors, strict=True))


def test_settling_follows_a_changed_weight() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(16, 16)
    spectral_norm_everywhere(layer)
    with torch.no_grad():  # a new leading direction, as an averaged copy may have
        layer.parametrizations.weight.original.copy_(torch.diag(torch.linspace(1, 5, 16).square()))
    layer.eval()
    before = abs(largest_singular_value(layer) - 1)
    settle_spectral_norm(layer)
    assert abs(largest_singular_value(layer) - 1) < 0.2 * before
    assert not layer.training


def test_a_copy_has_vectors_of_its_own() -> None:
    layer = nn.Linear(6, 6)
    spectral_norm_everywhere(layer)
    twin = copy.deepcopy(layer)
    before = [buffer.clone() for buffer in layer.buffers()]
    with torch.no_grad():
        twin.parametrizations.weight.original.add_(torch.randn(6, 6))
    settle_spectral_norm(twin)
    assert all(torch.equal(a, b) for a, b in zip(layer.buffers(), before, strict=True))
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin.eval().weight, layer.eval().weight)


def test_two_forwards_can_share_a_backward() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)
    spectral_norm_everywhere(layer)
    loss = layer(torch.ones(1, 4)).sum() - layer(torch.zeros(1, 4)).sum()
    loss.backward()
    assert torch.isfinite(layer.parametrizations.weight.original.grad).all()


def test_derivatives() -> None:
    """W/σ(W), with σ = uᵀWv and u, v held: first and second derivatives against finite differences."""
    weight = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    norm = SpectralNorm(weight).double().eval()
    assert torch.autograd.gradcheck(norm, (weight,))
    assert torch.autograd.gradgradcheck(norm, (weight,))


def test_autocast_does_not_coarsen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(32, 32)
    spectral_norm_everywhere(layer)
    layer.eval()
    seen = []
    product = torch.mv

    def watched(matrix: Tensor, vector: Tensor) -> Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return product(matrix, vector)

    monkeypatch.setattr(torch, "mv", watched)
    with torch.autocast("cpu", torch.bfloat16):
        inside: Tensor = layer.weight
    assert seen == [False]  # the CPU's autocast spares this product today, CUDA's does not
    assert inside.dtype == torch.float32 and torch.equal(inside, layer.weight)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_works_under_cudas_autocast() -> None:
    layer = nn.Conv2d(3, 8, 3).cuda()
    spectral_norm_everywhere(layer)
    with torch.autocast("cuda", torch.bfloat16):
        assert layer(torch.ones(1, 3, 8, 8, device="cuda")).dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32


def test_equals_torchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3)
    theirs.load_state_dict(ours.state_dict())
    spectral_norm_everywhere(ours)
    nn.utils.parametrizations.spectral_norm(theirs)
    step = theirs.parametrizations.weight[0]
    step._u.copy_(ours.parametrizations.weight[0].left)
    step._v.copy_(ours.parametrizations.weight[0].right)
    for _ in range(3):
        torch.testing.assert_close(ours.weight, theirs.weight)


@pytest.mark.parametrize("kind", [ResNet, FastGAN])
def test_a_generators_class_vectors_keep_their_length(kind: type[ResNet] | type[FastGAN]) -> None:
    """Their norm would be under 1, that of a latent √dim: the class would hardly be heard."""
    widths = {"width": 4} if kind is FastGAN else {"generator_width": 8}
    settings = kind(conditioning="class", generator_spectral_norm=True, class_embedding_dim=64, **widths)
    torch.manual_seed(0)
    generator = settings.build_generator(ImageShape(3, 64, 64), 10)
    (embedding,) = (layer for layer in generator.modules() if isinstance(layer, nn.Embedding))
    assert embedding.weight.norm(dim=1).mean().item() == pytest.approx(8, rel=0.1)
    assert sum(isinstance(layer, SpectralNorm) for layer in generator.modules()) > 5

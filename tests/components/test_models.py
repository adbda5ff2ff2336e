"""Every registered architecture: shapes, conditioning, precision, memory format, independence of samples."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.models import AnyModel, Discriminator, Generator, ModelSettings
from gantool.nn.spectral import SpectralNorm
from gantool.seeding import PerImage, generator, installed
from tests.architectures import colour

CLASSES = 5


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with installed(generator(0)):
        yield


def conditioned(model: ModelSettings) -> ModelSettings:
    return model.model_copy(update={"conditioning": "class"})


def networks(model: ModelSettings, shape: ImageShape, classes: int = 0) -> tuple[Generator, Discriminator]:
    return model.build_generator(shape, classes), model.build_discriminator(shape, classes)


def opened(network: Generator | Discriminator) -> None:
    """Give what starts at zero some weight: a gate of 0 hides what lies behind it."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)


def drawn(network: Generator, latents: Tensor, labels: Tensor | None = None, first: int = 0) -> Tensor:
    """With the noise of the images ``first``, ``first + 1``, …"""
    with installed(PerImage(0, first, len(latents))):
        return network(latents, labels)


def inputs(model: ModelSettings, count: int = 4) -> tuple[Tensor, Tensor]:
    return torch.randn(count, model.latent_dim), torch.arange(count) % CLASSES


@pytest.mark.parametrize("conditioning", ["none", "class"])
@pytest.mark.parametrize(
    "shape",
    [(1, 16, 16), (3, 16, 24), (1, 28, 28), (4, 32, 32), (3, 48, 40), (3, 64, 64), (1, 96, 64), (3, 128, 128)],
    ids=lambda shape: "x".join(map(str, shape)),
)
def test_shapes_and_ranges(model: ModelSettings, conditioning: str, shape: tuple[int, int, int]) -> None:
    model = model.model_copy(update={"conditioning": conditioning})
    try:
        model.check(ImageShape(*shape))
    except ConfigError as fault:
        assert model.name == "fastgan" and min(shape[1:]) < 64 and str(fault).startswith("data.resolution: ")
        return
    network_g, network_d = networks(model, ImageShape(*shape), CLASSES)
    latents, labels = inputs(model, 3)
    images = network_g(latents, labels)
    assert images.shape == (3, *shape) and images.dtype == torch.float32
    assert images.abs().max() <= (1 if network_g.bounded else 20) and images.std() > 0.01
    logits = network_d(images, labels)
    assert logits.shape == (3,) and logits.dtype == torch.float32
    expected_classes = CLASSES if conditioning == "class" else 0
    for network in (network_g, network_d):
        assert network.shape == shape and network.classes == expected_classes
    assert network_g.latent_dim == model.latent_dim


def test_labels_change_what_is_drawn_and_judged(model: ModelSettings) -> None:
    network_g, network_d = (n.eval() for n in networks(conditioned(model), colour(model), CLASSES))
    latent = torch.randn(1, model.latent_dim).expand(CLASSES, -1)
    images = network_g(latent, torch.arange(CLASSES))
    logits = network_d(images[:1].expand(CLASSES, -1, -1, -1), torch.arange(CLASSES))
    for first in range(CLASSES):
        for second in range(first):
            assert (images[first] - images[second]).abs().max() > 1e-3
            assert (logits[first] - logits[second]).abs() > 1e-4


def test_the_projection_is_linear_in_the_class_vector(model: ModelSettings) -> None:
    """yᵀVφ(x) + ψ(φ(x)), whatever φ is: with the vectors a, b, a + b, −a and 0 the logits add up."""
    model = conditioned(model).model_copy(update={"spectral_norm": False})  # which would scale all vectors alike
    network = model.build_discriminator(colour(model), CLASSES).eval()
    vectors = next(network.projection.parameters()).data
    a, b = vectors[0].clone(), vectors[1].clone()
    vectors[2:] = torch.stack([a + b, -a, torch.zeros_like(a)])
    images = torch.randn(4, *colour(model))
    at_a, at_b, at_sum, at_minus_a, at_zero = (network(images, torch.full((4,), y)) for y in range(5))
    torch.testing.assert_close(at_sum + at_zero, at_a + at_b)
    torch.testing.assert_close(at_a + at_minus_a, 2 * at_zero)
    assert (at_a - at_zero).abs().min() > 1e-4


def test_a_vector_of_weights_stands_for_a_class(model: ModelSettings) -> None:
    network_g, network_d = (n.eval() for n in networks(conditioned(model), colour(model), CLASSES))
    latents, labels = inputs(model, CLASSES)
    weights = torch.eye(CLASSES)[labels]
    images = drawn(network_g, latents, labels)
    torch.testing.assert_close(drawn(network_g, latents, weights), images, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network_d(images, weights), network_d(images, labels), rtol=1e-4, atol=1e-5)
    between = torch.full((CLASSES, CLASSES), 1 / CLASSES)
    assert not torch.allclose(drawn(network_g, latents, between), images, atol=1e-3)


def test_styles_are_the_first_half_of_drawing(model: ModelSettings) -> None:
    network = conditioned(model).build_generator(colour(model), CLASSES).eval()
    latents, labels = inputs(model)
    with installed(PerImage(0, 0, len(latents))):
        images = network.draw(network.styles(latents, labels), labels)
    torch.testing.assert_close(images, drawn(network, latents, labels))


def test_judging_is_the_forward_pass_and_more(model: ModelSettings) -> None:
    network = conditioned(model).build_discriminator(colour(model), CLASSES).eval()
    images, labels = torch.randn(4, *colour(model)), torch.arange(4)
    for real, names in ((True, network.losses_of_reals), (False, network.losses_of_fakes)):
        judged = network.judge(images, labels, real=real)
        torch.testing.assert_close(judged.logits, network(images, labels))
        assert tuple(judged.own) == names
        assert all(loss.dim() == 0 and loss.isfinite() for loss in judged.own.values())


def test_conditional_networks_ask_for_labels(model: ModelSettings) -> None:
    network_g, network_d = networks(conditioned(model), colour(model), CLASSES)
    with pytest.raises(ValueError, match="labels"):
        network_g(torch.randn(2, model.latent_dim))
    with pytest.raises(ValueError, match="labels"):
        network_d(torch.randn(2, *colour(model)))


def test_unconditional_networks_ignore_labels(model: ModelSettings) -> None:
    network_g, network_d = (n.eval() for n in networks(model, colour(model), CLASSES))
    latents, labels = inputs(model)
    images = drawn(network_g, latents, labels)
    assert torch.equal(images, drawn(network_g, latents))
    assert torch.equal(network_d(images, labels), network_d(images))


def test_class_conditioning_needs_classes(model: ModelSettings) -> None:
    for build in (conditioned(model).build_generator, conditioned(model).build_discriminator):
        with pytest.raises(ConfigError, match=r"^model\.conditioning: .*labels"):
            build(colour(model), 0)


def test_the_latent_decides(model: ModelSettings) -> None:
    network = model.build_generator(colour(model), 0).eval()
    latents = torch.randn(2, model.latent_dim)
    first, second = drawn(network, latents)
    assert (first - second).abs().max() > 1e-3
    assert torch.equal(drawn(network, latents), drawn(network, latents))


def test_each_image_is_judged_for_itself(model: ModelSettings) -> None:
    if "minibatch_group" in type(model).model_fields:  # a layer that is there to look at the others
        model = model.model_copy(update={"minibatch_group": 1})
    network = conditioned(model).build_discriminator(colour(model), CLASSES).eval()
    images, labels = torch.randn(6, *colour(model)), torch.arange(6) % CLASSES
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    logits = network(images, labels)
    torch.testing.assert_close(network(images[order], labels[order]), logits[order])
    torch.testing.assert_close(network(images[:1], labels[:1]), logits[:1])


def test_each_image_is_drawn_for_itself(model: ModelSettings) -> None:
    network = model.build_generator(colour(model), 0).eval()
    latents = torch.randn(5, model.latent_dim)
    alone, among = drawn(network, latents[2:3], first=2), drawn(network, latents)[2:3]
    torch.testing.assert_close(alone, among, rtol=1e-4, atol=1e-4)


def test_every_parameter_is_reached_by_a_gradient(model: ModelSettings) -> None:
    network_g, network_d = networks(conditioned(model), colour(model), CLASSES)
    latents, labels = inputs(model, CLASSES)
    for network in (network_g, network_d):
        opened(network)
    logits, own = network_d.judge(network_g(latents, labels), labels, real=True)
    (logits.square().sum() + sum(own.values())).backward()
    for network in (network_g, network_d):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("training", [False, True])
def test_channels_last_changes_nothing(model: ModelSettings, training: bool) -> None:
    if "dropout" in type(model).model_fields:  # a mask lies in the memory order of its map
        model = model.model_copy(update={"dropout": 0.0})
    network_g, network_d = (n.train(training) for n in networks(conditioned(model), colour(model), CLASSES))
    last_g, last_d = (
        copy.deepcopy(network).to(memory_format=torch.channels_last) for network in (network_g, network_d)
    )
    latents, labels = inputs(model)
    with installed(generator(0)):
        images = network_g(latents, labels)
    with installed(generator(0)):
        torch.testing.assert_close(last_g(latents, labels), images, rtol=1e-4, atol=1e-5)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last_d(last, labels), network_d(images, labels), rtol=1e-4, atol=1e-5)
    if model.channels_last:
        assert last_g(latents, labels).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("conditioning", ["none", "class"])
def test_bfloat16_autocast_is_close_to_float32(model: ModelSettings, conditioning: str) -> None:
    model = model.model_copy(update={"conditioning": conditioning})
    network_g, network_d = (n.eval() for n in networks(model, colour(model), CLASSES))
    latents, labels = inputs(model, 64)
    images = drawn(network_g, latents, labels)
    logits = network_d(images, labels)
    with torch.autocast("cpu", torch.bfloat16):
        coarse_images = drawn(network_g, latents, labels)
        coarse_logits = network_d(images, labels)
    assert coarse_images.dtype == coarse_logits.dtype == torch.float32
    for coarse, exact in ((coarse_images, images), (coarse_logits, logits)):
        assert not torch.equal(coarse, exact)
        assert (coarse - exact).norm() < 0.05 * exact.norm()


def test_float64_stays_float64(model: ModelSettings) -> None:
    """Whoever checks derivatives by finite differences needs it."""
    network_g, network_d = (n.double() for n in networks(model, colour(model)))
    images = network_g(torch.randn(2, model.latent_dim, dtype=torch.float64))
    assert images.dtype == network_d(images).dtype == torch.float64


def test_a_step_under_autocast_gives_finite_gradients(model: ModelSettings) -> None:
    network_g, network_d = networks(conditioned(model), colour(model), CLASSES)
    latents, labels = inputs(model, 8)
    with torch.autocast("cpu", torch.bfloat16):
        logits, own = network_d.judge(network_g(latents, labels), labels, real=True)
    sum(own.values(), start=logits.sum()).backward()
    for network in (network_g, network_d):
        assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_a_copy_and_a_reload_draw_the_same(model: ModelSettings) -> None:
    network = conditioned(model).build_generator(colour(model), CLASSES)
    latents, labels = inputs(model)
    network(latents, labels)  # moves the running statistics
    fresh = conditioned(model).build_generator(colour(model), CLASSES)
    fresh.load_state_dict(network.state_dict())
    expected = drawn(network.eval(), latents, labels)
    assert torch.equal(drawn(fresh.eval(), latents, labels), expected)
    assert torch.equal(drawn(copy.deepcopy(network), latents, labels), expected)


def test_fresh_weights_follow_torchs_seed(model: ModelSettings) -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        return networks(conditioned(model), colour(model), CLASSES)[1].state_dict()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_spectral_norm_is_a_switch(model: ModelSettings) -> None:
    plain = model.model_copy(update={"spectral_norm": False}).build_discriminator(colour(model), 0)
    normalised = model.model_copy(update={"spectral_norm": True}).build_discriminator(colour(model), 0)
    count = [sum(p.numel() for p in network.parameters()) for network in (plain, normalised)]
    assert count[0] == count[1]
    layers = [sum(isinstance(m, SpectralNorm) for m in network.modules()) for network in (plain, normalised)]
    assert layers[0] == 0 and layers[1] > 2


def test_registry_reads_a_model_by_its_name(model: ModelSettings) -> None:
    adapter: TypeAdapter[ModelSettings] = TypeAdapter(AnyModel)
    read = adapter.validate_python({"name": model.name, "latent_dim": 7})
    assert type(read) is type(model) and read.latent_dim == 7
    assert adapter.validate_json(adapter.dump_json(model)) == model


def test_logits_are_not_rounded_to_bfloat16(model: ModelSettings) -> None:
    """A large offset that all logits share must not eat their differences."""
    network = model.build_discriminator(colour(model), 0)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(torch.rand(32, *network.shape))
    assert logits.dtype == torch.float32
    assert (logits != logits.to(torch.bfloat16)).float().mean() > 0.8

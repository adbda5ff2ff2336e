"""The architectures as tests take them: narrow, and the smallest pictures that each draws."""

from __future__ import annotations

from typing import Any

from gantool.images import ImageShape
from gantool.models import ModelSettings

SMALL_MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (16, 24)},
    "dcgan": {"width": 8},
    "compact": {"width": 8},
    "compact-spread": {"width": 8, "minibatch_group": 4},
    "resnet": {"generator_width": 8, "discriminator_width": 8, "spectral_norm": False},
    "resnet-biggan": {
        "latent_dim": 20,
        "generator_width": 8,
        "discriminator_width": 8,
        "widest": 2,
        "kept_doublings": 0,
        "plain_blocks": 1,
        "attention": 2,
        "hierarchical_latent": True,
        "spectral_norm": True,
        "generator_spectral_norm": True,
    },
    "r3gan": {"width": 16, "group_size": 8, "blocks": 1, "wide_levels": 2},
    "r3gan-plain": {"width": 8, "group_size": None, "expansion": 1, "blocks": 2},
    "fastgan": {"latent_dim": 8, "width": 4, "spectral_norm": False, "generator_spectral_norm": False},
    "fastgan-plain": {
        "latent_dim": 8,
        "width": 4,
        "noise": False,
        "discriminator_norm": "none",
        "spectral_norm": False,
        "generator_spectral_norm": False,
    },
    "stylegan2": {
        "latent_dim": 8,
        "class_embedding_dim": 8,
        "style_dim": 8,
        "mapping_layers": 2,
        "width": 4,
        "max_width": 8,
    },
    "stylegan2-plain": {
        "latent_dim": 8,
        "class_embedding_dim": 8,
        "style_dim": 8,
        "mapping_layers": 2,
        "width": 8,
        "max_width": 8,
        "noise": False,
        "style_mixing": 0.0,
        "minibatch_group": 1,
        "residual": False,
    },
}
"""By name; ``name-variant`` is one more of the kind."""


def colour(model: ModelSettings, channels: int = 3) -> ImageShape:
    """The smallest square pictures that are drawn by all, or by ``model``."""
    side = 64 if model.name == "fastgan" else 16  # type: ignore[attr-defined]
    return ImageShape(channels, side, side)

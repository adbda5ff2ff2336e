"""What fine-tuning changes in a step: the layers that learn nothing, and how fast the others do.

FreezeD (Mo 2020, "Freeze the discriminator", §3): the lower layers of a trained discriminator know edges and textures
of any pictures; where the new ones are few, they are left as they are, and the rest learns.
"""

from __future__ import annotations

from gantool.config import ExperimentConfig
from gantool.errors import ConfigError
from gantool.models.base import Discriminator
from gantool.nn.spectral import SpectralNorm
from gantool.schedules import Ramp, value_at


def freeze(config: ExperimentConfig, discriminator: Discriminator) -> None:
    """Let the layers that ``finetune.freeze`` names ask for no gradients, for good.

    An optimizer passes over a parameter without a gradient, and keeps a state for it that never moves: checkpoints
    have the same names and shapes whatever is frozen. Spectral norm's estimate stops too. Batch norm goes on taking
    the statistics of each batch, as it did when the layer was trained.

    Raises:
        ConfigError: when there are fewer layers than that.
    """
    wanted = config.finetune.freeze.discriminator_layers if config.finetune else 0
    layers = discriminator.layers()
    if wanted > len(layers):
        _, height, width = discriminator.shape
        raise ConfigError(
            f"finetune.freeze.discriminator_layers: {wanted}, and the discriminator of {config.model.name} has "
            f"{len(layers)} layers before its heads at {height}×{width}; give 0 to {len(layers)}"
        )
    for layer in layers[:wanted]:
        layer.requires_grad_(False)
        for module in layer.modules():
            if isinstance(module, SpectralNorm):
                module.fixed = True


def rate_factor(config: ExperimentConfig, images_seen: int) -> float:
    """What the learning rates are multiplied by in the step that starts at ``images_seen``."""
    finetune = config.finetune
    if finetune is None:
        return 1.0
    factor = value_at(finetune.learning_rate_factor, images_seen)
    if finetune.warm_up:
        factor *= value_at(Ramp(start=0.0, to=1.0, until=finetune.warm_up), images_seen)
    return factor

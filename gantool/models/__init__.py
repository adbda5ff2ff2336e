"""The architectures. The union is the registry: a new one is a file, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.models.base import Discriminator, Generator, ModelSettings
from gantool.models.compact import Compact
from gantool.models.dcgan import DCGAN
from gantool.models.fastgan import FastGAN
from gantool.models.mlp import MLP
from gantool.models.r3gan import R3GAN
from gantool.models.resnet import ResNet
from gantool.models.stylegan2 import StyleGAN2

AnyModel = Annotated[MLP | DCGAN | Compact | ResNet | R3GAN | StyleGAN2 | FastGAN, Field(discriminator="name")]

__all__ = [
    "DCGAN",
    "MLP",
    "R3GAN",
    "AnyModel",
    "Compact",
    "Discriminator",
    "FastGAN",
    "Generator",
    "ModelSettings",
    "ResNet",
    "StyleGAN2",
]

"""The penalties of both networks. The union is the registry: a new one is a file, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.penalties.base import Critic, GeneratorPenalty, ImagePenalty, LogitPenalty, Penalty
from gantool.penalties.consistency import Consistency
from gantool.penalties.lecam import LeCam
from gantool.penalties.path_length import PathLength
from gantool.penalties.r1 import R1
from gantool.penalties.r2 import R2
from gantool.penalties.wgan_gp import WGANGP

AnyPenalty = Annotated[R1 | R2 | WGANGP | LeCam | Consistency | PathLength, Field(discriminator="name")]

__all__ = [
    "R1",
    "R2",
    "WGANGP",
    "AnyPenalty",
    "Consistency",
    "Critic",
    "GeneratorPenalty",
    "ImagePenalty",
    "LeCam",
    "LogitPenalty",
    "PathLength",
    "Penalty",
]

"""The adversarial losses. The union is the registry: a new one is a file, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.losses.base import Loss
from gantool.losses.hinge import Hinge
from gantool.losses.least_squares import LeastSquares
from gantool.losses.minimax import Minimax
from gantool.losses.non_saturating import NonSaturating
from gantool.losses.relativistic import Relativistic
from gantool.losses.wasserstein import Wasserstein

AnyLoss = Annotated[
    NonSaturating | Minimax | LeastSquares | Wasserstein | Hinge | Relativistic, Field(discriminator="name")
]

__all__ = [
    "AnyLoss",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "Wasserstein",
]

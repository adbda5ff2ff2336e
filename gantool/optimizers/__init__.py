"""Optimizers. The union is the registry: a new one is one file and one line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.optimizers.adam import Adam
from gantool.optimizers.adamw import AdamW
from gantool.optimizers.base import OptimizerSettings

AnyOptimizer = Annotated[Adam | AdamW, Field(discriminator="name")]

__all__ = ["Adam", "AdamW", "AnyOptimizer", "OptimizerSettings"]

"""The augmentations. The union is the registry: a new one is a file, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.augment.ada import ADA
from gantool.augment.base import Augmentation
from gantool.augment.diffaugment import DiffAugment
from gantool.augment.mirror import Mirror

AnyAugmentation = Annotated[Mirror | DiffAugment | ADA, Field(discriminator="name")]

__all__ = ["ADA", "AnyAugmentation", "Augmentation", "DiffAugment", "Mirror"]

"""The augmentations. `AnyAugmentation` is the registry: a new one is a file, and a line here.

It is one class while there is one (a discriminated union has at least two); with the second it becomes
``Annotated[Mirror | ..., Field(discriminator="name")]``.
"""

from __future__ import annotations

from gantool.augment.base import Augmentation
from gantool.augment.mirror import Mirror

AnyAugmentation = Mirror

__all__ = ["AnyAugmentation", "Augmentation", "Mirror"]

"""Features: what a network trained on ImageNet sees in a picture, as numbers that can be compared.

They say how alike two pictures are in what they show, where pixels say how alike they are in where the ink is.
"""

from __future__ import annotations

from gantool.metrics.features.efficientnet_lite0 import Description, EfficientNetLite0

__all__ = ["Description", "EfficientNetLite0"]

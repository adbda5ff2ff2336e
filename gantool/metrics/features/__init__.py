"""Features: what a network sees in a picture, as numbers that can be compared.

They say how alike two pictures are in what they show, where pixels say how alike they are in where the ink is.
"""

from __future__ import annotations

from gantool.metrics.features.base import Extractor, FeatureFacts
from gantool.metrics.features.classifier import Classifier
from gantool.metrics.features.efficientnet_lite0 import Description, EfficientNetLite0
from gantool.metrics.features.inception import Inception

__all__ = ["Classifier", "Description", "EfficientNetLite0", "Extractor", "FeatureFacts", "Inception"]

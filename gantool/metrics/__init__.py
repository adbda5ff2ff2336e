"""Measures of how alike two sets of pictures are."""

from __future__ import annotations

from gantool.metrics.sliced_wasserstein import sliced_wasserstein

__all__ = ["sliced_wasserstein"]

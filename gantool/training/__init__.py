"""Training: the state, the steps, the loop, and what a run writes."""

from __future__ import annotations

from gantool.training.verbs import train

__all__ = ["train"]

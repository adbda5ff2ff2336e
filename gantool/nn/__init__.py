"""Layers and blocks that the architectures share. No settings live here, and nothing knows of training."""

"""gantool: train a GAN on your own pictures.

    import gantool
    generator = gantool.load_generator("runs/quickstart-001")
    images = generator.sample(16, seed=0)          # uint8, 16×H×W×C

Importing the package imports no torch: the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gantool.version import __version__

if TYPE_CHECKING:
    from gantool.measurement import evaluate
    from gantool.sample import load_generator
    from gantool.training import finetune, train

__all__ = ["__version__", "evaluate", "finetune", "load_generator", "train"]

_HOMES = {
    "evaluate": "gantool.measurement",
    "finetune": "gantool.training",
    "load_generator": "gantool.sample",
    "train": "gantool.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gantool' has no attribute {name!r}")

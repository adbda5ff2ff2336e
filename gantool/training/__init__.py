"""Training: the state, the steps, the loop, and what a run writes.

`train` is loaded when it is first asked for, so that reading a checkpoint does not load the trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantool.training.verbs import train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from gantool.training.verbs import train  # noqa: PLC0415 - see above

        return train
    raise AttributeError(f"module 'gantool.training' has no attribute {name!r}")

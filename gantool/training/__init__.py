"""Training: the state, the steps, the loop, and what a run writes.

`train` and `finetune` are loaded when they are first asked for, so that reading a checkpoint does not load the trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantool.training.finetuning import finetune
    from gantool.training.verbs import train

__all__ = ["finetune", "train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from gantool.training.verbs import train  # noqa: PLC0415 - see above

        return train
    if name == "finetune":
        from gantool.training.finetuning import finetune  # noqa: PLC0415

        return finetune
    raise AttributeError(f"module 'gantool.training' has no attribute {name!r}")

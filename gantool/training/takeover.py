"""What a fine-tuned run took over from the model that it starts from, and what it did not: for people and for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SHOWN = 40
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Left:
    """A tensor that was not taken over whole.

    Attributes:
        name: with its network: ``generator.image.weight``.
        there: its shape in the model that the run starts from; None where that has no such tensor.
        here: its shape in this run; None where this has no such tensor.
        why: the settings that differ and decide it: ``classes``, ``channels``, ``resolution``, ``model.width``, …
        kept: the classes whose rows were taken over all the same.
    """

    name: str
    there: tuple[int, ...] | None
    here: tuple[int, ...] | None
    why: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        shapes = {"there": _listed(self.there), "here": _listed(self.here)}
        return {"name": self.name, **shapes, "why": list(self.why), "kept_classes": list(self.kept)}

    def cells(self) -> tuple[str, str, str, str]:
        """Name, shapes and reason as text."""
        kept = f"; kept: {_some(self.kept)}" if self.kept else ""
        return self.name, _shape(self.there), _shape(self.here), ", ".join(self.why) + kept


@dataclass(frozen=True)
class Takeover:
    """The whole of it.

    Attributes:
        shares: of each network's parameters, the part that was taken over, from 0 to 1.
        left: what was not.
        changed: settings of the model that differ: key → (there, here).
    """

    shares: dict[str, float]
    left: tuple[Left, ...]
    changed: dict[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "taken_over": self.shares,
            "model_changes": {key: {"there": there, "here": here} for key, (there, here) in self.changed.items()},
            "not_taken_over": [left.to_dict() for left in self.left],
        }

    def lines(self) -> Iterator[str]:
        """What the terminal shows."""
        parts = ", ".join(f"{share:.1%} of the {network}'s parameters" for network, share in self.shares.items())
        yield f"  taken over: {parts}" + ("" if self.left else "; nothing begins anew")
        for key, (there, here) in self.changed.items():
            yield f"  model.{key} was {there}, is {here}"
        if self.left:
            yield from _table([("begins anew", "there", "here", "why"), *(left.cells() for left in self.left[:_SHOWN])])
        if len(self.left) > _SHOWN:
            yield f"  … and {len(self.left) - _SHOWN} more: finetune.json in the run's folder has all"

    def warnings(self) -> Iterator[str]:
        """One for each network of which too little was taken over to speak of fine-tuning."""
        reasons = list(dict.fromkeys(reason for left in self.left for reason in left.why))
        for network, share in self.shares.items():
            if share < _LEAST_SHARE:
                yield (
                    f"warning: {1 - share:.0%} of the {network}'s parameters begin anew (why: {', '.join(reasons)}): "
                    "most of what was learned is lost; take the settings of the model that you start from, or, for "
                    "another resolution, widths that its low levels fit (docs/finetuning.md)"
                )


def _table(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else "×".join(map(str, shape)) or "1"


def _listed(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else list(shape)


def _some(names: tuple[str, ...], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")

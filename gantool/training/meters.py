"""What a step measures, summed on the device, so that the loop never waits for a number.

The sums are read (one transfer) at log lines only, and are part of the checkpoint: a run that is resumed in the
middle of a log interval writes the same line as one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gantool import distributed


class Meters:
    """Sums over the steps since the last log line, and whether any value was not finite."""

    def __init__(self, names: tuple[str, ...], device: torch.device) -> None:
        self._names = names
        # A row for each process: a mean of sums is not, to the last bit, the sum that goes on from a mean.
        self._everybodys = torch.zeros(distributed.world_size(), len(names), dtype=torch.float32, device=device)
        self._sums = self._everybodys[distributed.rank()]
        self._counts = torch.zeros(len(names), dtype=torch.int64)
        self._poisoned = torch.zeros((), dtype=torch.bool, device=device)
        self._nothing = torch.zeros((), dtype=torch.float32, device=device)

    @torch.no_grad()
    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count one step's scalars; a lazy penalty's is missing in most steps."""
        row = torch.stack([values.get(name, self._nothing).float() for name in self._names])
        self._sums += row
        self._counts += torch.tensor([name in values for name in self._names])
        self._poisoned |= ~torch.isfinite(row).all()

    @torch.no_grad()
    def watch(self, value: Tensor) -> None:
        """Look at a scalar that is not averaged: whether it is finite."""
        self._poisoned |= ~torch.isfinite(value)

    def poisoned(self) -> bool:
        """Whether a value was not finite, in any process. Reading it waits for the device."""
        return bool(distributed.agree(int(self._poisoned.item())))

    @torch.no_grad()
    def gather(self) -> None:
        """Give every process everybody's sums: before each save, so that each finds its own again."""
        if distributed.world_size() > 1:
            own = self._sums.clone()
            self._everybodys.zero_()
            self._sums.copy_(own)
            distributed.total(self._everybodys)

    def of_all_here(self, sums: Tensor) -> Tensor:
        """``sums`` that another number of processes saved, for those of now: each takes the mean, so that the next
        log line is right. Whatever is no row for each process stays as it is."""
        names = len(self._names)
        if sums.numel() == self._everybodys.numel() or sums.dtype != self._everybodys.dtype or sums.dim() != 1:
            return sums
        if sums.numel() == 0 or sums.numel() % names:
            return sums
        return sums.view(-1, names).mean(0).repeat(len(self._everybodys))

    def take(self) -> dict[str, float]:
        """The means since the last call, over all processes; then start again at zero."""
        sums = distributed.mean(self._sums.clone()).tolist()
        counts = self._counts.tolist()
        self._sums.zero_()
        self._counts.zero_()
        return {name: total / count for name, total, count in zip(self._names, sums, counts, strict=True) if count}

    def tensors(self) -> dict[str, Tensor]:
        """The state by name."""
        return {"sums": self._everybodys.view(-1), "counts": self._counts, "poisoned": self._poisoned}

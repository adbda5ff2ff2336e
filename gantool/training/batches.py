"""Real batches by index: what the counter asks for, one batch ahead of the loop.

The order is a function of (seed, images seen), so reading ahead changes nothing but the waiting. The set stays
memory-mapped: one batch is copied, never the set.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from gantool import distributed
from gantool.data import BatchOrder, PreparedSet


@dataclass(frozen=True)
class Batch:
    """This process's rows of a global batch.

    Attributes:
        pixels: uint8 n×H×W×C on the run's device.
        labels: int64 n on the run's device, or None for an unconditional model.
    """

    pixels: Tensor
    labels: Tensor | None


class RealBatches:
    """The training split, batch by batch.

    Args:
        dataset: the prepared set.
        seed: the experiment's seed.
        batch_size: the global batch.
        device: where batches go.
        labelled: whether the model wants labels.
    """

    def __init__(
        self, dataset: PreparedSet, *, seed: int, batch_size: int, device: torch.device, labelled: bool
    ) -> None:
        self._dataset = dataset
        self._order = BatchOrder(dataset.indices("train"), seed)
        self._batch_size = batch_size
        self._device = device
        self._labelled = labelled
        self._rows = own_rows(batch_size)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: tuple[int, Future[tuple[Tensor, Tensor | None]]] | None = None

    def __enter__(self) -> RealBatches:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._reader.shutdown(cancel_futures=True)

    def at(self, images_seen: int) -> Batch:
        """The batch that follows ``images_seen`` images; the one after it is read meanwhile."""
        if self._ahead is not None and self._ahead[0] == images_seen:
            pixels, labels = self._ahead[1].result()
        else:
            pixels, labels = self._read(images_seen)
        following = images_seen + self._batch_size
        self._ahead = (following, self._reader.submit(self._read, following))
        asynchronous = self._device.type == "cuda"
        pixels = pixels.to(self._device, non_blocking=asynchronous)
        return Batch(pixels, None if labels is None else labels.to(self._device, non_blocking=asynchronous))

    def _read(self, images_seen: int) -> tuple[Tensor, Tensor | None]:
        indices = self._order.batch(images_seen, self._batch_size)[self._rows]
        pixels = torch.from_numpy(self._dataset.read(indices))
        found = self._dataset.read_labels(indices) if self._labelled else None
        labels = None if found is None else torch.from_numpy(found)
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
            labels = None if labels is None else labels.pin_memory()
        return pixels, labels


def own_rows(batch_size: int) -> slice:
    """The rows of a global batch that belong to this process."""
    share = batch_size // distributed.world_size()
    return slice(distributed.rank() * share, (distributed.rank() + 1) * share)

"""Which pictures come next: a function of the counter and the seed, so that a resumed run needs no state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class BatchOrder:
    """The endless sequence of training pictures: one permutation an epoch, drawn from (seed, epoch).

    Args:
        indices: the data set's rows to go through, int64 n, n ≥ 1.
        seed: of the experiment.
    """

    def __init__(self, indices: NDArray[np.int64] | Sequence[int], seed: int) -> None:
        self._indices = np.asarray(indices, np.int64)
        if not len(self._indices):
            raise ValueError("no pictures to put in order")
        self._seed = seed
        self._epochs: dict[int, NDArray[np.int64]] = {}

    def batch(self, images_seen: int, count: int) -> NDArray[np.int64]:
        """The data set's rows of the ``count`` pictures that follow ``images_seen``, int64 count.

        A batch that crosses an epoch ends one permutation and begins the next.
        """
        length = len(self._indices)
        parts = [np.empty(0, np.int64)]
        position, end = images_seen, images_seen + count
        while position < end:
            epoch, offset = divmod(position, length)
            part = self._permutation(epoch)[offset : offset + end - position]
            parts.append(part)
            position += len(part)
        return np.concatenate(parts)

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        from gantool import seeding  # noqa: PLC0415 - it loads torch, which decoding processes spare

        if epoch not in self._epochs:
            source = np.random.Generator(np.random.PCG64(seeding.derive(self._seed, "order", epoch)))
            # Only neighbours are kept: a thread that reads ahead may be an epoch further than its caller.
            near = {kept: order for kept, order in self._epochs.items() if abs(kept - epoch) == 1}
            self._epochs = {**near, epoch: source.permutation(self._indices)}
        return self._epochs[epoch]

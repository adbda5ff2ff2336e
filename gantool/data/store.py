"""The pixels of a set in the making, and the prints beside it, row by row."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gantool.data.decode import Picture
from gantool.data.perceptual import PRINT_BYTES
from gantool.data.workshop import Workshop
from gantool.data.writer import ShardWriter, sync


class Store:
    """The pixels of a set in the making, and the prints beside it where they are wanted."""

    def __init__(self, shop: Workshop, depth: int, *, prints: bool) -> None:
        self._shop = shop
        self._depth = depth
        self._with_prints = prints
        self._writer: ShardWriter | None = None
        self._prints: BinaryIO | None = None

    def open(self, size: tuple[int, int], rows: int) -> None:
        """Open it for pictures of this height and width, and cut off what follows the first ``rows`` of them.

        Raises:
            EOFError: when it holds fewer.
        """
        self._writer = ShardWriter(self._shop.set, (*size, self._depth), rows)
        if self._with_prints:
            self._prints = self._shop.prints.open("r+b" if rows else "w+b")
            if self._prints.seek(0, os.SEEK_END) < rows * PRINT_BYTES:
                self.release()
                raise EOFError
            self._prints.truncate(rows * PRINT_BYTES)
            self._prints.seek(rows * PRINT_BYTES)

    def append(self, picture: Picture, size: tuple[int, int]) -> None:
        """Add one picture, stored with this height and width."""
        if self._writer is None:
            self.open(size, 0)
        if self._writer is not None:
            self._writer.append(picture.pixels)
        if self._prints is not None and picture.print is not None:
            self._prints.write(picture.print.data)

    def fill(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Overwrite the pixels of one row; only after `close`."""
        if self._writer is not None:
            self._writer.fill(row, pixels)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        if self._writer is not None:
            self._writer.sync()
        if self._prints is not None:
            sync(self._prints)

    def close(self) -> None:
        """Nothing can be appended after this."""
        if self._writer is not None:
            self._writer.close()

    def release(self) -> None:
        """Let go of every file."""
        if self._writer is not None:
            self._writer.release()
        if self._prints is not None:
            self._prints.close()

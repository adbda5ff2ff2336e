"""Which pictures are the same picture, from their prints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def near_duplicates(prints: NDArray[np.uint8]) -> list[list[int]]:
    """Groups of pictures that are near duplicates of each other, exact ones included.

    Args:
        prints: uint8 N×PRINT_BYTES, of `perceptual.print_of`.

    Returns:
        groups of at least two rows, ascending; the groups ordered by their first row. No row is in two groups.
    """
    order: dict[bytes, list[int]] = {}
    for row, content in enumerate(prints):
        order.setdefault(content.tobytes(), []).append(row)
    return [rows for rows in order.values() if len(rows) > 1]

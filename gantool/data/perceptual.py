"""What a picture looks like, in a few hundred bytes: to find the same picture again after resizing, recompression
or a slight crop.

A print is a fixed number of bytes: 256-bit hashes of the picture (and of slight crops of it), and a tiny colour copy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_BYTES = 32
VARIANTS = 1
THUMB = 16
PRINT_BYTES = HASH_BYTES * VARIANTS + THUMB * THUMB * 3


def print_of(image: Image.Image) -> NDArray[np.uint8]:
    """The print of an upright, loaded picture of any 8-bit mode (or mode F with values from 0 to 255).

    Returns:
        uint8 of length `PRINT_BYTES`.
    """
    small = image.convert("RGB").resize((THUMB + 1, THUMB), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L")).astype(np.int16)
    bits = np.packbits((grey[:, 1:] > grey[:, :-1]).reshape(-1))
    return np.concatenate([bits, np.asarray(small)[:, :THUMB].reshape(-1)])

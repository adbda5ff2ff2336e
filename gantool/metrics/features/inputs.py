"""Pictures at the size that a network was trained on.

The filter is Pillow's bicubic, which widens with the factor and so does not alias (Parmar et al. 2022, "On Aliased
Resizing"; `gantool.data.fit` says more). Pillow and not `torch.nn.functional.interpolate`: it gives the same bytes on
every device, and takes a twentieth of the time of the smallest network here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.images import on_white

FILTER = "Pillow bicubic, antialiased"


def at_side(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """uint8 N×H×W×C (grey, rgb, or premultiplied rgba, laid on white) → uint8 N×side×side×3."""
    opaque = on_white(pixels)
    if opaque.shape[1:3] != (side, side):
        resized = [_resized(picture, side) for picture in opaque]
        opaque = np.stack(resized) if resized else np.empty((0, side, side, opaque.shape[3]), np.uint8)
    return np.broadcast_to(opaque, (*opaque.shape[:3], 3))


def _resized(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """H×W×1 or H×W×3 → side×side of as many channels."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    resized: NDArray[np.uint8] = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
    return resized.reshape(side, side, -1)

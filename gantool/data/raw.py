"""What a picture is before it is decoded, and the words for how it is stored.

Decoding processes read this and no settings: loading pydantic would take them longer than a few hundred pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

Channels = Literal["grey", "rgb", "rgba"]
Fit = Literal["crop", "pad", "stretch"]
Span = Literal["auto", "dtype"] | tuple[float, float]
Raw: TypeAlias = "Path | bytes | Image.Image"
"""A picture as its source gives it: a file, the content of a file, or the picture itself."""

DEPTH: dict[Channels, int] = {"grey": 1, "rgb": 3, "rgba": 4}

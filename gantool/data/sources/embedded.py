"""The pictures inside the package: 10,000 garments, 28×28 grey, in ten classes.

They are the test split of Fashion-MNIST (Xiao et al. 2017, MIT licence, beside the files), and are marked so: a model
trained on them must not be evaluated against that split.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from PIL import Image

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.idxfile import IdxFile

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
)
ORIGIN = "fashion-mnist/test"

_FOLDER = Path(__file__).parent.parent / "embedded"
_IMAGES, _LABELS = _FOLDER / "t10k-images-idx3-ubyte.gz", _FOLDER / "t10k-labels-idx1-ubyte.gz"


class Embedded(DataSettings):
    """10,000 pictures of garments that come with the package."""

    source: Literal["embedded"] = "embedded"
    path: None = None

    def open(self) -> EmbeddedSource:
        """The pictures."""
        return EmbeddedSource()


class EmbeddedSource:
    """See the module."""

    channels: Channels = "grey"
    classes: Sequence[str] = CLASSES
    origin: str | None = ORIGIN
    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a picture, in the order of the file."""
        with contextlib.closing(IdxFile(_LABELS, (1,))) as labels:
            return [Item(f"t10k/{index:05d}", int(label)) for index, label in enumerate(labels.all())]

    def state(self) -> str:
        """By content: an installation sets the times of files anew."""
        return hashlib.sha256(_IMAGES.read_bytes() + _LABELS.read_bytes()).hexdigest()

    def raw(self, index: int) -> Image.Image:
        """One picture, 28×28."""
        return Image.fromarray(self._images.row(index))

    def close(self) -> None:
        """Close the file of pictures."""
        self._open.close()

    @cached_property
    def _images(self) -> IdxFile:
        return self._open.enter_context(contextlib.closing(IdxFile(_IMAGES, (3,))))

"""What every data source offers: settings, and a sorted list of pictures that can be decoded one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field, field_validator, model_validator

from gantool.component import Settings
from gantool.data.raw import DEPTH, Channels, Fit, Raw, Span

__all__ = ["DEPTH", "Channels", "DataSettings", "Fit", "Item", "Raw", "Side", "Source", "Span"]

Side = Annotated[int, Field(ge=1, le=8192)]


class Item(NamedTuple):
    """One picture of a source."""

    name: str
    """Unique in its source, the same on every machine: a relative path, or ``train/00017``."""
    label: int | None
    """Index into the source's classes; None where there are none."""
    official_test: bool = False
    """Whether the source's makers put it into their test split."""
    caption: str | None = None
    """What a person wrote about it, where the source has that."""


class Source(Protocol):
    """Raw pictures, in an order that depends on nothing but their names."""

    @property
    def channels(self) -> Channels:
        """What ``channels: null`` means here."""

    @property
    def classes(self) -> Sequence[str]:
        """Class names; empty where there are no labels."""

    @property
    def items(self) -> Sequence[Item]:
        """Every picture, sorted. Read only after `state` was asked for and found unknown: it may be slow."""

    @property
    def origin(self) -> str | None:
        """The public set and split that these pictures are, where that is known: ``fashion-mnist/test``."""

    def state(self) -> str:
        """A digest of the raw files by name, size and time: quick, and new when one of them changes."""

    @property
    def passed_over(self) -> Sequence[tuple[str, str]]:
        """Name and reason of what looks like a picture but is of a format that is not read."""

    def raw(self, index: int) -> Raw:
        """Picture ``index``: its file, the content of its file, or itself. Quick when asked in ascending order.

        Raises:
            BadPicture: where this picture cannot be taken from its container; the others can.
            DataError: where the container is damaged.
        """

    def close(self) -> None:
        """Close what is open; nothing is read after this."""


class DataSettings(Settings):
    """Settings that all sources share."""

    official_split: ClassVar[bool] = False
    """Whether sources of this kind can bring their makers' test split."""

    path: str | None = None
    resolution: Side | tuple[Side, Side] | None = None
    """Pixels a side, or (height, width). None keeps the pictures' own size, which all of them must then share."""
    channels: Channels | None = None
    """None takes what the source has: grey for embedded and idx, rgb for a folder."""
    fit: Fit = "crop"
    """How a picture of another shape is brought to ``resolution``: crop its middle, pad it, or stretch it."""
    background: str = "white"
    """What shows through transparent pixels and fills padding: a colour name or #rrggbb. (With ``channels: rgba``
    transparency is kept, and padding is transparent.)"""
    range: Span = "auto"
    """Which values become black and white. ``auto``: 8-bit pictures as they are, deeper ones by one affine map from
    the smallest and largest value of the whole set. ``dtype``: the range of the stored type. Or [min, max]."""
    holdout: Annotated[float, Field(ge=0, le=0.5)] | Literal["official"] = 0.1
    """The fraction of pictures kept from training for evaluation, or the source's own test split."""
    skip_bad: bool = False
    """Leave out pictures that cannot be decoded, instead of stopping."""
    exclude: str | None = None
    """A file that names pictures to leave out, as ``gantool data check --exclude-to`` writes it."""
    deduplicate: bool = False
    """Keep one of each group of near duplicates: the one with the most pixels."""
    max_images: Annotated[int, Field(ge=2)] | None = None
    """Take so many pictures and no more: drawn by the seed, the same share of every class."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width, where ``resolution`` is given."""
        return (self.resolution, self.resolution) if isinstance(self.resolution, int) else self.resolution

    def ready(self) -> Path | None:
        """The folder of a prepared set, for sources that need no preparation."""
        return None

    def open(self) -> Source:
        """The raw pictures.

        Raises:
            DataError: when they are not there or cannot be understood.
        """
        raise NotImplementedError

    @field_validator("background")
    @classmethod
    def _is_colour(cls, colour: str) -> str:
        from PIL import ImageColor  # noqa: PLC0415 - reading a config should not load Pillow

        try:
            ImageColor.getrgb(colour)
        except ValueError:
            raise ValueError(f"unknown colour {colour!r}: give a name such as white, or #rrggbb") from None
        return colour

    @field_validator("range")
    @classmethod
    def _is_range(cls, span: Span) -> Span:
        if not isinstance(span, str) and span[0] >= span[1]:
            raise ValueError("the first number is black and must be less than the second, which is white")
        return span

    @model_validator(mode="after")
    def _has_that_split(self) -> DataSettings:
        if self.holdout == "official" and not self.official_split:
            raise ValueError("holdout: this source brings no official test split; give a fraction such as 0.1")
        return self

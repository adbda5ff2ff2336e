"""A prepared set that was made before, perhaps on another machine: used as it is, where it is.

Training reads the folder itself. As a source of pictures it serves those who look at them, such as a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from PIL import Image
from pydantic import model_validator

from gantool.data.base import DEPTH, Channels, DataSettings, Item
from gantool.data.listing import existing_folder
from gantool.data.prepared import PreparedSet, read_header
from gantool.errors import DataError


class Prepared(DataSettings):
    """The folder of a prepared set (the one with `dataset.json`). Its pictures and its split are what they are."""

    source: Literal["prepared"] = "prepared"
    path: str

    def ready(self) -> Path:
        """The folder itself.

        Raises:
            DataError: when it is no prepared set, or not of the resolution and channels that were asked for.
        """
        folder = existing_folder(self.path)
        channels, height, width = read_header(folder)["shape"]
        if self.size not in (None, (height, width)):
            raise DataError(f"{folder}: this prepared set has {height}×{width} pixels; leave data.resolution out")
        if self.channels is not None and DEPTH[self.channels] != channels:
            raise DataError(f"{folder}: this prepared set has {channels} channels; leave data.channels out")
        return folder

    def open(self) -> PreparedSource:
        """Its pictures."""
        return PreparedSource(PreparedSet.open(existing_folder(self.path)))

    @model_validator(mode="after")
    def _is_used_as_it_is(self) -> Prepared:
        fields = type(self).model_fields
        for key, field in fields.items():
            if key not in ("source", "path", "resolution", "channels") and getattr(self, key) != field.default:
                raise ValueError(f"{key}: a prepared set is used as it is; leave this key out")
        return self


class PreparedSource:
    """The stored pictures of a set, those held out marked as the official test split."""

    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self, content: PreparedSet) -> None:
        self._set = content
        self.origin: str | None = content.origin
        self.classes: Sequence[str] = content.classes
        self.channels: Channels = next(name for name, depth in DEPTH.items() if depth == content.header["shape"][0])

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a picture, by the name that it has in the source of the set."""
        held = set(self._set.indices("holdout").tolist())
        return [
            Item(record["name"], record.get("label"), row in held, record.get("caption"))
            for row, record in enumerate(self._set.records())
        ]

    def state(self) -> str:
        """By what the set was sealed with."""
        return self._set.fingerprint

    def raw(self, index: int) -> Image.Image:
        """One picture, as it is stored."""
        pixels = self._set.read([index])[0]
        if self.channels != "rgba":
            return Image.fromarray(pixels[:, :, 0] if self.channels == "grey" else pixels)
        height, width, _ = pixels.shape
        return Image.frombytes("RGBa", (width, height), pixels.tobytes()).convert("RGBA")  # stored premultiplied

    def close(self) -> None:
        """The set closes itself."""

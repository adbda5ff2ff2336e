"""A prepared set that was made before, perhaps on another machine: used as it is, where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from gantool.data.base import DEPTH, DataSettings
from gantool.data.listing import existing_folder
from gantool.data.prepared import read_header
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

    @model_validator(mode="after")
    def _is_used_as_it_is(self) -> Prepared:
        fields = type(self).model_fields
        for key in ("fit", "background", "range", "skip_bad", "holdout"):
            if getattr(self, key) != fields[key].default:
                raise ValueError(f"{key}: a prepared set is used as it is; leave this key out")
        return self

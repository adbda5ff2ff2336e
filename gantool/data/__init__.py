"""Pictures: where they come from, the prepared set that training reads, and the order it reads them in.

A new source is one file in `sources` and one line in `sources.AnyData`. Importing this package loads nothing: the
processes that decode pictures import it too, and the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantool.data.base import DataSettings
    from gantool.data.cache import cache_folder
    from gantool.data.order import BatchOrder
    from gantool.data.preparation import prepare
    from gantool.data.prepared import PreparedSet
    from gantool.data.sources import AnyData

__all__ = ["AnyData", "BatchOrder", "DataSettings", "PreparedSet", "cache_folder", "prepare"]

_HOMES = {
    "AnyData": "gantool.data.sources",
    "BatchOrder": "gantool.data.order",
    "DataSettings": "gantool.data.base",
    "PreparedSet": "gantool.data.prepared",
    "cache_folder": "gantool.data.cache",
    "prepare": "gantool.data.preparation",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gantool.data' has no attribute {name!r}")

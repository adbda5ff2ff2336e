"""Pictures: where they come from, the prepared set that training reads, and the order it reads them in.

A new source is one file in `sources` and one line in `AnyData`. Importing this package loads no torch: the processes
that decode pictures import it too.
"""

from typing import Annotated

from pydantic import Field

from gantool.data.base import DataSettings
from gantool.data.cache import cache_folder
from gantool.data.order import BatchOrder
from gantool.data.preparation import prepare
from gantool.data.prepared import PreparedSet
from gantool.data.sources.archive import Archive
from gantool.data.sources.arrays import Arrays
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.folder import Folder
from gantool.data.sources.idx import Idx
from gantool.data.sources.parquet import Parquet
from gantool.data.sources.prepared import Prepared
from gantool.data.sources.torchvision import Torchvision

AnyData = Annotated[
    Embedded | Folder | Archive | Parquet | Arrays | Idx | Torchvision | Prepared,
    Field(discriminator="source"),
]

__all__ = ["AnyData", "BatchOrder", "DataSettings", "PreparedSet", "cache_folder", "prepare"]

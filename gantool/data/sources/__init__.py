"""One source a file: its settings, and how its pictures are found."""

from typing import Annotated

from pydantic import Field

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

__all__ = ["AnyData"]

"""What is written as JSON and read back by other people: strict, frozen, and named when it is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from gantool import files
from gantool.errors import UsageError

FORMAT = 1

_MOST_BYTES = 32 << 20


class Part(BaseModel):
    """A piece of a document. Numbers that are none are null."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Document(Part):
    """A whole one."""

    def write(self, path: Path) -> None:
        """As JSON; folders on the way are made.

        Raises:
            UsageError: when the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(path, self.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


_Kind = TypeVar("_Kind", bound=Document)


def read(path: Path, model: type[_Kind], what: str) -> _Kind:
    """The document in ``path``, which anyone may have put there; ``what`` it is called.

    Raises:
        UsageError: when there is none, or this version cannot read it.
    """
    try:
        return model.model_validate_json(files.read_regular(path, _MOST_BYTES))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: is no {what} of format {FORMAT} ({where}: {first['msg']})") from error

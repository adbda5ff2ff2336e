"""The list of pictures to leave out: written by ``gantool data check --exclude-to``, read by ``prepare --exclude``.

UTF-8 text, one name a line, as the check and ``images.jsonl`` give it. A line that begins with ``#`` is a comment; one
that begins with ``#?`` is a proposal, which takes effect when these two characters are removed:

    # exact duplicates
    cats/0017.png
    # blurred
    #? cats/0042.png

A name that would not survive this (it begins with # or ", has space at an end, or holds what cannot be printed) is
written as a JSON string.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from gantool import files
from gantool.errors import UsageError

PROPOSED = "#? "
_MOST_BYTES = 1 << 28

_INTRODUCTION = f"""\
# Pictures to leave out, one name a line:  gantool data prepare SOURCE --out DIR --exclude THIS_FILE
# Lines that begin with # are comments. Those that begin with "{PROPOSED.strip()}" name pictures that a person should
# look at: remove the "{PROPOSED.strip()}" and the picture is left out too. Remove a line and its picture stays.
"""


def read(path: Path) -> frozenset[str]:
    """The names in the list ``path``.

    Raises:
        UsageError: when there is no such file, or a line of it cannot be understood.
    """
    try:
        text = files.read_regular(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: the list of exclusions cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line}: this line is not UTF-8; write names of other bytes as JSON strings") from None
    names = (_name(line.strip(), f"{path}:{number}") for number, line in enumerate(text.split("\n"), start=1))
    return frozenset(name for name in names if name)


def digest(names: Iterable[str]) -> str:
    """SHA-256 over names, whatever their order: of two lists that leave out the same pictures it is the same."""
    return hashlib.sha256(json.dumps(sorted(names)).encode("ascii")).hexdigest()


def render(entries: Iterable[tuple[str, str, bool]]) -> str:
    """The text of a list.

    Args:
        entries: name, reason, and whether it is left out (else only proposed), in the order in which they are to
            stand; entries of one reason that follow each other share a comment line.
    """
    lines, last = [_INTRODUCTION], None
    for name, reason, active in entries:
        if reason != last:
            lines.append(f"\n# {' '.join(reason.split())}\n")
            last = reason
        lines.append(f"{'' if active else PROPOSED}{written(name)}\n")
    return "".join(lines)


def written(name: str) -> str:
    """A name as it stands on its line."""
    plain = name.isprintable() and name == name.strip() and not name.startswith(("#", '"'))
    return name if plain and name else json.dumps(name)


def _name(line: str, where: str) -> str | None:
    """The name on a line; None for a comment or an empty line."""
    if not line or line.startswith("#"):
        return None
    if not line.startswith('"'):
        return line
    try:
        name = json.loads(line)
    except ValueError as error:
        raise UsageError(f'{where}: a line that begins with " is a JSON string, and this is none: {error}') from None
    return str(name)

"""One trial: a hostile file, a real process, and all that must hold afterwards."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from gantool.legible import escaped
from tests.hostile.case import MARKUP, Case, Room
from tests.hostile.jail import Served
from tests.hostile.sound import Sound

ALLOWANCE_MB = 300.0
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd]")
"""What no terminal should be sent; U+FFFD is a byte that is not UTF-8."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case, by its name and verb; well when ``faults`` is empty."""

    name: str
    verb: str
    served: Served
    message: str
    faults: tuple[str, ...]


def outcome(case: Case, sound: Sound, folder: Path) -> Outcome:
    """Try ``case`` in ``folder``, which is new."""
    room = Room(folder)
    for place in (room.given, room.out):
        place.mkdir(parents=True)
    room.secret.write_text("not for archives\n", encoding="utf-8")
    (room.folder / "home" / "canary").mkdir()
    (room.folder / "home" / "canary" / "pictures.txt").write_text("as it was\n", encoding="utf-8")
    file = case.make(room)
    before = seen(room)
    served = sound.serve(case.verb, file, room.out, sound.space_mb[case.verb] + ALLOWANCE_MB + case.more_mb)
    faults = [*_of_the_end(case, served, file), *_of_memory(case, served, sound), *_of_files(room, before)]
    return Outcome(case.name, case.verb, served, message_of(served), tuple(faults))


def seen(room: Room) -> dict[str, str]:
    """Every file outside of the output: its path, and what it is."""
    found = {}
    for path in sorted(room.folder.rglob("*")):
        if path.is_relative_to(room.out):
            continue
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file() and status.st_size < 1 << 26:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(room.folder))] = f"{status.st_mode:o} {status.st_size} {content}"
    return found


def message_of(served: Served) -> str:
    """The first line that says what is wrong; else the last line."""
    lines = [line for line in served.words.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("gantool: ")), lines[-1] if lines else "")


def _of_the_end(case: Case, served: Served, file: Path) -> list[str]:
    faults = []
    if served.late:
        faults.append("it had to be killed")
    elif served.code not in case.codes:
        faults.append(f"exit {served.code}, not {' or '.join(map(str, case.codes))}")
    if "Traceback" in served.words:
        faults.append(f"a traceback: {served.words.strip().splitlines()[-1]}")
    if found := _UNSEEN.search(served.words):
        faults.append(f"the control character {found[0]!r}")
    if case.says not in served.words:
        faults.append(f"nothing about {case.says!r}")
    name = case.names or file.name
    if served.code and name not in served.words and escaped(name) not in served.words:
        faults.append(f"{name!r} is not named")
    return faults


def _of_memory(case: Case, served: Served, sound: Sound) -> list[str]:
    over = served.peak_mb - sound.peak_mb[case.verb]
    return [f"{over:.0f} MB more than a sound file takes"] if over > ALLOWANCE_MB + case.more_mb else []


def _of_files(room: Room, before: dict[str, str]) -> list[str]:
    faults = []
    if room.bait.exists():
        faults.append("code was run")
    after = seen(room)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        faults.append(f"changed outside of the output: {', '.join(changed[:3])}")
    for page in room.out.rglob("*.html"):
        if MARKUP in page.read_text(encoding="utf-8"):
            faults.append(f"{page.name} holds markup out of a name")
    return faults

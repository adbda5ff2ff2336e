"""What the system knows of processes (Linux)."""

from __future__ import annotations

from pathlib import Path

from gantool.errors import RunInUseError
from gantool.rundir import RunFolder


def children_of(pid: int) -> list[int]:
    """The processes that ``pid`` started, oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether ``pid`` runs; one that is dead and not yet waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def speaking_of(path: Path) -> list[int]:
    """The live processes whose command line names ``path``."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(path).encode() in words and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def can_be_locked(run: RunFolder) -> bool:
    """(A dead process's last thread may hold its files a moment longer than its name.)"""
    try:
        with run.lock():
            return True
    except RunInUseError:
        return False

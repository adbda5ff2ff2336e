"""The report's file."""

from __future__ import annotations

from pathlib import Path

from gantool import files
from gantool.errors import UsageError
from gantool.report.gathering import Gathered, gather
from gantool.report.page import render
from gantool.rundir import RunFolder

NAME = "report.html"


def write_report(run_dir: Path | str, out: Path | str | None = None, *, watts: float | None = None) -> Gathered:
    """Write the report of a run.

    Args:
        run_dir: the run's folder.
        out: the file; ``report.html`` in the run's folder by default.
        watts: what the run's machine draws; assumed from its device by default.

    Returns:
        What was gathered, so that the caller can say what is missing.

    Raises:
        UsageError: where no run lives, or the file cannot be written.
    """
    run = RunFolder(run_dir)
    if not run.path.is_dir():
        raise UsageError(f"{run.path}: no such run folder")
    if not run.exists() and not run.metrics.exists():
        raise UsageError(f"{run.path}: not a run folder (it has neither config.yaml nor metrics.jsonl)")
    file = Path(out) if out is not None else run.path / NAME
    files.require_writable(file)
    gathered = gather(run, watts)
    write_page(file, render(gathered))
    return gathered


def write_page(file: Path, content: str) -> None:
    """Write ``content``, whole or not at all.

    Raises:
        UsageError: naming the file and the reason.
    """
    try:
        files.write_text(file, content)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from error

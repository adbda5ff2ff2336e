"""The files that a check writes: the page, the JSON, the list of what to leave out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gantool import files
from gantool.data import exclusions
from gantool.data.base import Source
from gantool.data.decode import BadPicture, is_deep, levelled_by_itself, opened
from gantool.errors import UsageError
from gantool.inspection import page, serial
from gantool.inspection.overview import left_out, sections
from gantool.inspection.report import Report

THUMBNAIL = 160
"""The longer side of a thumbnail, in pixels; smaller pictures stay as they are."""

_PROPOSED = ("look",)
"""Severities of pictures that a list proposes to leave out."""


@dataclass(frozen=True)
class Outputs:
    """Where to write what; None for what is not wanted."""

    html: Path | None = None
    json: Path | None = None
    exclude_to: Path | None = None
    force: bool = False
    """Whether a list of exclusions that is there may be written over: a person may have edited it."""

    def paths(self) -> list[Path]:
        """All that are wanted."""
        return [path for path in (self.html, self.json, self.exclude_to) if path is not None]

    def require_writable(self) -> None:
        """Find out before hours of work.

        Raises:
            UsageError: naming the file and the reason.
        """
        for path in self.paths():
            files.require_writable(path)
        if self.exclude_to is not None and self.exclude_to.exists() and not self.force:
            raise UsageError(
                f"{self.exclude_to}: is there already, perhaps with changes of yours; choose another name, or write"
                " over it with --force"
            )

    def write(self, report: Report, source: Source) -> None:
        """Write the files; ``source`` is still open, for thumbnails."""
        contents: tuple[tuple[Path | None, Callable[[], str]], ...] = (
            (self.html, lambda: page.render(report, thumbnails(report, source).get)),
            (self.json, lambda: serial.to_json(report)),
            (self.exclude_to, lambda: exclusions.render(exclusion_entries(report))),
        )
        for path, content in contents:
            if path is not None:
                try:
                    files.write_text(path, content())
                except OSError as error:
                    raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def exclusion_entries(report: Report) -> Iterator[tuple[str, str, bool]]:
    """Name, reason, and whether it is left out or only proposed; each picture once, under the worst of its findings."""
    listed: set[int] = set()
    for section in sections(report):
        for finding in section.findings:
            active = bool(section.kind.excluded)
            proposed = section.kind.severity in _PROPOSED and not section.kind.grouped
            pictures = left_out(finding) if active else finding.pictures if proposed else ()
            for picture in pictures:
                if picture not in listed:
                    listed.add(picture)
                    yield report.names[picture], section.kind.title, active


def thumbnails(report: Report, source: Source) -> dict[int, bytes]:
    """Small WebPs of the pictures that the page shows, by their index."""
    found = {}
    for picture in page.wanted(report):
        try:
            with opened(source.raw(picture)) as upright:
                found[picture] = _thumbnail(upright.image)
        except BadPicture:
            continue
    return found


def _thumbnail(image: Image.Image) -> bytes:
    small = levelled_by_itself(image) if is_deep(image) else image
    small = small.convert("L") if small.mode == "F" else small
    if small.mode not in ("L", "RGB", "RGBA"):
        small = small.convert("RGBA" if "transparency" in small.info or "A" in small.mode else "RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.convert("RGB" if small.mode == "L" else small.mode).save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()

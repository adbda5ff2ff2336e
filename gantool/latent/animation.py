"""Frames as a film: gif, webp, mp4, or one PNG a frame.

Small frames are enlarged by a whole factor, each pixel to a sharp square, so that they can be watched; PNG frames are
left as they are. WebP is lossless; a gif has 256 colours a frame (grey frames lose nothing); mp4 is H.264, which is
lossy, and needs ffmpeg: the program on the PATH, or the one that the package imageio-ffmpeg brings.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool import files, provenance
from gantool.errors import ResourceError, UsageError
from gantool.gallery import refuse_strangers, told_of_disk_faults
from gantool.images import encode, enlarged, on_white
from gantool.provenance import Provenance

FilmFormat = Literal["gif", "webp", "mp4", "png"]
NAME = "interpolation"
FASTEST = 100
_FASTEST_GIF = 50
"""A gif counts hundredths of a second, and viewers take a frame of one of them for one of ten."""
_LONGEST_GIF = 655
"""Seconds. Frames that are the same become one, and a frame's time is 16 bits of hundredths."""

_WATCHABLE = 128
"""Pixels that the longer side of a film has at least."""

Frames = Iterable[NDArray[np.uint8]]
"""Pieces of a film, uint8 n×H×W×C."""


def write_film(
    folder: Path,
    frames: Callable[[], Frames],
    count: int,
    origin: Provenance,
    *,
    format: FilmFormat = "gif",
    fps: int = 20,
    force: bool = False,
    progress: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Path | None:
    """Write ``interpolation.gif`` (or .webp, .mp4), or ``frame-00000.png`` …, into ``folder``.

    Args:
        folder: is made if need be.
        frames: called once the way is free; gives the frames.
        count: of frames.
        origin: what the film says of itself.
        format: of the film.
        fps: frames a second.
        force: replace whatever is in the way.
        progress: told how many frames are drawn.
        stop: asked between pieces; when it says yes, frames that are written stay and no film is.

    Returns:
        The film, or the folder of PNG frames; None when it was stopped.

    Raises:
        UsageError: when another film is in the way, a gif cannot be so fast or so long, or mp4 is asked for where there
            is no ffmpeg.
        ResourceError: when it cannot be written.
    """
    program = _ffmpeg() if format == "mp4" else ""
    if format == "gif":
        _require_gif(count, fps)
    with told_of_disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        single = {f"frame-{frame:05d}.png": _of_frame(origin, frame) for frame in range(count)}
        path = folder / f"{NAME}.{format}"
        names = [path.name, path.with_suffix(".json").name] if format == "mp4" else [path.name]
        if not force:
            refuse_strangers(folder, single.items() if format == "png" else [(name, origin) for name in names])
        pieces = _watched(frames(), progress, stop)
        try:
            if format == "png":
                for (name, said), pixels in zip(single.items(), _one_by_one(pieces), strict=True):
                    files.write_bytes(folder / name, encode(pixels, "png", said))
                return folder
            pictures = (enlarged(on_white(piece), _WATCHABLE) for piece in pieces)
            if format == "mp4":
                _write_mp4(program, path, pictures, fps, origin)
            else:
                files.write_bytes(path, _animated(pictures, format, _durations(format, count, fps), origin))
        except _Stopped:
            return None
    return path


class _Stopped(Exception):
    """Leaves a film that is not finished."""


def _watched(frames: Frames, progress: Callable[[int], None], stop: Callable[[], bool]) -> Iterator[NDArray[np.uint8]]:
    done = 0
    for piece in frames:
        if stop():
            raise _Stopped
        yield piece
        done += len(piece)
        progress(done)


def _one_by_one(pieces: Frames) -> Iterator[NDArray[np.uint8]]:
    for piece in pieces:
        yield from piece


def _of_frame(origin: Provenance, frame: int) -> Provenance:
    return replace(origin, latent=f"{origin.latent}: frame {frame}")


def _require_gif(count: int, fps: int) -> None:
    if fps > _FASTEST_GIF:
        raise UsageError(
            f"--fps {fps}: a gif shows {_FASTEST_GIF} frames a second at most; take --format webp, or fewer frames"
        )
    if count > _LONGEST_GIF * fps:
        raise UsageError(
            f"--frames {count}: at --fps {fps} a gif holds {_LONGEST_GIF * fps:,} at most ({_LONGEST_GIF} s); "
            "take --format webp, or more frames a second"
        )


def _durations(format: Literal["gif", "webp"], count: int, fps: int) -> list[int]:
    """Of each frame in ms. A gif counts in tens of them, so frames differ by one unit, and their sum is right."""
    unit = 10 if format == "gif" else 1
    ends = [round(frame * 1000 / (fps * unit)) * unit for frame in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def _animated(pieces: Frames, format: Literal["gif", "webp"], durations: list[int], origin: Provenance) -> bytes:
    """A film that Pillow writes, with the duration of each frame in ms. It repeats for ever."""
    pictures = (Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in _one_by_one(pieces))
    first = next(pictures)
    shared: dict[str, Any] = {"save_all": True, "append_images": pictures, "duration": durations, "loop": 0}
    buffer = BytesIO()
    if format == "gif":  # disposal 1: a frame lies on the one before, so a colour table of its own is never mixed up
        comment = json.dumps(origin.to_dict()).encode("ascii")
        first.save(buffer, "GIF", **shared, disposal=1, comment=comment)
    else:
        first.save(buffer, "WEBP", **shared, lossless=True, exif=provenance.exif_of(origin))
    return buffer.getvalue()


def _write_mp4(program: str, path: Path, pieces: Frames, fps: int, origin: Provenance) -> None:
    """Through a pipe of raw pixels. What it says of itself is in its comment, and in a JSON file beside it."""
    source = iter(pieces)
    first = next(source)
    height, width = first.shape[1:3]
    said = json.dumps(origin.to_dict(), indent=1) + "\n"
    arguments = [
        *("-y", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"),
        *("-framerate", str(fps), "-i", "-", "-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p"),
        *(
            "-vf",
            "pad=ceil(iw/2)*2:ceil(ih/2)*2",
            "-movflags",
            "+faststart",
            "-metadata",
            f"comment={said}",
            "-f",
            "mp4",
        ),
    ]
    with files.atomic_path(path) as temporary, tempfile.TemporaryFile() as errors:
        command = [program, *arguments, str(temporary.absolute())]
        with subprocess.Popen(  # noqa: S603 - the program is found by name, the rest is ours
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as process:
            try:
                assert process.stdin is not None  # noqa: S101 - for the type checker
                with contextlib.suppress(BrokenPipeError):  # then its exit code says more
                    for piece in _chained(first, source):
                        process.stdin.write(np.broadcast_to(piece, (*piece.shape[:3], 3)).tobytes())
                    process.stdin.close()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            errors.seek(0)
            words = errors.read().decode("utf-8", "replace").strip().splitlines()
            reason = words[-1] if words else f"exit code {process.returncode}"
            raise ResourceError(f"{path}: ffmpeg could not write it ({reason}); take --format webp")
    files.write_text(path.with_suffix(".json"), said)


def _chained(first: NDArray[np.uint8], rest: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    yield first
    yield from rest


def _ffmpeg() -> str:
    """The program.

    Raises:
        UsageError: when there is none.
    """
    if (found := shutil.which("ffmpeg")) is not None:
        return found
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise UsageError(
            "--format mp4 needs ffmpeg: install it (apt install ffmpeg, brew install ffmpeg, or pip install "
            "imageio-ffmpeg), or take --format webp or gif"
        ) from None

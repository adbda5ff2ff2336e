"""The pictures of latents in a file, in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gantool import files
from gantool.gallery import SUFFIXES, refuse_strangers, told_of_disk_faults
from gantool.images import encode
from gantool.latent.latentfile import read_latents
from gantool.latent.points import drawn
from gantool.provenance import PictureFormat
from gantool.sample import BLOCK, LoadedGenerator


def write_latent_pictures(
    generator: LoadedGenerator,
    path: Path,
    folder: Path,
    *,
    format: PictureFormat = "png",
    batch_size: int = BLOCK,
    force: bool = False,
) -> tuple[list[Path], bool]:
    """Draw what is in the file of latents at ``path`` into ``folder``: ``latent-000000.png`` and so on.

    Returns:
        The pictures, and whether the latents were found for other weights than these.

    Raises:
        UsageError, CheckpointError: as `read_latents`; UsageError also when another picture is in the way.
        ResourceError: when it cannot be written.
    """
    found = read_latents(path, generator)
    origin = replace(generator.origin, latent=f"latents {found.digest}")
    labels = [None] * len(found.points) if found.points.labels is None else found.points.labels.tolist()
    expected = [
        (
            f"latent-{row:06d}{SUFFIXES[format]}",
            replace(origin, index=row, class_name=None if label is None else generator.classes[label]),
        )
        for row, label in enumerate(labels)
    ]
    with told_of_disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not force:
            refuse_strangers(folder, expected)
        for (name, said), pixels in zip(expected, drawn(generator, found.points, batch_size), strict=True):
            files.write_bytes(folder / name, encode(pixels, format, said))
    return [folder / name for name, _ in expected], found.foreign

"""Does `gantool sample` cost more than what it cannot do without?

    python -m benchmarks.sampling [--count 10000] [--rounds 3]

Against the bare generator forward (latents in memory, blocks of 64) plus the bare PNG encoding (one thread, into
memory, no text fields) stands the whole verb: loading, latents, forward, provenance, encoding, files. They are measured
in turn, round by round, so that a busy machine disturbs them alike; medians count. Promised: at most 1.3. What the
file system takes for so many files is shown beside it; `TMPDIR=/dev/shm` takes it out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gantool.gallery import Wish, write_gallery
from gantool.images import ImageShape
from gantool.models import Compact
from gantool.sample import BLOCK, load_generator
from gantool.training.checkpoint import write_checkpoint

SHAPE = ImageShape(1, 28, 28)
PROMISED = 1.3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = quickstart_checkpoint(Path(folder))
        for number in range(asked.rounds):
            rounds.append(measure(checkpoint, asked.count, Path(folder, str(number))))
            print(f"round {number + 1}: {rounds[-1]}", flush=True)
    forward, encoding, files, verb = (median(seconds) for seconds in zip(*rounds, strict=True))
    print(f"{asked.count:,} images of {SHAPE.height}², {torch.get_num_threads()} threads, medians of {asked.rounds}:")
    print(Seconds(forward, encoding, files, verb))
    print(f"ratio {verb / (forward + encoding):.2f} (promised: at most {PROMISED})")


class Seconds(NamedTuple):
    """What a round took."""

    forward: float
    encoding: float
    files: float
    verb: float

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.2f} s" for name, value in self._asdict().items())


def measure(checkpoint: Path, count: int, folder: Path) -> Seconds:
    """One round, everything in turn."""
    forward, pixels = bare_forward(checkpoint, count)
    encoding = bare_encoding(pixels)
    return Seconds(
        forward,
        encoding,
        files=timed(lambda: bare_files(count, folder / "files")),
        verb=timed(lambda: whole_verb(checkpoint, count, folder / "verb")),
    )


def quickstart_checkpoint(folder: Path) -> Path:
    """A generator of the quickstart's size with fresh weights: what it draws costs the same."""
    settings = Compact()
    weights = settings.build_generator(SHAPE, classes=0).state_dict()
    metadata = {
        "kind": "export",
        "config": {"model": settings.model_dump(mode="json")},
        "shape": [*SHAPE],
        "classes": [],
    }
    path = folder / "generator.safetensors"
    write_checkpoint(path, {f"ema.{name}": tensor for name, tensor in weights.items()}, metadata)
    return path


def bare_forward(checkpoint: Path, count: int) -> tuple[float, NDArray[np.uint8]]:
    """Seconds of the network alone, and what it drew."""
    generator = load_generator(checkpoint, device="cpu")
    latents = torch.randn(count, generator.latent_dim)
    with torch.inference_mode():
        began = time.perf_counter()
        drawn = [generator.network(block) for block in torch.split(latents, BLOCK)]
        seconds = time.perf_counter() - began
    levels = torch.cat(drawn).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return seconds, levels[:, 0].numpy()


def bare_encoding(pixels: NDArray[np.uint8]) -> float:
    """Seconds of Pillow's PNG alone."""
    pictures = [Image.fromarray(picture) for picture in pixels]

    def encode() -> None:
        for picture in pictures:
            picture.save(BytesIO(), "PNG")

    return timed(encode)


def bare_files(count: int, folder: Path) -> None:
    """``count`` files of 1 kB: what the file system takes for itself. It is part of the verb, not of the promise."""
    folder.mkdir(parents=True)
    content = bytes(1000)
    for index in range(count):
        (folder / f"{index:06d}.png").write_bytes(content)


def whole_verb(checkpoint: Path, count: int, out: Path) -> None:
    """What `gantool sample` does once its imports are done."""
    write_gallery(load_generator(checkpoint, device="cpu"), out, Wish(count))


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

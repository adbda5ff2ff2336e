"""Is a data set ever held in memory? RssAnon of a run on 40,000 pictures of 128²×3 against one on 1,000.

40,000 such pictures are 1.97 GB as training reads them. A run reads them memory-mapped, so its anonymous memory must
not grow with the set. The pictures are made here (smooth colour gradients with noise, no two alike), written as a
prepared set through the ordinary preparation of ``.npy``-like sources, and trained on with the dcgan at 128² by the
real command line, which is sampled from /proc while it runs.

    python -m benchmarks.memory [--pictures 40000] [--steps 12]
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

SIDE = 128
BASE = 1000
LIMIT_MB = 150


def main() -> None:
    """Print both peaks and their difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=12)
    asked = parser.parse_args()
    peaks = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (BASE, asked.pictures):
            folder = Path(scratch) / f"{count}"
            write_idx(folder, count)
            peaks[count] = train_and_watch(folder, asked.steps)
            size = count * SIDE * SIDE * 3 / 1e9
            print(f"{count:>7,} pictures of {SIDE}²×3 ({size:.2f} GB): peak RssAnon {peaks[count]:,.0f} MB", flush=True)
    difference = peaks[asked.pictures] - peaks[BASE]
    print(f"difference: {difference:+,.0f} MB (at most {LIMIT_MB} MB is promised)")
    sys.exit(difference > LIMIT_MB)


def write_idx(folder: Path, count: int, side: int = SIDE, channels: int = 3) -> None:
    """An idx file of N×side×side×channels pictures, coarse patches under noise, no two alike, written in pieces."""
    folder.mkdir(parents=True)
    patch = -(-side // 7)
    sides = (count, side, side) if channels == 1 else (count, side, side, channels)
    with (folder / f"train-images-idx{len(sides)}-ubyte").open("wb") as stream:
        stream.write(struct.pack(f">HBB{len(sides)}I", 0, 8, len(sides), *sides))
        for start in range(0, count, 500):
            chance = np.random.default_rng(start)
            coarse = chance.integers(0, 200, (min(500, count - start), 7, 7, channels), dtype=np.uint8)
            patches = coarse.repeat(patch, axis=1).repeat(patch, axis=2)[:, :side, :side]
            stream.write((patches + chance.integers(0, 40, patches.shape, dtype=np.uint8)).tobytes())


def train_and_watch(folder: Path, steps: int) -> float:
    """Train, and return the peak RssAnon in MB."""
    config = {
        "name": "memory",
        "data": {"source": "idx", "path": str(folder), "channels": "rgb", "holdout": 0.1},
        "model": {"name": "dcgan", "width": 16},
        "loss": {"name": "non_saturating"},
        "optimizer": {"generator": {"name": "adam"}, "discriminator": {"name": "adam"}},
        "training": {"total_images": 32 * steps, "batch_size": 32},
        "log": {"every": 32},
        "samples": {"every": 0},
        "checkpoints": {"every": 0},
    }
    file = folder / "memory.yaml"
    file.write_text(yaml.safe_dump(config))
    environment = {**os.environ, "GANTOOL_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "gantool", "train", str(file), "--run-dir", str(folder / "run")]
    peak = 0.0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, anonymous_mb(process.pid))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"training failed with exit code {process.returncode}")
    return peak


def anonymous_mb(pid: int) -> float:
    """RssAnon of a process, 0 once it is gone."""
    try:
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    main()

"""How cost grows: with the batch, the resolution, the width, and the size of the data set.

    python -m benchmarks.scaling [batch] [resolution] [width] [data]

``data`` writes idx files of 28² patches (1 k to 1 M pictures, 0.8 GB), prepares them, and reads batches of 64 in a
process of its own for each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contenders import prepared_config
from benchmarks.memory import anonymous_mb, write_idx
from gantool.bench.contest import Spread, take_turns
from gantool.bench.memory import peak_during
from gantool.bench.trial import Trial
from gantool.data import PreparedSet, prepare
from gantool.training.batches import RealBatches

ROUNDS = 5
SIZES = (1_000, 10_000, 100_000, 1_000_000)
READS = 400
GROWTH: Mapping[str, list[dict[str, int]]] = {
    "batch": [{"batch": batch} for batch in (16, 32, 64, 128, 256, 512)],
    "resolution": [{"resolution": side, "batch": 32} for side in (16, 32, 64, 128)],
    "width": [{"width": width, "batch": 64} for width in (16, 32, 64, 128)],
}


def main() -> None:
    """One table for each kind of growth."""
    kinds = sys.argv[1:] or [*GROWTH, "data"]
    if kinds[0] in _INNER:  # what the tables start, each in a process of its own: freed memory is kept
        print(json.dumps(_INNER[kinds[0]](json.loads(kinds[1]))))
        return
    for kind in kinds:
        data_sizes() if kind == "data" else growth(kind)


def growth(kind: str) -> None:
    """The dcgan at 28²×1 (or other sides), everything else as in the seed's S1."""
    print(f"\n{kind}: dcgan\n{kind:>10}  images/s  an iteration, ms          ms an image  peak, GB")
    for change in GROWTH[kind]:
        found = _in_a_process("iterations", change)
        spread, images = Spread.of(found["seconds"]), found["images"]
        times = f"{spread.median * 1e3:.1f} ({spread.least * 1e3:.1f}-{spread.most * 1e3:.1f})"
        print(
            f"{change[kind]:>10}  {images / spread.median:8,.0f}  {times:<24} {spread.median / images * 1e3:12.3f}"
            f"  {(found['memory'] or 0) / 1e9:8.2f}",
            flush=True,
        )


def iterations(change: dict[str, Any]) -> dict[str, Any]:
    """Time a changed dcgan."""
    config = prepared_config(**change)
    with Trial(config, PreparedSet.open(prepare(config.data, seed=0)), "cpu", print) as trial:
        seconds = take_turns({"it": trial.run}, rounds=ROUNDS, turn_s=1.0)["it"]
        memory = peak_during(lambda: trial.run(1), trial.machine.device)
    return {"seconds": seconds, "images": trial.images, "memory": memory}


def data_sizes() -> None:
    """Opening and reading must cost the same for every size."""
    print("\ndata: pictures of 28²\n  pictures  prepared in, s  opened in, ms  a batch of 64, ms  anonymous memory, MB")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["GANTOOL_CACHE"] = f"{scratch}/cache"
        for count in SIZES:
            folder = Path(scratch) / str(count)
            write_idx(folder, count, side=28, channels=1)
            started = time.perf_counter()
            prepared = prepare(prepared_config(source=str(folder)).data, seed=0)
            took = time.perf_counter() - started
            found = _in_a_process("read", str(prepared))
            print(
                f"{count:>10,}  {took:14.1f}  {found['open_ms']:13.1f}  {found['batch_ms']:17.2f}"
                f"  {found['anonymous_mb']:20.0f}",
                flush=True,
            )


def read_batches(folder: str) -> dict[str, float]:
    """Open a set and read batches of it from everywhere."""
    import torch

    opened = _timed(lambda: PreparedSet.open(Path(folder)))
    dataset = PreparedSet.open(Path(folder))
    with RealBatches(dataset, seed=0, batch_size=64, device=torch.device("cpu"), labelled=False) as batches:
        batches.at(0)
        read = _timed(lambda: [batches.at(64 * step) for step in range(1, READS)]) / READS
    return {"open_ms": opened * 1e3, "batch_ms": read * 1e3, "anonymous_mb": anonymous_mb(os.getpid())}


_INNER: dict[str, Callable[[Any], dict[str, Any]]] = {"iterations": iterations, "read": read_batches}


def _in_a_process(what: str, argument: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scaling", what, json.dumps(argument)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

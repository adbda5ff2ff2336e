"""Does an evaluation cost more than looking at the pictures? And what do precision and coverage take?

    python -m benchmarks.evaluation [--samples 10000] [--rounds 3]

Against the bare forward passes (the generator's, latents in memory, blocks of 64; EfficientNet-Lite0's, one batch of
pictures already at 224², again and again) stands one whole evaluation of as many samples: latents, forward, resizing,
features, Fréchet and kernel distances, precision, recall, density, coverage. Features of real pictures and the floors
are in the cache, as from the second evaluation of a set on. Both are measured in turn, round by round; medians count.
Promised: at most 1.15. Then precision, recall, density and coverage alone, of 10,000 against 10,000 of 1280 numbers, in
a process of its own: at most 15 s and 2 GB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch

from gantool.data import PreparedSet, prepare
from gantool.data.sources.arrays import Arrays
from gantool.data.sources.embedded import Embedded
from gantool.evaluation import card
from gantool.measurement import measure
from gantool.metrics.features import EfficientNetLite0
from gantool.metrics.features.efficientnet_lite0 import SIDE
from gantool.metrics.manifold import overlap
from gantool.sample import BLOCK, load_generator
from gantool.subject import Made, Subject

PROMISED, PROMISED_SECONDS, PROMISED_GB = 1.15, 15.0, 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--overlap", action="store_true", help="only precision to coverage, in this process")
    asked = parser.parse_args()
    if asked.overlap:
        only_overlap()
        return
    subprocess.run([sys.executable, "-m", "benchmarks.evaluation", "--overlap"], check=True)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        measured = Measured(Path(folder), asked.samples)
        measured.whole()  # real features and floors into the cache
        for number in range(asked.rounds):
            rounds.append((timed(measured.bare), timed(measured.whole)))
            bare, whole = rounds[-1]
            print(f"round {number + 1}: bare {bare:.1f} s, evaluation {whole:.1f} s, {whole / bare:.3f}", flush=True)
    ratio = median(whole / bare for bare, whole in rounds)
    print(f"{asked.samples:,} samples, {torch.get_num_threads()} threads: {ratio:.3f} (promised: at most {PROMISED})")


class Measured:
    """A quickstart generator with fresh weights, and 10,000 real pictures to stand against."""

    def __init__(self, folder: Path, samples: int) -> None:
        from benchmarks.sampling import quickstart_checkpoint

        self.generator = load_generator(quickstart_checkpoint(folder), device="cpu")
        self.dataset = garments_and_mirrored(folder)
        self.network = EfficientNetLite0()
        self.samples = samples
        facts = card.Subject(kind="checkpoint", name="quickstart")
        self.subject = Subject(facts, self.dataset, self.stream)

    def stream(self, count: int, seed: int) -> Iterator[Made]:
        """As `gantool evaluate` draws."""
        for drawn in self.generator.batches(count, seed=seed):
            yield Made(drawn.pixels, drawn.labels)

    def whole(self) -> None:
        """One evaluation with one seed."""
        measure(self.subject, samples=self.samples, seeds=(0,), device="cpu")

    @torch.inference_mode()
    def bare(self) -> None:
        """The two networks alone, for as many pictures as `whole` looks at."""
        count = min(self.samples, len(self.dataset.indices("train")))
        latents = torch.randn(BLOCK, self.generator.latent_dim)
        labels = torch.zeros(BLOCK, dtype=torch.int64)
        for _ in range(0, count, BLOCK):
            self.generator.network(latents, labels)
        batch = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8))
        for _ in range(0, count, len(batch)):
            self.network._pass(batch)


def garments_and_mirrored(folder: Path) -> PreparedSet:
    """The 10,000 embedded pictures and their mirror images, half of them held out."""
    embedded = PreparedSet.open(prepare(Embedded(source="embedded", holdout=0.0), seed=0))
    pixels = embedded.read(np.arange(len(embedded)))
    np.save(folder / "garments.npy", np.concatenate([pixels, pixels[:, :, ::-1]]))
    return PreparedSet.open(prepare(Arrays(source="arrays", path=str(folder / "garments.npy"), holdout=0.5), seed=0))


def only_overlap() -> None:
    """10,000 × 10,000 × 1280, in a process that holds nothing else."""
    rng = np.random.default_rng(0)
    real, made = (np.maximum(rng.normal(size=(10_000, 1280)), 0).astype(np.float32) for _ in range(2))
    torch.ones(256, 256) @ torch.ones(256, 256)  # threads and workspaces are there
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = timed(lambda: overlap(real, made))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"precision, recall, density, coverage of 10,000 × 10,000 × 1280: {seconds:.1f} s, peak {peak / 1e6:.2f} GB "
        f"({(peak - before) / 1e6:.2f} GB of it its own) (promised: {PROMISED_SECONDS:.0f} s and {PROMISED_GB:.0f} GB)",
        flush=True,
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

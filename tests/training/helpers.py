"""Small real runs on the embedded pictures, and how to compare them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gantool.config import ExperimentConfig, parse_config
from gantool.rundir import RunFolder
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.display import Silent
from gantool.training.verbs import Resumption, start

BATCH = 8

BASE = f"""
name: tiny
seed: 3
data: {{source: embedded, resolution: 16, holdout: 0.1}}
model: {{name: mlp, latent_dim: 8, hidden: [16, 32]}}
loss: {{name: non_saturating}}
optimizer:
  generator: {{name: adam, learning_rate: 2.0e-4}}
  discriminator: {{name: adam, learning_rate: 2.0e-4}}
training: {{total_images: {60 * BATCH}, batch_size: {BATCH}, ema_half_life: 200, precision: float32}}
log: {{every: {7 * BATCH}}}
samples: {{every: {30 * BATCH}, rows: 2, columns: 3}}
checkpoints: {{every: {20 * BATCH}, keep: 10}}
evaluation: {{every: 0, samples: 64, features: none}}
"""

EVERYTHING = (
    "penalties=[{name: r1, weight: 0.2, every_steps: 4}]",
    "augment=[{name: mirror}]",
)

MODELS = {
    "mlp": (),
    "dcgan": ("model={name: dcgan, latent_dim: 8, width: 8, dropout: 0.3, spectral_norm: true}",),
    "dcgan-class": ("model={name: dcgan, latent_dim: 8, width: 8, conditioning: class}",),
    "compact": ("model={name: compact, latent_dim: 8, width: 8, conditioning: class}",),
    "resnet": (
        "model={name: resnet, latent_dim: 8, generator_width: 8, discriminator_width: 8, conditioning: class, "
        "class_head: classifier}",
    ),
    "resnet-biggan": (
        "model={name: resnet, latent_dim: 8, generator_width: 8, discriminator_width: 8, widest: 2, attention: 1, "
        "hierarchical_latent: true, generator_spectral_norm: true, conditioning: class}",
    ),
    "r3gan": ("model={name: r3gan, latent_dim: 8, width: 16, blocks: 1, group_size: 8, conditioning: class}",),
    "stylegan2": (
        "model={name: stylegan2, latent_dim: 8, style_dim: 8, class_embedding_dim: 8, mapping_layers: 2, width: 4, "
        "max_width: 8, conditioning: class}",
    ),
    "fastgan": (
        "model={name: fastgan, latent_dim: 8, width: 2, conditioning: class, class_head: classifier}",
        "data.resolution=64",
    ),
    "compact-spectral": ("model={name: compact, latent_dim: 8, width: 8, spectral_norm: true}",),
}


def tiny(*overrides: str) -> ExperimentConfig:
    """The small experiment, changed."""
    return parse_config(BASE, file="tiny.yaml", overrides=overrides)


class StopAfter(Silent):
    """Asks the process to stop, by a real signal, once ``images_seen`` is reached."""

    def __init__(self, images_seen: int, number: int = signal.SIGTERM) -> None:
        self._images_seen = images_seen
        self._number = number

    def advance(self, images_seen: int) -> None:
        if images_seen == self._images_seen:
            os.kill(os.getpid(), self._number)


def run_straight(config: ExperimentConfig, folder: Path) -> RunFolder:
    """Train to the end."""
    run = RunFolder(folder)
    assert start(config, run, "cpu", display=Silent()).signal == 0
    return run


def run_in_two(config: ExperimentConfig, folder: Path, steps: int) -> RunFolder:
    """Train, stop after ``steps`` steps by SIGTERM, resume."""
    run = RunFolder(folder)
    ending = start(config, run, "cpu", display=StopAfter((steps - 1) * config.training.batch_size))
    assert (ending.signal, ending.images_seen) == (signal.SIGTERM, steps * config.training.batch_size)
    resume(run)
    return run


def resume(run: RunFolder, *overrides: str) -> None:
    """Go on to the end, silently."""
    resumption = Resumption(run.path, overrides)
    resumption.display = Silent()
    assert resumption.go("cpu").signal == 0


def last(run: RunFolder) -> Checkpoint:
    """The newest checkpoint."""
    newest = run.newest()
    assert newest is not None
    return read_checkpoint(newest)


def lines(run: RunFolder) -> list[dict[str, Any]]:
    """``metrics.jsonl`` without its clock."""
    read = [json.loads(line) for line in run.metrics.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "clock"} for line in read]


def differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    """Names of tensors that are not equal to the last bit."""
    assert first.keys() == second.keys()
    return [name for name in first if first[name].numpy().tobytes() != second[name].numpy().tobytes()]


def gantool(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gantool", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )

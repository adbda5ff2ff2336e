"""Which settings are fastest here: one after the other, each against what stood before.

A setting is taken when it is faster by more than a few per cent in the median and in most rounds; else what costs
nothing stays. Settings are tried in the order of their effect, so that later ones are judged beside the earlier.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch

from gantool.bench.trial import usual_threads
from gantool.bench.variants import Row, changed, compare, trials
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.training.compiling import compiler_is_missing
from gantool.training.session import choose_machine

_WORTH_IT = 1.03
_CHANGES_ROUNDING = "training.precision"


@dataclass(frozen=True)
class Tuned:
    """What `tune` found.

    Attributes:
        rounds: what was compared, in order; the first row of each is what stood before.
        settings: keys of ``training`` and the values to write, where they differ from the config's.
        faster: how many times faster an image is than with the config as it was.
        caution: what a person should know before taking them; "" for nothing.
    """

    rounds: list[list[Row]]
    settings: dict[str, str]
    faster: float
    caution: str


def tune(
    config: ExperimentConfig, dataset: PreparedSet, device: str, *, rounds: int, say: Callable[[str], None]
) -> Tuned:
    """Try precision, memory format, threads and compilation.

    Raises:
        GantoolError: when the config itself cannot run here.
    """
    chosen: dict[str, str] = {}
    faster, tables = 1.0, []
    where = choose_machine(config, device).device
    for key, values in _candidates(config, where).items():
        name = key.removeprefix("training.")
        say(f"trying {name}: {', '.join(values)}")
        base = changed(config, [f"{k}={v}" for k, v in chosen.items()])
        standing = "as it is" if not chosen else "so far"
        variants = {standing: base} | {f"{name}={value}": changed(base, [f"{key}={value}"]) for value in values}
        with trials(variants, dataset, device, say) as opened:
            rows = compare(opened, rounds=rounds, progress=lambda _: None)
        tables.append(rows)
        best = max(rows, key=lambda row: row.faster.median)
        if best.faster.median > _WORTH_IT and best.variant != standing:
            chosen[key] = best.variant.partition("=")[2]
            faster *= best.faster.median
    caution = ""
    if _CHANGES_ROUNDING in chosen:
        caution = "Another precision rounds otherwise: compare the quality (gantool evaluate) before a long run."
    return Tuned(tables, chosen, faster, caution)


def _candidates(config: ExperimentConfig, device: torch.device) -> dict[str, list[str]]:
    """Values to try by key, without those that the config has already."""
    training = config.training
    precisions = ["float32", "bfloat16"] if device.type != "cuda" else ["float32", "tf32", "bfloat16", "float16"]
    standing = str(choose_machine(config, str(device)).precision).removeprefix("torch.")
    layout = training.memory_format
    if layout == "auto":
        layout = "channels_last" if config.model.channels_last else "contiguous"
    found = {
        "training.precision": [name for name in precisions if name != standing],
        "training.memory_format": [name for name in ("channels_last", "contiguous") if name != layout],
    }
    if device.type == "cpu":
        standing_threads = training.threads or usual_threads()
        found["training.threads"] = [str(count) for count in _thread_counts() if count != standing_threads]
    if not training.compile and compiler_is_missing(device) is None:
        found["training.compile"] = ["true"]
    return {key: values for key, values in found.items() if values}


def _thread_counts() -> list[int]:
    """1, 2, 4 … and all cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({*(1 << power for power in range(cores.bit_length()) if 1 << power <= cores), cores})

"""One generator alone, in a file that is small enough to share.

It holds the averaged weights, the config and where they come from: no discriminator, no optimizer, and no path
of the machine that trained it. `sample` and `load_generator` read it like a checkpoint, and its pictures name
the checkpoint it was taken from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.errors import ResourceError, UsageError
from gantool.rundir import CHECKPOINT_SUFFIX, resolve_checkpoint
from gantool.sample import build_network, weights_of
from gantool.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

_SHARED = ("images_seen", "shape", "classes", "dataset_fingerprint", "finetuned_from")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the file, its digest, its bytes, and the checkpoint that it was taken from."""

    path: Path
    digest: str
    size: int
    source: Path


def export_generator(file_or_run: Path | str, out: Path, *, raw_weights: bool = False, force: bool = False) -> Exported:
    """Write the generator of a run or checkpoint to ``out``.

    Args:
        file_or_run: a checkpoint or the folder of a run.
        out: a ``.safetensors`` file; its folder is made if need be.
        raw_weights: the weights of the last step instead of their running average.
        force: replace a file that is in the way.

    Raises:
        UsageError: when ``out`` has another suffix or is in the way, or nothing is there to export.
        CheckpointError: when the checkpoint cannot be used.
        ResourceError: when ``out`` cannot be written.
    """
    if out.suffix != CHECKPOINT_SUFFIX:
        raise UsageError(f"{out}: an exported generator is a {CHECKPOINT_SUFFIX} file; give it that suffix")
    if out.exists() and not force:
        raise UsageError(f"{out}: is in the way; choose another name, or give --force to replace it")
    checkpoint = read_checkpoint(resolve_checkpoint(file_or_run))
    which, tensors = weights_of(checkpoint, raw=raw_weights)
    build_network(checkpoint, tensors)  # what this version cannot build again is no gift
    prefix = "generator" if which == "raw" else "ema"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        named = {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}
        digest = write_checkpoint(out, named, _metadata(checkpoint))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResourceError(f"{out}: cannot be written ({reason}); free some space or choose another place") from error
    return Exported(out, digest, out.stat().st_size, checkpoint.path)


def _metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    """An allow-list, so that what is added to checkpoints later is not shared by accident."""
    metadata = checkpoint.metadata
    config = dict(metadata["config"])
    if isinstance(config.get("data"), dict):
        config["data"] = {key: value for key, value in config["data"].items() if key != "path"}
    return {
        **{key: metadata[key] for key in _SHARED if key in metadata},
        "kind": "export",
        "config": config,
        "exported_from": metadata.get("exported_from", checkpoint.digest),
    }

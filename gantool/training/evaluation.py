"""Both networks on pictures that training never shows (the hold-out split), at their own cadence.

The averaged generator is measured by the sliced Wasserstein distance of its pictures to held-out ones, beside the
floor: the same distance between training and held-out pictures. The discriminator is measured by how often it is
right on training, held-out and generated pictures; what it knows better of the training pictures than of held-out
ones is what it has learned by heart. Evaluation draws from its own stream and leaves no trace in the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gantool import seeding
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.images import to_unit_range
from gantool.metrics import sliced_wasserstein
from gantool.rundir import RunFolder
from gantool.training.keeper import Keeper
from gantool.training.recorder import Recorder
from gantool.training.state import TrainingState

METRIC = "sliced_wasserstein"
_BLOCK = 64


class Evaluation:
    """Measures a state against one prepared set.

    Args:
        run: where the best checkpoint is recorded.
        config: the experiment.
        dataset: its prepared set.
        device: where the networks are.
    """

    def __init__(self, run: RunFolder, config: ExperimentConfig, dataset: PreparedSet, device: torch.device) -> None:
        self._run = run
        self._config = config
        self._dataset = dataset
        self._device = device
        self._labelled = config.model.conditioning == "class"

    @torch.no_grad()
    def measure(self, state: TrainingState) -> dict[str, float]:
        """The metric with its floor, and the discriminator's accuracy on all three kinds of pictures."""
        seed = self._config.seed
        splits = self._dataset.indices("holdout"), self._dataset.indices("train")
        count = min(self._config.evaluation.samples, *(len(split) for split in splits))
        held_out, held_out_labels = self._real("holdout", count)
        train, train_labels = self._real("train", count)
        with seeding.installed(seeding.generator(seed, "evaluation-noise", device=self._device)):
            fakes = self._fakes(state, held_out_labels, count)
            with _evaluating(state.discriminator):
                on_held_out = self._logits(state, held_out, held_out_labels)
                on_train = self._logits(state, train, train_labels)
                on_fakes = self._logits(state, fakes, held_out_labels)
        return {
            METRIC: sliced_wasserstein(fakes, held_out, seeding.generator(seed, METRIC)),
            f"{METRIC}_floor": sliced_wasserstein(train, held_out, seeding.generator(seed, METRIC)),
            **self._accuracies(on_train, on_held_out, on_fakes),
        }

    def keep_if_best(self, state: TrainingState, values: dict[str, float], keeper: Keeper, recorder: Recorder) -> None:
        """Save a checkpoint and record it when no evaluation before was better."""
        best = self._run.read_best() if self._run.best() is not None else None
        if best is not None and best.get("metric") == METRIC and float(best["value"]) <= values[METRIC]:
            return
        # The record first: it is part of the checkpoint, and one that names no file yet counts for nothing.
        self._run.write_best(self._run.checkpoint_path(state.images_seen), METRIC, values[METRIC])
        recorder.sync()
        if keeper.save(state, lines=recorder.lines) is None and best is not None:
            self._run.write_best(self._run.checkpoint_folder / str(best["file"]), METRIC, float(best["value"]))

    def _real(self, split: Literal["train", "holdout"], count: int) -> tuple[Tensor, Tensor | None]:
        """``count`` pictures of ``split``, chosen by seed."""
        indices = self._dataset.indices(split)
        source = seeding.generator(self._config.seed, "evaluation", split)
        chosen = torch.randperm(len(indices), generator=source)[:count].numpy()
        rows = np.sort(indices[chosen])
        labels = self._dataset.read_labels(rows) if self._labelled else None
        images = to_unit_range(torch.from_numpy(self._dataset.read(rows))).contiguous()
        return images, None if labels is None else torch.from_numpy(labels)

    def _fakes(self, state: TrainingState, labels: Tensor | None, count: int) -> Tensor:
        network = state.ema.network()
        latents = seeding.latents(seeding.derive(self._config.seed, "evaluation"), 0, count, network.latent_dim)
        made = []
        for start in range(0, count, _BLOCK):
            rows = slice(start, start + _BLOCK)
            asked = None if labels is None else labels[rows].to(self._device)
            made.append(network(latents[rows].to(self._device), asked).float().cpu())
        return torch.cat(made)

    def _logits(self, state: TrainingState, images: Tensor, labels: Tensor | None) -> Tensor:
        found = []
        for start in range(0, len(images), _BLOCK):
            rows = slice(start, start + _BLOCK)
            asked = None if labels is None else labels[rows].to(self._device)
            found.append(state.discriminator(images[rows].to(self._device), asked).float().cpu())
        return torch.cat(found)

    def _accuracies(self, train: Tensor, held_out: Tensor, fakes: Tensor) -> dict[str, float]:
        if not self._config.loss.absolute_zero:  # only differences of logits mean something
            return {
                "accuracy_paired_train": _share(train > fakes),
                "accuracy_paired_holdout": _share(held_out > fakes),
            }
        boundary = self._config.loss.boundary
        return {
            "accuracy_train": _share(train > boundary),
            "accuracy_holdout": _share(held_out > boundary),
            "accuracy_made": _share(fakes < boundary),
        }


def _share(right: Tensor) -> float:
    return float(right.float().mean())


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode (no dropout, no power iteration), and training mode again afterwards."""
    network.eval()
    try:
        yield
    finally:
        network.train()

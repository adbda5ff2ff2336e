"""Both networks on pictures that training never shows (the hold-out split), at their own cadence.

A cheaper version of `gantool evaluate`: one set of generated pictures from the averaged weights, fewer of them, the
same numbers beside the same floor. The discriminator is measured by how often it is right on training, held-out and
generated pictures. Evaluation draws from its own stream and leaves no trace in the state.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantool import seeding
from gantool.config import ExperimentConfig
from gantool.data import PreparedSet
from gantool.evaluation.discriminator import judge, logits_of
from gantool.evaluation.extractors import DIMENSIONS
from gantool.evaluation.reference import Reference, reference
from gantool.evaluation.scores import leading
from gantool.images import to_pixels
from gantool.rundir import RunFolder, images_seen_of
from gantool.training.comparison import SLICED, InFeatures, InPixels
from gantool.training.keeper import Keeper
from gantool.training.recorder import Recorder
from gantool.training.state import TrainingState
from gantool.training.trouble import Sign, Values, new_signs

_BLOCK = 64
_REMEMBERED = 2  # evaluations


class Interrupted(Exception):
    """A signal came in the midst of an evaluation: it is made again when the run goes on."""


class Evaluation:
    """Measures a state against one prepared set.

    Attributes:
        metric: the number to go by; lower is better.

    Args:
        run: where the best checkpoint is recorded.
        config: the experiment.
        dataset: its prepared set.
        device: where the networks are.
        stopped: asked every few pictures whether to leave.
        say: told of work that takes a while.
    """

    def __init__(
        self,
        run: RunFolder,
        config: ExperimentConfig,
        dataset: PreparedSet,
        device: torch.device,
        stopped: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._run = run
        self._config = config
        self._dataset = dataset
        self._device = device
        self._stopped = stopped
        self._say = say
        self._labelled = config.model.conditioning == "class"
        self._history = _last_values(run) if config.evaluation.every else []
        self._told: set[str] = set()
        self._comparison: InFeatures | InPixels | None = None
        every, name = config.evaluation.every, config.evaluation.features
        self._against = reference(dataset, "holdout", config.evaluation.samples) if every else None
        self.metric = SLICED if self._against is None or name == "none" else leading(self._against, DIMENSIONS[name])

    @torch.no_grad()
    def measure(self, state: TrainingState) -> dict[str, float]:
        """The numbers with their floors, and what the discriminator makes of all three kinds of pictures.

        Raises:
            Interrupted: when a signal came.
        """
        against = self._against
        assert against is not None  # noqa: S101 - no cadence, no evaluation
        comparison = self._prepared(against)
        like_train, held_out = against.floor_rows("train_holdout", 0)
        asked = self._labels(like_train)
        with seeding.installed(seeding.generator(self._config.seed, "evaluation-noise", device=self._device)):
            fakes = self._fakes(state, asked, len(like_train))
            with _evaluating(state.discriminator):
                on_train = self._logits(state, like_train)
                on_held_out = self._logits(state, held_out)
                on_fakes = logits_of(state.discriminator, fakes, asked, self._device)
        loss = self._config.loss
        judged = judge(on_train, on_held_out, on_fakes, boundary=loss.boundary if loss.absolute_zero else None)
        return {**comparison.compare(fakes), **judged}

    def _prepared(self, against: Reference) -> InFeatures | InPixels:
        """What the first evaluation makes: it may teach a network, and can be left by a signal as any other."""
        name = self._config.evaluation.features
        if self._comparison is None:
            if name == "none":
                self._comparison = InPixels(self._dataset, against, self._config.seed)
            else:
                self._comparison = InFeatures(name, self._dataset, against, self._device, self._look)
        return self._comparison

    def go_back(self) -> None:
        """The run went back to an older moment, and its records with it."""
        self._history = _last_values(self._run) if self._against is not None else []

    def new_signs(self, values: dict[str, float]) -> list[Sign]:
        """Signs of trouble that the evaluations before did not show."""
        found = new_signs(values, self._history)
        self._history = [*self._history, values][-_REMEMBERED:]
        return found

    def keep_if_best(self, state: TrainingState, values: dict[str, float], keeper: Keeper, recorder: Recorder) -> None:
        """Save a checkpoint and record it when no evaluation before was better."""
        if not math.isfinite(values[self.metric]):
            return
        best = self._run.read_best() if self._run.best() is not None else None
        if best is not None and best.get("metric") == self.metric and float(best["value"]) <= values[self.metric]:
            return
        # The record first: it is part of the checkpoint, and one that names no file yet counts for nothing.
        self._run.write_best(self._run.checkpoint_path(state.images_seen), self.metric, values[self.metric])
        recorder.sync()
        if keeper.save(state, log=recorder.written()) is None and best is not None:
            self._run.write_best(
                self._run.checkpoint_folder / str(best["file"]), str(best["metric"]), float(best["value"])
            )

    def since_best(self, images_seen: int) -> int:
        """How many evaluations ago the best one was."""
        best, every = self._run.best(), self._config.evaluation.every
        return 0 if best is None or not every else images_seen // every - images_seen_of(best) // every

    def _labels(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        return self._dataset.read_labels(rows) if self._labelled else None

    def _fakes(self, state: TrainingState, labels: NDArray[np.int64] | None, count: int) -> NDArray[np.uint8]:
        """Pictures as they would be written to disk: uint8 count×H×W×C."""
        network = state.ema.network()
        seed = seeding.derive(self._config.seed, "evaluation")
        latents = seeding.latents(seed, 0, count, network.latent_dim)
        made = []
        for start in range(0, count, _BLOCK):
            self._look()
            rows = slice(start, min(start + _BLOCK, count))
            with seeding.installed(seeding.PerImage(seed, start, rows.stop - start)):
                made.append(to_pixels(network(latents[rows].to(self._device), self._asked(labels, rows))))
        return np.concatenate(made)

    def _logits(self, state: TrainingState, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return logits_of(state.discriminator, self._dataset.read(rows), self._labels(rows), self._device)

    def _asked(self, labels: NDArray[np.int64] | None, rows: slice) -> Tensor | None:
        return None if labels is None else torch.from_numpy(labels[rows]).to(self._device)

    def _look(self, stage: str = "", done: int = 1, total: int = 0) -> None:
        """Leave when asked to; say what begins to take long."""
        if self._stopped():
            raise Interrupted
        if stage and stage not in self._told and done < total:
            self._told.add(stage)
            self._say(f"evaluation: {stage} ({total:,})")


def _last_values(run: RunFolder) -> list[Values]:
    """The last evaluations of a run that goes on. A line that is damaged counts for nothing."""
    try:
        lines = run.metrics.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = (value for line in reversed(lines) if '"event": "evaluation"' in line and (value := _parsed(line)))
    return [*itertools.islice(found, _REMEMBERED)][::-1]


def _parsed(line: str) -> Values | None:
    """The numbers in a line of the log; None for one that gantool did not write."""
    try:
        found = json.loads(line)
        return {name: float(value) for name, value in found.items() if type(value) in {int, float}}
    except (ValueError, RecursionError, AttributeError, OverflowError):
        return None


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode (no dropout, no power iteration), and training mode again afterwards."""
    network.eval()
    try:
        yield
    finally:
        network.train()

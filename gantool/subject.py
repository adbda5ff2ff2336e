"""What is measured: a checkpoint, or a folder of pictures, beside the set of real pictures that it stands against."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from gantool import files, seeding
from gantool.config import load_config
from gantool.data import PreparedSet, preparation
from gantool.data.detect import settings_for
from gantool.data.prepared import HEADER
from gantool.errors import CheckpointError, ConfigError, DataError, GantoolError, UsageError
from gantool.evaluation import card
from gantool.evaluation.discriminator import logits_of
from gantool.evaluation.extractors import Progress, silent
from gantool.images import ImageShape
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.models.base import Discriminator
from gantool.rundir import RunFolder, resolve_checkpoint
from gantool.sample import LoadedGenerator, generator_of
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.fit import require_fit

_CHANNELS = {1: "grey", 3: "rgb", 4: "rgba"}
FEWEST = 4
"""Pictures below which nothing can be measured."""

_AT_ONCE, _PIECE = 4096, 256
_INFO_LIMIT = 4_000_000
_UNKNOWN = (
    "It is not known which pictures this model was trained on, so it could not be made sure that none of these is "
    "among them: on pictures that it was trained on, every number is too good."
)


class Made(NamedTuple):
    """Generated pictures, uint8 N×H×W×C, and the classes that were asked for, int64 N; None without classes."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


@dataclass(frozen=True)
class Critic:
    """A discriminator with the weights of a checkpoint, in eval mode.

    Attributes:
        network: the module.
        boundary: the logit between fake and real; None where only differences of logits mean something.
        device: where it computes.
    """

    network: Discriminator
    boundary: float | None
    device: torch.device

    def logits(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """What it makes of uint8 N×H×W×C pictures: float32 N."""
        return logits_of(self.network, pixels, labels, self.device)

    def logits_of_rows(self, dataset: PreparedSet, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """What it makes of pictures of a set, read piece by piece: float32 n."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _PIECE):
            part = rows[start : start + _PIECE]
            labels = dataset.read_labels(part) if self.network.classes else None
            found[start : start + _PIECE] = self.logits(dataset.read(part), labels)
        return found


Stream = Callable[[int, int], Iterator[Made]]
"""(count, seed) → generated pictures in pieces, the same for the same count and seed."""


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        facts: what a card says of it.
        dataset: the real pictures.
        stream: gives its pictures.
        available: how many pictures there are; None where any number can be drawn.
        run: the run whose best checkpoint (else its newest) it is, measured on its own data by its averaged weights.
        critic: the discriminator that was trained beside it, where it is known and ``dataset`` is what it was shown.
        own: whether ``dataset`` is what it was trained on; of pictures it is taken to be.
        notes: sentences that a person should read.
    """

    facts: card.Subject
    dataset: PreparedSet
    stream: Stream
    available: int | None = None
    run: RunFolder | None = None
    critic: Critic | None = None
    own: bool = True
    notes: tuple[str, ...] = ()

    def pieces(self, count: int, seed: int, progress: Progress = silent) -> Iterator[Made]:
        """Pictures in pieces of a few dozen, so that memory stays flat."""
        done = 0
        for made in self.stream(count, seed):
            yield made
            done += len(made.pixels)
            progress("generate and look", done, count)

    def draw(self, count: int, seed: int, progress: Progress = silent) -> Made:
        """All pictures at once."""
        pieces = list(self.pieces(count, seed, progress))
        labels = [piece.labels for piece in pieces if piece.labels is not None]
        return Made(np.concatenate([piece.pixels for piece in pieces]), np.concatenate(labels) if labels else None)


def of_checkpoint(
    file_or_run: Path | str,
    *,
    data: Path | None = None,
    device: str = "auto",
    raw_weights: bool = False,
    progress: Progress = silent,
) -> Subject:
    """A checkpoint, a run (its best checkpoint, else its newest), or an exported generator.

    Args:
        file_or_run: the file or the folder.
        data: a prepared set to stand against; None takes the one that the run was trained on.
        device: as `choose_device` takes it.
        raw_weights: the weights of the last step, not their average.
        progress: told of preparation, where the set has to be made again.

    Raises:
        UsageError: where nothing is there, or the set is not known.
        CheckpointError: for a file that is damaged, foreign, or does not fit this version.
        DataError: where the set is not there any more, of another shape, or holds pictures that were trained on.
    """
    path = resolve_checkpoint(file_or_run)
    checkpoint = read_checkpoint(path)
    generator = generator_of(checkpoint, device=device, raw_weights=raw_weights)
    run = _run_of(path)
    dataset, notes = _stands_against(path, run, checkpoint, data, progress)
    _check_shape(dataset, generator.shape, str(path))
    own = dataset.fingerprint == checkpoint.metadata.get("dataset_fingerprint")
    facts = card.Subject(
        kind="checkpoint",
        name=f"{run.path.resolve().name}/{path.name}" if run else path.name,
        digest=generator.origin.checkpoint,
        images_seen=generator.origin.images_seen,
        weights="ema" if generator.origin.weights == "ema" else "raw",
    )
    current = run is not None and resolve_checkpoint(run.path).name == path.name
    return Subject(
        facts,
        dataset,
        _drawn(generator, dataset),
        run=run if current and own and not raw_weights else None,
        critic=_critic(checkpoint, generator) if own else None,
        own=own,
        notes=notes,
    )


def of_images(source: Path | str, *, data: Path, progress: Progress = silent) -> Subject:
    """Pictures that lie in a folder, an archive or an array, brought to the shape of the set they stand against.

    Args:
        source: anything that ``gantool data check`` reads.
        data: a prepared set, or a run whose set is taken.
        progress: told of the decoding.

    Raises:
        UsageError, DataError: where either cannot be read, or there are fewer than 4 pictures.
    """
    dataset = open_set(data)
    settings = settings_for(str(source))
    folder = None
    if settings.ready() is None:  # a prepared set stays where it is
        wanted = {"resolution": dataset.shape[1:], "channels": _CHANNELS[dataset.shape.channels], "holdout": 0.0}
        settings = settings_for(str(source), **wanted)
        with contextlib.closing(settings.open()) as opened:
            if len(opened.items) < FEWEST:
                raise UsageError(f"{source}: {len(opened.items)} pictures are too few to measure: {FEWEST} are needed")
        folder = Path(tempfile.mkdtemp(prefix="gantool-images-"))
    try:
        prepared = preparation.prepare(settings, seed=0, progress=progress, out=folder / "set" if folder else None)
        made = PreparedSet.open(prepared)
        _check_shape(made, dataset.shape, str(source))
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise

    def stream(count: int, seed: int) -> Iterator[Made]:
        order = torch.randperm(len(made), generator=seeding.generator(seed, "images"))[:count]
        rows = np.sort(order.numpy())
        for start in range(0, len(rows), _PIECE):
            yield Made(made.read(rows[start : start + _PIECE]), None)

    if folder is not None:
        weakref.finalize(stream, shutil.rmtree, folder, True)
    facts = card.Subject(kind="images", name=Path(source).name)
    return Subject(facts, dataset, stream, available=len(made), notes=_of_other_sizes(made))


def open_set(folder: Path) -> PreparedSet:
    """A prepared set, or the one that a run was trained on.

    Raises:
        UsageError, DataError: where there is neither.
    """
    run = RunFolder(folder)
    if run.exists() and not (folder / HEADER).is_file():
        checkpoint = read_checkpoint(resolve_checkpoint(folder))
        return _trained_on(run, checkpoint, silent)
    return PreparedSet.open(folder)


def _run_of(path: Path) -> RunFolder | None:
    run = RunFolder(path.parent.parent)
    return run if run.exists() and path.parent.name == run.checkpoint_folder.name else None


def _stands_against(
    path: Path, run: RunFolder | None, checkpoint: Checkpoint, data: Path | None, progress: Progress
) -> tuple[PreparedSet, tuple[str, ...]]:
    """The real pictures, and what could not be made sure of them."""
    if data is None:
        if run is None:
            raise UsageError(
                f"{path}: stands in no run folder, so its data is not known; name the prepared set with --data DIR"
            )
        return _trained_on(run, checkpoint, progress), ()
    dataset = open_set(data)
    if dataset.fingerprint == checkpoint.metadata.get("dataset_fingerprint"):
        return dataset, ()
    try:
        trained = _trained_on(run, checkpoint, progress) if run is not None else None
    except GantoolError:  # moved or deleted: what it was is not known any more
        trained = None
    if trained is None:
        return dataset, (_UNKNOWN,)
    _refuse_trained_on(dataset, trained)
    return dataset, ()


def _trained_on(run: RunFolder, checkpoint: Checkpoint, progress: Progress) -> PreparedSet:
    """The set that a run was trained on: where it was, or made again from its pictures."""
    wanted = checkpoint.metadata.get("dataset_fingerprint")
    try:
        known = json.loads(files.read_regular(run.info, _INFO_LIMIT)).get("prepared")
        if isinstance(known, str) and (found := PreparedSet.open(Path(known))).fingerprint == wanted:
            return found
    except (OSError, ValueError, AttributeError, RecursionError, DataError):
        pass  # moved, damaged or deleted: it is made again
    config = load_config(run.config)
    found = PreparedSet.open(preparation.prepare(config.data, seed=config.seed, progress=progress))
    if found.fingerprint != wanted:
        raise DataError(
            f"{run.path}: its pictures have changed since it was trained (fingerprint {str(wanted)[:12]}…, now "
            f"{found.fingerprint[:12]}…); put the old ones back, or name a prepared set with --data DIR"
        )
    return found


def _check_shape(dataset: PreparedSet, shape: ImageShape, who: str) -> None:
    if tuple(dataset.shape) != tuple(shape):
        ours, theirs = (f"{s.height}×{s.width} {_CHANNELS[s.channels]}" for s in (dataset.shape, shape))
        raise DataError(f"{dataset.folder}: its pictures are {ours}, and those of {who} are {theirs}")


def _refuse_trained_on(dataset: PreparedSet, trained: PreparedSet) -> None:
    """Pictures that the model was trained on prove nothing: the embedded set, say, is the test split of Fashion-MNIST.

    Raises:
        DataError: when any picture that is to be measured on is a training picture, to the last pixel.
    """
    if tuple(dataset.shape) != tuple(trained.shape):
        return
    known = _hashes(trained, trained.indices("train"))
    held = dataset.indices("holdout")
    common = sum(each in known for each in _hashes(dataset, held, as_list=True))
    if common:
        raise DataError(
            f"{dataset.folder}: {common:,} of its {len(held):,} held-out pictures were trained on by this model, so "
            "they prove nothing; measure it on the pictures that its own run held out (leave --data away)"
        )


def _hashes(dataset: PreparedSet, rows: NDArray[np.int64], *, as_list: bool = False) -> Any:
    found = []
    for start in range(0, len(rows), _AT_ONCE):
        pixels = dataset.read(rows[start : start + _AT_ONCE])
        found += [hashlib.blake2b(picture.tobytes(), digest_size=16).digest() for picture in pixels]
    return found if as_list else frozenset(found)


def _critic(checkpoint: Checkpoint, generator: LoadedGenerator) -> Critic | None:
    """The discriminator of a checkpoint; None where the file holds none (an exported generator)."""
    prefix = "discriminator."
    tensors = {n.removeprefix(prefix): t for n, t in checkpoint.tensors.items() if n.startswith(prefix)}
    if not tensors:
        return None
    try:
        config = checkpoint.metadata["config"]
        settings = TypeAdapter[AnyModel](AnyModel).validate_python(config["model"])
        loss = TypeAdapter[AnyLoss](AnyLoss).validate_python(config["loss"])

        def build() -> Discriminator:
            return settings.build_discriminator(generator.shape, len(generator.classes))

        require_fit(checkpoint.path, build, tensors)
        with torch.random.fork_rng(devices=[]):
            network = build()
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise CheckpointError(f"{checkpoint.path}: this version cannot build its discriminator\n{error}") from error
    if settings.channels_last:
        network.to(memory_format=torch.channels_last)
    network.to(generator.device).eval().requires_grad_(False)
    return Critic(network, loss.boundary if loss.absolute_zero else None, generator.device)


def _of_other_sizes(made: PreparedSet) -> tuple[str, ...]:
    height, width = made.shape[1:]
    sizes = Counter((record["height"], record["width"]) for record in made.records())
    others = len(made) - sizes[height, width]
    if not others:
        return ()
    (tall, wide), _ = next(each for each in sizes.most_common() if each[0] != (height, width))
    return (
        f"{others:,} of {len(made):,} pictures had another size (most often {tall}×{wide}) and were brought to "
        f"{height}×{width} as training pictures are: their middle, without aliasing.",
    )


def _drawn(generator: LoadedGenerator, dataset: PreparedSet) -> Stream:
    """Draws; a conditional generator is asked for the classes in the shares that training pictures have."""
    labels: NDArray[np.int64] | None = None
    if generator.classes:
        if tuple(generator.classes) != tuple(dataset.classes):
            raise DataError(
                f"{dataset.folder}: its classes ({', '.join(dataset.classes[:5]) or 'none'}…) are not those that the "
                f"model draws ({', '.join(generator.classes[:5])}…)"
            )
        labels = dataset.read_labels(dataset.indices("train"))

    def stream(count: int, seed: int) -> Iterator[Made]:
        asked = None
        if labels is not None:
            source = seeding.generator(seed, "evaluation-labels")
            asked = labels[torch.randint(len(labels), (count,), generator=source).numpy()]
        for drawn in generator.batches(count, seed=seed, labels=asked):
            yield Made(drawn.pixels, drawn.labels)

    return stream

"""Drawing pictures from a trained generator, the same one for a (seed, index) each time.

    generator = load_generator("runs/quickstart-001")
    images = generator.sample(16, seed=0)                      # uint8, 16×H×W×C
    sneakers = generator.sample(16, seed=0, labels=["sneaker"])

The latent of image i comes from hash(seed, i). Images are computed in fixed blocks of ``batch_size``, image i
always at place i mod batch_size, the last block filled up with its successors: so the bytes of an image do
not depend on how many are asked for. Noise inside a network comes from (seed, i) too. What this does not do:
writing files (`gallery`).
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from gantool import memory, seeding
from gantool.device import choose_device, exactly
from gantool.errors import CheckpointError, ConfigError, ResourceError, UsageError
from gantool.images import ImageShape, to_pixels
from gantool.latent.truncation import Truncation
from gantool.legible import legible
from gantool.models import AnyModel
from gantool.models.base import Generator
from gantool.nn.spectral import settle_spectral_norm
from gantool.provenance import Provenance
from gantool.rundir import resolve_checkpoint
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.fit import require_fit
from gantool.training.metadata import TO_DRAW, require_sound

BLOCK = 64
"""Images that are computed together, unless another batch size is asked for."""

Labels = str | SupportsIndex | Sequence[str | SupportsIndex]


class Drawn(NamedTuple):
    """Consecutive images: index of the first, uint8 n×H×W×C, and int64 n labels (None when unconditional)."""

    first: int
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


class LoadedGenerator:
    """A generator with the weights of a checkpoint, in eval mode and float32.

    Attributes:
        network: the module itself.
        shape: channels, height and width of what it draws.
        classes: names of the classes it can be asked for, by number; empty when it is unconditional.
        latent_dim: length of a latent vector.
        origin: where it comes from; its pictures carry it on.
    """

    def __init__(self, network: Generator, classes: Sequence[str], origin: Provenance, device: torch.device) -> None:
        self.network = network.to(device).eval().requires_grad_(False)
        self.shape = network.shape
        self.classes = tuple(classes)
        self.latent_dim = network.latent_dim
        self.origin = origin
        self.device = device

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels | None = None,
        batch_size: int = BLOCK,
        start: int = 0,
        truncation: float | None = None,
    ) -> NDArray[np.uint8]:
        """Images ``start`` to ``start + count`` of ``seed``.

        Args:
            count: how many.
            seed: another seed, other images.
            labels: classes by name or number. Image i is of class ``labels[i % len(labels)]``; None means all
                classes in turn.
            batch_size: images computed together, memory against speed. Another one moves few pixels if any,
                by one grey level.
            start: index of the first.
            truncation: ψ: fewer surprises, less variety (`gantool.latent.truncation`); None leaves latents alone.

        Returns:
            uint8 count×H×W×C with C of 1 (grey), 3 (rgb) or 4 (premultiplied rgba).

        Raises:
            UsageError: for a class that is not there, or a number out of range.
            ResourceError: when a batch does not fit into memory.
        """
        drawn = self.batches(count, seed=seed, labels=labels, batch_size=batch_size, start=start, truncation=truncation)
        return np.concatenate([batch.pixels for batch in drawn])

    def batches(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels | None = None,
        batch_size: int = BLOCK,
        start: int = 0,
        truncation: float | None = None,
    ) -> Iterator[Drawn]:
        """What `sample` gives, in pieces of at most ``batch_size``, so that memory stays flat."""
        for name, number, least in (("count", count, 1), ("batch size", batch_size, 1), ("start", start, 0)):
            if number < least:
                raise UsageError(f"{name} {number}: must be at least {least}")
        turns = self.class_numbers(labels)
        bend = Truncation(self.network, truncation)
        return self._blocks(range(start, start + count), seed, turns, batch_size, bend)

    def class_numbers(self, asked: Labels | None) -> list[int]:
        """Class names (in any case) and numbers as numbers; None means all; empty for an unconditional model.

        Raises:
            UsageError: when there is no such class, with the nearest names and all choices.
        """
        if asked is None:
            return list(range(len(self.classes)))
        if not self.classes:
            raise UsageError("this model knows no classes: it was trained with model.conditioning none")
        one = isinstance(asked, str | SupportsIndex) and not isinstance(asked, np.ndarray | Tensor)
        wanted: Sequence[Any] = [asked] if one else asked  # type: ignore[assignment]
        if len(wanted) == 0:
            raise UsageError("no class was asked for; leave the labels out to draw all classes in turn")
        return [self._class_number(each) for each in wanted]

    def _class_number(self, asked: str | SupportsIndex) -> int:
        names = [name.casefold() for name in self.classes]
        # A name before a number: the class named "7" may be the third.
        if isinstance(asked, str) and asked.casefold() in names:
            return names.index(asked.casefold())
        if not isinstance(asked, str) or asked.isdecimal():
            number = operator.index(int(asked))
            if 0 <= number < len(names):
                return number
        near = difflib.get_close_matches(str(asked).casefold(), names, n=1)
        hint = f"; did you mean {self.classes[names.index(near[0])]}?" if near else ""
        choices = ", ".join(f"{number} {name}" for number, name in enumerate(self.classes))
        raise UsageError(f"class {asked}: there is no such class{hint}\nchoices: {choices}")

    def _blocks(self, wanted: range, seed: int, turns: list[int], size: int, bend: Truncation) -> Iterator[Drawn]:
        for first in range(wanted.start - wanted.start % size, wanted.stop, size):
            kept = slice(max(wanted.start - first, 0), min(wanted.stop - first, size))
            indices = range(first, first + size)
            labels = np.array([turns[i % len(turns)] for i in indices], np.int64) if turns else None
            pixels = self._draw(seed, first, size, labels, bend)
            yield Drawn(first + kept.start, pixels[kept], None if labels is None else labels[kept])

    @torch.inference_mode()
    def _draw(
        self, seed: int, first: int, size: int, labels: NDArray[np.int64] | None, bend: Truncation
    ) -> NDArray[np.uint8]:
        """One whole block: uint8 size×H×W×C."""
        latents = seeding.latents(seed, first, size, self.latent_dim).to(self.device)
        numbers = None if labels is None else torch.from_numpy(labels).to(self.device)
        noise = seeding.PerImage(seed, first, size)
        with self._told_of_memory(size):
            return self.render(bend(latents, numbers), numbers, noise)

    @torch.inference_mode()
    def render(self, styles: Tensor, labels: Tensor | None, noise: seeding.PerImage) -> NDArray[np.uint8]:
        """What is drawn from styles (`Generator.styles`), all at once.

        Args:
            styles: N×… on this generator's device.
            labels: as `Generator.forward` takes them.
            noise: where the noise of each of the N comes from.

        Returns:
            uint8 N×H×W×C.

        Raises:
            ResourceError: when they do not fit into memory.
        """
        with self._told_of_memory(len(styles)), seeding.installed(noise), exactly(self.device):
            return to_pixels(self.network.draw(styles, labels))

    @contextmanager
    def _told_of_memory(self, size: int) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if memory.is_out_of_memory(error):
                advice = f"a batch of {size} does not fit; try a smaller --batch-size"
                raise ResourceError(f"{self.device}: out of memory: {advice}") from error
            raise


def load_generator(file_or_run: Path | str, *, device: str = "auto", raw_weights: bool = False) -> LoadedGenerator:
    """The generator of a checkpoint, of a run (its best checkpoint, else its newest), or of an exported file.

    Args:
        file_or_run: a ``.safetensors`` file or the folder of a run.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        raw_weights: take the weights of the last step instead of their running average.

    Raises:
        UsageError: when nothing is there, or the device is not.
        CheckpointError: when the file is damaged, foreign, or does not fit this version.
    """
    return generator_of(read_checkpoint(resolve_checkpoint(file_or_run)), device=device, raw_weights=raw_weights)


def generator_of(checkpoint: Checkpoint, *, device: str = "auto", raw_weights: bool = False) -> LoadedGenerator:
    """The generator of a checkpoint that was read already; for the arguments and faults see `load_generator`."""
    where = choose_device(device)
    which, tensors = weights_of(checkpoint, raw=raw_weights)
    network, classes = build_network(checkpoint, tensors)
    network.load_state_dict(tensors)
    settle_spectral_norm(network)
    metadata = checkpoint.metadata
    origin = Provenance(
        checkpoint=metadata.get("exported_from", checkpoint.digest),
        finetuned_from=metadata.get("finetuned_from"),
        images_seen=metadata.get("images_seen"),
        weights=which,
    )
    return LoadedGenerator(network, classes, origin, where)


def weights_of(checkpoint: Checkpoint, *, raw: bool) -> tuple[str, dict[str, Tensor]]:
    """(``ema`` or ``raw``, the generator's tensors by their own names).

    Raises:
        UsageError: when an exported file does not hold what is asked for.
        CheckpointError: when there is no generator at all.
    """
    weights = {
        "ema": _under("ema.", checkpoint.tensors),
        "raw": _under("generator.", checkpoint.tensors),
    }
    exported = checkpoint.metadata.get("kind") == "export"
    wanted = "raw" if raw or (exported and not weights["ema"]) else "ema"
    if weights[wanted]:
        return wanted, weights[wanted]
    if exported and weights["ema"]:
        raise UsageError(f"{checkpoint.path}: holds averaged weights only; leave --raw-weights out")
    raise CheckpointError(f"{checkpoint.path}: holds no generator; give a checkpoint of a run or an exported file")


def build_network(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> tuple[Generator, tuple[str, ...]]:
    """The generator that the checkpoint's config describes, with fresh weights, and the classes it knows.

    It is built only where ``tensors``, those of a generator by their own names, fit it: a config can ask for any size.

    Only the ``model`` section is read, so that an old checkpoint draws even when other sections have changed.

    Raises:
        CheckpointError: when this version cannot build it, or ``tensors`` do not fit it.
    """
    metadata = checkpoint.metadata
    try:
        require_sound(checkpoint.path, metadata, TO_DRAW)
        settings = TypeAdapter[AnyModel](AnyModel).validate_python(metadata["config"]["model"])
        shape = ImageShape(*map(int, metadata["shape"]))
        classes = tuple(map(str, metadata["classes"])) if settings.conditioning == "class" else ()
        require_fit(checkpoint.path, lambda: settings.build_generator(shape, len(classes)), tensors)
        with torch.random.fork_rng(devices=[]):  # the fresh weights go; the caller's random state stays
            network = settings.build_generator(shape, len(classes))
    except (KeyError, TypeError, ValueError, ConfigError) as error:  # pydantic's fault is a ValueError
        wrote = legible(metadata.get("version", "?"), 40)
        raise CheckpointError(
            f"{checkpoint.path}: written by gantool {wrote}; this version cannot build its model\n{error}"
        ) from error
    if settings.channels_last:
        network.to(memory_format=torch.channels_last)
    return network, classes


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""The trained model that a fine-tuned run starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from torch import Tensor

from gantool.config import ExperimentConfig
from gantool.errors import CheckpointError, ConfigError
from gantool.images import ImageShape
from gantool.legible import legible
from gantool.models import AnyModel
from gantool.rundir import resolve_checkpoint
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.fit import require_fit
from gantool.training.metadata import TO_DRAW, require_sound


@dataclass(frozen=True)
class Facts:
    """What decides the shapes of two networks.

    Attributes:
        settings: of the architecture.
        shape: of its pictures.
        classes: names of the classes that the networks know; empty for unconditional ones.
    """

    settings: AnyModel
    shape: ImageShape
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """A checkpoint in memory, as far as fine-tuning takes it over.

    Attributes:
        path: where it lies.
        digest: of all of it.
        images_seen: how far it was trained.
        facts: what it was built from.
        generator: the averaged generator's tensors, by their own names.
        discriminator: the discriminator's tensors.
    """

    path: Path
    digest: str
    images_seen: int
    facts: Facts
    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor]

    def check(self, config: ExperimentConfig) -> None:
        """Fail before anything is made when ``config`` asks for another architecture.

        Raises:
            ConfigError: naming both.
        """
        ours, theirs = config.model.name, self.facts.settings.name
        if ours != theirs:
            raise ConfigError(
                f"model.name: {ours}, and {self.path} holds a {theirs}, of which nothing fits; "
                f"set model.name to {theirs} (`gantool config show` of its config.yaml has its settings), "
                "or train a new model with `gantool train`"
            )


def read_origin(file_or_run: Path | str) -> Origin:
    """Read a checkpoint, or the best (else the newest) one of a run.

    Raises:
        UsageError: when nothing is there.
        CheckpointError: for a file that is foreign or damaged, that holds no discriminator, or whose tensors do not
            fit its own config.
    """
    checkpoint = read_checkpoint(resolve_checkpoint(file_or_run))
    kind = checkpoint.metadata.get("kind")
    if kind not in ("checkpoint", "export"):
        raise CheckpointError(f"{checkpoint.path}: holds no trained model; give a run or a checkpoint of one")
    if kind == "export":
        raise CheckpointError(
            f"{checkpoint.path}: an exported generator; fine-tuning needs the discriminator as well: "
            "give the run or the checkpoint that it was exported from"
        )
    path, facts = checkpoint.path, _facts(checkpoint)
    generator, discriminator = (_under(f"{network}.", checkpoint.tensors) for network in ("ema", "discriminator"))
    try:  # before anything of a size that only the checkpoint's config knows is made
        require_fit(path, lambda: facts.settings.build_generator(facts.shape, len(facts.classes)), generator)
        require_fit(path, lambda: facts.settings.build_discriminator(facts.shape, len(facts.classes)), discriminator)
    except ConfigError as error:
        raise CheckpointError(f"{path}: its config does not describe a model\n{error}") from error
    images_seen = int(checkpoint.metadata["images_seen"])
    return Origin(path, checkpoint.digest, images_seen, facts, generator, discriminator)


def _facts(checkpoint: Checkpoint) -> Facts:
    """Only the ``model`` section is read: an older checkpoint will do when other sections have changed."""
    metadata = checkpoint.metadata
    require_sound(checkpoint.path, metadata, (*TO_DRAW, "images_seen"))
    try:
        settings = TypeAdapter[AnyModel](AnyModel).validate_python(metadata["config"]["model"])
        shape = ImageShape(*map(int, metadata["shape"]))
        classes = tuple(map(str, metadata["classes"])) if settings.conditioning == "class" else ()
    except (KeyError, TypeError, ValueError) as error:  # pydantic's fault is a ValueError
        wrote = legible(metadata.get("version", "?"), 40)
        raise CheckpointError(
            f"{checkpoint.path}: written by gantool {wrote}; this version does not know its model\n{error}"
        ) from error
    return Facts(settings, shape, classes)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

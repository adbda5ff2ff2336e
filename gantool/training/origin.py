"""The trained model that a fine-tuned run starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from torch import Tensor

from gantool.config import ExperimentConfig
from gantool.errors import CheckpointError, ConfigError
from gantool.images import ImageShape
from gantool.models import AnyModel
from gantool.rundir import resolve_checkpoint
from gantool.training.checkpoint import Checkpoint, read_checkpoint


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
        CheckpointError: for a file that is foreign or damaged, or that holds no discriminator.
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
    return Origin(
        path=checkpoint.path,
        digest=checkpoint.digest,
        images_seen=int(checkpoint.metadata["images_seen"]),
        facts=_facts(checkpoint),
        generator=_under("ema.", checkpoint.tensors),
        discriminator=_under("discriminator.", checkpoint.tensors),
    )


def _facts(checkpoint: Checkpoint) -> Facts:
    """Only the ``model`` section is read: an older checkpoint will do when other sections have changed."""
    metadata = checkpoint.metadata
    try:
        settings = TypeAdapter[AnyModel](AnyModel).validate_python(metadata["config"]["model"])
        shape = ImageShape(*map(int, metadata["shape"]))
        classes = tuple(map(str, metadata["classes"])) if settings.conditioning == "class" else ()
    except (KeyError, TypeError, ValueError) as error:  # pydantic's fault is a ValueError
        wrote = metadata.get("version", "?")
        raise CheckpointError(
            f"{checkpoint.path}: written by gantool {wrote}; this version does not know its model\n{error}"
        ) from error
    return Facts(settings, shape, classes)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

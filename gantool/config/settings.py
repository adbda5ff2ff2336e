"""The sections of an experiment's config, and what each key means."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeInt, PositiveInt

from gantool.augment import AnyAugmentation
from gantool.component import Settings
from gantool.config.writing import to_yaml
from gantool.data import AnyData
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.optimizers import AnyOptimizer
from gantool.penalties import AnyPenalty
from gantool.schedules import NotNegative


def _folder_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ValueError(
            "names the run folder: at most 100 letters, digits, '-', '_' and '.', beginning with a letter or digit"
        )
    return name


class Section(Settings):
    """A section of this room. The text below a key is its description in the JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class OptimizerPair(Section):
    """Who trains which network."""

    generator: AnyOptimizer
    """The generator's optimizer."""
    discriminator: AnyOptimizer
    """The discriminator's optimizer."""


class TrainingSettings(Section):
    """How long, how much at a time, and in which precision."""

    total_images: PositiveInt
    """The run ends when the discriminator has been shown this many real images."""
    batch_size: PositiveInt = 64
    """Real images in a discriminator step, over all processes."""
    microbatch_size: PositiveInt | None = None
    """Compute a batch in pieces of this size and add their gradients up; null for the whole batch at once."""
    discriminator_steps: PositiveInt = 1
    """Discriminator steps for every generator step."""
    ema_half_life: NotNegative = 10_000.0
    """Half-life, in images, of the generator's averaged weights; 0 for no averaging."""
    ema_ramp: Annotated[float, Field(gt=0)] | None = 0.05
    """Early on, the half-life is at most this share of the images seen; null for no such limit."""
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = "auto"
    """auto is bfloat16 where the machine computes it natively, else float32; tf32 is float32 whose products a GPU
    rounds to 10 bits."""
    memory_format: Literal["auto", "channels_last", "contiguous"] = "auto"
    """How maps lie in memory; auto is what the architecture runs fastest with."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads of the CPU; null for as many as torch takes."""
    compile: bool = False
    """Compile the networks with torch.compile."""
    compile_mode: Literal["default", "reduce-overhead", "max-autotune"] = "default"
    """With ``compile: true``; reduce-overhead records CUDA graphs."""
    sync_batch_norm: bool = False
    """Take batch statistics over all processes."""
    deterministic: bool = True
    """Use only algorithms that give the same bits every time."""


class LogSettings(Section):
    """Losses and rates."""

    every: PositiveInt = 10_000
    """Write a line after this many images."""


class SampleSettings(Section):
    """Grids of generated images, from the same latents every time."""

    every: NonNegativeInt = 10_000
    """Draw a grid after this many images; 0 for the end of the run only."""
    rows: Annotated[int, Field(ge=1, le=64)] = 8
    """Rows of the grid; a model with classes draws one row for each class instead."""
    columns: Annotated[int, Field(ge=1, le=64)] = 8
    """Columns of the grid."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the grid's latents."""


class CheckpointSettings(Section):
    """What is kept of the run."""

    every: NonNegativeInt = 50_000
    """Save after this many images; 0 for the start and the end of the run only."""
    keep: PositiveInt = 3
    """Keep this many of the newest checkpoints; the best is kept besides."""
    keep_every: PositiveInt | None = None
    """Also keep the checkpoint of every such number of images; null for none."""


class EvaluationSettings(Section):
    """Distance to the held-out images, while training."""

    every: NonNegativeInt = 0
    """Evaluate after this many images, and at the end; 0 for never."""
    samples: Annotated[int, Field(ge=4)] = 2_000
    """Generated and held-out images in an evaluation, at most."""
    features: Literal["none", "efficientnet_lite0", "inception", "classifier"] = "efficientnet_lite0"
    """The network that compares them, as ``gantool evaluate --features`` takes it; none for the sliced Wasserstein
    distance of their pixels, which is quick and coarse."""
    patience: PositiveInt | None = None
    """Stop when this many evaluations in a row were no better than the best; null for never."""


class FreezeSettings(Section):
    """What fine-tuning leaves as it is."""

    discriminator_layers: NonNegativeInt = 0
    """So many layers of the discriminator, from the image on, learn nothing (FreezeD; Mo 2020)."""


class FinetuneSettings(Section):
    """How a trained model is taken to new pictures by ``gantool finetune``."""

    freeze: FreezeSettings = FreezeSettings()
    """What is left as it is."""
    learning_rate_factor: NotNegative = 1.0
    """Both learning rates are multiplied by it."""
    warm_up: NonNegativeInt = 0
    """Both learning rates rise from 0 in a straight line over so many images; 0 for full rates from the start."""


class ExperimentConfig(Section):
    """Everything that decides a run. Two runs of one config, on one machine, have the same bits."""

    name: Annotated[str, AfterValidator(_folder_name)]
    """Names the run folder: letters, digits, '-', '_' and '.'."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides every random draw of the run."""
    data: AnyData
    """Where the pictures come from, and how they are prepared."""
    model: AnyModel
    """The two networks."""
    loss: AnyLoss
    """What they are trained to do."""
    penalties: tuple[AnyPenalty, ...] = ()
    """Terms that are added to the discriminator's loss."""
    augment: tuple[AnyAugmentation, ...] = ()
    """Changes to what the discriminator is shown."""
    optimizer: OptimizerPair
    """One optimizer for each network."""
    training: TrainingSettings
    """How long, how much at a time, and in which precision."""
    finetune: FinetuneSettings | None = None
    """How a trained model is taken to these pictures; for ``gantool finetune`` alone."""
    log: LogSettings = LogSettings()
    """Losses and rates."""
    samples: SampleSettings = SampleSettings()
    """Grids of generated images."""
    checkpoints: CheckpointSettings = CheckpointSettings()
    """What is kept of the run."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """Distance to the held-out images."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold, every default included; `from_dict` takes them back."""
        return self.model_dump(mode="json", by_alias=True)

    def to_yaml(self) -> str:
        """A config file that reads back to an equal config, every default included."""
        return to_yaml(self.to_dict())


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config file, for editors that complete and check YAML."""
    schema = ExperimentConfig.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gantool experiment"}

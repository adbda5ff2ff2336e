"""Experiment configs: YAML in, frozen settings out, and every fault at once.

`load_config` reads a file, `from_dict` what a checkpoint holds; `ExperimentConfig.to_yaml` writes a resolved file.
What this room does not do: build anything. A component is built by its own settings.
"""

from __future__ import annotations

from gantool.config.reading import from_dict, load_config, parse_config
from gantool.config.settings import (
    CheckpointSettings,
    EvaluationSettings,
    ExperimentConfig,
    FinetuneSettings,
    LogSettings,
    OptimizerPair,
    SampleSettings,
    TrainingSettings,
    json_schema,
)
from gantool.recipes import find_config

__all__ = [
    "CheckpointSettings",
    "EvaluationSettings",
    "ExperimentConfig",
    "FinetuneSettings",
    "LogSettings",
    "OptimizerPair",
    "SampleSettings",
    "TrainingSettings",
    "find_config",
    "from_dict",
    "json_schema",
    "load_config",
    "parse_config",
]

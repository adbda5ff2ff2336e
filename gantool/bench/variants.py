"""One config with other settings, side by side in one run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gantool.bench.contest import Spread, take_turns, times_faster
from gantool.bench.trial import Trial
from gantool.config import ExperimentConfig, parse_config
from gantool.data import PreparedSet
from gantool.errors import GantoolError, UsageError

_SHORT = ("precision", "memory_format", "threads", "compile", "compile_mode", "batch_size", "microbatch_size")
_SAME_FOR_ALL = ("data", "seed", "name")
_FEWEST = 2


@dataclass(frozen=True)
class Row:
    """A variant's outcome.

    Attributes:
        variant: as the person named it, ``precision=bfloat16``.
        seconds: of an iteration.
        images_per_second: at the median.
        faster: how many times faster an image is than in the first variant, of the same round.
    """

    variant: str
    seconds: Spread
    images_per_second: float
    faster: Spread

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)


def parse_comparison(text: str) -> tuple[str, list[str]]:
    """``precision=float32,bfloat16`` → ("training.precision", ["float32", "bfloat16"]).

    Raises:
        UsageError: for anything else.
    """
    key, equals, values = text.partition("=")
    names = list(dict.fromkeys(value.strip() for value in values.split(",") if value.strip()))
    if not equals or len(names) < _FEWEST:
        raise UsageError(
            f"--compare {text}: write a key and two or more different values, e.g. precision=float32,bfloat16"
        )
    key = key.strip()
    if key.split(".")[0] in _SAME_FOR_ALL:
        raise UsageError(f"--compare {text}: variants share their data; bench each by itself, with --set {key}=…")
    return (f"training.{key}" if key in _SHORT else key), names


def changed(config: ExperimentConfig, overrides: Sequence[str]) -> ExperimentConfig:
    """``config`` with other settings, as ``--set`` takes them."""
    return parse_config(config.to_yaml(), file=config.name, overrides=list(overrides))


@contextlib.contextmanager
def trials(
    configs: Mapping[str, ExperimentConfig], dataset: PreparedSet, device: str, say: Callable[[str], None]
) -> Iterator[dict[str, Trial]]:
    """A trial of each, open together.

    Raises:
        GantoolError: naming the variant.
    """
    with contextlib.ExitStack() as stack:
        opened = {}
        for name, config in configs.items():
            try:
                opened[name] = stack.enter_context(Trial(config, dataset, device, say))
            except GantoolError as error:
                raise type(error)(f"{name}: {error}") from error
        yield opened


def compare(contenders: Mapping[str, Trial], *, rounds: int, progress: Callable[[int], None]) -> list[Row]:
    """Let all take turns; the first is what the others are compared with. Per image, for batches may differ."""
    taken = take_turns(
        {name: trial.run for name, trial in contenders.items()},
        rounds=rounds,
        multiples={name: trial.cycle for name, trial in contenders.items()},
        progress=progress,
    )
    an_image = {name: [s / contenders[name].images for s in seconds] for name, seconds in taken.items()}
    faster = times_faster(an_image, next(iter(contenders)))
    return [
        Row(name, (spread := Spread.of(taken[name])), trial.images / spread.median, faster[name])
        for name, trial in contenders.items()
    ]

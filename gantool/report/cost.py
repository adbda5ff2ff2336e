"""What a run cost: time, pace, and an estimate of its energy that says what it assumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gantool.pages.text import counted, number, whole
from gantool.report.records import Records

WATTS_PER_THREAD = 10.0
"""Of a busy thread of a CPU, with its share of the machine around it."""
WATTS_PER_GPU = 300.0
WATTS_MPS = 30.0


class Cost(NamedTuple):
    """What a run took."""

    hours: float
    images_per_second: float | None
    watts: float
    assumption: str
    """Where the watts come from, in words."""

    @property
    def kilowatt_hours(self) -> float:
        """hours × watts / 1,000."""
        return self.hours * self.watts / 1000

    @property
    def formula(self) -> str:
        """The estimate with its numbers."""
        return f"{number(self.hours)} h × {whole(self.watts)} W ÷ 1,000 = {number(self.kilowatt_hours)} kWh"


def cost(records: Records, environment: Mapping[str, Any], watts: float | None = None) -> Cost:
    """What the run took.

    Args:
        records: of the run.
        environment: of ``run.json``: device, threads, processes.
        watts: what the machine draws, where somebody knows; else it is assumed from the device.
    """
    drawn, assumption = assumed_watts(environment) if watts is None else (watts, "said with --watts")
    return Cost(records.seconds / 3600, records.images_per_second, drawn, assumption)


def assumed_watts(environment: Mapping[str, Any]) -> tuple[float, str]:
    """Watts by the device, and the words for it."""
    device, processes = str(environment.get("device", "cpu")), _positive(environment.get("processes"))
    if device.startswith("mps"):
        return WATTS_MPS, f"assumed: {WATTS_MPS:.0f} W for the chip"
    if device != "cpu":  # a GPU goes by its own name
        return WATTS_PER_GPU * processes, f"assumed: {WATTS_PER_GPU:.0f} W for each of {counted(processes, 'GPU')}"
    threads = _positive(environment.get("threads")) * processes
    return WATTS_PER_THREAD * threads, f"assumed: {WATTS_PER_THREAD:.0f} W for each of {counted(threads, 'CPU thread')}"


def _positive(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000 else 1

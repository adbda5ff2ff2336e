"""``python -m tests.faults.entry train …``: the gantool command line with one fault planted by the environment."""

from __future__ import annotations

import os
from pathlib import Path

PLAN = "GANTOOL_TEST_PLAN"
CLOCK = "GANTOOL_TEST_CLOCK"
PATIENCE = "GANTOOL_TEST_PATIENCE"
SAMPLES = "GANTOOL_TEST_SAMPLES"


def main() -> None:
    """Plant what the environment asks for, then be gantool. Leaves by SystemExit."""
    from gantool.cli import main as gantool
    from tests.faults import hooks, plans

    if CLOCK in os.environ:
        hooks.let_the_clock_jump()
    if PATIENCE in os.environ:
        hooks.wait_no_longer_than(float(os.environ[PATIENCE]))
    if SAMPLES in os.environ:
        hooks.take_samples(Path(os.environ[SAMPLES]), every_steps=20)
    if PLAN in os.environ:
        hooks.plant(plans.from_json(os.environ[PLAN]))
    gantool()


if __name__ == "__main__":
    main()

"""How long the fuzzing is: a few seconds in the suite, with the same examples every time; longer by ``make fuzz``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("brief", max_examples=60, derandomize=True, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=20_000, deadline=None, suppress_health_check=_SLOW)
PROFILE = os.environ.get("GANTOOL_FUZZ", "brief")

# (A profile is the process's own: tests of other rooms name their own numbers.)
settings.load_profile(PROFILE)

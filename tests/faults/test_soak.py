"""What the soak calls a leak."""

from __future__ import annotations

import pytest

from tests.faults.soak import Held

FLAT = [(20 * look, 10**8, 17) for look in range(50)]


@pytest.mark.parametrize(
    ("rows", "missed"),
    [
        (FLAT, []),
        ([*FLAT[:26], (520, 10**8, 18), *FLAT[27:49], (980, 10**8, 18)], []),  # open for a moment, at the last look too
        ([*FLAT[:38], *((steps, size, 18) for steps, size, _ in FLAT[38:])], ["18 open files, before 17"]),
        ([(steps, 10**8 + 300 * steps, 17) for steps, *_ in FLAT], ["memory grows by 300 bytes a step"]),
    ],
)
def test_what_a_long_run_holds_on_to_is_told_from_what_is_open_for_a_moment(
    rows: list[tuple[int, int, int]], missed: list[str]
) -> None:
    held = Held.from_samples("\n".join(" ".join(map(str, row)) for row in rows))
    assert held.missed(bytes_per_step=200) == missed

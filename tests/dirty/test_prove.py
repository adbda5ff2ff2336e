"""The promise of the check, kept on a set that its thresholds were not chosen on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dirty.prove import broken, proved
from tests.dirty.table import rendered


@pytest.mark.slow
def test_dirty_garments_are_found_and_good_ones_left_alone(tmp_path: Path) -> None:
    found = proved("garments", tmp_path, half="B")
    assert broken(found) == [], rendered(found)

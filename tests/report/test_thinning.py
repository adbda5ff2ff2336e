"""Long logs: what is kept of them stays within bounds, and no extreme and no gap is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from gantool.report import thinning, write_report
from gantool.report.records import read_records
from gantool.report.thinning import Thinned

from ..pages import Read
from .helpers import log, make_run


def test_as_long_as_there_is_room_every_line_is_kept() -> None:
    kept = Thinned(most_values=300)
    for place in range(100):
        kept.add(place, [("a", 1.0), ("b", None)])
    assert [line.images_seen for line in kept.lines()] == list(range(100))


@pytest.mark.parametrize("count", [101, 1000, 4097])
def test_extremes_gaps_and_both_ends_stay(count: int) -> None:
    drawn, kept = random.Random(count), Thinned(most_values=300)
    values = [(drawn.random(), None if place == count // 3 else drawn.random()) for place in range(count)]
    for place, (a, b) in enumerate(values):
        kept.add(place, [("a", a), ("b", b)])
    lines = kept.lines()
    places = [int(line.images_seen) for line in lines]
    assert places == sorted(set(places))
    assert 3 * len(lines) <= 300
    assert len(lines) > 20  # a curve's shape, not only its ends
    assert {0, count - 1, count // 3} <= {*places}
    assert max(places[i + 1] - places[i] for i in range(len(places) - 1)) <= count / 5  # all along the log
    for name, known in (("a", [a for a, _ in values]), ("b", [b for _, b in values if b is not None])):
        found = [value for line in lines if (value := line.values[name]) is not None]
        assert (min(found), max(found)) == (min(known), max(known))


def test_names_without_end_take_no_room() -> None:
    kept = Thinned(most_values=1000)
    for place in range(200):
        kept.add(place, [(f"{place}-{index}", 1.0) for index in range(200)])
    assert kept.names_left_out
    assert len({name for line in kept.lines() for name in line.values}) == thinning.MOST_NAMES


def test_a_report_of_many_names_says_what_it_leaves_out(tmp_path: Path) -> None:
    records = [log(64 * step, 1.0 * step, **{f"x{index}": 1.0 for index in range(150)}) for step in (1, 2)]
    run = make_run(tmp_path / "run", records=records)
    write_report(run)
    assert "more than 100 curves" in Read((run / "report.html").read_text(encoding="utf-8")).words


def test_what_thinning_drops_still_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours, pace, how far it got, and how often something happened are of all lines."""
    monkeypatch.setattr(Thinned.__init__, "__defaults__", (60,))
    records = [log(64 * step, 2.0 * step, loss_generator=1.0) for step in range(1, 1001)]
    for step, record in enumerate(records):
        record["clock"]["images_per_second"] = float(step)
    records += [{"event": "warning", "images_seen": 64, "message": "x" * 5000}] * 500
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    found = read_records(file)
    assert len(found.logs) <= 20
    assert (found.images_seen, found.seconds, found.sessions) == (64_000, 2000.0, 1)
    assert found.images_per_second == 500.0  # the median of 1 … 999: 0 is no pace
    assert found.happened == 500
    assert len(found.happenings) == 200
    assert len(found.happenings[0].message) == 2000


def test_a_line_without_end_is_damaged_and_the_next_is_read(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    good = json.dumps(log(64, 1.0, loss_generator=1.0)).encode() + b"\n"
    long = json.dumps(log(64, 1.0, loss_generator=1.0, more="x" * 1_000_000)).encode() + b"\n"
    file.write_bytes(good + long + good + b'{"event": "log", "ima')
    found = read_records(file)
    assert (len(found.logs), found.damaged) == (2, 2)

"""A minute of the fault harness; and that it sees what it is there to see."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import plans, ranks
from tests.faults.runs import TOTAL_IMAGES, Fingerprint, families
from tests.faults.table import Outcome, Row, rendered

pytestmark = pytest.mark.slow

HARNESS = [sys.executable, "-m", "tests.faults"]
BLIND = (  # a gantool that forgets to cut its log back
    "import sys; from gantool.training import recorder; real = recorder._cut_back; "
    "recorder._cut_back = lambda path, lines: real(path, 10**9); "
    "from tests.faults.__main__ import main; sys.exit(main())"
)

TRUSTING = (  # one that opens a prepared set without looking at its hashes
    "import sys; from gantool.data import prepared; prepared.check = lambda *_: None; "
    "from tests.faults.__main__ import main; sys.exit(main())"
)

LEAKY = (  # one that leaves a file open at every evaluation
    "import os, sys; from gantool.training.evaluation import Evaluation; real = Evaluation.measure; "
    "Evaluation.measure = lambda *told: (os.dup(0), real(*told))[-1]; "
    "from tests.faults.__main__ import main; sys.exit(main())"
)


def harness(folder: Path, *arguments: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """It forks, and so has a process of its own, started as make does; ``folder`` is where it works."""
    surroundings = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.run(
        [*(command or HARNESS), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**surroundings, "TMPDIR": str(folder)},
    )


def test_a_killed_run_goes_on_and_two_resumes_have_one_winner(tmp_path: Path) -> None:
    said = harness(tmp_path, "--families", "mlp", "--points", "4", "--only", "kills", "races")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "| mlp: killed, resumed | 4 of 4 | 4 | 4 |  |" in said.stdout
    assert "| two resumes at once: one winner | 4 of 4 | 4 | 4 |  |" in said.stdout


def test_a_run_that_goes_on_differently_is_missed(tmp_path: Path) -> None:
    """Nine points have every spot: a step may be struck just after a checkpoint, an evaluation is ahead of it."""
    told = ("--families", "mlp", "--points", "9", "--only", "kills")
    said = harness(tmp_path, *told, command=[sys.executable, "-c", BLIND])
    assert said.returncode == 1, said.stdout + said.stderr
    assert "| mlp: killed, resumed | 9 of 9 | 9 | " in said.stdout
    missed = [line for line in said.stdout.splitlines() if "MISSED kill-mlp-" in line]
    assert missed
    assert all(line.endswith(": newest, log") for line in missed), missed


def test_damaged_files_are_refused_or_named(tmp_path: Path) -> None:
    said = harness(tmp_path, "--families", "mlp", "--points", "4", "--only", "damage")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "| damaged checkpoint read | 4 of 4 | 4 | 4 | fell back 4 |" in said.stdout
    assert "| damaged run folder resumed | 4 of 4 | 4 | 4 | " in said.stdout


def test_a_set_that_is_read_in_silence_is_missed(tmp_path: Path) -> None:
    told = ("--families", "mlp", "--points", "12", "--only", "damage")
    said = harness(tmp_path, *told, command=[sys.executable, "-c", TRUSTING])
    assert said.returncode == 1, said.stdout + said.stderr
    assert "read as if nothing were wrong" in said.stdout


def test_a_disk_that_fills_up_ends_the_run_and_it_goes_on(tmp_path: Path) -> None:
    said = harness(tmp_path, "--families", "mlp", "--points", "2", "--only", "disks")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "| disk full from the n-th write on | 2 of 2 | 2 | 2 | ended with 6, resumed 2 |" in said.stdout


def test_a_file_left_open_at_every_evaluation_is_missed(tmp_path: Path) -> None:
    said = harness(tmp_path, "--only", "soak", command=[sys.executable, "-c", LEAKY])
    assert said.returncode == 1, said.stdout + said.stderr
    found = re.search(r"MISSED soak: .*?(\d+) open files, before (\d+)", said.stdout)
    assert found, said.stdout
    assert int(found[1]) > int(found[2])


def test_every_spot_is_tried_and_every_family_is_known() -> None:
    assert {plan.spot for plan in plans.kill_points(20, TOTAL_IMAGES, "0")} == set(plans.KILL_SPOTS)
    assert plans.kill_points(20, TOTAL_IMAGES, "0") != plans.kill_points(20, TOTAL_IMAGES, "1")
    assert {plan.rank for plan in ranks.rank_kills(6, TOTAL_IMAGES, "0")} == {0, 1}
    assert {"mlp", "dcgan", "compact"} <= set(families())


def test_plans_reach_another_process() -> None:
    (plan,) = plans.kill_points(1, TOTAL_IMAGES, "0")
    assert plans.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("left", ["newest", "log", "pictures", "best"])
def test_whatever_differs_is_named(left: str) -> None:
    one = Fingerprint("a", "b", (("c", "d"),), "e")
    other = Fingerprint(**{**vars(one), left: "z"})
    assert one.differences(other) == left
    assert one.differences(one) == ""


@pytest.mark.parametrize(("tried", "survived", "missed"), [(False, True, ""), (True, False, ""), (True, True, "log")])
def test_a_row_is_well_only_when_all_of_it_is(tried: bool, survived: bool, missed: str) -> None:
    well = Outcome("kills", "first", tried=True, survived=True, missed="")
    odd = Outcome("kills", "second", tried, survived, missed)
    assert Row("kills", 1, [well]).is_well
    assert not Row("kills", 2, [well]).is_well
    assert not Row("kills", 2, [well, odd]).is_well
    assert "MISSED second" in rendered(Row("kills", 2, [well, odd]))
    assert "\n" not in rendered(Row("kills", 1, [well]))

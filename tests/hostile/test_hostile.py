"""The harness sees what it is there to see: every promise is broken once, by a verb that was planted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile import corpus

pytestmark = pytest.mark.slow

BROKEN = """
import os, sys, time
from pathlib import Path
from tests.hostile import __main__ as harness, corpus, jail
from tests.hostile.case import Case

def make(room):
    path = room.given / "odd.yaml"
    path.write_text("name: x\\n")
    return path

def writes_outside(): Path("../home/canary/pictures.txt").write_text("not as it was"); refuses()
def runs_code(): Path("../home/code-was-run").touch(); refuses()
def leaves_a_link(): Path("../home/link").symlink_to("/"); refuses()
def breaks(): raise ValueError("odd.yaml: tags")
def clears_the_screen(): print("\\x1b[2J"); refuses()
def turns_the_line(): print("\\u202egnp"); refuses()
def says_nothing(): print("odd.yaml"); sys.exit(2)
def names_nothing(): print("tags are not allowed"); sys.exit(2)
def says_it_is_well(): print("odd.yaml: tags"); sys.exit(0)
def sleeps(): time.sleep(60)
def takes_memory(): bytearray(2_000_000_000); refuses()
def touches_memory(): memory = bytearray(700_000_000); refuses()
def writes_markup(): Path("page.html").write_text("<p><img src=x onerror=alert(1)></p>"); refuses()
def refuses(): print("odd.yaml:1: tags are not allowed; write plain values"); sys.exit(2)

verbs = [writes_outside, runs_code, leaves_a_link, breaks, clears_the_screen, turns_the_line, says_nothing,
         names_nothing, says_it_is_well, sleeps, takes_memory, touches_memory, writes_markup, refuses]
jail.SECONDS = 4.0
from tests.hostile import sound, trial

class Planted:
    space_mb, peak_mb = {}, {}
    def __init__(self, folder): pass
    def make(self, verbs): pass
    def measure(self, verb):
        folder = Path(os.environ["TMPDIR"]) / "measure" / "out"
        folder.mkdir(parents=True, exist_ok=True)
        served = jail.serve([], folder, main=refuses)
        Planted.space_mb[verb], Planted.peak_mb[verb] = served.space_mb, served.peak_mb
    def serve(self, verb, file, out, space_mb):
        more = 600 if verb == "touches_memory" else 0
        return jail.serve([], out, space_mb=space_mb + more, seconds=4, main=globals()[verb])

sound.Sound = Planted
corpus.SECTIONS = {"configs": tuple(Case(v.__name__, make, v.__name__, "tags", (2,)) for v in verbs)}
sys.exit(harness.main(["--only", "configs"]))
"""


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """It forks, and so has a process of its own, started as make does; ``folder`` is where it works."""
    known = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**known, "TMPDIR": str(folder)},
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the harness says of verbs each of which breaks one promise."""
    said = harness(tmp_path_factory.mktemp("planted"), "-c", BROKEN)
    assert said.returncode == 1, said.stdout + said.stderr
    return said.stdout


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        ("writes_outside", "changed outside of the output: home/canary/pictures.txt"),
        ("runs_code", "code was run"),
        ("leaves_a_link", "changed outside of the output: home/link"),
        ("breaks", "exit 1, not 2"),
        ("breaks", "a traceback: ValueError"),
        ("clears_the_screen", "the control character '\\x1b'"),
        ("turns_the_line", "the control character '\\u202e'"),
        ("says_nothing", "nothing about 'tags'"),
        ("names_nothing", "'odd.yaml' is not named"),
        ("says_it_is_well", "exit 0, not 2"),
        ("sleeps", "it had to be killed"),
        ("takes_memory", "a traceback: MemoryError"),
        ("touches_memory", "MB more than a sound file takes"),
        ("writes_markup", "page.html holds markup out of a name"),
    ],
)
def test_a_broken_promise_is_seen(planted: str, verb: str, fault: str) -> None:
    assert any(line.startswith(f"  MISSED {verb}: ") and fault in line for line in planted.splitlines()), planted


def test_a_kept_promise_is_not_missed(planted: str) -> None:
    assert "| refuses | refuses | 2 |" in planted
    assert "MISSED refuses" not in planted
    assert "14 cases in" in planted


def test_the_corpus_is_as_large_as_it_was_asked_to_be() -> None:
    sizes = {name: len({case.name for case in cases}) for name, cases in corpus.SECTIONS.items()}
    assert sizes["checkpoints"] >= 30
    assert sizes["configs"] >= 30
    assert sizes["pictures"] + sizes["archives"] >= 60
    for name, cases in corpus.SECTIONS.items():
        twice = [key for key, count in Counter((case.name, case.verb) for case in cases).items() if count > 1]
        assert twice == [], name
    said = [case for cases in corpus.SECTIONS.values() for case in cases if case.codes != (0,)]
    assert len(said) > 200


def test_a_few_of_it_in_the_suite(tmp_path: Path) -> None:
    said = harness(tmp_path, "-m", "tests.hostile", "--only", "configs", "--case", "a tag", "--jobs", "1")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "| a tag that runs a command | config check | 2 |" in said.stdout
    assert "; 0 missed." in said.stdout

"""Working on pictures in several processes: the same outcomes, in order, from every kind of picture, and no orphan."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gantool.data import PreparedSet
from gantool.data.base import Raw
from gantool.data.decode import Options
from gantool.data.wire import Packed, read_outcomes, write_request
from gantool.data.worker import Fault, Task, decoding
from gantool.data.workers import raws_of, require_workers, work
from gantool.errors import ResourceError, UsageError
from tests.data.conftest import Pictures

SCRIPT = """
import sys
from gantool.data import prepare
from gantool.data.sources.folder import Folder
print(prepare(Folder(path=sys.argv[1], resolution=8), seed=0, workers=2))
"""


class Scale(NamedTuple):
    factors: tuple[float, float]


class Sizes(NamedTuple):
    levels: NDArray[np.uint8] | None
    kind: str
    factors: tuple[float, float]
    ends: NDArray[np.uint8]


def measured(raw: Raw, options: Scale) -> Sizes | Fault:
    """A task of this test's own, with arrays of more than one shape."""
    if not isinstance(raw, Image.Image):
        return Fault("no picture")
    levels = np.asarray(raw.convert("L"))
    return Sizes(levels if levels.shape[0] > 2 else None, raw.mode, options.factors, levels[0, :1])


def pictures_of_every_mode() -> list[Image.Image]:
    source = np.random.default_rng(0)
    colour = Image.fromarray(source.integers(0, 256, (5, 9, 4), np.uint8))
    deep = [Image.fromarray(source.integers(0, 2**15, (5, 9)).astype(dtype)) for dtype in ("u2", "i4", "f4")]
    shallow = [colour.convert(mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "P", "PA")]
    marked = Image.new("P", (4, 4))
    marked.info["transparency"] = 0
    return [*deep, *shallow, marked]


def same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in zip(one, other, strict=True)
    )


def test_files_contents_pictures_and_faults_come_out_in_order_as_they_do_alone(pictures: Pictures) -> None:
    paths = sorted(pictures(count=9, size=(12, 10)).iterdir())
    raws: list[Raw | Fault] = [*paths, *(path.read_bytes() for path in paths), b"", b"no picture"]
    raws = [*raws, Fault("gone"), *pictures_of_every_mode(), paths[0].with_name("nowhere.png")] * 3
    task = decoding(Options((6, 6), "rgb", prints=True))
    alone = list(work(raws, task, 1, len(raws)))
    assert sum(isinstance(outcome, Fault) for outcome in alone) == 12
    for workers in (2, 3):
        together = list(work(raws, task, workers, len(raws)))
        assert [type(outcome) for outcome in together] == [type(outcome) for outcome in alone]
        assert all(map(same, together, alone))


def test_a_picture_is_the_same_as_a_file_and_as_its_content(pictures: Pictures) -> None:
    path = next(pictures().iterdir())
    one, other = work([path, path.read_bytes()], decoding(Options(None, "grey")), 1, 2)
    assert same(one, other)


def test_any_function_of_a_module_is_a_task() -> None:
    raws = [Image.new("L", (4, side % 5 + 1), side) for side in range(40)]
    task = Task(measured, Scale((0.5, 2.0)), Sizes, 20)
    alone, together = (list(work([*raws, b"text"], task, workers, 41)) for workers in (1, 2))
    assert all(map(same, alone, together))
    assert together[-1] == Fault("no picture")
    assert isinstance(together[3], Sizes)
    assert together[3].factors == (0.5, 2.0)
    assert together[3].ends.tolist() == [3]


def test_what_a_source_cannot_give_is_a_fault_in_its_place(pictures: Pictures) -> None:
    from gantool.data.decode import BadPicture
    from gantool.data.sources.folder import Folder

    source: Any = Folder(path=str(pictures(count=4))).open()
    give = source.raw

    def raw(index: int) -> Path:
        if index == 2:
            raise BadPicture("torn out")
        path: Path = give(index)
        return path

    source.raw = raw
    outcomes = list(work(raws_of(source, range(4)), decoding(Options(None, "rgb")), 2, 4))
    assert [isinstance(outcome, Fault) for outcome in outcomes] == [False, False, True, False]
    assert outcomes[2] == Fault("torn out")


def test_pictures_are_taken_as_they_are_needed_and_no_further(pictures: Pictures) -> None:
    path = next(pictures().iterdir())
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield path

    outcomes = work(endless(), decoding(Options((8, 8), "rgb")), 2, 10**6)
    for _ in range(500):
        next(outcomes)
    outcomes.close()
    assert taken <= 500 + 64 * 2 * 3 + 64


def test_large_contents_are_not_gathered_beyond_a_limit() -> None:
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "PNG")
    content = buffer.getvalue() + bytes(8 << 20)  # a decoder stops at the end of the picture
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield content

    outcomes = work(endless(), decoding(Options((4, 4), "grey")), 4, 10**6)
    assert not isinstance(next(outcomes), Fault)
    outcomes.close()
    assert taken == 8


@pytest.mark.skipif(not Path("/proc").exists(), reason="children are looked up in /proc")
def test_closing_ends_the_processes(pictures: Pictures) -> None:
    def children() -> set[str]:
        return set(Path("/proc/self/task", str(threads[0]), "children").read_text().split())

    import os

    threads = [os.getpid()]
    before = children()
    outcomes = work([next(pictures().iterdir())] * 500, decoding(Options(None, "rgb")), 2, 500)
    next(outcomes)
    assert len(children() - before) == 2
    outcomes.close()
    assert children() == before


def test_it_works_from_a_script_without_a_main_guard(pictures: Pictures) -> None:
    command = [sys.executable, "-", str(pictures(count=20))]
    done = subprocess.run(command, input=SCRIPT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(PreparedSet.open(Path(done.stdout.strip()))) == 20
    assert done.stderr == ""


def test_a_worker_that_dies_is_a_fault_with_the_files_named(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gantool.data.workers.sys.executable", "/bin/false")
    paths = sorted(pictures().iterdir())
    with pytest.raises(ResourceError, match=r"ended \(exit status 1\).*0.png"):
        list(work(paths, decoding(Options(None, "rgb")), 2, 4))
    with pytest.raises(ResourceError, match=r"ended \(exit status 1\).*from number 1 to number 2"):
        list(work([b"one", b"two"], decoding(Options(None, "rgb")), 2, 10_000))


def test_a_worker_that_is_told_nothing_ends_without_a_word() -> None:
    """Its parent ended while it was starting."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", "from gantool.data.worker import main; main()"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


def test_a_worker_ignores_signals_and_ends_with_its_input(pictures: Pictures) -> None:
    task = decoding(Options(None, "rgb"))
    command = [sys.executable, "-c", "from gantool.data.worker import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(task.to_line())
        for _ in range(2):
            write_request(process.stdin, [Packed(str(pictures() / "0.png"))])
            assert len(read_outcomes(process.stdout, task.outcome)) == 1
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                process.send_signal(number)
        process.stdin.close()
        assert process.wait() == 0


def test_a_worker_loads_no_torch() -> None:
    code = "import sys, gantool.data.worker; print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("usable", "most"), [(1, 64), (16, 64), (17, 68), (128, 512)])
def test_so_many_processes_may_be_asked_for(usable: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gantool.data.workers.cores", lambda: usable)
    for allowed in (None, 1, most):
        require_workers(allowed)
    for wrong in (0, -1, most + 1):
        with pytest.raises(UsageError, match=f"--workers {wrong}"):
            require_workers(wrong)


def test_working_processes_start_quickly() -> None:
    """They load what they need: no settings, no torch."""
    script = "import sys, gantool.data.worker, gantool.data.measure; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "PIL.Image" in loaded
    assert not {"pydantic", "torch", "gantool.data.base"} & set(loaded)

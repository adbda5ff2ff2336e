"""``gantool data``, as it is typed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gantool.cli import prepare as prepare_command
from gantool.cli.app import app
from gantool.config import load_config
from gantool.data import PreparedSet, making, prepare
from gantool.data.sources.folder import Folder
from gantool.data.sources.prepared import Prepared
from gantool.errors import DataError, GantoolError, StoppedBySignal, UsageError
from gantool.recipes import find_recipe
from tests.data.conftest import Pictures


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def classes(pictures: Pictures) -> Path:
    pictures("classes/cat", 12)
    return pictures("classes/dog", 8, seed=1).parent


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", *arguments])


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def opened(path: str) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def fault(*arguments: str) -> GantoolError:
    error = run(*arguments).exception
    assert isinstance(error, GantoolError), error
    return error


class TestPrepare:
    def test_every_option_reaches_the_set(self, classes: Path, tmp_path: Path) -> None:
        (classes / "dog" / "bad.png").touch()
        (tmp_path / "list.txt").write_text("cat/3.png\n")
        options = (
            "--resolution 6x4 --channels grey --range 0,128 --fit pad --background #102030 --holdout 0.25"
            " --labels folders --exclude list.txt --deduplicate --skip-bad --max-images 16 --workers 2 --seed 3"
        )
        text = said("prepare", "classes", "--out", "set", *options.split())
        header = PreparedSet.open(tmp_path / "set").header
        settings = header["settings"]
        assert settings.pop("exclude") is not None
        assert settings == {
            **Folder(path="x").model_dump(mode="json", exclude={"path", "exclude"}),
            **{"resolution": [6, 4], "channels": "grey", "range": [0.0, 128.0], "fit": "pad", "background": "#102030"},
            **{"holdout": 0.25, "labels": "folders", "deduplicate": True, "skip_bad": True, "max_images": 16},
        }
        assert header["seed"] == 3
        assert header["shape"] == [1, 6, 4]
        assert header["excluded"] == 1
        assert f"{header['counts']['train']} pictures to train on and {header['counts']['holdout']} held out" in text
        assert "6×4 grey, 2 classes" in text
        assert "1 excluded by the list" in text
        assert header["fingerprint"] in text

    @pytest.mark.parametrize("number", ["0", "-1", "2000"])
    def test_no_number_of_processes_that_would_kill_the_machine(self, classes: Path, number: str) -> None:
        result = run("prepare", "classes", "--out", "set", "--workers", number)
        assert isinstance(result.exception, UsageError) or result.exit_code == 2
        assert not Path("set").exists()

    def test_the_next_command_it_names_is_one_that_trains(self, classes: Path, tmp_path: Path) -> None:
        text = said("prepare", "classes", "--out", "a set", "--resolution", "8", "--labels", "none")
        assert "gantool data show 'a set'" in text
        override = text.split("--set '")[1].split("'")[0]
        changes = [override, text.rsplit("--set ", 1)[1].strip()]
        config = load_config(find_recipe("quickstart"), changes)
        assert config.data == Prepared(path="a set")
        assert changes[1] == "model.conditioning=none"
        assert prepare(config.data, seed=0) == Path("a set")

    def test_labels_are_found_and_a_second_time_nothing_is_done(
        self, classes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = said("prepare", "classes", "--out", "set")
        assert "2 classes" in first
        monkeypatch.setattr(making, "work", lambda *_: pytest.fail("decoded again"))
        assert said("prepare", "classes", "--out", "set") == first

    def test_a_recipe_is_a_source(self) -> None:
        said("prepare", "quickstart", "--out", "set", "--max-images", "200")
        assert len(PreparedSet.open(Path("set"))) == 200

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("--resolution 64x", "--resolution: 64x is neither"),
            ("--resolution 0", "resolution"),
            ("--range 1", "--range: 1 is neither"),
            ("--range 9,1", "range: "),
            ("--range a,b", "--range: a,b is neither"),
            ("--holdout all", "--holdout: all is neither"),
            ("--holdout 0.9", "holdout"),
            ("--holdout official", "holdout"),
            ("--fit squeeze", "fit"),
            ("--channels cmyk", "channels"),
            ("--background rainbow", "background"),
            ("--labels sideways", "labels"),
            ("--exclude nowhere.txt", "nowhere.txt"),
        ],
    )
    def test_wrong_options_are_said_by_name(self, options: str, message: str, classes: Path) -> None:
        error = fault("prepare", "classes", "--out", "set", *options.split())
        assert isinstance(error, UsageError)
        assert message in str(error)
        assert not Path("set").exists()

    def test_ctrl_c_says_that_the_same_command_goes_on_and_it_does(
        self, classes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work, counts = making.work, []

        def interrupted(raws: Any, task: Any, workers: Any, count: int) -> Any:
            for number, outcome in enumerate(work(raws, task, workers, count)):
                if number == 7:
                    raise KeyboardInterrupt
                yield outcome

        def counting(raws: Any, task: Any, workers: Any, count: int) -> Any:
            counts.append(count)
            return work(raws, task, workers, count)

        monkeypatch.setattr(making, "work", interrupted)
        error = fault("prepare", "classes", "--out", "set")
        assert isinstance(error, StoppedBySignal)
        assert error.code == 130
        assert "the same command goes on" in str(error)
        assert not Path("set").exists()
        monkeypatch.setattr(making, "work", counting)
        said("prepare", "classes", "--out", "set")
        assert counts == [13]
        undisturbed = prepare(Folder(path="classes", labels="folders"), seed=0)
        assert all((undisturbed / path.name).read_bytes() == path.read_bytes() for path in Path("set").iterdir())

    def test_a_real_sigint_ends_it_with_130(self, pictures: Pictures) -> None:
        folder = pictures(count=200)
        script = (
            "import os, signal, sys; from gantool.data import plan\n"
            "add = plan.Tally.add\n"
            "def slow(self, *rest):\n"
            "    add(self, *rest)\n"
            "    if self.done == 100: os.kill(os.getpid(), signal.SIGINT)\n"
            "plan.Tally.add = slow\n"
            "from gantool.cli import main; main()"
        )
        command = [sys.executable, "-c", script, "data", "prepare", str(folder), "--out", "set", "--workers", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 128 + signal.SIGINT
        assert done.stderr == "gantool: stopped; what was done is kept, and the same command goes on from there\n"
        assert len((Path(".set.part") / "journal.jsonl").read_text().splitlines()) >= 100


class TestShow:
    def test_a_row_for_each_class_with_the_pictures_of_the_split(self, classes: Path) -> None:
        said("prepare", "classes", "--out", "set", "--holdout", "0.2")
        assert "16 of 16 pictures, one row for each of 2 classes" in said("show", "set")
        held = said("show", "set", "--split", "holdout", "--out", "held.png")
        assert "wrote held.png: 4 of 4 pictures" in held
        whole, part = (opened(path) for path in ("grid.png", "held.png"))
        assert whole.mode == part.mode == "RGB"
        assert whole.height == part.height == 2 + 2 * 66
        assert not {"gantool:statement", "Software"} & set(whole.info)  # nobody's machine made these
        found = PreparedSet.open(Path("set"))
        first = found.read(found.indices("train")[:1])[0].repeat(8, axis=0).repeat(8, axis=1)
        left = whole.width - (2 + 32 * 66)
        assert (np.asarray(whole)[2:66, left + 2 : left + 66] == first).all()

    def test_without_classes_it_is_a_square_and_spread_over_the_set(self, pictures: Pictures) -> None:
        said("prepare", str(pictures(count=50)), "--out", "set", "--holdout", "0")
        assert "9 of 50 pictures" in said("show", "set", "--count", "9")
        assert opened("grid.png").size == (2 + 3 * 66, 2 + 3 * 66)
        found = PreparedSet.open(Path("set"))
        corner = np.asarray(opened("grid.png"))[-66:-2, -66:-2]
        assert (corner == found.read([49])[0].repeat(8, axis=0).repeat(8, axis=1)).all()

    def test_of_many_classes_it_shows_some_and_says_so(self, pictures: Pictures) -> None:
        for number in range(9):
            pictures(f"many/{number}", 3, seed=number)
        said("prepare", "many", "--out", "set", "--holdout", "0")
        assert "the first 4 of 9 classes (more with --count)" in said("show", "set", "--count", "16")

    def test_a_file_in_the_way_stays(self, classes: Path) -> None:
        said("prepare", "classes", "--out", "set")
        Path("grid.png").write_text("mine")
        assert "is there already" in str(fault("show", "set"))
        assert Path("grid.png").read_text() == "mine"
        said("show", "set", "--force")
        assert opened("grid.png").size
        assert "neither train nor holdout" in str(fault("show", "set", "--split", "test"))
        said("prepare", "classes", "--out", "none-held", "--holdout", "0")
        assert "no pictures in its holdout split" in str(fault("show", "none-held", "--split", "holdout", "--force"))


class TestInfo:
    def test_counts_options_and_what_was_left_out(self, classes: Path) -> None:
        (classes / "dog" / "bad.png").touch()
        (classes / "dog" / "again.png").write_bytes((classes / "dog" / "0.png").read_bytes())
        options = ("--skip-bad", "--deduplicate", "--holdout", "0.1", "--seed", "5")
        said("prepare", "classes", "--out", "set", *options)
        text = said("info", "set")
        assert "set: 18 pictures to train on and 2 held out, 8×8 rgb, 2 classes" in text
        assert "1 unreadable (set/skipped.txt), 1 near duplicates (set/duplicates.txt)" in text
        assert "deduplicate True" in text
        assert "seed 5" in text
        rows = [line.split() for line in text.splitlines() if line.split()[0] in ("cat", "dog")]
        assert [sum(map(int, row[1:])) for row in rows] == [12, 8]
        told = json.loads(said("info", "set", "--json"))
        assert told["fingerprint"] in text
        assert told["left_out"] == {"skipped": 1, "duplicates": 1, "excluded": 0}
        assert told["counts"] == {"train": 18, "holdout": 2}
        assert [(one["name"], one["train"] + one["holdout"]) for one in told["classes"]] == [("cat", 12), ("dog", 8)]

    @pytest.mark.parametrize("verb", ["show", "info", "verify"])
    def test_what_is_no_set_is_to_be_prepared_first(self, verb: str, classes: Path) -> None:
        for name in ("classes", "nowhere"):
            error = fault(verb, name)
            assert isinstance(error, DataError)
            assert f"gantool data prepare {name} --out DIR" in str(error)


class TestVerify:
    def test_a_sound_set(self, classes: Path) -> None:
        said("prepare", "classes", "--out", "set")
        assert "set: no damage; 20 pictures" in said("verify", "set")

    @pytest.mark.parametrize("name", ["images-00000.npy", "split.npy", "images.jsonl", "labels.npy"])
    def test_one_flipped_bit_is_exit_3(self, name: str, classes: Path) -> None:
        said("prepare", "classes", "--out", "set")
        content = bytearray(Path("set", name).read_bytes())
        content[-2] ^= 1
        Path("set", name).write_bytes(content)
        error = fault("verify", "set")
        assert error.exit_code == 3
        assert name in str(error)

    def test_a_header_that_holds_nonsense(self, classes: Path) -> None:
        said("prepare", "classes", "--out", "set")
        header = json.loads(Path("set/dataset.json").read_text())
        header["files"]["split.npy"] = {"bytes": None}
        Path("set/dataset.json").write_text(json.dumps(header))
        assert isinstance(fault("verify", "set"), DataError)


@pytest.mark.parametrize(
    ("text", "expected"), [("64", 64), ("96x64", (96, 64)), (" 96X64 ", (96, 64)), ("96×64", (96, 64))]
)
def test_resolutions(text: str, expected: Any) -> None:
    assert prepare_command.parsed_resolution(text) == expected

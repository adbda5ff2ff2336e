"""``gantool bench`` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import Ended
from tests.training.helpers import BASE

Gantool = Callable[..., Ended]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(BASE)
    return path


def test_says_where_the_time_goes_and_keeps_nothing(gantool: Gantool, config: Path) -> None:
    found = gantool("bench", config, "--rounds", "2", "--json", "out.json")
    assert found.code == 0, found.err
    for word in ("images/s", "GFLOP", "generator forward", "discriminator step", "generator step", "checkpoints"):
        assert word in found.out
    written = json.loads((config.parent / "out.json").read_text())
    assert written["images_per_second"] == pytest.approx(8 / written["seconds"]["median"])
    assert sum(written["shares"].values()) == pytest.approx(1)
    assert not (config.parent / "runs").exists()


def test_variants_take_turns(gantool: Gantool, config: Path) -> None:
    found = gantool("bench", config, "--compare", "batch_size=8,16", "--rounds", "2", "--json", "out.json")
    assert found.code == 0, found.err
    first, second = json.loads((config.parent / "out.json").read_text())["comparison"]
    assert (first["variant"], second["variant"]) == ("batch_size=8", "batch_size=16")
    assert first["faster"]["median"] == 1
    assert "batch_size=16" in found.out


def test_tune_tries_and_prints_what_to_write(gantool: Gantool, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gantool.bench.tune.compiler_is_missing", lambda _: "a compilation takes half a minute")
    found = gantool("bench", config, "--tune", "--rounds", "1", "--json", "out.json")
    assert found.code == 0, found.err
    written = json.loads((config.parent / "out.json").read_text())
    tried = [row["variant"] for rows in written["tried"] for row in rows]
    assert "precision=bfloat16" in tried and "memory_format=channels_last" in tried
    for key, value in written["settings"].items():
        assert f"{key.removeprefix('training.')}: {value}" in found.out
    assert written["settings"] or "Nothing that was tried is faster" in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--compare", "precision"), "a key and two or more different values"),
        (("--compare", "precision=float32"), "a key and two or more different values"),
        (("--compare", "precision=float32,float99"), "training.precision"),
        (("--compare", "precision=float32,float32"), "two or more different values"),
        (("--compare", "data.resolution=16,32"), "variants share their data"),
        (("--compare", "threads=0,1"), "training.threads"),
        (("--compare", "wings=1,2"), "wings"),
        (("--compare", "precision=float32,bfloat16", "--tune"), "one at a time"),
        (("--compare", "precision=float32,tf32"), "precision=tf32: training.precision: tf32 needs a CUDA device"),
        (("--json", "no/such/folder/out.json"), "no/such/folder"),
    ],
)
def test_wrong_input_is_named(gantool: Gantool, config: Path, arguments: tuple[str, ...], message: str) -> None:
    found = gantool("bench", config, *arguments)
    assert found.code in {2, 6}
    assert message in found.err and "Traceback" not in found.err

"""Comparisons: which card is chosen, what is refused and why, when a winner is named, and what is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gantool.cli.app import app
from gantool.comparison import compare, page
from gantool.errors import DataError, UsageError, exit_code_of

from ..pages import Read
from ..report.helpers import HOSTILE, card, full_run, hostile_run, make_run, value

PREFERRED = "holdout-efficientnet_lite0"


def kernel(mean: float | None, deviation: float | None = 0.0001, **more: Any) -> dict[str, Any]:
    return card(values=[value("kernel_distance", mean, deviation)], **more)


def two(folder: Path, one: dict[str, Any], other: dict[str, Any]) -> list[Path]:
    return [
        make_run(folder / "one", cards={PREFERRED: one}),
        make_run(folder / "two", cards={PREFERRED: other}),
    ]


def invoked(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)], env={"COLUMNS": "160"})


def of(part: str, **changes: Any) -> dict[str, Any]:
    """A card of which one part differs."""
    return card(**{part: {**card()[part], **changes}})


def test_side_by_side(tmp_path: Path) -> None:
    runs = two(tmp_path, card(), card(values=[value("kernel_distance", 0.004), value("precision", 0.7101, 0.004)]))
    said = invoked(*runs)
    assert said.exit_code == 0, said.output
    assert "★ 0.00213 ± 0.00010" in said.output
    assert "0.00400 ± 0.00010" in said.output
    assert said.output.count("★") == 2  # one, and what the sign means
    assert "0.00040 ± 0.00010" in said.output  # the floor
    assert "31.47 ± 0.21" in said.output
    assert "not reliable" in said.output


@pytest.mark.parametrize(
    ("one", "other", "best"),
    [
        ((0.002, 0.0001), (0.0022, 0.00019), 0),
        ((0.002, 0.0001), (0.0022, 0.00021), None),
        ((0.002, 0.00021), (0.0022, 0.0001), None),
        ((0.003, 0.0001), (0.002, 0.0001), 1),
        ((0.002, None), (0.003, 0.0001), None),
        ((None, None), (0.003, 0.0001), None),
        ((0.002, 0.0), (0.002, 0.0), None),
    ],
)
def test_better_only_beyond_both_deviations(
    tmp_path: Path, one: tuple[float, float], other: tuple[float, float], best: int | None
) -> None:
    (row,) = compare(two(tmp_path, kernel(*one), kernel(*other))).rows
    assert row.best == best


def test_of_three_the_best_beats_every_other(tmp_path: Path) -> None:
    runs = two(tmp_path, kernel(0.003), kernel(0.002))
    runs.append(make_run(tmp_path / "three", cards={PREFERRED: kernel(0.00205)}))
    assert compare(runs).rows[0].best is None
    assert compare(runs[:2]).rows[0].best == 1


def test_higher_is_better_where_it_is(tmp_path: Path) -> None:
    precise = [card(values=[value("precision", mean, 0.01)]) for mean in (0.6, 0.7)]
    assert compare(two(tmp_path, *precise)).rows[0].best == 1


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (of("features", weights="00" * 32), "weights of the features: efefefefefef against 000000000000"),
        (of("features", size="300×300"), "size that pictures are shown at: 224×224 against 300×300"),
        (of("features", filter="nearest"), "resize filter: Pillow bicubic, antialiased against nearest"),
        (of("reference", fingerprint="00" * 32), "data (fingerprint): abababababab against 000000000000"),
        (of("reference", pictures=500), "reference pictures: 1,000 against 500"),
        (card(samples=5000), "generated pictures: 9,000 against 5,000"),
    ],
)
def test_what_was_measured_differently_is_refused(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    runs = two(tmp_path, card(), other)
    with pytest.raises(UsageError) as caught:
        compare(runs)
    assert exit_code_of(caught.value) == 2
    assert reason in str(caught.value)
    measure = "--split holdout --features efficientnet_lite0 --samples 9000"
    assert f"gantool evaluate --checkpoint {runs[1]}" in str(caught.value)
    assert measure in str(caught.value)


def test_another_set_is_measured_against_the_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"--data {tmp_path}/one/gone --split"):
        compare(two(tmp_path, card(), of("reference", fingerprint="00" * 32)))


def test_every_reason_is_named(tmp_path: Path) -> None:
    other = of("reference", fingerprint="00" * 32, pictures=7)
    other["samples"] = 8
    with pytest.raises(UsageError) as caught:
        compare(two(tmp_path, card(), other))
    for reason in ("data (fingerprint)", "reference pictures", "generated pictures"):
        assert reason in str(caught.value)


def test_the_card_that_all_have_is_taken(tmp_path: Path) -> None:
    classifier = card(features={**card()["features"], "name": "classifier"})
    train = of("reference", split="train")
    one = make_run(
        tmp_path / "one", cards={PREFERRED: card(), "holdout-classifier": classifier, "train-efficientnet_lite0": train}
    )
    other = make_run(tmp_path / "two", cards={"holdout-classifier": classifier, "train-efficientnet_lite0": train})
    assert compare([one, other]).entries[0].card.features.name == "classifier"
    assert compare([one, one]).entries[0].card.features.name == "efficientnet_lite0"
    assert compare([one, other], split="train").entries[1].card.reference.split == "train"
    assert compare([one, one], features="classifier").entries[0].card.features.name == "classifier"
    with pytest.raises(UsageError, match=r"(?s)no metric card that all have.*two has holdout-classifier"):
        compare([one, other], split="holdout", features="efficientnet_lite0")


def test_cards_alone_are_compared_too(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps(kernel(0.5)), encoding="utf-8")
    run = full_run(tmp_path / "run")
    found = compare([run, file])
    assert [entry.name for entry in found.entries] == ["run", "other"]
    assert found.entries[1].run is None
    inside = compare([run / "evaluations" / f"{PREFERRED}.json", file]).entries[0]
    assert inside.run is not None


def test_a_run_without_a_card_is_told_how_to_make_one(tmp_path: Path) -> None:
    run, bare = full_run(tmp_path / "run"), make_run(tmp_path / "bare")
    with pytest.raises(UsageError, match=f"no metric card; make one: gantool evaluate --checkpoint {bare}"):
        compare([run, bare])


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    run = full_run(tmp_path / "run")
    file = tmp_path / "card.json"
    for content, error, words in (
        ({**card(), "format": 2}, UsageError, "different formats"),
        ({**card(), "values": 3}, DataError, "damaged"),
        ([], DataError, "no metric card"),
    ):
        file.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(error, match=words):
            compare([run, file])
    with pytest.raises(UsageError, match="no such"):
        compare([run, tmp_path / "none"])
    with pytest.raises(UsageError, match="2 to 12"):
        compare([run])


def test_the_json(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    runs = two(tmp_path, kernel(0.002), kernel(0.003, notes=[]))
    assert invoked(*runs, "--json", out).exit_code == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["format"] == 1
    assert found["kind"] == "comparison"
    assert [one["name"] for one in found["subjects"]] == ["one", "two"]
    (metric,) = found["metrics"]
    assert metric["best"] == 0
    assert metric["values"] == [{"mean": 0.002, "deviation": 0.0001}, {"mean": 0.003, "deviation": 0.0001}]
    assert metric["floor"] == {"mean": 0.0004, "deviation": 0.0001}


def test_numbers_beyond_all_numbers_are_none(tmp_path: Path) -> None:
    runs = two(tmp_path, kernel(0.002), kernel(0.003))
    text = json.dumps(kernel(7.25)).replace("7.25", "1e999")
    (runs[1] / "evaluations" / f"{PREFERRED}.json").write_text(text, encoding="utf-8")
    found = compare(runs)
    assert found.rows[0].best is None
    assert json.loads(found.to_json())["metrics"][0]["values"][1]["mean"] is None


def test_configs_that_differ_are_told(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", cards={PREFERRED: card()})
    other = make_run(tmp_path / "two", cards={PREFERRED: card()}, changes=("model.latent_dim=32",))
    found = {difference.key: difference.values for difference in compare([one, other]).config}
    assert found["model.latent_dim"] == ("64", "32")
    assert found["training.total_images"] == ("640", "40000")
    assert "model.latent_dim: 64 | 32" in invoked(one, other).output


def test_the_page(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    runs = two(tmp_path, kernel(0.002), kernel(0.003))
    assert invoked(*runs, "--html", out).exit_code == 0
    read = Read(out.read_text(encoding="utf-8"))
    assert "one has the better kernel distance" in read.words
    assert len(read.all("img")) == 2
    assert "after 256 images" in read.words
    assert "Nothing: the configs are alike." in read.words
    assert not read.all("script")
    (policy,) = (tag["content"] for tag in read.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    assert "script-src 'none'" in str(policy)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("columns", ["160", "40"])
def test_a_terminal_without_our_signs_gets_plainer_ones(tmp_path: Path, encoding: str, columns: str) -> None:
    runs = two(tmp_path, card(), card(values=[value("kernel_distance", 0.004), value("precision", 0.7101, 0.004)]))
    arguments = [sys.executable, "-m", "gantool", "compare", *map(str, runs)]
    setting = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": columns}
    said = subprocess.run(arguments, env=setting, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    words = said.stdout.decode(encoding)
    better = {"ascii": "* 0.00213 +/- 0.00010", "latin-1": "* 0.00213 ± 0.00010", "utf-8": "★ 0.00213 ± 0.00010"}
    if columns == "160":
        assert better[encoding] in words
        assert "\\" not in words


def test_what_stands_beside_itself_is_noted(tmp_path: Path) -> None:
    run = full_run(tmp_path / "one")
    (tmp_path / "again").symlink_to(run)
    for other in (run, tmp_path / "again"):
        assert "stands beside itself" in invoked(run, other).output
    (note,) = compare([run, run, run]).notes
    assert note == f"{run} stands beside itself: it was given more than once."


def test_two_cards_of_one_checkpoint_are_noted(tmp_path: Path) -> None:
    runs = two(tmp_path, kernel(0.002), kernel(0.003))
    found = compare(runs)
    assert found.notes == ["one and two are the same checkpoint: what differs is chance."]
    assert json.loads(found.to_json())["notes"] == found.notes
    assert found.notes[0] in Read(page.render(found)).words


@pytest.mark.parametrize("change", [{"digest": "00" * 32}, {"digest": None}, {"weights": "raw"}])
def test_what_is_not_the_same_is_not_noted(tmp_path: Path, change: dict[str, Any]) -> None:
    assert not compare(two(tmp_path, card(), of("subject", **change))).notes


def test_strangers_text_stays_text(tmp_path: Path) -> None:
    runs = [hostile_run(tmp_path / name) for name in ("one", "two")]
    read = Read(page.render(compare(runs)))
    assert not read.all("script")
    assert len(read.code["style"]) == 1
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert HOSTILE[1] in read.text
    said = invoked(*runs)
    assert said.exit_code == 0, said.output
    assert HOSTILE[1] in said.output
    assert "\x1b[2J" not in said.output

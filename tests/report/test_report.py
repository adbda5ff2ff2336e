"""The report as a file: what it tells, what it says of missing and damaged pieces, and that strangers' text is text."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from gantool.cli.app import app
from gantool.errors import UsageError
from gantool.report import write_report

from ..pages import Read
from .helpers import HOSTILE, audit, card, full_run, hostile_run, log, make_run, value


def written(run: Path, watts: float | None = None) -> Read:
    write_report(run, watts=watts)
    return Read((run / "report.html").read_text(encoding="utf-8"))


def curve(read: Read, title: str) -> dict[str, str | None]:
    """The drawing of a chart, by what it says to those who cannot see it."""
    (found,) = (tag for tag in read.all("svg") if str(tag.get("aria-label", "")).startswith(f"{title}:"))
    return found


def test_it_tells_of_everything(tmp_path: Path) -> None:
    words = written(full_run(tmp_path / "quick-001")).words
    for told in (
        "Report of quick-001",
        "Trained on 640 images; kernel distance (efficientnet_lite0) 0.00213, 5.3 times its floor; "
        "the audit failed (1 of 3 checks).",
        "5 grids",
        "31.47 ± 0.21",
        "0.00213 ± 0.00010",
        "not reliable",
        "Fewer than 2,560 reference pictures.",
        "The kernel distance leads.",
        "efficientnet_lite0, 1,280 dimensions, at 224×224, Pillow bicubic, antialiased, weights efefefefefef",
        "9,000 made pictures, 3 seeds",
        "The most suspicious pairs",
        "Of 10 classes 1 is not drawn: sandal.",
        "0.20%",
        "dropped",
        "as asked",
        "93.7%",
        "The discriminator has won; try --set x=1.",
        "a loss was not finite",
        "training.total_images",
        "bfloat16",
        "gantool train quickstart",
    ):
        assert told in words, told
    assert "Could not be shown" not in words


def test_hours_are_summed_over_sessions(tmp_path: Path) -> None:
    """60 s until a stop, 40 s after: elapsed begins at 0 again."""
    words = written(make_run(tmp_path / "run")).words
    assert "2 min in 2 sessions" in words
    assert "0.02778 h × 20 W ÷ 1,000 = 0.0005556 kWh" in words
    assert "20 W, assumed: 10 W for each of 2 CPU threads" in words
    assert "nobody measured the watts" in words


def test_a_short_first_session_is_not_lost(tmp_path: Path) -> None:
    """The second session's first line has run for longer than all of the first, an hour later."""
    records = [log(64, 1800.0, began=0.0, loss_generator=1.0), log(128, 3600.0, began=7200.0, loss_generator=1.0)]
    assert "1.5 h in 2 sessions" in written(make_run(tmp_path / "run", records=records)).words


def test_watts_can_be_said(tmp_path: Path) -> None:
    words = written(make_run(tmp_path / "run"), watts=72.0).words
    assert "72 W, said with --watts" in words
    assert "× 72 W ÷ 1,000 = 0.002" in words


@pytest.mark.parametrize("device", ["cuda", "NVIDIA H200"])  # a run writes the GPU's own name
def test_a_gpu_draws_more(device: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", info={"environment": {"device": device, "processes": 2, "threads": 8}})
    assert "600 W, assumed: 300 W for each of 2 GPUs" in written(run).words


def test_missing_pieces_are_said_with_their_command(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a run", records=[], grids=0)
    read = written(run)
    named = f"'{run}'"
    for command in (f"gantool evaluate --checkpoint {named}", f"gantool audit --checkpoint {named}"):
        assert command in read.words
    assert "No sample grid yet" in read.words
    assert "not evaluated yet; not audited yet" in read.words
    assert "This is what the run itself knows" in read.words
    assert not read.all("img")


def test_a_run_of_nothing_but_a_config_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: [", encoding="utf-8")
    words = written(tmp_path).words
    assert "The config cannot be read" in words
    assert "run.json is missing" in words


def test_damaged_and_newer_files_are_named(tmp_path: Path) -> None:
    cards = {"holdout-a": {**card(), "format": 2}, "holdout-b": {**card(), "values": [{"name": 1}]}, "holdout-c": 3}
    run = make_run(tmp_path / "run", cards=cards, audited={**audit(), "checks": "none"})
    (run / "evaluations" / "holdout-d.json").write_bytes(b"\xff{")
    (run / "samples" / "000000064.png").write_bytes(b"no picture")
    (run / "run.json").write_text("[1, 2", encoding="utf-8")
    with (run / "metrics.jsonl").open("ab") as stream:
        stream.write(b'{"event": "log", "images_seen": 7\n\xff\n[]\n{"event": "log"}\n')
    words = written(run).words
    for told in (
        "evaluations/holdout-a.json: a metric card of format 2; this version of gantool reads format 1",
        "evaluations/holdout-b.json: damaged: values.0",
        "evaluations/holdout-c.json: no metric card of gantool's",
        "evaluations/holdout-d.json: damaged",
        "audit/audit.json: damaged: checks",
        "samples/000000064.png",
        "run.json is damaged",
        "metrics.jsonl: 4 lines are damaged and left out",
        "4 grids",
    ):
        assert told in words.replace("4 of 5 grids", "4 grids"), told


def test_a_picture_that_is_not_beside_the_audit_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    for name in ("../../secret.png", str(secret), "..\\secret.png", "a\0b.png"):
        checks = [{**audit()["checks"][0], "picture": name}]
        run = make_run(tmp_path / str(len(list(tmp_path.iterdir()))), audited=audit(checks=checks), grids=0)
        read = written(run)
        assert not read.all("img")
        assert "is not beside it" in read.words


def test_strangers_text_stays_text(tmp_path: Path) -> None:
    read, plain = written(hostile_run(tmp_path / "hostile")), written(full_run(tmp_path / "plain"))
    assert len(read.code["script"]) == len(read.code["style"]) == 1
    assert read.code == plain.code
    assert {tag for tag, _ in read.tags} <= {tag for tag, _ in plain.tags} | {"circle"}
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not str(attributes.get("href", "#")).startswith("javascript:")
    for text in HOSTILE[:5]:
        assert text in read.text
    assert r"\x1b[2J\x07 clears\u202egnp.exe" in read.text
    assert not re.search("[\x1b\x07\u202e]", read.text)


def test_only_its_own_code_runs_and_nothing_is_fetched(tmp_path: Path) -> None:
    read = written(full_run(tmp_path / "run"))
    (policy,) = (tag["content"] for tag in read.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        (text,) = read.code[tag]
        assert rules[f"{tag}-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    for _, attributes in read.tags:
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("data:", "#"))


def test_at_most_forty_grids_with_both_ends(tmp_path: Path) -> None:
    frames = [tag for tag in written(make_run(tmp_path / "run", grids=101)).all("img") if "frame" in str(tag["class"])]
    seen = [int(str(tag["data-seen"]).split()[1].replace(",", "")) // 64 for tag in frames]
    assert len(seen) == 40
    assert (seen[0], seen[-1]) == (0, 100)
    assert {after - before for before, after in pairwise(seen)} <= {2, 3}
    assert ["hidden" in tag for tag in frames] == [True] * 39 + [False]  # without a script the last one is seen


def test_large_grids_stay_within_the_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", grids=0)
    for index in range(12):
        noise = Image.effect_noise((1400, 1000), 120).convert("RGB")
        noise.save(run / "samples" / f"{index:09d}.png", compress_level=0)
    read = written(run)
    assert (run / "report.html").stat().st_size < 8_000_000
    images = [tag for tag in read.all("img") if "frame" in str(tag["class"])]
    assert len(images) == 12
    assert max(int(str(tag["width"])) for tag in images) <= 900


def test_a_null_is_a_gap_and_what_was_not_measured_is_none(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    html = written(run)
    paths = [
        str(tag["d"]) for tag in html.all("path") if "curve s1" in str(tag.get("class")) and "M0 4" not in str(tag["d"])
    ]
    assert sum(path.count("M") == 2 for path in paths) == 1  # the losses, at the null
    records = [log(64 * step, 1.0 * step, a=step, **({"b": step} if step % 2 else {})) for step in range(1, 9)]
    sparse = written(make_run(tmp_path / "sparse", records=records))
    drawn = [str(tag["d"]) for tag in sparse.all("path") if str(tag.get("class")) == "curve s1"]
    assert {path.count("M") for path in drawn} == {1}


def test_the_best_of_a_metric_is_marked_beside_its_floor(tmp_path: Path) -> None:
    read = written(make_run(tmp_path / "run"))
    assert "lower is better · best 0.005 at 640 images" in read.words
    assert "logarithmic scale" in read.words  # from 0.125 down to a floor of 0.0004
    assert "floor: real pictures" in read.words
    assert "from 0.125 to 0.005" in str(curve(read, "Kernel distance")["aria-label"])
    assert "higher is better · best 0.5 at 640 images" in read.words


def test_what_happened_is_numbered_in_the_curves(tmp_path: Path) -> None:
    read = written(make_run(tmp_path / "run"))
    marks = [tag for tag in read.all("path") if str(tag.get("class")) == "happened"]
    assert len(marks) == 2 * len([tag for tag in read.all("figure") if tag.get("class") == "chart"])


def test_numbers_that_would_stand_on_one_another_are_joined(tmp_path: Path) -> None:
    records = [log(640 * step, 1.0 * step, loss_generator=step) for step in range(1, 11)]
    moments = (1920, 1920, 3840, 3841, 3842, 1921, 5760)
    records += [{"event": "warning", "images_seen": moment, "message": "x"} for moment in moments]
    read = written(make_run(tmp_path / "run", records=records))
    assert "1, 2, 6" in read.text
    assert "3–5" in read.text
    happened = [tag for tag in read.all("text") if str(tag.get("class")) == "tick happened"]
    charts = len([tag for tag in read.all("figure") if tag.get("class") == "chart"])
    assert len(happened) == 3 * charts


def test_diversity_and_gap_say_what_they_are(tmp_path: Path) -> None:
    records = [log(64 * step, 1.0 * step, event="evaluation", diversity=0.5, gap=0.1) for step in (1, 2)]
    words = written(make_run(tmp_path / "run", records=records)).words
    assert "differ from one another as real ones do" in words
    assert "less that of held-out ones" in words


def test_long_logs_are_thinned_and_keep_their_extremes(tmp_path: Path) -> None:
    records = [log(64 * step, float(step), loss_generator=-9.5 if step == 7777 else 1.0) for step in range(1, 20_001)]
    run = make_run(tmp_path / "run", records=records, grids=0)
    read = written(run)
    assert "between -9.5 and 1" in str(curve(read, "Losses")["aria-label"])
    assert (run / "report.html").stat().st_size < 300_000


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308],
        [1e-320, 1.0],
        [float("inf"), float("nan")],
        [1e300, 1e-300],
        [5.0, 5.0],
        [0.0, 0.0],
        [1e9, 1e9 + 1e-6],
        [True, "x"],
        [10**400, 3],
    ],
)
def test_any_numbers_can_be_drawn(tmp_path: Path, values: list[object]) -> None:
    records = [log(64 * step, float(step), loss_generator=one) for step, one in enumerate(values, 1)]
    records += [{"event": "log", "images_seen": 1e308, "loss_generator": 1}, {"event": "log", "images_seen": -1}]
    read = written(make_run(tmp_path / "run", records=records))
    for tag in read.all("path"):
        assert not re.search("nan|inf", str(tag.get("d")))


def test_differences_from_the_recipe(tmp_path: Path) -> None:
    same = written(make_run(tmp_path / "same", changes=())).words
    assert "The recipe quickstart, unchanged." in same
    changed = written(make_run(tmp_path / "other", changes=("model.latent_dim=32", "penalties=[]"))).words
    assert "model.latent_dim3264" in changed  # cells of one row
    assert "penalties[0].weight–0.2" in changed
    own = written(make_run(tmp_path / "own", changes=("name=mine",))).words
    assert "No recipe is called so" in own


def test_cards_of_another_set_say_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", cards={"holdout-x": card()}, info={"dataset_fingerprint": "00" * 32})
    assert "not of the set that this run was trained on" in written(run).words


def test_a_floor_that_is_lost_in_its_deviation_is_no_measure(tmp_path: Path) -> None:
    floor = {"halves": {"mean": 0.0003, "deviation": 0.0008}, "train_holdout": None}
    one = value("kernel_distance", 0.2, 0.01, floor=floor)
    words = written(make_run(tmp_path / "run", cards={"holdout-x": card(values=[one])})).words
    assert "kernel distance (efficientnet_lite0) 0.2 (floor 0.00030 ± 0.00080);" in words
    assert "times its floor" not in words


def test_a_card_of_an_earlier_moment_says_which(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", cards={"holdout-x": card(subject={**card()["subject"], "images_seen": 320})})
    assert "kernel distance (efficientnet_lite0) 0.00213 at 320 images, 5.3 times its floor" in written(run).words


def test_the_preferred_card_speaks_for_the_run(tmp_path: Path) -> None:
    other = card(values=[value("kernel_distance", 0.5)])
    run = make_run(tmp_path / "run", cards={"holdout-classifier": other, "holdout-efficientnet_lite0": card()})
    assert "kernel distance (efficientnet_lite0) 0.00213" in written(run).words


def test_the_page_is_deterministic(tmp_path: Path) -> None:
    run = full_run(tmp_path / "run")
    write_report(run, tmp_path / "a.html")
    write_report(run, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_the_command(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    out = tmp_path / "out.html"
    said = CliRunner().invoke(app, ["report", str(run), "--out", str(out), "--watts", "5"])
    assert said.exit_code == 0, said.output
    assert f"wrote {out}" in said.output
    assert f"no metric card yet: gantool evaluate --checkpoint {run}" in said.output
    assert out.is_file()
    assert not (run / "report.html").exists()


def test_faults_move_no_cursor(tmp_path: Path) -> None:
    checks = [{**audit()["checks"][0], "picture": "../\x1b[2J.png"}]
    run = make_run(
        tmp_path / "run",
        audited=audit(checks=checks),
        changes=('data.path="/a\u202eb"', "data.source=folder", "data.labels=folders"),
    )
    said = CliRunner().invoke(app, ["report", str(run)])
    assert said.exit_code == 0, said.output
    assert r"../\x1b[2J.png" in said.output
    assert "\x1b" not in said.output
    assert "\u202e" not in (run / "report.html").read_text(encoding="utf-8")


def test_it_says_what_the_run_was_trained_on(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", changes=("data.skip_bad=true", "data.resolution=16"))
    words = written(run).words
    assert "skip bad yes" in words
    assert "resolution 16" in words
    assert "deduplicate" not in words.split("The whole config")[0]
    assert str(tmp_path) not in words.split("Its prepared set cannot")[1].split("Config")[0]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run folder"):
        write_report(tmp_path / "none")
    with pytest.raises(UsageError, match="not a run folder"):
        write_report(tmp_path)
    run = make_run(tmp_path / "run")
    with pytest.raises(UsageError, match="is a folder"):
        write_report(run, tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        write_report(run, tmp_path / "no" / "file.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_can_be_told_from_the_ground(tmp_path: Path, scheme: str) -> None:
    """Contrast of at least 3 (WCAG 2, 1.4.11)."""
    (style,) = written(make_run(tmp_path / "run")).code["style"]
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme == "dark"]
    colours = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block))
    for number in range(1, 7):
        lighter, darker = sorted((luminance(colours[f"s{number}"]), luminance(colours["ground"])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

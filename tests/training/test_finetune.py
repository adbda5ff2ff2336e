"""A trained model taken to other pictures: what is taken over, what is not, what stays frozen, what goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from gantool.cli.app import app
from gantool.config import ExperimentConfig, parse_config
from gantool.errors import CheckpointError, ConfigError, GantoolError, exit_code_of
from gantool.rundir import RunFolder
from gantool.sample import load_generator
from gantool.training import finetune
from gantool.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gantool.training.finetuning import as_finetuned
from gantool.training.origin import read_origin
from gantool.training.verbs import Resumption, start, train
from tests.architectures import SMALL_MODELS
from tests.training.helpers import BATCH, StopAfter, differing, gantool, last, lines, resume, tiny

MODELS = sorted(SMALL_MODELS)
FEW = ("training.total_images=40", "log.every=40", "checkpoints.every=16")
PENALTIES = "penalties=[{name: r1, weight: 0.2, every_steps: 2}]"


def side(name: str, doublings: int = 0) -> int:
    """The sides that all architectures here draw; fastgan begins at 64."""
    return (64 if name.startswith("fastgan") else 16) << doublings


def experiment(name: str, *overrides: str, **settings: Any) -> ExperimentConfig:
    """A small run of one of ``SMALL_MODELS`` on the embedded pictures."""
    model = {"name": name.split("-", maxsplit=1)[0], "latent_dim": 8, **SMALL_MODELS[name], **settings}
    return tiny(*FEW, f"model={json.dumps(_plain(model))}", f"data.resolution={side(name)}", *overrides)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunFolder]:
    """A short run of a config, made once."""
    made: dict[str, RunFolder] = {}

    def of(config: ExperimentConfig) -> RunFolder:
        text = config.to_yaml()
        if text not in made:
            made[text] = train(config, run_dir=tmp_path_factory.mktemp("trained") / "run", device="cpu", quiet=True)
        return made[text]

    return of


def first(run: RunFolder) -> Checkpoint:
    """The checkpoint of the very beginning."""
    return read_checkpoint(run.checkpoint_path(0))


def taken(run: RunFolder) -> dict[str, Any]:
    """What the run's folder says was taken over."""
    return dict(json.loads((run.path / "finetune.json").read_text(encoding="utf-8")))


def group(checkpoint: Checkpoint, name: str) -> dict[str, torch.Tensor]:
    """The tensors of a part, by their own names."""
    return {key.removeprefix(f"{name}."): t for key, t in checkpoint.tensors.items() if key.startswith(f"{name}.")}


def weights(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """All but the vectors of spectral norm, which are estimated again."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith((".left", ".right"))}


@pytest.mark.parametrize("name", MODELS)
def test_the_same_networks_are_taken_over_whole(name: str, trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    config = experiment(name, "seed=3", conditioning="class", spectral_norm=name != "fastgan-plain")
    origin = trained(config)
    other = config.model_copy(update={"seed": 4})
    run = finetune(origin.path, other, run_dir=tmp_path / "run", device="cpu", quiet=True)
    before, begun = last(origin), first(run)
    averaged = group(before, "ema")
    assert differing(weights(averaged), weights(group(begun, "generator"))) == []
    assert differing(weights(averaged), weights(group(begun, "ema"))) == []
    assert differing(group(before, "discriminator"), group(begun, "discriminator")) == []
    assert taken(run)["not_taken_over"] == []
    assert taken(run)["taken_over"] == {"generator": 1.0, "discriminator": 1.0}
    assert begun.metadata["images_seen"] == 0
    moments = [tensor for key, tensor in begun.tensors.items() if key.startswith("optimizer.")]
    assert all(not tensor.any() for tensor in moments)
    assert any(tensor.any() for key, tensor in before.tensors.items() if key.startswith("optimizer."))


@pytest.mark.parametrize("name", MODELS)
def test_grown_pictures_begin_from_what_fits(name: str, trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment(name))
    larger = experiment(name, f"data.resolution={side(name, 1)}")
    run = finetune(origin.path, larger, run_dir=tmp_path / "run", device="cpu", quiet=True)
    fresh = train(larger, run_dir=tmp_path / "fresh", device="cpu", quiet=True)
    left = {row["name"]: row for row in taken(run)["not_taken_over"]}
    assert left
    assert all(row["why"] == ["resolution"] for row in left.values())
    begun, anew, before = first(run), first(fresh), last(origin)
    here = {**prefixed(begun, "generator"), **prefixed(begun, "discriminator")}
    for key in weights(here):
        if key in left:
            assert list(here[key].shape) == left[key]["here"]
            assert torch.equal(here[key], anew.tensors[key]), f"{key} is not what the seed draws"
    kept = [key for key in weights(here) if key not in left and key.startswith("generator.")]
    source = {f"generator.{key}": tensor for key, tensor in group(before, "ema").items()}
    assert all(torch.equal(here[key], source[key]) for key in kept)
    assert 0 < taken(run)["taken_over"]["discriminator"] < 1


def prefixed(checkpoint: Checkpoint, name: str) -> dict[str, torch.Tensor]:
    return {key: tensor for key, tensor in checkpoint.tensors.items() if key.startswith(f"{name}.")}


GROWING = {
    "r3gan": ({"width": 16, "wide_levels": 4}, "levels.1.0.enter.weight", "levels.0.0.enter.weight"),
    "resnet": ({"generator_width": 8, "discriminator_width": 8}, "blocks.1.conv_1.weight", "blocks.0.conv_1.weight"),
    "stylegan2": ({"width": 8, "max_width": 8}, "blocks.1.conv_1.weight", "blocks.0.conv_1.weight"),
}


@pytest.mark.parametrize("name", GROWING)
def test_levels_are_found_by_resolution(name: str, trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    """Where widths do not depend on the size, all of the low levels is taken over, in either network."""
    settings, here, there = GROWING[name]
    origin = trained(experiment(name, **settings))
    larger = experiment(name, f"data.resolution={side(name, 1)}", **settings)
    run = finetune(origin.path, larger, run_dir=tmp_path / "run", device="cpu", quiet=True)
    before, begun = last(origin), first(run)
    assert torch.equal(group(begun, "discriminator")[here], group(before, "discriminator")[there])
    left = {row["name"] for row in taken(run)["not_taken_over"]}
    low = [key for key in group(before, "ema") if not key.startswith(("image", "colours", "last_norm"))]
    assert [key for key in low if f"generator.{key}" in left] == []
    assert "discriminator.head.weight" not in left


@pytest.mark.parametrize("name", MODELS)
def test_other_channels_touch_the_picture_s_ends_alone(
    name: str, trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    origin = trained(experiment(name))
    run = finetune(
        origin.path, experiment(name, "data.channels=rgb"), run_dir=tmp_path / "run", device="cpu", quiet=True
    )
    left = taken(run)["not_taken_over"]
    assert left
    assert all(row["why"] == ["channels"] for row in left)
    differing_axes = [sum(a != b for a, b in zip(row["there"], row["here"], strict=True)) for row in left]
    assert differing_axes == [1] * len(left)


def labelled(folder: Path, classes: tuple[str, ...], size: int) -> str:
    """A small set of noise, a folder a class."""
    from PIL import Image

    noise = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = noise.integers(0, 256, (size, size), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return f"data={{source: folder, path: {folder}, resolution: {size}, labels: folders, channels: grey}}"


@pytest.mark.parametrize("head", ["projection", "classifier"])
@pytest.mark.parametrize("name", MODELS)
def test_rows_of_classes_go_by_name(
    name: str, head: str, trained: Callable[..., RunFolder], tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings: dict[str, Any] = {"conditioning": "class"}
    if head == "classifier":
        if not hasattr(experiment(name).model, "class_head"):
            pytest.skip("this architecture has one kind of head")
        settings["class_head"] = head
    folder = tmp_path_factory.mktemp("classes")
    before = labelled(folder / "before", ("ant", "bee", "cat"), side(name))
    after = labelled(folder / "after", ("bee", "dog", "emu", "cat"), side(name))
    origin = trained(experiment(name, before, **settings))
    run = finetune(origin.path, experiment(name, after, **settings), run_dir=folder / "run", device="cpu", quiet=True)
    old, new = last(origin), first(run)
    left = taken(run)["not_taken_over"]
    assert left
    assert {tuple(row["why"]) for row in left} == {("classes",)}
    rows = [row for row in left if row["kept_classes"]]
    assert rows
    for row in rows:
        assert (row["there"][0], row["here"][0], row["kept_classes"]) == (3, 4, ["bee", "cat"])
        network, _, key = row["name"].partition(".")
        there = group(old, "ema" if network == "generator" else network)[key]
        here = group(new, network)[key]
        assert torch.equal(here[[0, 1]], there[[1, 2]])  # bee, cat of ant, bee, cat
        assert not torch.equal(here[2], there[0])


def test_as_many_classes_of_other_names_are_other_classes(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    before = labelled(tmp_path / "before", ("ant", "bee"), 16)
    after = labelled(tmp_path / "after", ("bee", "cow"), 16)
    config = experiment("compact", before, conditioning="class")
    origin = trained(config)
    run = finetune(
        origin.path,
        experiment("compact", after, conditioning="class"),
        run_dir=tmp_path / "run",
        device="cpu",
        quiet=True,
    )
    name = "entry.embedding.weight"
    old, new = group(last(origin), "ema")[name], group(first(run), "generator")[name]
    assert torch.equal(new[0], old[1])
    assert not torch.equal(new[1], old[0])
    assert not torch.equal(new[1], old[1])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_frozen_layers_stay_to_the_bit(
    name: str, optimizer: str, trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    config = experiment(name, PENALTIES, f"optimizer.discriminator.name={optimizer}", spectral_norm=True)
    if optimizer == "adamw":
        config = parse_config(config.to_yaml(), overrides=["optimizer.discriminator.weight_decay=0.1"])
    origin = trained(experiment(name, spectral_norm=True))
    frozen = as_finetuned(parse_config(config.to_yaml(), overrides=["finetune={freeze: {discriminator_layers: 1}}"]))
    run = finetune(origin.path, frozen, run_dir=tmp_path / "run", device="cpu", quiet=True)
    resume(run, "training.total_images=80")
    discriminator = read_origin(origin.path).facts.settings.build_discriminator(first_shape(run), 0)
    before, after = group(last(origin), "discriminator"), group(last(run), "discriminator")
    still = {name for name, tensor in discriminator.state_dict(keep_vars=True).items() if inside(tensor, discriminator)}
    parameters = {name for name, _ in discriminator.named_parameters()}
    assert still & parameters
    moved = set(differing(before, after))
    assert moved & still == set()
    assert parameters - still <= moved, "what is not frozen learns"
    assert {key for key in last(run).tensors if key.startswith("optimizer.")} == {
        key for key in last(origin).tensors if key.startswith("optimizer.")
    }


def first_shape(run: RunFolder) -> Any:
    """Shape of a run's pictures."""
    return read_origin(run.path).facts.shape


def inside(tensor: torch.Tensor, discriminator: Any) -> bool:
    """Whether it is a parameter or a vector of spectral norm of the first layer (batch norm's statistics move)."""
    from gantool.nn.normalisation import BatchNorm

    layer = discriminator.layers()[0]
    statistics = {id(b) for m in layer.modules() if isinstance(m, BatchNorm) for b in m.buffers()}
    return id(tensor) in {id(t) for t in (*layer.parameters(), *layer.buffers())} - statistics


@pytest.mark.parametrize("name", MODELS)
def test_a_finetuned_run_resumes_bit_for_bit(name: str, trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment(name))
    config = experiment(
        name,
        PENALTIES,
        "augment=[{name: ada, probability: 0.1, ramp_images: 1000}]",
        "training.total_images=80",
        "finetune={freeze: {discriminator_layers: 1}, learning_rate_factor: {from: 1, to: 0.5}, warm_up: 48}",
    )
    straight = finetune(origin.path, config, run_dir=tmp_path / "straight", device="cpu", quiet=True)
    stopped = RunFolder(tmp_path / "stopped")
    ending = start(config, stopped, "cpu", display=StopAfter(4 * BATCH), origin=read_origin(origin.path))
    assert ending.signal
    away = origin.path.with_name("away")
    shutil.move(origin.path, away)  # from its own checkpoints on it needs the other model no more
    try:
        resume(stopped)
    finally:
        shutil.move(away, origin.path)
    assert differing(last(straight).tensors, last(stopped).tensors) == []
    assert lines(straight) == lines(stopped)
    assert last(straight).digest == last(stopped).digest


def test_the_origin_is_recorded_everywhere(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment("compact"))
    config = experiment("compact", "training.total_images=16")
    run = finetune(origin.path, config, run_dir=tmp_path / "run", device="cpu", quiet=True)
    digest = last(origin).digest
    resume(run, "training.total_images=40")
    assert last(run).metadata["finetuned_from"] == digest
    assert json.loads(run.info.read_text(encoding="utf-8"))["finetuned_from"] == digest
    assert taken(run)["origin"]["digest"] == digest
    assert load_generator(run.path).origin.to_dict()["finetuned_from"] == digest
    assert gantool("export", run.path, tmp_path / "shared.safetensors").returncode == 0
    assert load_generator(tmp_path / "shared.safetensors").origin.finetuned_from == digest
    assert "finetuned_from" not in last(origin).metadata
    assert load_generator(origin.path).origin.finetuned_from is None


def test_rates_follow_factor_and_warm_up(
    trained: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float]] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, closure: Any = None) -> Any:
        seen.append((self.param_groups[0]["lr"], len(seen) // 2 * BATCH))
        return step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    settings = "finetune={learning_rate_factor: {from: 1, to: 0, until: 64}, warm_up: 32}"
    config = experiment("mlp", settings, "training.total_images=80")
    origin = trained(experiment("mlp"))
    seen.clear()
    finetune(origin.path, config, run_dir=tmp_path / "run", device="cpu", quiet=True)
    assert len(seen) == 20
    for rate, images in seen:
        assert rate == pytest.approx(2e-4 * max(0, 1 - images / 64) * min(1, images / 32), abs=1e-12)


def test_a_run_killed_before_its_first_checkpoint_starts_from_the_origin_again(
    trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    origin = trained(experiment("compact"))
    mine = tmp_path / "mine.safetensors"
    shutil.copy(last(origin).path, mine)
    run = finetune(mine, experiment("compact"), run_dir=tmp_path / "run", device="cpu", quiet=True)
    whole = last(run).digest
    for file in run.checkpoints():
        file.unlink()
    resume(run)
    assert last(run).digest == whole
    for file in run.checkpoints():
        file.unlink()
    shutil.copy(origin.checkpoint_path(16), mine)
    with pytest.raises(CheckpointError, match="is no longer what it starts from; start again: gantool finetune"):
        Resumption(run.path).go("cpu")
    mine.unlink()
    with pytest.raises(CheckpointError, match=r"starts from is gone \(.*no such file"):
        Resumption(run.path).go("cpu")


def test_too_much_that_begins_anew_is_a_warning(
    trained: Callable[..., RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = trained(experiment("compact"))
    config = experiment("compact", width=16)
    finetune(origin.path, config, run_dir=tmp_path / "run", device="cpu")
    said = capsys.readouterr().out
    assert "model.width was 8, is 16" in said
    assert "of the generator's parameters begin anew (why: model.width)" in said
    assert "generator.image.weight " in said
    finetune(origin.path, experiment("compact"), run_dir=tmp_path / "same", device="cpu")
    assert "nothing begins anew" in capsys.readouterr().out


def test_wrong_input_says_what_and_what_to_do(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment("compact"))
    exported = tmp_path / "exported.safetensors"
    assert gantool("export", origin.path, exported).returncode == 0
    latents = tmp_path / "latent.safetensors"
    write_checkpoint(latents, {"latents": torch.zeros(1, 8)}, {"kind": "latents"})
    plain, dcgan, frozen = (tmp_path / f"{name}.yaml" for name in ("plain", "dcgan", "frozen"))
    plain.write_text(experiment("compact").to_yaml())
    dcgan.write_text(experiment("dcgan").to_yaml())
    frozen.write_text(experiment("compact", "finetune={freeze: {discriminator_layers: 4}}").to_yaml())
    for arguments, code, message in (
        (("finetune", tmp_path / "nowhere", plain), 2, "nowhere: no such file or run folder"),
        (("finetune", plain, plain), 4, "plain.yaml: cannot be read as a checkpoint"),
        (("finetune", exported, plain), 4, "an exported generator; fine-tuning needs the discriminator as well"),
        (("finetune", latents, plain), 4, "latent.safetensors: holds no trained model"),
        (("finetune", origin.path, dcgan), 2, "model.name: dcgan, and "),
        (("finetune", origin.path, frozen), 2, "has 3 layers before its heads at 16×16; give 0 to 3"),
        (
            ("finetune", origin.path, plain, "--set", "data.resolution=33"),
            2,
            "33 is no size this architecture can draw",
        ),
        (("finetune", origin.path, plain, "--set", "data.max_images=3"), 3, "fewer than one batch"),
        (("train", frozen), 2, "finetune: is for a run that starts from a trained model"),
    ):
        fault = CliRunner().invoke(app, [*map(str, arguments), "--run-dir", str(tmp_path / "run")]).exception
        assert isinstance(fault, GantoolError), fault
        assert exit_code_of(fault) == code
        assert message in str(fault)
        assert not (tmp_path / "run" / "config.yaml").exists()


def test_a_stranger_s_model_is_not_believed(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    """What it says is checked, and no network is made that its tensors do not fit."""
    found, path = last(trained(experiment("compact"))), tmp_path / "odd.safetensors"

    def of(**model: int) -> dict[str, Any]:
        config = found.metadata["config"]
        return {**found.metadata, "config": {**config, "model": {**config["model"], **model}}}

    halved = {name: tensor.half() if name.startswith("ema.") else tensor for name, tensor in found.tensors.items()}
    for metadata, tensors, message in (
        ({**found.metadata, "images_seen": "all"}, found.tensors, "'images_seen' in its metadata cannot be right"),
        (
            {"kind": "checkpoint", "config": {}, "shape": [1, 16, 16], "classes": []},
            found.tensors,
            "lacks 'images_seen'",
        ),
        ({**found.metadata, "shape": [1, 16]}, found.tensors, "'shape' in its metadata cannot be right"),
        (of(latent_dim=4096, width=1024), found.tensors, "do not fit its own config"),
        ({**of(), "shape": [1, 17, 17]}, found.tensors, "its config does not describe a model"),
        (found.metadata, halved, "do not fit its own config"),
        (found.metadata, {**found.tensors, "discriminator.more": torch.zeros(1)}, "do not fit its own config"),
    ):
        write_checkpoint(path, tensors, metadata)
        with pytest.raises(CheckpointError, match=f"odd.safetensors: .*{message}"):
            read_origin(path)


def test_the_command_line_makes_a_run(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment("compact"))
    config = tmp_path / "mine.yaml"
    config.write_text(experiment("compact", "training.total_images=16").to_yaml())
    run = RunFolder(tmp_path / "run")
    arguments = ("finetune", origin.path, config, "--run-dir", run.path, "--set", "finetune.warm_up=8")
    said = gantool(*arguments, "--device", "cpu")
    assert said.returncode == 0, said.stderr
    assert "taken over: 100.0% of the generator's parameters" in said.stdout
    assert last(run).metadata["config"]["finetune"]["warm_up"] == 8
    assert gantool(*arguments).returncode == 2, "the folder holds a run already"
    assert "finished at 16 images" in gantool(*arguments, "--or-resume").stdout


def test_two_processes_begin_from_the_same_weights(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment("compact"))
    config = tmp_path / "mine.yaml"
    frozen = "finetune={freeze: {discriminator_layers: 1}}"
    config.write_text(experiment("compact", "training.total_images=16", frozen).to_yaml())
    run = RunFolder(tmp_path / "run")
    said = gantool("finetune", origin.path, config, "--run-dir", run.path, "--processes", "2", "--device", "cpu")
    assert said.returncode == 0, said.stderr
    assert differing(weights(group(last(origin), "ema")), weights(group(first(run), "generator"))) == []
    before, after = group(last(origin), "discriminator"), group(last(run), "discriminator")
    moved = differing(before, after)
    assert "convs.0.weight" not in moved
    assert "convs.2.weight" in moved


def test_more_frozen_layers_than_there_are(trained: Callable[..., RunFolder], tmp_path: Path) -> None:
    origin = trained(experiment("mlp"))
    config = experiment("mlp", "finetune={freeze: {discriminator_layers: 3}}")
    with pytest.raises(ConfigError, match=r"discriminator_layers: 3, and the discriminator of mlp has 2 layers"):
        finetune(origin.path, config, run_dir=tmp_path / "run", device="cpu", quiet=True)
    assert not (tmp_path / "run").exists()

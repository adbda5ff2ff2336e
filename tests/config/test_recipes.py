"""The shipped recipes: all of them load, and the seeds are the article's, number by number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import zoo
from gantool import recipes
from gantool.config import ExperimentConfig, find_config, load_config, parse_config
from gantool.errors import UsageError

ALL = recipes.recipes()


def recipe(name: str) -> ExperimentConfig:
    return load_config(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_loads_and_reads_back(name: str) -> None:
    config = recipe(name)
    assert config.name == name
    assert parse_config(config.to_yaml()) == config


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_says_what_it_is_for(name: str) -> None:
    head = ALL[name].read_text(encoding="utf-8").partition("\n\n")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    for topic in ("For:", "Pictures:", "Time:", "Quality:"):
        assert topic in head
    assert 20 < len(recipes.description(ALL[name])) < 100


def test_the_convolutional_seed() -> None:
    """S1: Adam 1e-4 for both, non-saturating loss, batch 256, losses every 100 steps, seed 42."""
    config = recipe("seed_dcgan").to_dict()
    assert config["seed"] == 42
    assert _some(config["data"], "source", "path", "resolution", "channels", "holdout") == (
        "idx", "data/mnist", 28, "grey", "official",
    )  # fmt: skip
    assert _some(config["model"], "name", "conditioning", "latent_dim", "slope", "dropout") == (
        "dcgan", "none", 100, 0.3, 0.3,
    )  # fmt: skip
    assert config["loss"] == {"name": "non_saturating", "discriminator_scale": 1.0}
    for network in ("generator", "discriminator"):
        assert config["optimizer"][network] == {
            "name": "adam", "learning_rate": 1e-4, "betas": [0.9, 0.999], "eps": 1e-7,
        }  # fmt: skip
    assert _some(config["training"], "total_images", "batch_size", "discriminator_steps", "ema_half_life") == (
        20 * 60_000, 256, 1, 0,
    )  # fmt: skip
    assert config["log"]["every"] == 100 * 256
    assert config["samples"]["every"] == 60_000
    assert not config["penalties"]
    assert not config["augment"]


def test_the_dense_seed() -> None:
    """S2: Adam 1e-4, the mean of both halves, batch 128, 20 epochs, status every 50 steps, 5×5 every epoch."""
    config = recipe("seed_mlp").to_dict()
    assert _some(config["data"], "source", "resolution", "channels", "holdout") == ("idx", 28, "grey", "official")
    assert _some(config["model"], "name", "conditioning", "latent_dim", "hidden", "slope") == (
        "mlp", "none", 100, [128, 256, 512, 1024], 0.2,
    )  # fmt: skip
    assert config["loss"] == {"name": "non_saturating", "discriminator_scale": 0.5}
    for network in ("generator", "discriminator"):
        assert config["optimizer"][network]["learning_rate"] == 1e-4
        assert config["optimizer"][network]["betas"] == [0.5, 0.999]
    assert _some(config["training"], "total_images", "batch_size", "ema_half_life") == (20 * 60_000, 128, 0)
    assert config["log"]["every"] == 50 * 128
    assert _some(config["samples"], "every", "rows", "columns") == (60_000, 5, 5)


def test_the_quickstart_needs_nothing_but_the_package() -> None:
    config = recipe("quickstart")
    assert config.data.source == "embedded"
    assert config.model.conditioning == "class"


def _some(section: dict[str, object], *keys: str) -> tuple[object, ...]:
    return tuple(section[key] for key in keys)


def test_a_file_wins_over_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config("quickstart") == ALL["quickstart"]
    (tmp_path / "quickstart").mkdir()  # a run folder of that name is no config
    assert find_config("quickstart") == ALL["quickstart"]
    (tmp_path / "quickstart").rmdir()
    (tmp_path / "quickstart").write_text("", encoding="utf-8")
    assert find_config("quickstart") == Path("quickstart")


def test_neither_file_nor_recipe() -> None:
    names = ", ".join(ALL)
    with pytest.raises(UsageError, match=f"^no/quikstart.yaml: .*; did you mean quickstart\\? recipes: {names}$"):
        find_config("no/quikstart.yaml")


def test_recipes_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel has them inside the package, where no clone is around."""
    shipped = tmp_path / "gantool" / "configs"
    shipped.mkdir(parents=True)
    (shipped / "only.yaml").write_text("# The only one.\n", encoding="utf-8")
    monkeypatch.setattr(recipes, "__file__", str(tmp_path / "gantool" / "recipes.py"))
    assert recipes.recipes() == {"only": shipped / "only.yaml"}
    assert recipes.description(shipped / "only.yaml") == "The only one."


def test_the_emoji_recipe_trains_what_the_zoo_measured(tmp_path: Path) -> None:
    """Its head gives the distance of docs/zoo.md's `biggan`; only the cadence of its checkpoints may differ."""
    asked = recipe("emoji32_conditional")
    measured = parse_config(json.dumps(zoo.config(tmp_path, "biggan")))
    assert asked.training == measured.training
    for part in ("model", "loss", "penalties", "augment", "optimizer", "seed"):
        assert getattr(asked, part) == getattr(measured, part), part

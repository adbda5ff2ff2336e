"""What is written is what was read: YAML, JSON, and the schema that editors use."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.config import ExperimentConfig, from_dict, json_schema, parse_config
from gantool.config.writing import to_yaml
from gantool.errors import ConfigError
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.optimizers import AnyOptimizer
from gantool.penalties import AnyPenalty
from gantool.yamlfile import parse
from tests.config.helpers import BASE, changed, members

POSITIVE = st.floats(1e-12, 1e12)
RAMPS = st.builds(
    lambda start, to, until, shape: {"from": start, "to": to, "until": until, "shape": shape},
    POSITIVE,
    POSITIVE,
    st.none() | st.integers(1, 10**12),
    st.sampled_from(["linear", "cosine"]),
)
SCHEDULED = POSITIVE | RAMPS
# A path may be any text at all: the writer must quote what YAML would read as something else.
PATHS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
NAMES = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
AWKWARD = st.sampled_from(["1e-4", "0o17", "yes", "null", "~", "2024-01-01", "- a", "a: b", "#", "1_000", " x ", ".5"])


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    data = parse_config(BASE).to_dict()
    data["name"] = draw(NAMES)
    data["seed"] = draw(st.integers(0, 2**63 - 1))
    data["data"]["path"] = draw(PATHS | AWKWARD)
    data["penalties"] = [{"name": name, "weight": draw(SCHEDULED)} for name in draw(st.permutations(["r1", "r2"]))]
    data["optimizer"]["generator"]["learning_rate"] = draw(SCHEDULED)
    data["optimizer"]["generator"]["eps"] = draw(POSITIVE)
    data["training"]["total_images"] = draw(st.integers(1, 10**12))
    data["training"]["ema_half_life"] = draw(SCHEDULED)
    return data


@given(configs())
@settings(max_examples=100, deadline=None)
def test_a_config_reads_back_equal(data: dict[str, Any]) -> None:
    config = from_dict(data)
    written = config.to_yaml()
    assert parse_config(written) == config
    assert parse_config(written).to_yaml() == written
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config
    # Other readers, which know YAML 1.1, see the same.
    assert yaml.safe_load(written) == parse(written, file="f").value


@pytest.mark.parametrize("model", members(AnyModel), ids=lambda member: member.__name__)
@pytest.mark.parametrize("loss", members(AnyLoss), ids=lambda member: member.__name__)
def test_every_model_and_loss_reads_back(model: Any, loss: Any) -> None:
    drawn_by_all = parse_config(BASE, overrides=("data.resolution=64",)).to_dict()
    data = {**drawn_by_all, "model": model().model_dump(), "loss": loss().model_dump()}
    config = from_dict(json.loads(json.dumps(data)))
    assert isinstance(config.model, model)
    assert isinstance(config.loss, loss)
    assert parse_config(config.to_yaml()) == config


@pytest.mark.parametrize("penalty", members(AnyPenalty), ids=lambda member: member.__name__)
@pytest.mark.parametrize("optimizer", members(AnyOptimizer), ids=lambda member: member.__name__)
def test_every_penalty_and_optimizer_reads_back(penalty: Any, optimizer: Any) -> None:
    data = parse_config(BASE).to_dict()
    data["penalties"] = [{"name": penalty.model_fields["name"].default}]
    data["optimizer"]["generator"] = {"name": optimizer.model_fields["name"].default}
    config = from_dict(data)
    assert isinstance(config.penalties[0], penalty)
    assert isinstance(config.optimizer.generator, optimizer)
    assert parse_config(config.to_yaml()) == config


def test_the_written_file_is_made_for_people() -> None:
    text = to_yaml(
        {
            "name": "x",
            "rate": 0.0002,
            "tiny": 1e-07,
            "model": {"width": 3, "name": "dcgan", "hidden": [1, 2]},
            "penalties": [{"weight": {"from": 1.0, "to": 0.0}, "name": "r1"}],
            "log": {"every": 5},
            "augment": [],
        }
    )
    assert text == (
        "name: x\nrate: 0.0002\ntiny: 1.0e-07\n\n"
        "model:\n  name: dcgan\n  width: 3\n  hidden: [1, 2]\n\n"
        "penalties:\n  - name: r1\n    weight: {from: 1.0, to: 0.0}\n\n"
        "log:\n  every: 5\n\n"
        "augment: []\n"
    )


def test_a_resolved_config_holds_every_key() -> None:
    written = parse(parse_config(BASE).to_yaml(), file="f").value
    assert isinstance(written, dict)
    assert list(written) == list(ExperimentConfig.model_fields)
    assert isinstance(written["training"], dict)
    assert {"ema_ramp", "precision", "microbatch_size"} <= written["training"].keys()


def test_configs_are_frozen_and_comparable() -> None:
    config = parse_config(BASE)
    assert config == parse_config(BASE)
    assert config != parse_config(changed(("seed: 7", "seed: 8")))
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 8  # type: ignore[misc]


def test_a_stored_config_of_another_version_says_what_is_wrong() -> None:
    data = parse_config(BASE).to_dict()
    data["training"]["batch_sise"] = data["training"].pop("batch_size")
    with pytest.raises(ConfigError) as caught:
        from_dict(data, file="old.safetensors")
    assert caught.value.faults == ("old.safetensors: training.batch_sise: unknown key; did you mean batch_size?",)


# --- the schema ---


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for section, body in {"": schema, **schema["$defs"]}.items():
        for key, value in body.get("properties", {}).items():
            yield section, key, value


def test_the_schema_names_every_choice() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    for key, family in (("model", AnyModel), ("loss", AnyLoss)):
        mapping = schema["properties"][key]["discriminator"]["mapping"]
        assert sorted(mapping) == sorted(member.model_fields["name"].default for member in members(family))


def test_the_schema_describes_every_key_of_the_experiment() -> None:
    ours = {"", "TrainingSettings", "LogSettings", "SampleSettings", "CheckpointSettings", "EvaluationSettings"}
    schema = json_schema()
    for section, key, value in _properties(schema):
        if section in ours:
            # (Where a key and the section that it holds say the same, the words stand at the section.)
            target = schema["$defs"][value["$ref"].rpartition("/")[2]] if "$ref" in value else value
            assert target.get("description"), f"{section}.{key}"


def test_the_schema_writes_ramps_as_files_do() -> None:
    assert set(json_schema()["$defs"]["Ramp"]["properties"]) == {"from", "to", "until", "shape"}


def test_the_schema_is_strict_wherever_the_reader_is() -> None:
    sections = [body for body in json_schema()["$defs"].values() if "properties" in body]
    assert len(sections) > len(get_args(get_args(AnyModel)[0]))
    assert all(body["additionalProperties"] is False for body in sections)

"""``--set KEY=VALUE``."""

from __future__ import annotations

from typing import Any

import pytest

from gantool.config import parse_config
from tests.config.helpers import BASE, faults


def value(override: str, key: str) -> Any:
    """What ``key`` of the resolved config is after ``override``."""
    found: Any = parse_config(BASE, overrides=[override]).to_dict()
    for part in key.split("."):
        found = found[int(part) if isinstance(found, list) else part]
    return found


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("training.batch_size=32", "training.batch_size", 32),
        ("penalties.0.weight=2", "penalties.0.weight", 2.0),
        ("penalties.0.weight=1e-4", "penalties.0.weight", 1e-4),
        ("penalties=[]", "penalties", []),
        ("log.every=5", "log.every", 5),  # a section that the file does not have
        (
            "optimizer.generator.learning_rate.until=5",
            "optimizer.generator.learning_rate",
            {"from": 4e-4, "to": 0.0, "until": 5, "shape": "linear"},
        ),
        ("training.ema_half_life={from: 0, to: 9}", "training.ema_half_life.until", 1000),
        ("data.resolution=[32, 56]", "data.resolution", [32, 56]),
        ("data.resolution=", "data.resolution", None),
        ("data.background=#fff", "data.background", "#fff"),  # no comment
        ("data.path=a=b", "data.path", "a=b"),
        ("data.path=C:\\pictures", "data.path", "C:\\pictures"),
        ("training.compile=true", "training.compile", True),
    ],
)
def test_a_value_is_yaml(override: str, key: str, expected: Any) -> None:
    assert value(override, key) == expected


def test_the_last_of_two_wins() -> None:
    config = parse_config(BASE, overrides=["seed=1", "seed=2"])
    assert config.seed == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.chanels=rgb", "unknown key; did you mean channels?"),
        ("training.batch_size=0", "expected a number above 0, found 0"),
        ("data.resolution=30", "30 is no size this architecture can draw: a side is 4, 5, 6 or 7 doubled 1 to 6 "
         "times; the nearest that work: 28, 32"),
        ("training={batch_size: 3}", "training.total_images: missing; "
         "the run ends when the discriminator has been shown this many real images"),
        ("trainin.batch_size=3", "trainin: unknown key; did you mean training?"),
        ("batch_size=3", "unknown key; did you mean training.batch_size?"),
        ("seed", "write KEY=VALUE, for example --set training.batch_size=32"),
        ("=3", "write KEY=VALUE, for example --set training.batch_size=32"),
        ("name.x=3", "name is the text 'base' and has no keys"),
        ("penalties.1.weight=3", "penalties is a list with positions 0 to 0; 1 is none of them"),
        ("penalties.r1.weight=3", "penalties is a list with positions 0 to 0; r1 is none of them"),
        ("penalties.-1.weight=3", "penalties is a list with positions 0 to 0; -1 is none of them"),
        ("seed=[3", "a list with '[' that is not closed, or lacks a comma"),
        ("seed=!!python/name:os.system", "tags (tag:yaml.org,2002:python/name:os.system) are not allowed; "
         "write plain values"),
        ("training={a: 1, a: 2}", "duplicate key; it stands on line 1 already"),
        ("penalties.0.weight={from: 1}", "penalties.0.weight.to: missing"),
    ],
)  # fmt: skip
def test_a_fault_names_the_override(override: str, expected: str) -> None:
    assert faults(BASE, [override]) == [f"--set {override}: {expected}"]


def test_an_override_hides_the_fault_that_it_mends() -> None:
    broken = BASE.replace("batch_size: 16", "batch_size: many")
    assert faults(broken)
    assert parse_config(broken, overrides=["training.batch_size=8"]).training.batch_size == 8


def test_every_override_is_judged() -> None:
    assert len(faults(BASE, ["seed=x", "nonsense", "log.every=0"])) == 3

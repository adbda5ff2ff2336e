"""Every fault a config can have, and the exact line a person reads."""

from __future__ import annotations

import pytest

from gantool.config import parse_config
from gantool.data import AnyData
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.optimizers import AnyOptimizer
from gantool.penalties import AnyPenalty
from tests.config.helpers import BASE, changed, choices, faults

MODELS, PENALTIES, OPTIMIZERS = choices(AnyModel), choices(AnyPenalty), choices(AnyOptimizer)
SIZES = "a side is 4, 5, 6 or 7 doubled 1 to 6 times"

ONE_FAULT = {
    # keys
    "typo": ("channels: rgb", "chanels: rgb", "8: data.chanels: unknown key; did you mean channels?"),
    "typo in a list": ("weight: 0.2", "wieght: 0.2", "20: penalties.0.wieght: unknown key; did you mean weight?"),
    "typo in a ramp": (
        "to: 0}",
        "to: 0, untl: 9}",
        "23: optimizer.generator.learning_rate.untl: unknown key; did you mean until?",
    ),
    "in the wrong section": (
        "seed: 7",
        "batch_size: 7",
        "2: batch_size: unknown key; did you mean training.batch_size?",
    ),
    "nothing like it": (
        "    weight: 0.2",
        "    xyz: 1",
        "20: penalties.0.xyz: unknown key; keys here: weight, every_steps, precision, name",
    ),
    "twice": ("seed: 7", "name: other", "2: name: duplicate key; it stands on line 1 already"),
    "twice in a section": (
        "  batch_size: 16",
        "  batch_size: 16\n  batch_size: 17",
        "29: training.batch_size: duplicate key; it stands on line 28 already",
    ),
    "a number for a key": ("seed: 7", "7: 7", "2: a key must be text; put it in quotes"),
    "merge key": ("seed: 7", "<<: {seed: 7}", "2: <<: merge keys are not supported; write the keys out"),
    "missing": (
        "  total_images: 1000\n",
        "",
        "26: training.total_images: missing; the run ends when the discriminator has been shown this many real images",
    ),
    "missing in a ramp": ("from: 4e-4, ", "", "23: optimizer.generator.learning_rate.from: missing"),
    "a missing section": (
        "loss:\n  name: hinge\n",
        "",
        f"1: loss: missing; write loss: {{name: …}}; choices: {choices(AnyLoss)}",
    ),
    "a missing network": (
        "  discriminator: {name: adam}\n",
        "",
        f"22: optimizer.discriminator: missing; write discriminator: {{name: …}}; choices: {OPTIMIZERS}",
    ),
    # names
    "wrong name": (
        "name: dcgan",
        "name: dcgna",
        f"12: model.name: unknown name 'dcgna'; did you mean dcgan? choices: {MODELS}",
    ),
    "strange name": ("name: dcgan", "name: xyz", f"12: model.name: unknown name 'xyz'; choices: {MODELS}"),
    "a number for a name": ("name: dcgan", "name: 5", f"12: model.name: unknown name, 5; choices: {MODELS}"),
    "no name": ("  - name: r1\n    weight", "  - weight", f"19: penalties.0.name: missing; choices: {PENALTIES}"),
    "wrong source": (
        "source: folder",
        "source: fodler",
        f"5: data.source: unknown source 'fodler'; did you mean folder? choices: {choices(AnyData, 'source')}",
    ),
    "a name for a section": (
        "model:\n  name: dcgan\n  conditioning: class\n",
        "model: dcgan\n",
        f"11: model: expected a section, found the text 'dcgan'; write model: {{name: dcgan}}; choices: {MODELS}",
    ),
    "a name for an item": (
        "  - name: r1\n    weight: 0.2",
        "  - r1",
        f"19: penalties.0: expected a section, found the text 'r1'; write {{name: r1}}; choices: {PENALTIES}",
    ),
    "a section for a list": (
        "  - name: r1\n    weight: 0.2",
        "  name: r1",
        "18: penalties: expected a list, found a section",
    ),
    # types
    "text for a number": (
        "batch_size: 16",
        "batch_size: many",
        "28: training.batch_size: expected a whole number, found the text 'many'",
    ),
    "a quoted number": (
        "batch_size: 16",
        "batch_size: '16'",
        "28: training.batch_size: expected a whole number, found the text '16'; take the quotes away",
    ),
    "thousands": (
        "total_images: 1000",
        "total_images: 1_000",
        "27: training.total_images: expected a whole number, found the text '1_000'; write 1000",
    ),
    "a fraction": (
        "batch_size: 16",
        "batch_size: 1.5",
        "28: training.batch_size: expected a whole number, found 1.5",
    ),
    "a truth for a number": (
        "batch_size: 16",
        "batch_size: true",
        "28: training.batch_size: expected a whole number, found true",
    ),
    "yes": (
        "batch_size: 16",
        "compile: yes",
        "28: training.compile: expected true or false, found the text 'yes'; write true",
    ),
    "off": (
        "batch_size: 16",
        "compile: Off",
        "28: training.compile: expected true or false, found the text 'Off'; write false",
    ),
    "one for true": ("batch_size: 16", "compile: 1", "28: training.compile: expected true or false, found 1"),
    "a number for text": ("name: base", "name: 5", "1: name: expected text, found 5; put it in quotes"),
    "nothing for a number": ("seed: 7", "seed:", "2: seed: expected a whole number, found nothing"),
    "a list for a number": ("seed: 7", "seed: [7]", "2: seed: expected a whole number, found a list of 1"),
    "neither number nor ramp": (
        "weight: 0.2",
        "weight: much",
        "20: penalties.0.weight: expected a number or a section {from: …, to: …}, found the text 'much'",
    ),
    "a short pair": (
        "{name: adam}",
        "{name: adam, betas: [0]}",
        "24: optimizer.discriminator.betas.1: missing; the list is too short",
    ),
    "a long pair": (
        "{name: adam}",
        "{name: adam, betas: [0, 0.9, 0.99]}",
        "24: optimizer.discriminator.betas: expected a list of at most 2, found a list of 3",
    ),
    "three sides": (
        "resolution: 32",
        "resolution: [1, 2, 3]",
        "9: data.resolution: expected a whole number or a list of at most 2, found a list of 3",
    ),
    # values
    "none at all": ("batch_size: 16", "batch_size: 0", "28: training.batch_size: expected a number above 0, found 0"),
    "a huge seed": ("seed: 7", f"seed: {2**63}", f"2: seed: expected a number below {2**63}, found {2**63}"),
    "infinite": (
        "weight: 0.2",
        "weight: .inf",
        "20: penalties.0.weight: expected a finite number or a section {from: …, to: …}, found inf",
    ),
    "a wrong choice": (
        "batch_size: 16",
        "precision: bflot16",
        "28: training.precision: expected auto, float32, tf32, bfloat16 or float16, found the text 'bflot16'; "
        "did you mean bfloat16?",
    ),
    "a beta of one": (
        "{name: adam}",
        "{name: adam, betas: [0, 1]}",
        "24: optimizer.discriminator.betas.1: expected a number below 1 or a section {from: …, to: …}, found 1",
    ),
    "a colour": (
        "channels: rgb",
        "background: pinkk",
        "8: data.background: unknown colour 'pinkk': give a name such as white, or #rrggbb",
    ),
    "a name no folder can have": (
        "name: base",
        "name: ../base",
        "1: name: names the run folder: at most 100 letters, digits, '-', '_' and '.', "
        "beginning with a letter or digit",
    ),
    "a negative half-life": (
        "batch_size: 16",
        "ema_half_life: {from: 0, to: -1}",
        "28: training.ema_half_life: must not be below 0",
    ),
    # between keys
    "microbatch": (
        "batch_size: 16",
        "batch_size: 16\n  microbatch_size: 6",
        "29: training.microbatch_size: 6 does not divide batch_size 16; 4 does",
    ),
    "large microbatch": (
        "batch_size: 16",
        "batch_size: 16\n  microbatch_size: 32",
        "29: training.microbatch_size: 32 does not divide batch_size 16; 16 does",
    ),
    "a penalty twice": (
        "    weight: 0.2",
        "  - name: r2\n  - name: r1",
        "21: penalties.2: r1 is penalties.0 already; give that one the weight of both",
    ),
    "no labels": (
        "labels: folders",
        "labels: none",
        "13: model.conditioning: class needs labels, and data.labels is none; "
        "set data.labels to folders, or conditioning to none",
    ),
    "no official split": (
        "channels: rgb",
        "holdout: official",
        "8: data.holdout: this source brings no official test split; give a fraction such as 0.1",
    ),
    "resolution": (
        "resolution: 32",
        "resolution: 30",
        f"9: data.resolution: 30 is no size this architecture can draw: {SIZES}; the nearest that work: 28, 32",
    ),
}


@pytest.mark.parametrize("case", ONE_FAULT)
def test_one_fault_is_one_line(case: str) -> None:
    before, after, expected = ONE_FAULT[case]
    assert faults(changed((before, after))) == [f"file.yaml:{expected}"]


def test_the_base_of_these_tests_has_no_fault() -> None:
    assert parse_config(BASE).name == "base"


def test_every_fault_is_said_at_once_in_the_order_of_the_file() -> None:
    text = changed(
        ("seed: 7", "seed: 7\nseed: 8"),  # the file's own fault
        ("channels: rgb", "chanels: rgb"),
        ("name: hinge", "name: hing"),
        ("batch_size: 16", "batch_size: 16\n  microbatch_size: 6"),  # a rule between keys
    )
    assert [fault.split(": ")[:2] for fault in faults(text, ["checkpoints.kep=1"])] == [
        ["file.yaml:3", "seed"],
        ["file.yaml:9", "data.chanels"],
        ["file.yaml:17", "loss.name"],
        ["file.yaml:30", "training.microbatch_size"],
        ["--set checkpoints.kep=1", "unknown key; did you mean keep?"],
    ]


REMEDY = "`gantool config copy quickstart` gives a config to start from"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"file.yaml: empty; {REMEDY}"),
        ("# only\n", f"file.yaml: empty; {REMEDY}"),
        ("- a\n", f"file.yaml: not a list of `key: value` lines; {REMEDY}"),
        ("a", f"file.yaml: not a list of `key: value` lines; {REMEDY}"),
    ],
)
def test_what_is_no_config_at_all(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_a_float_without_fraction_is_a_whole_number() -> None:
    config = parse_config(changed(("total_images: 1000", "total_images: 1.2e6")))
    assert config.training.total_images == 1_200_000
    assert isinstance(config.training.total_images, int)


def test_ramps_end_with_the_run_they_were_written_for() -> None:
    config = parse_config(BASE)
    rate = config.optimizer.generator.learning_rate
    assert not isinstance(rate, float)
    assert rate.until == 1000
    # A run that is extended starts from the resolved config: the ramp keeps its end.
    longer = parse_config(config.to_yaml(), overrides=["training.total_images=5000"])
    assert longer.training.total_images == 5000
    assert longer.optimizer.generator.learning_rate == rate


def test_a_ramp_keeps_an_end_of_its_own() -> None:
    config = parse_config(changed(("weight: 0.2", "weight: {from: 1, to: 0, until: 10, shape: cosine}")))
    weight = config.penalties[0].weight
    assert not isinstance(weight, float)
    assert (weight.until, weight.shape) == (10, "cosine")

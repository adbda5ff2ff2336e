"""A small config to break, and the faults of a broken one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest

from gantool.config import parse_config
from gantool.errors import ConfigError

# fmt: off
BASE = """\
name: base
seed: 7

data:
  source: folder
  path: pictures
  labels: folders
  channels: rgb
  resolution: 32

model:
  name: dcgan
  conditioning: class

loss:
  name: hinge

penalties:
  - name: r1
    weight: 0.2

optimizer:
  generator: {name: adam, learning_rate: {from: 4e-4, to: 0}}
  discriminator: {name: adam}

training:
  total_images: 1000
  batch_size: 16
"""
# fmt: on


def changed(*changes: tuple[str, str]) -> str:
    """`BASE` with lines replaced; each must be there."""
    text = BASE
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


def faults(text: str, overrides: Sequence[str] = ()) -> list[str]:
    """The faults that reading ``text`` as ``file.yaml`` reports; there must be some."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="file.yaml", overrides=overrides)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)


def members(family: Any) -> tuple[type[Any], ...]:
    """The settings classes of a family's union (or the one class, where there is one)."""
    return get_args(get_args(family)[0]) if get_args(family) else (family,)


def choices(family: Any, discriminator: str = "name") -> str:
    """``compact, dcgan, mlp``: the names that messages list."""
    return ", ".join(sorted(member.model_fields[discriminator].default for member in members(family)))

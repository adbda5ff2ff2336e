"""Which sizes work, and what a person is told about the others."""

from __future__ import annotations

import pytest

from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.models import ModelSettings
from gantool.nn.resolution import Grid


@pytest.mark.parametrize(
    ("height", "width", "grid"),
    [
        (28, 28, (7, 7, 2)),
        (32, 32, (4, 4, 3)),
        (16, 16, (4, 4, 2)),
        (128, 128, (4, 4, 5)),
        (96, 64, (6, 4, 4)),
        (20, 28, (5, 7, 2)),
    ],
)
def test_a_size_has_one_grid(height: int, width: int, grid: tuple[int, int, int]) -> None:
    assert Grid.of(ImageShape(1, height, width)) == grid


def test_every_size_up_to_256_works_or_names_sizes_that_do() -> None:
    for side in range(1, 257):
        shape = ImageShape(3, side, side)
        try:
            grid = Grid.of(shape)
        except ConfigError as error:
            named = [int(text) for text in str(error).rpartition(": ")[2].split(", ")]
            assert named and all(Grid.of(ImageShape(3, near, near)) for near in named)
            assert any(abs(near - side) <= max(side // 4, 8) for near in named)
        else:
            assert grid.height << grid.doublings == side and 4 <= grid.height <= 7


@pytest.mark.parametrize(
    ("height", "width", "near"),
    [(30, 30, "28, 32"), (100, 100, "96, 112"), (2, 2, "8"), (28, 30, "[28, 28]"), (128, 112, "[128, 128]")],
)
def test_the_fault_names_the_key_and_the_nearest_sizes(
    model: ModelSettings, height: int, width: int, near: str
) -> None:
    with pytest.raises(ConfigError, match=r"^data\.resolution: ") as caught:
        model.check(ImageShape(1, height, width))
    assert near in str(caught.value)
    with pytest.raises(ConfigError):
        model.build_generator(ImageShape(1, height, width), 0)
    with pytest.raises(ConfigError):
        model.build_discriminator(ImageShape(1, height, width), 0)

"""The whole trainer against its bare steps, and against plain torch with a DataLoader.

Every turn of the trainer is 50 iterations of the real loop (350 in seven rounds) and ends with a log line, a grid and
a checkpoint: each four times as often as the recipe makes them.

    python -m benchmarks.trainer
"""

from __future__ import annotations

from benchmarks.referee import contest, ours, show

ITERATIONS = 50


def main() -> None:
    """S1 on the embedded pictures."""
    contenders = [
        ours("step", "s1", name="bare steps"),
        ours("trainer", "s1", name="whole trainer"),
    ]
    show("s1: an iteration, data, log, grid and checkpoint included", contest(contenders, multiple=ITERATIONS))
    contenders = [ours("loader", "s1", name="plain torch, DataLoader"), ours("trainer", "s1", name="whole trainer")]
    show("s1: the whole trainer against a tutorial's", contest(contenders, multiple=10))


if __name__ == "__main__":
    main()

"""Two processes of one thread each against one process of two threads, at the same global batch.

python -m benchmarks.processes [s1] [dcgan]
"""

from __future__ import annotations

import sys

from benchmarks.referee import contest, ours, show


def main() -> None:
    """One table for each work."""
    for work in sys.argv[1:] or ["s1", "dcgan"]:
        contenders = [
            ours("step", work, name="one process, two threads", threads=2),
            ours("step", work, name="two processes, one thread each", processes=2, threads=1),
        ]
        show(f"{work}: an iteration of the same batch", contest(contenders, turn_s=3.0))


if __name__ == "__main__":
    main()

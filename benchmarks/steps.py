"""Training steps per second against plain torch, Keras, and what the products alone take.

python -m benchmarks.steps [s1] [s2] [dcgan] [--keras keras/bin/python]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.referee import ROOT, ROUNDS, Contender, contest, ours, show

KERAS = {"s1": "keras tf.function", "s2": "keras, literal loop"}


def main() -> None:
    """One table for each work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", default=["s1", "s2", "dcgan"], metavar="WORK")
    parser.add_argument("--keras", type=Path, help="the interpreter of an environment with tensorflow-cpu")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    for work in asked.works:
        contenders = [
            ours("plain", work, name="plain torch"),
            *([_keras(asked.keras, work)] if asked.keras and work in KERAS else []),
            ours("step", work, "float32", name="gantool float32"),
            ours("bound", work, "float32", name="products float32"),
            ours("step", work, "bfloat16", name="gantool bfloat16"),
            ours("bound", work, "bfloat16", name="products bfloat16"),
        ]
        show(f"{work}: an iteration", contest(contenders, rounds=asked.rounds))


def _keras(interpreter: Path, work: str) -> Contender:
    # No links followed: an environment's interpreter is a link out of it.
    command = [str(interpreter.absolute()), str(ROOT / "benchmarks/baselines/keras_article.py"), work]
    return Contender(KERAS[work], command)


if __name__ == "__main__":
    main()

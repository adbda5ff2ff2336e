"""The command lines that read a stranger's file, and what each takes for a sound one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Line = Callable[[Path, Path, Path], Sequence[object]]
"""(the file, the folder to write to, a sound run) → arguments."""


@dataclass(frozen=True)
class Verb:
    """One command line.

    Attributes:
        line: its arguments.
        sound: which sound file its memory is measured on, a key of `sound.Sound.files`.
        reads: what the file's folder is to it: "file", or "run" where it writes into what it reads.
    """

    line: Line
    sound: str


_CPU = ("--device", "cpu")

VERBS: Mapping[str, Verb] = {
    "sample": Verb(
        lambda file, out, _: ["sample", "--checkpoint", file, "--count", 2, "--out", out / "made", *_CPU], "run"
    ),
    "draw latents": Verb(
        lambda file, out, run: ["sample", "--checkpoint", run, "--latent", file, "--out", out / "made", *_CPU],
        "latents",
    ),
    "project": Verb(
        lambda file, out, run: [
            *("project", file, "--checkpoint", run, "--out", out / "projection"),
            *("--steps", 2, "--starts", 1, *_CPU),
        ],
        "picture",
    ),
    "directions": Verb(
        lambda file, out, _: ["directions", "--checkpoint", file, "--count", 2, "--out", out / "directions", *_CPU],
        "run",
    ),
    "export": Verb(lambda file, out, _: ["export", file, out / "generator.safetensors"], "run"),
    "evaluate": Verb(
        lambda file, out, _: ["evaluate", "--checkpoint", file, "--samples", 16, "--seeds", 1, *_CPU], "run"
    ),
    "resume": Verb(lambda file, out, _: ["resume", file, "--allow-inexact", *_CPU], "unfinished"),
    "finetune": Verb(
        lambda file, out, run: ["finetune", file, run.parent / "sound.yaml", "--run-dir", out / "tuned", *_CPU], "run"
    ),
    "report": Verb(lambda file, out, _: ["report", file, "--out", out / "report.html"], "run"),
    "compare": Verb(lambda file, out, run: ["compare", file, run, "--html", out / "compared.html"], "run"),
    "audit": Verb(
        lambda file, out, _: ["audit", "--checkpoint", file, "--samples", 16, "--out", out / "audit", *_CPU], "run"
    ),
    "train": Verb(lambda file, out, _: ["train", file, "--run-dir", out / "run", *_CPU], "config"),
    "config check": Verb(lambda file, out, _: ["config", "check", file], "config"),
    "config show": Verb(lambda file, out, _: ["config", "show", file], "config"),
    "check": Verb(
        lambda file, out, _: [
            "data",
            "check",
            file,
            "--html",
            out / "check.html",
            "--json",
            out / "check.json",
            "--features",
            "off",
            "--workers",
            1,
        ],
        "pictures",
    ),
    "prepare": Verb(
        lambda file, out, _: ["data", "prepare", file, "--out", out / "set", "--resolution", 16, "--workers", 1],
        "pictures",
    ),
    "skip": Verb(
        lambda file, out, _: [
            "data",
            "prepare",
            file,
            "--out",
            out / "set",
            "--resolution",
            16,
            "--workers",
            1,
            "--skip-bad",
        ],
        "pictures",
    ),
    "info": Verb(lambda file, out, _: ["data", "info", file], "set"),
    "show": Verb(lambda file, out, _: ["data", "show", file, "--out", out / "grid.png"], "set"),
    "verify": Verb(lambda file, out, _: ["data", "verify", file], "set"),
}

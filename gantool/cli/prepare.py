"""``gantool data prepare``: a prepared set from whatever a person has."""

from __future__ import annotations

import json
import re
import shlex
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from gantool.cli.shared import preparation_progress
from gantool.errors import StoppedBySignal, UsageError

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder, a zip, tar, parquet, npy or npz file, a config or recipe, embedded, torchvision:NAME:FOLDER.",
    ),
]
ResolutionOption = Annotated[
    str | None,
    typer.Option("--resolution", metavar="64|96x64", help="A side, or height x width; their own size by default."),
]
LabelsOption = Annotated[
    str | None, typer.Option("--labels", help="Where classes come from, e.g. folders, metadata, none; found by itself.")
]


OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the prepared set.")]
ChannelsOption = Annotated[str | None, typer.Option("--channels", help="grey, rgb or rgba; the source's own.")]
RangeOption = Annotated[
    str | None, typer.Option("--range", metavar="auto|dtype|MIN,MAX", help="What becomes black and white.")
]
FitOption = Annotated[str | None, typer.Option("--fit", help="crop (default), pad or stretch to the resolution.")]
BackgroundOption = Annotated[
    str | None, typer.Option("--background", help="Behind transparency and padding: white, #rrggbb, …")
]
HoldoutOption = Annotated[
    str | None, typer.Option("--holdout", metavar="0.1|official|0", help="What is kept for evaluation.")
]
ExcludeOption = Annotated[
    str | None, typer.Option("--exclude", metavar="FILE", help="A list from `gantool data check --exclude-to`.")
]
DeduplicateOption = Annotated[bool, typer.Option("--deduplicate", help="Keep one of each group of near duplicates.")]
SkipBadOption = Annotated[bool, typer.Option("--skip-bad", help="Leave out what cannot be decoded.")]
MaxImagesOption = Annotated[
    int | None, typer.Option("--max-images", min=2, help="Take so many, the same share of every class.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes; one a core by default, at most 4 a core (or 64)."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides what is held out or drawn.")]


def prepare(
    source: SourceArgument,
    *,
    out: OutOption,
    resolution: ResolutionOption = None,
    channels: ChannelsOption = None,
    span: RangeOption = None,
    fit: FitOption = None,
    background: BackgroundOption = None,
    holdout: HoldoutOption = None,
    labels: LabelsOption = None,
    exclude: ExcludeOption = None,
    deduplicate: DeduplicateOption = False,
    skip_bad: SkipBadOption = False,
    max_images: MaxImagesOption = None,
    workers: WorkersOption = None,
    seed: SeedOption = 0,
) -> None:
    """Make a prepared set: every picture decoded, checked and fitted once. Interrupted, the same command goes on.

    Example:  gantool data prepare my-pictures --out my-set --resolution 64 --deduplicate
    """
    from gantool.data import preparation
    from gantool.data.detect import settings_for

    settings = settings_for(
        source,
        resolution=None if resolution is None else parsed_resolution(resolution),
        channels=channels,
        range=None if span is None else parsed_range(span),
        fit=fit,
        background=background,
        holdout=None if holdout is None else parsed_holdout(holdout),
        labels=labels,
        exclude=exclude,
        deduplicate=deduplicate or None,
        skip_bad=skip_bad or None,
        max_images=max_images,
    )
    try:
        with preparation_progress() as progress:
            preparation.prepare(settings, seed=seed, progress=progress, workers=workers, out=out)
    except KeyboardInterrupt:
        raise StoppedBySignal(
            signal.SIGINT, "stopped; what was done is kept, and the same command goes on from there"
        ) from None
    _conclude(out)


def _conclude(out: Path) -> None:
    """Say what was made, and what to type next."""
    from gantool import dataset

    described = dataset.describe(dataset.open_set(out))
    typer.echo(f"Done: {in_words(described)}.")
    typer.echo(f"  set         {out}")
    if missing := left_out(described, out):
        typer.echo(f"  left out    {missing}")
    typer.echo(f"  fingerprint {described['fingerprint']}")
    typer.echo(f"Next: gantool data show {shlex.quote(str(out))}")
    typer.echo(f"      gantool train quickstart --set {shlex.quote(_as_config(out))}{_without_classes(described)}")


def parsed_resolution(text: str) -> int | tuple[int, int]:
    """``64`` or ``96x64`` (height, width).

    Raises:
        UsageError: for anything else.
    """
    match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text.strip().lower())
    if match is None:
        raise UsageError(f"--resolution: {text} is neither a side such as 64 nor height x width such as 96x64")
    return int(match[1]) if match[2] is None else (int(match[1]), int(match[2]))


def parsed_range(text: str) -> str | tuple[float, float]:
    """``auto``, ``dtype``, or ``MIN,MAX``.

    Raises:
        UsageError: for anything else.
    """
    if text in ("auto", "dtype"):
        return text
    low, comma, high = text.partition(",")
    try:
        if comma:
            return float(low), float(high)
    except ValueError:
        pass
    raise UsageError(f"--range: {text} is neither auto, nor dtype, nor two numbers such as 0,4095")


def parsed_holdout(text: str) -> str | float:
    """``official`` or a fraction.

    Raises:
        UsageError: for anything else.
    """
    if text == "official":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--holdout: {text} is neither official nor a fraction such as 0.1") from None


def in_words(described: dict[str, Any]) -> str:
    """What a set holds, in one line."""
    counts, shape = described["counts"], described["shape"]
    colours = {1: "grey", 3: "rgb", 4: "rgba"}[shape["channels"]]
    held = f" and {counts['holdout']:,} held out" if counts["holdout"] else ", none held out"
    classes = f", {len(described['classes'])} classes" if described["classes"] else ""
    return f"{counts['train']:,} pictures to train on{held}, {shape['height']}×{shape['width']} {colours}{classes}"


def left_out(described: dict[str, Any], folder: Path) -> str:
    """What is not in a set, and where it is listed; "" for nothing."""
    counts = described["left_out"]
    parts = {
        f"{counts['skipped']:,} unreadable ({folder / 'skipped.txt'})": counts["skipped"],
        f"{counts['duplicates']:,} near duplicates ({folder / 'duplicates.txt'})": counts["duplicates"],
        f"{counts['excluded']:,} excluded by the list": counts["excluded"],
    }
    return ", ".join(part for part, count in parts.items() if count)


def _as_config(out: Path) -> str:
    path = str(out)
    plain = re.fullmatch(r"[\w/.-]+", path) and not re.fullmatch(r"[\d.-]+", path)
    return f"data={{source: prepared, path: {path if plain else json.dumps(path)}}}"


def _without_classes(described: dict[str, Any]) -> str:
    return "" if described["classes"] else " --set model.conditioning=none"

"""``gantool data``: look at pictures, clean them, and prepare them for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli import check, prepare
from gantool.cli.shared import preparation_progress
from gantool.errors import UsageError
from gantool.legible import legible

app = typer.Typer(
    help="Check pictures, prepare them for training, and look at what came out.",
    epilog="Start here:  gantool data check my-pictures --html check.html",
    no_args_is_help=True,
)
app.command("check")(check.check)
app.command("prepare")(prepare.prepare)

_LONGEST_CLASS, _LONGEST_LINE = 60, 500

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a prepared set.")]


@app.command("show")
def show(
    folder: FolderArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PNG to write.")] = Path("grid.png"),
    count: Annotated[int, typer.Option("--count", min=1, help="About how many pictures.")] = 64,
    split: Annotated[str, typer.Option("--split", help="train, or holdout.")] = "train",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Draw a grid of what a network will be shown, one row a class.

    Example:  gantool data show my-set --count 100 --out grid.png
    """
    import io

    from PIL import Image

    from gantool import dataset, files

    if split not in ("train", "holdout"):
        raise UsageError(f"--split: {split} is neither train nor holdout")
    if out.exists() and not force:
        raise UsageError(f"{out}: is there already; choose another --out, or write over it with --force")
    content = dataset.open_set(folder)
    sheet = dataset.sheet(content, "train" if split == "train" else "holdout", count)
    buffer = io.BytesIO()
    Image.fromarray(sheet.pixels).save(buffer, "PNG")
    try:
        files.write_bytes(out, buffer.getvalue())
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from error
    rows = f", one row for each of {sheet.classes} classes" if sheet.classes else ""
    if 0 < sheet.classes < len(content.classes):
        rows = f", the first {sheet.classes} of {len(content.classes)} classes (more with --count)"
    typer.echo(f"wrote {out}: {sheet.pictures} of {content.counts[split]:,} pictures{rows}")  # type: ignore[index]


@app.command("info")
def info(
    folder: FolderArgument,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is in a prepared set, how it was made, and its fingerprint.

    Example:  gantool data info my-set --json
    """
    import json

    from gantool import dataset

    described = dataset.describe(dataset.open_set(folder))
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    typer.echo(f"{folder}: {prepare.in_words(described)}")
    if described["classes"]:
        names = [legible(one["name"], _LONGEST_CLASS) for one in described["classes"]]
        width = max(5, *map(len, names))
        typer.echo(f"  {'class':<{width}}  {'train':>9}  {'holdout':>9}")
        for name, one in zip(names, described["classes"], strict=True):
            typer.echo(f"  {name:<{width}}  {one['train']:>9,}  {one['holdout']:>9,}")
    chosen = ", ".join(f"{key} {value}" for key, value in dataset.chosen_settings(described).items())
    lines = {
        "made with": chosen + ("" if described["seed"] is None else f", seed {described['seed']}"),
        "values": _values(described["range"]),
        "left out": prepare.left_out(described, folder),
        "captions": f"{described['captions']:,} pictures have one" if described["captions"] else "",
        "origin": described["origin"] or "",
        "size": f"{described['bytes'] / 1e6:,.1f} MB",
        "fingerprint": described["fingerprint"],
    }
    for name, value in lines.items():
        if value:
            typer.echo(f"  {name:<13}{legible(value, _LONGEST_LINE)}")


@app.command("verify")
def verify(folder: FolderArgument) -> None:
    """Compare every byte of a prepared set with its hash; exit 3 when it is damaged.

    Example:  gantool data verify my-set
    """
    from gantool import dataset

    with preparation_progress() as progress:
        content = dataset.verify(folder, progress)
    size = sum(file["bytes"] for file in content.header["files"].values())
    typer.echo(f"{folder}: no damage; {len(content):,} pictures, {size / 1e6:,.1f} MB")


def _values(span: dict[str, object] | None) -> str:
    """How deep values became black and white; nothing for 8-bit pictures as they are."""
    extent = (span or {}).get("extent")
    if span is None or not isinstance(extent, list):
        return ""
    return f"{extent[0]:g} to {extent[1]:g} in the pictures deeper than 8 bits (range {span['setting']})"

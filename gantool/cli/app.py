"""The verbs, in the order a person meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from gantool.cli import (
    audit,
    bench,
    compare,
    config,
    data,
    directions,
    doctor,
    evaluate,
    export,
    finetune,
    project,
    report,
    resume,
    sample,
    train,
)
from gantool.version import __version__

app = typer.Typer(
    name="gantool",
    help="Train a GAN on your own pictures.",
    epilog="Start here:  gantool config copy quickstart && gantool train quickstart.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("resume")(resume.resume)
app.command("finetune")(finetune.finetune)
app.command("sample")(sample.sample)
app.command("project")(project.project)
app.command("directions")(directions.directions)
app.command("evaluate")(evaluate.evaluate)
app.command("audit")(audit.audit)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("bench")(bench.bench)
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gantool {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Train a GAN on your own pictures."""

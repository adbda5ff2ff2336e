"""``gantool config``: look at configs, check them, and start from a shipped one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.shared import SetOption
from gantool.errors import UsageError

app = typer.Typer(
    help="Check and show configs; list and copy the shipped recipes.",
    epilog="Start here:  gantool config list && gantool config copy quickstart",
    no_args_is_help=True,
)

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A YAML file, or the name of a recipe (`gantool config list`).")
]


@app.command("list")
def list_recipes() -> None:
    """List the shipped recipes.

    Example:  gantool config list
    """
    from rich.console import Console
    from rich.table import Table

    from gantool import recipes

    rows = [(name, recipes.description(path)) for name, path in recipes.recipes().items()]
    console = Console()
    if not console.is_terminal:
        width = max((len(name) for name, _ in rows), default=0)
        for name, description in rows:
            typer.echo(f"{name:<{width}}  {description}")
        return
    table = Table("recipe", "what it is for", caption="gantool config copy RECIPE", caption_justify="left")
    for name, description in rows:
        table.add_row(name, description)
    console.print(table)


@app.command("copy")
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe (`gantool config list`).")],
    destination: Annotated[
        Path | None, typer.Argument(metavar="[DEST]", help="A file or a folder; by default NAME.yaml right here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Copy a shipped recipe, to change it and train from it.

    Example:  gantool config copy quickstart mine.yaml
    """
    from gantool import files, recipes

    recipe = recipes.find_recipe(name)
    target = destination or Path()
    if target.is_dir():
        target = target / recipe.name
    if target.exists() and not force:
        raise UsageError(f"{target}: is there already; choose another name, or write over it with --force")
    try:
        files.write_bytes(target, recipe.read_bytes())
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror or error}") from error
    typer.echo(f"wrote {target}; next:  gantool train {target}")


@app.command("check")
def check(file: FileArgument, overrides: SetOption = None) -> None:
    """Say every fault of a config, with its line; exit 2 where there is one.

    Example:  gantool config check mine.yaml --set training.batch_size=32
    """
    from gantool.config import load_config
    from gantool.recipes import find_config

    path = find_config(file)
    load_config(path, overrides or [])
    typer.echo(f"{path}: no faults")


@app.command("show")
def show(file: FileArgument, overrides: SetOption = None) -> None:
    """Print a config as a run would take it: every default written out.

    Example:  gantool config show quickstart --set model.latent_dim=32
    """
    from gantool.config import load_config
    from gantool.recipes import find_config

    typer.echo(load_config(find_config(file), overrides or []).to_yaml(), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of a config, for editors that complete and check YAML.

    Example:  gantool config schema > gantool.schema.json

    Then let a config begin with the line:  # yaml-language-server: $schema=gantool.schema.json
    """
    import json

    from gantool.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))

"""The shipped recipes: in an installed package ``gantool/configs``, in a clone ``configs`` beside the package."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from gantool.errors import UsageError


def folder() -> Path:
    """Where the recipes are."""
    package = Path(__file__).parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def recipes() -> dict[str, Path]:
    """Name → file, sorted by name."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def description(recipe: Path) -> str:
    """The first line of the comment that a recipe begins with."""
    first = recipe.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def find_recipe(name: str) -> Path:
    """The recipe called ``name``.

    Raises:
        UsageError: lists the recipes.
    """
    known = recipes()
    if name not in known:
        raise UsageError(f"{name}: no such recipe; {_guess(name, known)}choices: {', '.join(known)}")
    return known[name]


def find_config(name_or_path: str) -> Path:
    """A file where there is one of that name, else a recipe.

    Raises:
        UsageError: for neither; lists the recipes.
    """
    path = Path(name_or_path)
    known = recipes()
    if path.exists() and not (path.is_dir() and name_or_path in known):
        return path
    if name_or_path not in known:
        guess = _guess(path.stem, known)
        raise UsageError(f"{name_or_path}: no such file or recipe; {guess}recipes: {', '.join(known)}")
    return known[name_or_path]


def _guess(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}? " if close else ""

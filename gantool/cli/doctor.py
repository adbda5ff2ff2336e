"""``gantool doctor``: what this machine offers."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs, and for reports of a fault.")] = False,
) -> None:
    """Say versions, devices, native bfloat16, compiler and cache.

    Example:  gantool doctor --json
    """
    import json

    from gantool.doctor import examine

    found = examine()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, part in found.items():
        typer.echo(name.replace("_", " "))
        for entry in part if isinstance(part, list) else [part]:
            for line in _lines(entry):
                typer.echo(f"  {line}")


def _lines(entry: dict[str, Any]) -> list[str]:
    """``key  value`` lines; the facts of a device stand on one."""
    if "device" in entry and "native_bfloat16" in entry:
        facts = [f"{key.replace('_', ' ')} {_plain(key, value)}" for key, value in entry.items() if key != "device"]
        return [f"{entry['device']:<16}{', '.join(facts)}"]
    return [f"{key.removesuffix('_bytes').replace('_', ' '):<16}{_plain(key, value)}" for key, value in entry.items()]


def _plain(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("bytes"):
        return f"{value / 1e9:.2f} GB"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)

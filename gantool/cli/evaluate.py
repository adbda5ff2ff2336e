"""``gantool evaluate``: numbers with their floors, on a card that another person can check."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.shared import DeviceOption, preparation_progress
from gantool.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from gantool.evaluation.card import Card, Spread, Value
    from gantool.subject import Subject


class SplitName(StrEnum):
    """Which real pictures."""

    holdout = "holdout"
    train = "train"


class FeaturesChoice(StrEnum):
    """Which network of features."""

    efficientnet_lite0 = "efficientnet_lite0"
    inception = "inception"
    classifier = "classifier"


CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE_OR_RUN",
        help="A run (its best checkpoint, else its newest), a checkpoint, or an exported generator.",
    ),
]
ImagesOption = Annotated[
    str | None,
    typer.Option("--images", metavar="SOURCE", help="Pictures instead of a model: a folder, zip, npz …; needs --data."),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The prepared set to compare with; else the one of the run."),
]
SplitOption = Annotated[SplitName, typer.Option("--split", help="Compare with held-out, or with training pictures.")]
SamplesOption = Annotated[
    int, typer.Option("--samples", min=4, help="Generated and real pictures, at most; the floor takes as many.")
]
FeaturesOption = Annotated[
    FeaturesChoice,
    typer.Option(
        "--features",
        help="efficientnet_lite0 (ImageNet, offline), inception (FID; fetched once), or classifier (taught by the set's"
        " own labels, for sets unlike photographs).",
    ),
]


def evaluate(
    *,
    checkpoint: CheckpointOption = None,
    images: ImagesOption = None,
    data: DataOption = None,
    split: SplitOption = SplitName.holdout,
    samples: SamplesOption = 10_000,
    features: FeaturesOption = FeaturesChoice.efficientnet_lite0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Sets of generated pictures.")] = 3,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the card there too.")] = None,
    raw_weights: Annotated[
        bool, typer.Option("--raw-weights", help="The weights of the last step, not their running average.")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Measure a model on pictures that training never showed, beside what real pictures score.

    Example:  gantool evaluate --checkpoint runs/quickstart-001 --features classifier
    """
    from gantool import files
    from gantool.measurement import keep, measure

    if json is not None:
        files.require_writable(json)
    with preparation_progress(aloud=True) as progress:
        subject = chosen_subject(checkpoint, images, data, device=device, raw_weights=raw_weights, progress=progress)
        found = measure(
            subject,
            split=split.value,
            samples=samples,
            features=features.value,
            seeds=range(seeds),
            device=device,
            progress=progress,
        )
    _show(found)
    if json is not None:
        found.write(json)
        typer.echo(f"  card        {json}")
    kept, why_not = keep(found, subject)
    if kept is not None:
        typer.echo(f"  card        {kept}")
    if why_not:
        typer.echo(f"  not kept    {why_not}")
    if subject.run is not None:
        typer.echo(f"Next: gantool audit --checkpoint {shlex.quote(str(subject.run.path))}")


def chosen_subject(
    checkpoint: Path | None,
    images: str | None,
    data: Path | None,
    *,
    device: str,
    raw_weights: bool = False,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Subject:
    """What the options name.

    Raises:
        UsageError: for both or neither, or pictures without a set.
    """
    from gantool import subject

    if (checkpoint is None) == (images is None):
        raise UsageError("give either --checkpoint FILE_OR_RUN or --images SOURCE")
    if checkpoint is not None:
        return subject.of_checkpoint(checkpoint, data=data, device=device, raw_weights=raw_weights, progress=progress)
    if data is None:
        raise UsageError("--images: name the prepared set (or the run) to compare with: --data DIR")
    if raw_weights:
        raise UsageError("--raw-weights goes with --checkpoint")
    return subject.of_images(str(images), data=data, progress=progress)


def _show(card: Card) -> None:
    from rich.console import Console
    from rich.text import Text

    from gantool.pages.text import counted, plain_for, visible

    console = Console(highlight=False)
    plain = plain_for(console)

    def say(line: str, style: str = "") -> None:
        console.print(Text(plain(visible(line)), style))

    reference = card.reference
    trained = f" after {card.subject.images_seen:,} images" if card.subject.images_seen is not None else ""
    say(f"{card.subject.name}{trained}", "bold")
    say(
        f"{card.samples:,} generated against {reference.pictures:,} real pictures ({reference.split}, set "
        f"{reference.fingerprint[:12]}), {counted(len(card.seeds), 'seed')}, features {card.features.name}"
    )
    console.print(_table(card, plain))
    if card.discriminator is not None:
        say(_discriminator(card.discriminator))
    for value in card.values:
        if value.note:
            say(f"note: {value.title}: {value.note}.")
    for note in card.notes:
        say(f"note: {note}")


def _table(card: Card, plain: Callable[[str], str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("value", "floor: halves", "train, hold-out"):
        table.add_column(name, justify="right", no_wrap=True)
    for value in card.values:
        style = "bold" if value.leads else "" if value.reliable else "dim"
        other = value.floor.train_holdout
        spreads = (value, value.floor.halves, *(() if other is None else (other,)))
        cells = [plain(_spread(spread)) for spread in spreads]
        name = f"{'→ ' if value.leads else '  '}{_short(value)}"
        table.add_row(plain(name), *cells, style=style)
    return table


def _short(value: Value) -> str:
    return f"{value.title.split(' (')[0]} {'↓' if value.better == 'lower' else '↑'}"


def _spread(spread: Spread) -> str:
    from gantool.pages.text import number

    return number(spread.mean, spread.deviation)


def _discriminator(judged: dict[str, object]) -> str:
    accuracies = ", ".join(
        f"{name.removeprefix('accuracy_').replace('_', ' ')} {value:.1%}"
        for name, value in judged.items()
        if name.startswith("accuracy_") and isinstance(value, float)
    )
    gap = judged.get("gap")
    overfit = f"; mean logit on training less held-out pictures {gap:+.3f}" if isinstance(gap, float) else ""
    return f"discriminator right on: {accuracies}{overfit}"

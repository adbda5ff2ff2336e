"""Pictures in folders, on a disk or in an archive: what their labels are, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from gantool.data.base import Item
from gantool.data.sources.classes import numbered, ordered
from gantool.data.sources.notes import Notes
from gantool.errors import DataError
from gantool.legible import legible

Labels = Literal["none", "folders", "metadata"]
"""What a picture's class is: nothing, the first folder it lies in, or what is written beside it (see `notes`)."""

_SPLITS = {"dev", "test", "train", "training", "val", "valid", "validation"}


class Tree(NamedTuple):
    """Pictures by name, sorted, and what is said about them."""

    place: str
    """How messages call the folder or archive."""
    names: Sequence[str]
    tops: Sequence[str | None]
    """The first folder of each picture; None for one that lies in no folder."""
    notes: Notes


class Labelled(NamedTuple):
    """Pictures with labels and captions."""

    classes: Sequence[str]
    items: Sequence[Item]
    astray: Sequence[tuple[str, str]]
    """What is said about pictures that are not there."""


def labelled(tree: Tree, labels: Labels) -> Labelled:
    """The pictures of ``tree`` as items.

    Raises:
        DataError: when there are no such labels.
    """
    said = [tree.notes.of(name) for name in tree.names]
    if labels == "folders":
        check_tops(tree.place, tree.names, tree.tops)
        own = list(tree.tops)
    else:
        own = [note.label if labels == "metadata" else None for note in said]
    classes = _classes(tree, [label for label in own if label is not None], labels)
    number_of = {label: number for number, label in enumerate(classes)}
    items = [
        Item(name, None if label is None else number_of[label], caption=note.caption)
        for name, label, note in zip(tree.names, own, said, strict=True)
    ]
    return Labelled(classes, items, tree.notes.astray(set(tree.names)))


def check_tops(place: str, names: Sequence[str], tops: Sequence[str | None]) -> None:
    """Refuse folders that are no classes.

    Raises:
        DataError: naming a picture in no folder, or the only folder.
    """
    stray = [name for name, top in zip(names, tops, strict=True) if top is None]
    if stray:
        raise DataError(
            f"{place}: labels: folders, but {len(stray)} pictures lie in no class folder, such as"
            f" {legible(stray[0])}; move each into a folder named after its class, or set data.labels: none"
        )
    if len(set(tops)) < 2:
        raise DataError(
            f"{place}: labels: folders, but all pictures are of one class ({legible(tops[0])}); point"
            " data.path at the folder that holds the class folders, or set data.labels: none"
        )


def suggested(tree: Tree) -> Labels:
    """The labels that a person most likely means: what is written, else class folders, else none.

    Folders called train and test are no classes, nor are the folders beside a ``dataset.json`` without labels.
    """
    if any(tree.notes.of(name).label is not None for name in tree.names):
        return "metadata"
    tops = {top.lower() for top in tree.tops if top is not None}
    if None in tree.tops or len(tops) < 2 or tops <= _SPLITS or tree.notes.unlabelled:
        return "none"
    return "folders"


def _classes(tree: Tree, labels: Sequence[str], kind: Labels) -> Sequence[str]:
    if kind == "metadata" and not labels:
        raise DataError(
            f"{tree.place}: labels: metadata, but no picture has a label; looked for metadata.jsonl and metadata.csv"
            " (with columns file_name and label), dataset.json, and .cls or .json files beside the pictures;"
            " set data.labels to none or folders"
        )
    if kind == "metadata" and tree.notes.dense and all(label.lstrip("-").isdecimal() for label in labels):
        return numbered((int(label) for label in labels), tree.place)
    return sorted(set(labels)) if kind == "folders" else ordered(labels)

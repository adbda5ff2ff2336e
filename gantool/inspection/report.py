"""What a check of pictures found: plain data, made by `inspect`, shown by `summary`, `page` and `to_json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["stop", "poison", "look", "note"]
"""stop: training would not start. poison: it would learn the fault. look: a person should decide. note: a fact."""

SEVERITIES: tuple[Severity, ...] = ("stop", "poison", "look", "note")


@dataclass(frozen=True)
class Kind:
    """One kind of finding, in a person's words."""

    title: str
    severity: Severity
    advice: str
    """What to do about it, one sentence."""
    grouped: bool = False
    """Whether a finding is a group of pictures; its first picture is the one to keep."""
    excluded: bool = False
    """Whether `--exclude-to` leaves these pictures out (of a group, all but the first) without being asked again."""


KINDS: Mapping[str, Kind] = {
    "unreadable": Kind(
        "cannot be read", "stop", "Mend or remove them, or leave them out with --skip-bad.", excluded=True
    ),
    "none": Kind(
        "no pictures to train on", "stop", "At least 2 are needed, and hundreds for anything worth looking at."
    ),
    "few": Kind("too few pictures", "poison", "Add pictures, or fine-tune a trained model."),
    "two_labels": Kind("the same picture under two labels", "poison", "Decide which label is right.", grouped=True),
    "leakage": Kind(
        "the same picture on both sides of the hold-out split",
        "poison",
        "Prepare the set again: duplicates then stay on one side.",
        grouped=True,
    ),
    "exact_duplicates": Kind(
        "exact duplicates", "poison", "Keep one of each group: --deduplicate.", grouped=True, excluded=True
    ),
    "near_duplicates": Kind(
        "near duplicates", "poison", "Keep one of each group: --deduplicate.", grouped=True, excluded=True
    ),
    "blank": Kind("blank or nearly constant", "poison", "Remove them: nothing can be learnt from them.", excluded=True),
    "letterbox": Kind("letterbox borders", "poison", "Crop the bars away: the model would draw them.", excluded=True),
    "mirrored_duplicates": Kind(
        "mirror images of each other", "look", "Keep one of each and use the mirror augmentation.", grouped=True
    ),
    "blurred": Kind("blurred", "look", "Remove them unless blur is part of the subject."),
    "dark": Kind("very dark", "look", "Brighten or remove them."),
    "bright": Kind("very bright", "look", "Darken or remove them."),
    "small": Kind("small for the wanted resolution", "look", "Remove them, or train at a lower resolution."),
    "aspect": Kind("odd aspect ratio", "look", "Crop them, or prepare with --fit pad."),
    "outlier": Kind("unlike all others", "look", "Remove what does not belong to the subject."),
    "label_suspect": Kind("label differs from its neighbours'", "look", "Look at the label."),
    "small_class": Kind("class with few pictures", "look", "Add pictures of it, or leave the class out."),
    "imbalance": Kind("unequal classes", "look", "Expect the large classes to look better than the small ones."),
    "grey_among_colour": Kind("grey among colour", "look", "Decide for --channels grey, or remove the grey ones."),
    "animated": Kind("animations", "note", "Only the first frame is used."),
    "alpha": Kind("with transparency", "note", "Say --background, or keep it with --channels rgba."),
    "palette": Kind("with a palette", "note", "They are converted."),
    "cmyk": Kind("CMYK", "note", "They are converted, without their colour profile."),
    "deep": Kind("deeper than 8 bits", "note", "Their common range becomes black to white; see --range."),
    "deep_colour": Kind("colour of 16 bits", "note", "Their upper 8 bits are used."),
    "rotated": Kind("rotated by EXIF", "note", "They are turned upright."),
    "suffix": Kind("named for another format", "note", "They are read for what they are; rename them for other tools."),
    "passed_over": Kind("passed over", "note", "Look at the reason; convert other formats to PNG or JPEG."),
    "mixed_sizes": Kind("mixed sizes", "note", "They are all brought to --resolution."),
}
"""Every kind there is, worst first: the order of every output."""


@dataclass(frozen=True)
class Finding:
    """One fault of one picture, of a group of pictures, or of the set."""

    kind: str
    """A key of `KINDS`."""
    pictures: tuple[int, ...]
    """Indices into `Report.names`; empty for a finding about the whole set or a class."""
    detail: str
    """The evidence, in a few words: ``truncated``, ``2.4 times as wide as high``."""
    score: float = 0.0
    """How bad, for the order within a kind; larger is worse."""


@dataclass(frozen=True)
class Facts:
    """What the set is like, counted over the readable pictures."""

    total: int
    """Pictures found."""
    readable: int
    formats: Mapping[str, int]
    """``PNG`` → count."""
    modes: Mapping[str, int]
    """grey, grey in rgb, rgb, palette, CMYK, alpha, 16-bit … → count."""
    smallest: tuple[int, int]
    """Height and width of the picture with the fewest pixels; (0, 0) where none can be read."""
    median: tuple[int, int]
    """Median height and median width."""
    largest: tuple[int, int]
    class_counts: Mapping[str, int]
    """By class name; empty for a set without labels."""
    captions: int
    """Pictures with a caption."""


@dataclass(frozen=True)
class Advice:
    """What the findings mean for training."""

    usable: int
    """Pictures that are left when everything excluded by default is left out."""
    resolution: int
    """The largest sensible side in pixels."""
    recipe: str
    """A shipped recipe to start from."""
    lines: Sequence[str]
    """Sentences, most important first; each stands by itself."""


@dataclass(frozen=True)
class Report:
    """A whole check."""

    source: str
    """As the person named it."""
    names: Sequence[str]
    """Of every picture of the source, in its order."""
    labels: Sequence[str | None]
    """Class name of every picture; None where there is none."""
    findings: Sequence[Finding]
    """Worst kind first; within a kind, worst first."""
    facts: Facts
    advice: Advice
    options: Mapping[str, object] = field(default_factory=dict)
    """What was asked for: resolution, mirrored, features …; what was left out and why."""
    prepared: bool = False
    """Whether the source is a prepared set already."""
    spelled: Sequence[str] = ()
    """Words of the command that decided what was read, such as ``--labels none``."""

    def of_kind(self, kind: str) -> list[Finding]:
        """The findings of one kind, in order."""
        return [finding for finding in self.findings if finding.kind == kind]

    def pictures_of(self, kind: str) -> int:
        """Pictures concerned by a kind; of a group those beyond the first, where they would be excluded."""
        kept = 1 if KINDS[kind].grouped and KINDS[kind].excluded else 0
        return len({picture for finding in self.of_kind(kind) for picture in finding.pictures[kept:]})

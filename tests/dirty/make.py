"""Building a dirty set: ``pictures/`` in class folders, and ``truth.json`` beside it.

The same seed gives the same bytes (with the same Pillow). Copies are of good pictures; every other fault is planted on
a picture that is not among the good ones, nor a variation of one, so that it is no duplicate of theirs. A kind draws
from a stream of its own.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.dirty import broken, copies, modes, pool, soft, strangers
from tests.dirty.copies import Copy, encoded
from tests.dirty.pool import Candidate
from tests.dirty.truth import Good, Half, Planted, Truth

Rng = np.random.Generator

PICTURES, TRUTH = "pictures", "truth.json"
ODD = (
    "two words",
    " leading space",
    "ünïcödé-Ñandú",
    "漢字かな交じり",
    "🙂👍🏽",
    "number #1 of 100%20",
    'it\'s "quoted"',
    "<b>bold<b>",
    "a&amp;b;c=d?e",
    "{{ 7 * 7 }} ${HOME} $(ls)",
    "back\\slash",
    "-rf",
    "dots...in.the.name",
    "[bracket] (round), comma",
)
"""Names that pages, lists and shells have been seen to stumble over."""
_FLOURISH = " <i>'#🙂' &"
"""At the end of some faults' names: they are in reports and lists."""
_ALIKE = (
    {"t-shirt", "pullover", "dress", "coat", "shirt"},
    {"sandal", "sneaker", "ankle-boot"},
    {"People & Body", "Smileys & Emotion"},
)
"""Classes that look so much alike that a wrong label among them is hard to see."""


@dataclass(frozen=True)
class Plan:
    """How many of each; the defaults are the sets that the documentation reports."""

    good: int = 1000
    exact: int = 48
    two_labels: int = 24
    resized: int = 20
    recompressed_jpeg: int = 16
    recompressed_webp: int = 8
    cropped: int = 20
    brightness: int = 12
    mirrored: int = 20
    soft: int = 20
    """For each kind and grade."""
    outliers: int = 20
    suspects: int = 20
    modes: int = 8
    """For each kind."""


def make_garments(out: Path, seed: int = 0, plan: Plan | None = None) -> Truth:
    """The grey set, from the embedded garments."""
    return _Maker("garments", pool.garments(), out, seed, plan or Plan()).run()


def make_emoji(out: Path, package: Path | None = None, seed: int = 0, plan: Plan | None = None) -> Truth:
    """The colour set, from the emoji package: unpacked at ``package``, or else fetched with npm.

    Raises:
        RuntimeError: when it must be fetched and cannot be.
    """
    with pool.emoji_package(package) as folder:
        candidates = pool.emoji(folder)
    return _Maker("emoji", candidates, out, seed, plan or Plan()).run()


class _Maker:
    def __init__(self, name: str, candidates: Sequence[Candidate], out: Path, seed: int, plan: Plan) -> None:
        if out.exists() and any(out.iterdir()):
            raise FileExistsError(f"{out}: not empty; give a new folder")
        self._name, self._out, self._seed, self._plan = name, out, seed, plan
        shuffled: list[Candidate] = [candidates[index] for index in self._draws("good").permutation(len(candidates))]
        self._chosen = shuffled[: plan.good]
        families = {one.family for one in self._chosen}
        self._rest = iter([one for one in shuffled[plan.good :] if one.family not in families])
        self._labels = sorted({one.label for one in self._chosen})
        self._colour = self._chosen[0].picture.mode == "RGB"
        self._side = self._chosen[0].picture.width
        self._good: list[Good] = []
        self._planted: list[Planted] = []
        self._halves: dict[tuple[str, str, int | None], Iterator[Half]] = {}

    def run(self) -> Truth:
        self._plant_good()
        self._plant_copies()
        self._plant_soft()
        self._plant_broken()
        self._plant_modes()
        self._plant_strangers()
        self._plant_suspects()
        truth = Truth(self._name, self._seed, self._side, self._good, self._planted)
        truth.write(self._out / TRUTH)
        return truth

    def _plant_good(self) -> None:
        for number, one in enumerate(self._chosen):
            stem = ODD[number] if number < len(ODD) else one.key
            name = f"{one.label}/{stem}{'.PNG' if number % 50 == 49 else '.png'}"
            self._write(name, encoded(one.picture, "PNG"))
            facts = ("grey_among_colour",) if self._colour and _is_grey(one.picture) else ()
            self._good.append(Good(name, one.label, "AB"[number % 2], facts))  # type: ignore[arg-type]

    def _plant_copies(self) -> None:
        plan, rng = self._plan, self._draws("copies")
        order = iter(range(len(self._chosen)))

        def some(count: int, kind: str, variant: str, again: int = 0) -> None:
            """Copies of the next ``count - again`` good pictures, and second copies of the first ``again``."""
            rows = list(itertools.islice(order, count - again))
            for number, row in enumerate(rows + rows[:again]):
                filed = self._other_label(self._chosen[row].label, rng) if kind == "two_labels" else None
                self._plant_copy(row, kind, copies.copy_of(self._chosen[row].picture, variant, rng), number, filed)

        for variant in copies.EXACT:
            some(plan.exact // 4, "exact_duplicates", variant, plan.exact // 24)
        for variant in ("byte copy", "lossless WebP", "recompressed JPEG"):
            some(plan.two_labels // 3, "two_labels", variant)
        wanted = (plan.resized, plan.recompressed_jpeg, plan.recompressed_webp, plan.cropped, plan.brightness)
        for variant, count in zip(copies.NEAR, wanted, strict=True):
            some(count, "near_duplicates", variant)
        some(plan.mirrored, "mirrored_duplicates", copies.MIRRORED)

    def _plant_copy(self, row: int, kind: str, copy: Copy, number: int, filed: str | None) -> None:
        original = self._good[row]
        label = filed or original.label
        folder = f"{label}/more copies" if number % 3 == 2 else label
        stem = f"{kind}-{copy.variant}-{number:02d}"
        name = f"{folder}/{stem}{_FLOURISH if number % 5 == 4 else ''}{copy.suffix}"
        self._write(name, copy.content)
        self._planted.append(Planted(name, kind, copy.variant, label, original.half, of=original.name))

    def _plant_soft(self) -> None:
        for kind, spoil in soft.SOFT.items():
            rng = self._draws(kind)
            for grade, number in itertools.product((1, 2, 3), range(self._plan.soft)):
                one = next(self._rest)
                picture, variant = spoil(one.picture, grade, rng)
                photo = number % 3 == 2 and kind != "blank"  # compression would flatten what little is there
                content = encoded(picture, "JPEG", quality=92) if photo else encoded(picture, "PNG")
                self._plant(kind, number, Copy(content, ".jpg" if photo else ".png", variant), one.label, grade)

    def _plant_broken(self) -> None:
        pictures = (one.picture for one in self._rest)
        for number, copy in enumerate(broken.unreadable(pictures)):
            self._plant("unreadable", number, copy, self._any_label(number))
        for number, copy in enumerate(broken.PASSED_OVER):
            self._plant("passed_over", number, copy, self._any_label(number))

    def _plant_modes(self) -> None:
        for kind, store in modes.MODES.items():
            if kind == "grey_among_colour" and not self._colour:
                continue
            rng = self._draws(kind)
            for number in range(self._plan.modes):
                one, other = next(self._rest), next(self._rest)
                self._plant(kind, number, store(one, other, number, rng), one.label)

    def _plant_strangers(self) -> None:
        rng = self._draws("outlier")
        variants = (*strangers.DRAWN[:3], "gradient", "garment") if self._colour else strangers.DRAWN
        clothes = iter(pool.garments()) if self._colour else iter(())
        for number in range(self._plan.outliers):
            variant = variants[number % len(variants)]
            if variant == "garment":
                picture = next(clothes).picture.resize((self._side,) * 2, Image.Resampling.BICUBIC).convert("RGB")
            else:
                picture = strangers.stranger(variant, self._side, self._chosen[0].picture.mode, rng)
            self._plant("outlier", number, Copy(encoded(picture, "PNG"), ".png", variant), self._any_label(number))

    def _plant_suspects(self) -> None:
        rng = self._draws("label_suspect")
        for number in range(self._plan.suspects):
            one = next(self._rest)
            filed = self._other_label(one.label, rng)
            alike = any({one.label, filed} <= group for group in _ALIKE)
            copy = Copy(
                encoded(one.picture, "PNG"), ".png", "of a class that looks alike" if alike else "of another class"
            )
            self._plant("label_suspect", number, copy, filed)

    def _plant(self, kind: str, number: int, copy: Copy, label: str, grade: int | None = None) -> None:
        stem = f"{kind}-{grade}-{number:02d}" if grade else f"{kind}-{copy.variant}-{number:02d}"
        name = f"{label}/{stem}{_FLOURISH if number % 7 == 6 else ''}{copy.suffix}"
        self._write(name, copy.content)
        # Whether the first of a sort goes to A or to B alternates too, so that sorts with one picture serve both.
        start = len(self._halves) % 2
        halves = self._halves.setdefault((kind, copy.variant, grade), itertools.cycle("AB"[start:] + "AB"[:start]))  # type: ignore[arg-type]
        self._planted.append(Planted(name, kind, copy.variant, label, next(halves), grade))

    def _write(self, name: str, content: bytes) -> None:
        path = self._out / PICTURES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:  # no picture takes the place of another
            stream.write(content)

    def _draws(self, name: str) -> Rng:
        return np.random.default_rng([self._seed, zlib.crc32(name.encode())])

    def _any_label(self, number: int) -> str:
        return self._labels[number % len(self._labels)]

    def _other_label(self, label: str, rng: Rng) -> str:
        others = [other for other in self._labels if other != label]
        return others[int(rng.integers(len(others)))]


def _is_grey(picture: Image.Image) -> bool:
    red, green, blue = picture.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()

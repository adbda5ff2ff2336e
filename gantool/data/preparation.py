"""From raw pictures to a prepared set, once: in the cache, or in a folder that a person names.

What cannot be decoded is gathered and reported together. The result is the same to the last byte for any number of
processes, and however often it was killed and started again: `making` and `finishing` see to that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ImageColor

from gantool import files
from gantool.data import cache, exclusions, prepared, split
from gantool.data.base import DataSettings, Source
from gantool.data.decode import Options
from gantool.data.finishing import Finish
from gantool.data.making import Maker
from gantool.data.plan import Plan, Progress, Tally
from gantool.data.workers import require_workers
from gantool.data.workshop import Workshop, remove_forgotten, workshop
from gantool.data.writer import fault_list
from gantool.errors import DataError, UsageError
from gantool.legible import legible

__all__ = ["Progress", "prepare"]

VERSION = 3
"""Raised whenever the same pictures would be stored as other bytes, get other prints, or be grouped otherwise."""

_LISTED = 20

_log = logging.getLogger(__name__)


class UnusablePictures(DataError):
    """Pictures that cannot be decoded, where they are not to be skipped."""


class Keys(NamedTuple):
    """Digests of all that a set depends on; nothing in them depends on where the pictures lie."""

    work: str
    """Of the decoding: the same whether or not bad pictures are skipped in the end."""
    set: str
    """Of the set."""


def prepare(
    settings: DataSettings,
    *,
    seed: int,
    progress: Progress | None = None,
    workers: int | None = None,
    out: Path | None = None,
) -> Path:
    """The folder of the prepared set for ``settings``; made when it is not there.

    Args:
        settings: the ``data`` section of a config.
        seed: of the experiment; decides the hold-out split and the draw of ``max_images``.
        progress: called every few pictures.
        workers: decoding processes; None chooses.
        out: where the set is to be; None keeps it in the cache.

    Raises:
        DataError: no pictures, too few, unreadable ones, wrong labels, sizes that differ.
        UsageError: the cache or ``out`` cannot be written, ``out`` holds something else, or too many ``workers``.
        ResourceError: no space on the disk, no memory.
    """
    require_workers(workers)
    if (folder := settings.ready()) is not None:
        if out is not None:
            raise UsageError(f"{folder}: this set is prepared already; train from it, or copy the folder")
        return folder
    names = exclusions.read(Path(settings.exclude).expanduser()) if settings.exclude else frozenset()
    described = _described(settings, names)
    with contextlib.closing(settings.open()) as source:
        keys = _keys(described, settings, source, seed)
        if (folder := _finished(keys, described, out)) is not None:
            return folder
        if not source.items:
            raise DataError(f"{settings.path}: no pictures in it")
        # A source that downloads has other files now than a moment ago.
        keys = _keys(described, settings, source, seed)
        tell = progress or _silent
        target = _target(keys, described, out)
        if out is None:
            remove_forgotten(target.parent)
        shop_name = target.name if out is not None else f"{described['source']}-{keys.work}"
        with workshop(target.parent, shop_name, lambda: tell("wait for another process", 0, 1)) as shop:
            if (folder := _finished(keys, described, out)) is not None:
                shop.discard()
                return folder
            plan = _plan(settings, source, seed, names)
            with _discarding(shop):
                made = _made(plan, shop, keys, described, tell, workers)
            if out is not None:  # before it appears: whoever is killed after that finds it known
                cache.remember(keys.set, prepared.read_header(made)["fingerprint"])
            shop.publish(made, target, ours=out is None)
    return target


def _described(settings: DataSettings, names: Collection[str]) -> dict[str, Any]:
    """The settings without any path of this machine: a list of exclusions by what it leaves out."""
    described = settings.model_dump(mode="json", exclude={"path", "download", "exclude"})
    return {**described, "exclude": exclusions.digest(names) if settings.exclude else None}


def _keys(described: dict[str, Any], settings: DataSettings, source: Source, seed: int) -> Keys:
    content = {
        "versions": [VERSION, prepared.FORMAT],
        "state": source.state(),
        "settings": described,
        "seed": _seed_of(settings, seed),
    }
    work = {**content, "settings": {key: value for key, value in described.items() if key != "skip_bad"}}
    work_key, set_key = (
        hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:20] for part in (work, content)
    )
    return Keys(work_key, set_key)


def _seed_of(settings: DataSettings, seed: int) -> int | None:
    """None where nothing is drawn: such a set is the same for every seed, and is made once."""
    drawn = _has_drawn_holdout(settings) or settings.max_images is not None
    return seed if drawn else None


def _has_drawn_holdout(settings: DataSettings) -> bool:
    return settings.holdout not in (0, "official")


def _target(keys: Keys, described: dict[str, Any], out: Path | None) -> Path:
    return out.resolve() if out is not None else cache.sets_folder() / f"{described['source']}-{keys.set}"


def _finished(keys: Keys, described: dict[str, Any], out: Path | None) -> Path | None:
    """The set, where it is there already.

    Raises:
        UsageError: when ``out`` holds something else.
    """
    target = _target(keys, described, out)
    if out is None:
        return target if (target / prepared.HEADER).is_file() else None
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    if not (target / prepared.HEADER).is_file():
        what = "holds other files" if target.is_dir() else "is a file"
        raise UsageError(f"{out}: {what}; --out takes a new or an empty folder")
    header = prepared.read_header(target)
    if header["fingerprint"] == cache.remembered(keys.set) and header.get("settings") == described:
        return target
    raise UsageError(
        f"{out}: holds a prepared set that was made from other pictures or with other options; choose another --out,"
        " or delete that folder first"
    )


def _plan(settings: DataSettings, source: Source, seed: int, names: Collection[str]) -> Plan:
    """What is to be made: everything but what is excluded, or so many of it."""
    where = settings.path or str(settings.model_dump()["source"])
    items = source.items
    numbers = [number for number, item in enumerate(items) if item.name not in names]
    if unknown := sorted(set(names) - {item.name for item in items}):
        first = ", ".join(legible(name) for name in unknown[:3])
        _log.warning("%s: %d excluded pictures are not there, such as %s", where, len(unknown), first)
    excluded = len(items) - len(numbers)
    if settings.max_images is not None:
        # The two sides of an official split are counted apart, so that both keep their share.
        chosen_from = [items[number] for number in numbers]
        classes = [2 * (item.label or 0) + item.official_test for item in chosen_from]
        numbers = [numbers[row] for row in split.chosen(classes, settings.max_images, seed)]
    options = Options(
        size=settings.size,
        channels=settings.channels or source.channels,
        fit=settings.fit,
        background=_rgb(settings.background),
        span=settings.range,
        # A public set is what it is, and comparing its pictures costs more than decoding them.
        prints=settings.deduplicate or (_has_drawn_holdout(settings) and source.origin is None),
    )
    return Plan(settings, source, numbers, options, seed, where, excluded=excluded)


def _made(
    plan: Plan, shop: Workshop, keys: Keys, described: dict[str, Any], progress: Progress, workers: int | None
) -> Path:
    """The finished set, in the workshop."""
    with Maker(plan, shop, keys.work, progress, workers) as maker:
        tally = maker.decode()
        _judge(plan, tally, keys)
        maker.scale()
    facts = {
        "format": prepared.FORMAT,
        "preparer": VERSION,
        "channels": plan.options.channels,
        "classes": list(plan.source.classes),
        "holdout": plan.settings.holdout,
        "seed": _seed_of(plan.settings, plan.seed),
        "settings": described,
        "origin": plan.source.origin,
        "excluded": plan.excluded,
    }
    return Finish(plan, shop, tally, facts, progress).run(keys.work)


@contextlib.contextmanager
def _discarding(shop: Workshop) -> Iterator[None]:
    """Keep what was done for the next start, unless the pictures must change before that."""
    try:
        yield
    except UnusablePictures:  # kept: with skip_bad it goes on
        raise
    except DataError:
        shop.discard()
        raise


def _judge(plan: Plan, tally: Tally, keys: Keys) -> None:
    """Stop for unreadable pictures, unless they are to be skipped, and for a set that is too small."""
    if tally.faults and not plan.settings.skip_bad:
        report = cache.cache_folder() / "reports" / f"{keys.set}.txt"
        with contextlib.suppress(OSError):
            report.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(report, fault_list(tally.faults))
        first = "".join(f"  {line}\n" for line in fault_list(tally.faults[:_LISTED]).splitlines())
        more = len(tally.faults) - _LISTED
        raise UnusablePictures(
            f"{plan.where}: {len(tally.faults)} of {len(plan.numbers)} pictures cannot be used:\n{first}"
            + (f"  … and {more} more\n" if more > 0 else "")
            + (f"The whole list: {report}\n" if report.is_file() else "")
            + "Mend or remove them, or leave them out (data.skip_bad: true, --skip-bad): then it goes on from here."
        )
    if len(tally.kept) < 2:
        raise DataError(
            f"{plan.where}: {len(tally.kept)} usable picture{'s' * (len(tally.kept) != 1)}, at least 2 are"
            " needed to train on (and hundreds for anything worth looking at)"
        )


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue, *_ = ImageColor.getrgb(colour)
    return red, green, blue

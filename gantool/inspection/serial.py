"""A check as JSON, for machines.

The document, ``"format": 1``:

- ``gantool``: version of the tool that wrote it;
- ``source``, ``options``: what was asked for;
- ``verdict``: ``judgement`` (``stop``, ``poison``, ``look`` or ``fine``) and ``sentence``;
- ``facts``: the fields of `Facts`; sizes are [height, width];
- ``advice``: the fields of `Advice`;
- ``kinds``: what was found, worst first: ``kind``, ``title``, ``severity``, ``advice``, ``grouped``, and how many
  ``findings`` and ``pictures`` there are;
- ``findings``: every one, in the same order: ``kind``, ``severity``, ``pictures`` (indices into ``names``), their
  ``names``, ``detail``, ``score`` (null where it is no finite number) and, of those names, the ``excluded`` ones;
- ``excluded``: the names that ``--exclude-to`` leaves out, in the order of the source;
- ``names``, ``labels``: of every picture of the source, in its order; a label is null where there is none.

The document is ASCII, with one finding and one name a line. A name whose bytes are no UTF-8 holds lone surrogates, as
everywhere in Python, and is written with escapes (``\\udcff``), as in ``images.jsonl`` and in the list that ``prepare
--exclude`` takes: a reader gets the same name from all three. Equal reports give equal documents. A field may be added
within a format; a change of meaning raises it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from gantool.inspection.overview import excluded, left_out, sections, verdict
from gantool.inspection.report import KINDS, Finding, Report
from gantool.version import __version__

FORMAT = 1


def to_json(report: Report) -> str:
    """The whole report as a JSON document, ending with a newline. See the module for what is in it."""
    document: dict[str, object] = {
        "format": FORMAT,
        "gantool": __version__,
        "source": report.source,
        "options": report.options,
        "verdict": verdict(report)._asdict(),
        "facts": vars(report.facts),
        "advice": vars(report.advice),
        "kinds": _kinds(report),
        "findings": (_finding(finding, report) for part in sections(report) for finding in part.findings),
        "excluded": [report.names[index] for index in excluded(report)],
        "names": report.names,
        "labels": report.labels,
    }
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {_written(value)}" for key, value in document.items()) + "\n}\n"


def _written(value: object) -> str:
    """JSON, of a list one entry a line: for people who search it, and in less memory than all at once."""
    if isinstance(value, Iterator) or (isinstance(value, Sequence) and not isinstance(value, str) and value):
        return "[\n" + ",\n".join(json.dumps(_plain(part), allow_nan=False) for part in value) + "\n]"
    return json.dumps(_plain(value), allow_nan=False)


def _kinds(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "kind": part.key,
            "title": part.kind.title,
            "severity": part.kind.severity,
            "advice": part.kind.advice,
            "grouped": part.kind.grouped,
            "findings": len(part.findings),
            "pictures": part.pictures,
        }
        for part in sections(report)
    ]


def _finding(finding: Finding, report: Report) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "severity": KINDS[finding.kind].severity,
        "pictures": finding.pictures,
        "names": [report.names[index] for index in finding.pictures],
        "detail": finding.detail,
        "score": finding.score,
        "excluded": [report.names[index] for index in left_out(finding)],
    }


def _plain(value: object) -> Any:
    """``value`` as JSON can hold it.

    Raises:
        TypeError: for what is neither text, number, mapping nor sequence.
    """
    if isinstance(value, str | PurePath):
        return str(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    raise TypeError(f"{value!r} cannot be written as JSON")

"""A run as one HTML file: what it drew, how it went, how good it is, what it gives away, what it cost.

`write_report` gathers what the run folder holds and writes the page. A piece that is missing is said with the command
that makes it; one that is damaged, or of a newer version's format, is named; neither ends the report. What this room
does not do: measure anything. Metric cards come from `gantool evaluate`, the audit from `gantool audit`.
"""

from __future__ import annotations

from gantool.report.page import render
from gantool.report.writing import write_report

__all__ = ["render", "write_report"]

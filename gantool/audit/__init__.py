"""The audit: whether a model gives away its training pictures, or draws less than it was shown.

`audit` measures and judges (`checks`) by `Limits`; `Audit` is the verdict as data and as JSON, `summary` shows it in a
terminal, `pictures` the evidence.
"""

from __future__ import annotations

from gantool.audit.conduct import Audited, audit
from gantool.audit.limits import Limits
from gantool.audit.serial import Audit, Check, Number

__all__ = ["Audit", "Audited", "Check", "Limits", "Number", "audit"]

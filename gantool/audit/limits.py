"""From where on an audit says no.

With ten thousand pictures the smallest difference is significant, so how large it is decides; significance only keeps
small sets from failing by chance. What is above its limit and not significant is no pass either: it is skipped, and the
audit has not passed. Exact copies need no significance where no held-out picture is one.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable

from gantool.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is still passed. All are shares unless said otherwise."""

    copy_rate: float = 0.01
    """Generated pictures that are copies of training pictures, above the share among held-out ones."""
    exact_copies: float = 0
    """Generated pictures that are training pictures to the last pixel, above the share among held-out ones."""
    leaning: float = 0.25
    """How much nearer generated pictures are to training than to held-out ones: 0 by chance, 1 all."""
    membership: float = 0.65
    """Lower bound of the AUC of the discriminator's logits, training against held-out pictures."""
    total_variation: float = 0.25
    """Generated pictures that would have to be of another class to have the classes' shares right."""
    dropped_classes: float = 0
    """How many classes may be missing."""
    twins: float = 0.05
    """Generated pictures with a near-identical other, above the share among as many real ones."""
    significance: float = 0.001
    """A difference that chance makes more often than this never fails; above its limit it does not pass either."""

    @classmethod
    def parsed(cls, changes: Iterable[str]) -> Limits:
        """Limits with some changed, each as ``copy_rate=0.02``.

        Raises:
            UsageError: for an unknown name or what is no number of at least 0.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        values: dict[str, float] = {}
        for change in changes:
            name, _, text = change.partition("=")
            name = name.strip()
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise UsageError(f"--limit {change}: unknown limit{hint}\nchoices: {', '.join(names)}")
            try:
                values[name] = float(text)
            except ValueError:
                values[name] = math.nan
            if not 0 <= values[name] < math.inf:
                raise UsageError(f"--limit {change}: give a number of at least 0, as in --limit {name}=0.02")
        return cls(**values)

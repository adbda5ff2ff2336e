"""When an answer is none: too few pictures to see what is asked for, or to be sure of what was seen."""

from __future__ import annotations

import math

from gantool.metrics.balance import at_most

_MISSED = 0.05
_LARGEST = 1_000_000


def chance(few: int, of_real: int, many: int, of_made: int) -> float:
    """How often chance alone puts so many of all special pictures among the generated ones.

    Args:
        few: special real pictures of ``of_real``.
        of_real: real ones, at least 1.
        many: special generated ones of ``of_made``.
        of_made: generated ones.
    """
    return at_most(few, few + many, of_real, of_real + of_made)


def least_to_see(limit: float) -> int:
    """Generated pictures among which a share of ``limit`` would show itself once or more in 95 % of cases.

    With fewer, none at all would be no sign of a share below the limit.
    """
    return 1 if limit >= 1 or limit <= 0 else math.ceil(math.log(_MISSED) / math.log1p(-limit))


def least_to_be_sure(share: float, few: int, of_real: int, of_made: int, significance: float) -> int | None:
    """Generated pictures of which ``share`` would be significant, by doubling; None where no number is enough."""
    count = of_made
    while count <= _LARGEST:
        if chance(few, of_real, round(share * count), count) < significance:
            return count
        count *= 2
    return None


def most_by_chance(few: int, of_real: int, of_made: int, significance: float) -> float:
    """The largest share of generated pictures that is not significant."""
    low, high = 0, of_made + 1  # chance(low) is not significant, chance(high) would be
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(few, of_real, middle, of_made) < significance else (middle, high)
    return low / of_made


def unsure(share: float, limit: float, of_made: int, enough: int | None) -> str:
    """The sentence of a share that is above its limit and may be there by chance."""
    remedy = (
        f"draw more with --samples ({_rounded(enough):,} or so)"
        if enough is not None
        else "no number would be enough beside so few real ones; prepare the set with a larger --holdout"
    )
    return f"{share:.1%} is above the limit of {limit:.1%}, but {of_made:,} pictures are too few to be sure: {remedy}."


def _rounded(count: int) -> int:
    """Up to two digits."""
    size = int(10 ** max(0, len(str(count)) - 2))
    return math.ceil(count / size) * size

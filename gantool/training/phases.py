"""Names for the parts of an iteration, for whoever measures or traces it. Nobody does: a name costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Watcher = Callable[[str], AbstractContextManager[object]]

DATA = "data"
GENERATOR = "generator forward"
DISCRIMINATOR_STEP = "discriminator step"
PENALTIES = "penalties"
GENERATOR_STEP = "generator step"
AVERAGE = "average"
PHASES = (DATA, GENERATOR, DISCRIMINATOR_STEP, PENALTIES, GENERATOR_STEP, AVERAGE)
"""In the order of an iteration; the generator's forward and the penalties lie within the discriminator's step."""

_watcher: Watcher = lambda _: nullcontext()  # noqa: E731 - replaced, not called by name


def phase(name: str) -> AbstractContextManager[object]:
    """The context in which the part ``name`` runs."""
    return _watcher(name)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let ``watcher`` give the contexts meanwhile."""
    global _watcher  # noqa: PLW0603 - one iteration runs at a time, and it must cost nothing
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before

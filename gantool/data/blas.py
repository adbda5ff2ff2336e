"""How many threads numpy multiplies with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Small matrices are multiplied by one thread each within this, or in a function that it decorates: a second one
    only spins, beside processes that decode, and the check takes twice the processor time."""
    with threadpool_limits(1, user_api="blas"):
        yield

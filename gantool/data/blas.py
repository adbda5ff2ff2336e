"""How many threads numpy multiplies with."""

from __future__ import annotations

import contextlib

from threadpoolctl import threadpool_limits


def one_thread() -> contextlib.AbstractContextManager[object]:
    """Small matrices are multiplied by one thread each within this: a second one only spins, beside processes that
    decode, and the check takes twice the processor time."""
    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits

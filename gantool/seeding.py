"""Every random draw of a run, from (seed, stream, images seen, attempt) and nothing else.

No generator lives longer than a step: whoever wants to draw hashes the counter. So a resumed run needs no random
state, the number of processes changes nothing, and two streams never share a sequence by accident (as
``seed + n`` makes them).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np
import torch

_installed: ContextVar[torch.Generator | None] = ContextVar("installed", default=None)


def derive(*key: int | str) -> int:
    """A 63-bit seed from a key of numbers and names, the same on every machine.

    ``derive(seed, "latent", images_seen, attempt)`` is the form used in a step.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on ``device``, seeded by `derive` of the key."""
    return torch.Generator(device).manual_seed(derive(*key))


@contextlib.contextmanager
def installed(source: torch.Generator) -> Iterator[None]:
    """Make ``source`` the generator that layers with noise (dropout, StyleGAN noise) draw from."""
    token = _installed.set(source)
    try:
        yield
    finally:
        _installed.reset(token)


def current() -> torch.Generator:
    """The step's generator.

    Raises:
        RuntimeError: outside of `installed`: a layer would draw from a source that no counter controls.
    """
    source = _installed.get()
    if source is None:
        raise RuntimeError("a layer with noise was called outside `seeding.installed(...)`")
    return source


def words(count: int, device: torch.device) -> torch.Tensor:
    """``count`` uniform 64-bit words from the installed generator, int64.

    On a CPU the generator draws a seed and numpy's SFC64 the words: torch's own draws take twice as long, one
    thread's time in either case.

    Raises:
        RuntimeError: outside of `installed`.
    """
    source = current()
    if device.type == "cpu":
        seed = int(torch.randint(2**63 - 1, (), generator=source))
        return torch.from_numpy(np.random.SFC64(seed).random_raw(count).view(np.int64))
    drawn = torch.empty(count, dtype=torch.int64, device=device)
    return drawn.random_(-(2**63), None, generator=source)  # without the bounds the top bit stays 0


def reseed_global(device: torch.device, *key: int | str) -> None:
    """Seed torch's global generators of the CPU and of ``device`` by `derive` of the key.

    (``torch.manual_seed`` would, for every accelerator that was never used, queue a call with its whole stack trace:
    a leak, and a tenth of a small step.)
    """
    seed = derive(*key)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def latents(seed: int, first: int, count: int, latent_dim: int) -> torch.Tensor:
    """The latents of images ``first`` … ``first + count − 1`` of ``seed``: standard normal, float32, count×latent_dim.

    Each comes from (seed, its index) alone and is drawn on the CPU, so image i is the same for every count and
    on every device.
    """
    drawn = torch.empty(count, latent_dim)
    source = torch.Generator()
    for row in range(count):
        source.manual_seed(derive(seed, "sample", first + row))
        torch.randn(latent_dim, generator=source, out=drawn[row])
    return drawn

"""Every random draw of a run, from (seed, stream, images seen, attempt) and nothing else.

No generator lives longer than a step: whoever wants to draw hashes the counter. So a resumed run needs no random
state, the number of processes changes nothing, and two streams never share a sequence by accident (as
``seed + n`` makes them).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

import numpy as np
import torch

_installed: ContextVar[torch.Generator | PerImage | None] = ContextVar("installed", default=None)


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


class PerImage:
    """A source of noise for every image of a batch, so that image i looks alike in any batch, on any device.

    Args:
        seed: of the images.
        first: index of the batch's first image; image i draws from (seed, i) alone.
        count: images in the batch.
    """

    def __init__(self, seed: int, first: int, count: int) -> None:
        self._keys = [(seed, "sample-noise", index) for index in range(first, first + count)]
        self._sources: list[torch.Generator] = []  # made when they are asked: most networks draw nothing

    @classmethod
    def of(cls, images: Sequence[tuple[int, int]]) -> PerImage:
        """Of images that do not follow one another: (seed, index) of each."""
        made = cls(0, 0, 0)
        made._keys = [(seed, "sample-noise", index) for seed, index in images]
        return made

    def normal(self, count: int, *shape: int) -> torch.Tensor:
        """Standard normal count×shape, on the CPU.

        Raises:
            ValueError: for another number of images than it was made for.
        """
        if count != len(self._keys):
            raise ValueError(f"noise for {len(self._keys)} images was installed, and {count} are drawn")
        self._sources = self._sources or [generator(*key) for key in self._keys]
        return torch.stack([torch.randn(shape, generator=source) for source in self._sources])


class Between(PerImage):
    """Noise on the way from one image's to another's: (1 − t)·a + t·b, at the length of standard normal noise.

    Args:
        starts: (seed, index) of the image whose noise a is, for each image of a batch.
        ends: the same of b.
        places: t, from 0 to 1.
    """

    def __init__(
        self, starts: Sequence[tuple[int, int]], ends: Sequence[tuple[int, int]], places: Sequence[float]
    ) -> None:
        super().__init__(0, 0, 0)
        self._ends = (PerImage.of(starts), PerImage.of(ends))
        self._places = torch.tensor(places, dtype=torch.float32)

    def normal(self, count: int, *shape: int) -> torch.Tensor:
        """See `PerImage.normal`. At t = 0 and t = 1 it is the images' own, to the last bit."""
        a, b = (end.normal(count, *shape) for end in self._ends)
        t = self._places.reshape(-1, *(1 for _ in shape))
        return ((1 - t) * a + t * b) / torch.sqrt((1 - t) ** 2 + t**2)


@contextlib.contextmanager
def installed(source: torch.Generator | PerImage) -> Iterator[None]:
    """Make ``source`` what layers with noise (dropout, StyleGAN noise) draw from."""
    token = _installed.set(source)
    try:
        yield
    finally:
        _installed.reset(token)


def current() -> torch.Generator:
    """The step's generator.

    Raises:
        RuntimeError: outside of `installed`: a layer would draw from a source that no counter controls. Also where
            every image has a source of its own, which only `normal` draws from.
    """
    source = _source()
    if isinstance(source, PerImage):
        raise RuntimeError("a layer that draws for a whole batch was called where every image has its own noise")  # noqa: TRY004
    return source


def normal(count: int, *shape: int, device: torch.device) -> torch.Tensor:
    """Standard normal count×shape from what is installed: the step's generator, or one for each image.

    Raises:
        RuntimeError: outside of `installed`.
    """
    source = _source()
    if isinstance(source, PerImage):
        return source.normal(count, *shape).to(device)
    return torch.randn(count, *shape, generator=source, device=device)


def _source() -> torch.Generator | PerImage:
    source = _installed.get()
    if source is None:
        raise RuntimeError("a layer with noise was called outside `seeding.installed(...)`")
    return source


def words(count: int, device: torch.device) -> torch.Tensor:
    """``count`` uniform 64-bit words from the installed generator, int64.

    Off CUDA the generator draws a seed and numpy's SFC64 the words: on a CPU torch's own draws take twice as long, one
    thread's time in either case, and on mps it has none of 64 bits.

    Raises:
        RuntimeError: outside of `installed`.
    """
    source = current()
    if device.type != "cuda":
        highest = 2**63 - 1 if device.type == "cpu" else 2**31 - 1
        seed = int(torch.randint(highest, (), generator=source, device=device))
        return torch.from_numpy(np.random.SFC64(seed).random_raw(count).view(np.int64)).to(device)
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

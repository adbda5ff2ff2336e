"""What a person writes from a tutorial: eager float32, the same architectures, the same batches, Adam.

The networks are those of the seed (S1, S2), and gantool's `dcgan` at 64×64×3. Nothing here imports gantool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

Step = Callable[[Tensor], None]

_S1_LATENT = _S2_LATENT = 100


def s1() -> Callable[[], None]:
    """The convolutional GAN at 28×28×1, batch 256."""
    return _on_one_batch(_conv_step(*dcgan_28()), torch.rand(256, 1, 28, 28) * 2 - 1)


def s2() -> Callable[[], None]:
    """The dense GAN at 28×28×1, batch 128."""
    return _on_one_batch(_dense_step(*dense_28()), torch.rand(128, 1, 28, 28) * 2 - 1)


def dcgan() -> Callable[[], None]:
    """The convolutional GAN at 64×64×3, batch 64."""
    return _on_one_batch(_conv_step(*dcgan_64()), torch.rand(64, 3, 64, 64) * 2 - 1)


def whole(folder: Path, batch: int = 256, workers: int = 2) -> Callable[[], None]:
    """S1 with its data, as tutorials have it: a dataset of PIL images, torchvision transforms, a DataLoader."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    change = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    pictures = datasets.ImageFolder(str(folder), transforms.Compose([transforms.Grayscale(), change]))
    loader = DataLoader(pictures, batch, shuffle=True, num_workers=workers, drop_last=True)
    step = _conv_step(*dcgan_28())
    batches = _forever(loader)

    def iteration() -> None:
        step(next(batches))

    return iteration


def dcgan_28() -> tuple[nn.Module, nn.Module]:
    """S1's generator and discriminator."""
    generator = nn.Sequential(
        nn.Linear(_S1_LATENT, 7 * 7 * 256, bias=False),
        nn.BatchNorm1d(7 * 7 * 256),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        *_up(256, 128, stride=1),
        *_up(128, 64, stride=2),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, output_padding=1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(*_down(1, 64), *_down(64, 128), nn.Flatten(), nn.Linear(128 * 7 * 7, 1))
    return generator, discriminator


def dcgan_64() -> tuple[nn.Module, nn.Module]:
    """The same family at 64×64×3."""
    generator = nn.Sequential(
        nn.Linear(_S1_LATENT, 4 * 4 * 512, bias=False),
        nn.BatchNorm1d(4 * 4 * 512),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (512, 4, 4)),
        *_up(512, 512, stride=1),
        *_up(512, 256, stride=2),
        *_up(256, 128, stride=2),
        *_up(128, 64, stride=2),
        nn.ConvTranspose2d(64, 3, 5, 2, 2, output_padding=1, bias=False),
        nn.Tanh(),
    )
    widths = [(3, 64), (64, 128), (128, 256), (256, 512)]
    layers = [layer for before, after in widths for layer in _down(before, after)]
    return generator, nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * 4 * 4, 1))


def dense_28() -> tuple[nn.Module, nn.Module]:
    """S2's generator and discriminator."""
    widths = [128, 256, 512, 1024]
    up = [layer for before, after in zip([_S2_LATENT, *widths], widths) for layer in _dense(before, after)]  # noqa: B905
    down = [layer for before, after in zip([784, *widths[::-1]], widths[::-1]) for layer in _dense(before, after)]  # noqa: B905
    generator = nn.Sequential(*up, nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    return generator, nn.Sequential(nn.Flatten(), *down, nn.Linear(128, 1), nn.Sigmoid())


def _conv_step(generator: nn.Module, discriminator: nn.Module) -> Step:
    generator_adam = torch.optim.Adam(generator.parameters(), lr=1e-4)
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=1e-4)
    criterion = nn.BCEWithLogitsLoss()

    def step(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        discriminator_adam.zero_grad()
        criterion(discriminator(real), ones).backward()
        fake = generator(torch.randn(len(real), _S1_LATENT))
        criterion(discriminator(fake.detach()), zeros).backward()
        discriminator_adam.step()

        generator_adam.zero_grad()
        criterion(discriminator(fake), ones).backward()
        generator_adam.step()

    return step


def _dense_step(generator: nn.Module, discriminator: nn.Module) -> Step:
    generator_adam = torch.optim.Adam(generator.parameters(), lr=1e-4)
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=1e-4)
    criterion = nn.BCELoss()

    def step(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = generator(torch.randn(len(real), _S2_LATENT))
        discriminator_adam.zero_grad()
        loss = (criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)) / 2
        loss.backward()
        discriminator_adam.step()

        generator_adam.zero_grad()
        criterion(discriminator(fake), ones).backward()
        generator_adam.step()

    return step


def _up(before: int, after: int, stride: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(before, after, 5, stride, 2, output_padding=stride - 1, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.LeakyReLU(0.3)]


def _down(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3)]


def _dense(before: int, after: int) -> list[nn.Module]:
    return [nn.Linear(before, after), nn.LeakyReLU(0.2)]


def _on_one_batch(step: Step, real: Tensor) -> Callable[[], None]:
    return lambda: step(real)


def _forever(loader: object) -> Iterator[Tensor]:
    while True:
        for real, _ in loader:  # type: ignore[attr-defined]
            yield real

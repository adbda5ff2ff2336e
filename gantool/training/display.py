"""What a person sees while a run goes on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class Display(ABC):
    """Where the loop's words go."""

    @abstractmethod
    def say(self, message: str) -> None:
        """Print one message that stays."""

    def advance(self, images_seen: int) -> None:
        """Move the bar; called every step, so it must cost nothing."""

    @abstractmethod
    def log(self, images_seen: int, values: Mapping[str, float], images_per_second: float) -> None:
        """Show one log interval."""

    def evaluation(self, images_seen: int, values: Mapping[str, float], metric: str) -> None:
        """Show what an evaluation found; ``metric`` is the number to go by."""
        floor = values.get(f"{metric}_floor", float("nan"))
        self.say(f"{images_seen:>9,}  {metric.replace('_', ' ')} {values[metric]:.4g} (floor {floor:.4g})")

    def sample(self, path: Path) -> None:
        """Show where the newest sample grid is."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        return None


class Silent(Display):
    """Nothing: other ranks, and callers from Python who asked for it."""

    def say(self, message: str) -> None:
        """See `Display.say`."""

    def log(self, images_seen: int, values: Mapping[str, float], images_per_second: float) -> None:
        """See `Display.log`."""


class Plain(Display):
    """One line per log interval, for files and pipes."""

    def __init__(self, total: int) -> None:
        self._total = total

    def say(self, message: str) -> None:
        """See `Display.say`."""
        print(message, flush=True)

    def log(self, images_seen: int, values: Mapping[str, float], images_per_second: float) -> None:
        """See `Display.log`."""
        left = _duration((self._total - images_seen) / max(images_per_second, 1e-9))
        self.say(f"{images_seen:>9,}/{self._total:,}  {_line(values)}  {images_per_second:,.0f} images/s  {left} left")

    def sample(self, path: Path) -> None:
        """See `Display.sample`."""
        self.say(f"  samples: {path}")


class Terminal(Display):
    """A progress bar with the newest numbers and the newest grid below it."""

    def __init__(self, total: int, images_seen: int, console: Console) -> None:
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("training", total=total, completed=images_seen, speed="")
        self._numbers = Text(style="cyan")
        self._picture = Text(style="dim")
        self._live = Live(
            Group(self._bar, self._numbers, self._picture), console=console, refresh_per_second=4, transient=False
        )

    def __enter__(self) -> Display:
        self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._live.stop()

    def say(self, message: str) -> None:
        """See `Display.say`."""
        self._live.console.print(message, highlight=False, markup=False)

    def advance(self, images_seen: int) -> None:
        """See `Display.advance`."""
        self._bar.update(self._task, completed=images_seen)

    def log(self, images_seen: int, values: Mapping[str, float], images_per_second: float) -> None:
        """See `Display.log`."""
        self._bar.update(self._task, completed=images_seen, speed=f"{images_per_second:,.0f} images/s")
        self._numbers.plain = _line(values)

    def sample(self, path: Path) -> None:
        """See `Display.sample`."""
        self._picture.plain = f"samples: {path}"


def choose_display(total: int, images_seen: int) -> Display:
    """A live line where a person looks at a terminal, else plain lines."""
    console = Console()
    if console.is_terminal and sys.stdout.isatty():
        return Terminal(total, images_seen, console)
    return Plain(total)


_SHOWN = {
    "loss_generator": "G",
    "loss_discriminator": "D",
    "loss_total": "total",
    "accuracy_real": "D right on real",
    "accuracy_fake": "on fake",
    "accuracy_paired": "D(real) > D(fake)",
}


def _line(values: Mapping[str, float]) -> str:
    parts = []
    for name, label in _SHOWN.items():
        if name in values:
            number = f"{values[name]:.0%}" if name.startswith("accuracy") else f"{values[name]:.3f}"
            parts.append(f"{label} {number}")
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(min(seconds, 359_999)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

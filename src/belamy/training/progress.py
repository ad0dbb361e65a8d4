"""How training tells what it does: a live bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from belamy.training.estimate import duration

LIVE_SECONDS = 0.4
LINE_SECONDS = 15.0


class Reporter(Protocol):
    """Shows how far a run is."""

    def say(self, text: str) -> None:
        """A message of its own."""

    def due(self) -> bool:
        """Whether it is time to show figures."""

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        """Progress, the latest figures by name, and what goes wrong in two words."""

    def read(self, done: int, total: int) -> None:
        """Files of the data read so far."""

    def work(self, share: float, text: str) -> None:
        """Any other work: the share that is done, and a few words."""

    def close(self) -> None:
        """The end of the run."""


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None:
        pass

    def due(self) -> bool:
        return False

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        pass

    def read(self, done: int, total: int) -> None:
        pass

    def work(self, share: float, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """A line of text every few seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self.console, self._last = console, monotonic()

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    def due(self) -> bool:
        return monotonic() - self._last >= LINE_SECONDS

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        self._last = monotonic()
        self.say(f"{samples / total:4.0%}  {samples:,}/{total:,}  {status(samples, total, speed, figures, alarm)}")

    def read(self, done: int, total: int) -> None:
        if self.due():
            self._last = monotonic()
            self.say(f"reading files: {done:,} of {total:,}")

    def work(self, share: float, text: str) -> None:
        self._last = monotonic()
        self.say(f"{share:4.0%}  {text}")

    def close(self) -> None:
        pass


class Bar:
    """A live progress bar."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"),
            console=console, refresh_per_second=4,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=1.0)
        self._progress.start()
        self._last = 0.0

    def say(self, text: str) -> None:
        self._progress.console.print(text, soft_wrap=True)

    def due(self) -> bool:
        return monotonic() - self._last >= LIVE_SECONDS

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        self._last = monotonic()
        text = f"{samples:,} samples  {status(samples, total, speed, figures, alarm)}"
        self._progress.update(self._task, completed=samples / total, description=text)

    def read(self, done: int, total: int) -> None:
        if self.due():
            self._last = monotonic()
            self._progress.update(
                self._task, completed=done / total, description=f"reading {done:,} of {total:,} files"
            )

    def work(self, share: float, text: str) -> None:
        self._last = monotonic()
        self._progress.update(self._task, completed=share, description=text)

    def close(self) -> None:
        self._progress.stop()


class Counting:
    """Tells how many of a known number are done, how quickly, and how long the rest will take.

    Args:
        reporter: Who is told.
        total: How many there are.
        what: What is counted.
    """

    def __init__(self, reporter: Reporter, total: int, what: str) -> None:
        self.reporter, self.total, self.what = reporter, max(total, 1), what
        self.done, self.started = 0, monotonic()

    def doing(self, what: str) -> None:
        """What is done now, between counts."""
        if self.reporter.due():
            self.reporter.work(min(1.0, self.done / self.total), what)

    def __call__(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        if self.reporter.due() and self.done <= self.total:
            speed = self.done / max(monotonic() - self.started, 1e-9)
            left = duration((self.total - self.done) / speed) if speed else "?"
            text = f"{self.done:,} of {self.total:,} {self.what}  {speed:,.0f}/s  {left} left"
            self.reporter.work(self.done / self.total, text)


def status(samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> str:
    """What goes wrong, speed, time left, losses by name and gradient norms in one line."""
    left = duration((total - samples) / speed) if speed else "?"
    losses = [f"{name.split('/')[1]} {value:.3f}" for name, value in figures.items() if name.startswith("losses/")]
    norms = [f"{name.split('/')[1]} {value:.2g}" for name, value in figures.items() if name.startswith("gradient")]
    return f"{alarm}{'  ' if alarm else ''}{speed:,.0f}/s  {left} left  {'  '.join(losses)}  |grad| {'  '.join(norms)}"


def reporter(show: bool) -> Reporter:
    """The way to report that suits the terminal."""
    if not show:
        return Silent()
    console = Console()
    return Bar(console) if console.is_terminal else Lines(console)

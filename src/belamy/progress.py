"""How training tells what it does: a live bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from errno import EIO
from time import monotonic
from typing import IO, Any, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from belamy.errors import plain

LIVE_SECONDS = 0.4
LINE_SECONDS = 15.0


class Reporter:
    """Shows how far a run is; this one shows nothing.

    Args:
        verbose: Show losses and gradient norms as well.
    """

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose

    def say(self, text: str) -> None:
        """A message of its own."""

    def due(self) -> bool:
        """Whether it is time to show figures."""
        return False

    def work(self, share: float, text: str) -> None:
        """The share of any work that is done, and a few words."""

    def close(self) -> None:
        """The end of the run."""

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        """Progress at a speed in samples per second, the latest figures by name, and what goes wrong in two words."""
        more = f"  {samples:,} of {total:,} samples  {losses(figures)}" if self.verbose else ""
        self.work(min(samples / total, 1.0), f"{status(samples, total, speed, alarm)}{more}")

    def read(self, done: int, total: int) -> None:
        """Files of the data read so far."""
        if self.due():
            self.work(done / total, f"reading {done:,} of {total:,} files")


class Lines(Reporter):
    """A line of text every few seconds, for logs."""

    def __init__(self, console: Console, verbose: bool = False) -> None:
        super().__init__(verbose)
        self.console, self._last = console, monotonic()

    def say(self, text: str) -> None:
        """A line as it is: what a user typed is no markup."""
        self.console.print(plain(text), soft_wrap=True, markup=False, emoji=False, highlight=False)

    def due(self) -> bool:
        """Every few seconds."""
        return monotonic() - self._last >= LINE_SECONDS

    def work(self, share: float, text: str) -> None:
        """A line that begins with the share."""
        self._last = monotonic()
        self.say(f"{share:4.0%}  {text}")


class Bar(Reporter):
    """A live progress bar."""

    def __init__(self, console: Console, verbose: bool = False) -> None:
        super().__init__(verbose)
        self._progress = Progress(
            BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}", markup=False), console=console, refresh_per_second=4,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=1.0)
        self._progress.start()
        self._last = 0.0

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._progress.console.print(plain(text), soft_wrap=True, markup=False, emoji=False, highlight=False)

    def due(self) -> bool:
        """Whether the live line is due to change."""
        return monotonic() - self._last >= LIVE_SECONDS

    def work(self, share: float, text: str) -> None:
        """The bar and the words beside it."""
        self._last = monotonic()
        self._progress.update(self._task, completed=share, description=plain(text))

    def close(self) -> None:
        """The bar stays as it is."""
        self._progress.stop()


class Counting:
    """Tells how many of a known number are done, how quickly, and how long the rest will take.

    Args:
        reporter: Where progress is shown.
        total: How many there are.
        what: What is counted.
    """

    def __init__(self, reporter: Reporter, total: int, what: str) -> None:
        self.reporter, self.total, self.what = reporter, max(total, 1), what
        self.done, self.started = 0, monotonic()

    def doing(self, what: str) -> None:
        """Show what is being done between counts."""
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


def status(samples: int, total: int, speed: float, alarm: str = "") -> str:
    """Speed, time left and what goes wrong in one line.

    Example:
        >>> status(400, 1000, 10.0, "mode collapse?")
        '10 samples/s  1 min 00 s left  mode collapse?'
    """
    left = duration(max(total - samples, 0) / speed) if speed else "?"  # the last batch may be more than was left
    return f"{speed:,.0f} samples/s  {left} left{'  ' if alarm else ''}{alarm}"


def losses(figures: Mapping[str, float]) -> str:
    """Losses by name and gradient norms in one line."""
    told = [f"{name.split('/')[1]} {value:.3f}" for name, value in figures.items() if name.startswith("losses/")]
    norms = [f"{name.split('/')[1]} {value:.2g}" for name, value in figures.items() if name.startswith("gradient")]
    return f"{'  '.join(told)}  |grad| {'  '.join(norms)}"


class Terminal:
    """Standard output that may go away: what a closed terminal does not take any more is dropped."""

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return sys.stdout.write(text)
        except OSError as error:
            if error.errno != EIO:
                raise
            return len(text)

    def flush(self) -> None:
        """Flush, or drop."""
        try:
            sys.stdout.flush()
        except OSError as error:
            if error.errno != EIO:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


def reporter(show: bool, verbose: bool = False) -> Reporter:
    """The way to report that suits the terminal."""
    if not show:
        return Reporter()
    console = Console(file=cast("IO[str]", Terminal()))
    return Bar(console, verbose) if console.is_terminal else Lines(console, verbose)


def duration(seconds: float) -> str:
    """A time in words, e.g. ``3 min 20 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

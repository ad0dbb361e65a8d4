"""What a user asks of a data source, checked once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from belamy.errors import UsageError, nearest

FITS = ("crop", "pad", "stretch")
SMALLEST, LARGEST = 4, 4096
MOST_LEVELS = 1 << 24

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """How images are wanted: the options of ``open_data``, where they are explained.

    Raises:
        UsageError: A value out of range.
    """

    size: int | None = None
    fit: str = "crop"
    channels: int | None = None
    labels: str | None = None
    levels: int | None = None
    offline: bool = False
    cache: Path | None = None
    memory_budget: int = 2 << 30
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not SMALLEST <= self.size <= LARGEST:
            raise UsageError(f"The size is {self.size}, but it must be in {SMALLEST}..{LARGEST} pixels.")
        if self.fit not in FITS:
            raise UsageError(f"There is no fit '{self.fit}'. {nearest(self.fit, FITS)}")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"The channels are {self.channels}, but they must be 1 (grey) or 3 (RGB).")
        if self.levels is not None and not 1 <= self.levels <= MOST_LEVELS:
            raise UsageError(f"levels is {self.levels}, but the value that is white must be in 1..{MOST_LEVELS}.")
        if self.memory_budget < 1:
            raise UsageError(f"The memory budget is {self.memory_budget}, but it must be a positive number of bytes.")

    @property
    def cache_folder(self) -> Path:
        """Where fetched files are kept: the folder asked for, $BELAMY_CACHE, or the platform's cache."""
        if self.cache is not None:
            return Path(self.cache)
        if chosen := os.environ.get("BELAMY_CACHE"):
            return Path(chosen)
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "belamy" / "cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "belamy"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "belamy"

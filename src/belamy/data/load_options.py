"""What a user asks of a data source, checked once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belamy.errors import UsageError, nearest
from belamy.modalities import MODALITIES
from belamy.modalities.fields import Field
from belamy.registry import Part

FITS = ("crop", "pad", "stretch")
SMALLEST, LARGEST = 4, 4096
MOST_LEVELS = 1 << 24
MOST_CHANNELS = 64
ALPHAS = ("white", "keep")
NATIVE = "native"

Progress = Callable[[int, int], None]


def parse_size(given: int | str | tuple[int, int] | None) -> int | str | tuple[int, int] | None:
    """A size of pictures: a side, (height, width), ``native`` or None, from what a user typed.

    Raises:
        UsageError: It is none, or out of range.

    Example:
        >>> parse_size("96x64"), parse_size("64"), parse_size("native")
        ((96, 64), 64, 'native')
    """
    if given is None or given == NATIVE:
        return given
    sides = given.lower().split("x") if isinstance(given, str) else [given] if isinstance(given, int) else list(given)
    if len(sides) not in (1, 2) or not all(str(side).isdecimal() for side in sides):
        raise UsageError(
            f"The size is '{given}', but it must be a side in {SMALLEST}..{LARGEST} pixels, height x width like 96x64, "
            "or native."
        )
    numbers = [int(side) for side in sides]
    for side in numbers:
        if not SMALLEST <= side <= LARGEST:
            raise UsageError(f"The size is {given}, but it must be in {SMALLEST}..{LARGEST} pixels.")
    return numbers[0] if len(set(numbers)) == 1 else (numbers[0], numbers[1])


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """How images are wanted: the options of ``open_data``, where they are explained.

    Raises:
        UsageError: A value out of range.
    """

    modality: str | None = None
    size: int | str | tuple[int, int] | None = None
    fit: str = "crop"
    channels: int | None = None
    alpha: str = "white"
    rate: int | None = None
    length: int | None = None
    labels: str | None = None
    levels: int | None = None
    offline: bool = False
    cache: Path | None = None
    memory_budget: int = 2 << 30
    progress: Progress | None = None
    like: Field | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", parse_size(self.size))
        if self.fit not in FITS:
            raise UsageError(f"There is no fit '{self.fit}'. {nearest(self.fit, FITS)}")
        if self.channels is not None and not 1 <= self.channels <= MOST_CHANNELS:
            raise UsageError(f"The channels are {self.channels}, but they must be in 1..{MOST_CHANNELS}.")
        if self.alpha not in ALPHAS:
            raise UsageError(f"alpha is '{self.alpha}', but it must be one of {', '.join(ALPHAS)}.")
        for name, value in (("rate", self.rate), ("length", self.length)):
            if value is not None and value < 1:
                raise UsageError(f"The {name} is {value}, but it must be at least 1.")
        if self.levels is not None and not 1 <= self.levels <= MOST_LEVELS:
            raise UsageError(f"levels is {self.levels}, but the value that is white must be in 1..{MOST_LEVELS}.")
        if self.memory_budget < 1:
            raise UsageError(f"The memory budget is {self.memory_budget}, but it must be a positive number of bytes.")

    @property
    def kind(self) -> Part | None:
        """The modality that was asked for, with the options of its reader."""
        return None if self.modality is None else MODALITIES.check(Part.parse(self.modality))

    def reader(self, name: str) -> Any:
        """The modality of a name, with the options that were asked for."""
        kind = self.kind
        return MODALITIES.build(kind if kind is not None and kind.name == name else Part(name=name))

    def of_pictures(self) -> list[str]:
        """The options given that only pictures have, as they are typed."""
        usual = {"size": None, "fit": "crop", "channels": None, "alpha": "white", "levels": None}
        return [f"--{name} {getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]

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

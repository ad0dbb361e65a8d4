"""What a user asks of a data source, checked once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from belamy.errors import UsageError, nearest
from belamy.modalities import MODALITIES, modality
from belamy.modalities.colours import has_opacity
from belamy.modalities.fields import Field
from belamy.modalities.sizes import NATIVE, Size, SizeOption, parse_size, text_of
from belamy.registry import Part

FITS = ("crop", "pad", "stretch")
PAIRING = ("pairs", "input", "target", "instances")
"""Options of a modality's reader that say how pairs lie on disk."""
ALPHAS = ("white", "keep")
MOST_CHANNELS = 64
MOST_LEVELS = 1 << 24

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """How images are wanted: the options of ``open_data``, where they are explained.

    Raises:
        UsageError: A value out of range.
    """

    modality: str | None = None
    size: SizeOption = None
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
        parse_size(self.size)
        if self.fit not in FITS:
            raise UsageError(f"There is no fit '{self.fit}'. {nearest(self.fit, FITS)}")
        if self.alpha not in ALPHAS:
            raise UsageError(f"There is no alpha '{self.alpha}'. {nearest(self.alpha, ALPHAS)}")
        check_channels(self.channels, self.alpha)
        for name, value in (("rate", self.rate), ("length", self.length)):
            if value is not None and value < 1:
                raise UsageError(f"The {name} is {value}, but it must be at least 1.")
        if self.levels is not None and not 1 <= self.levels <= MOST_LEVELS:
            raise UsageError(f"levels is {self.levels}, but the value that is white must be in 1..{MOST_LEVELS}.")
        if self.memory_budget < 1:
            raise UsageError(f"The memory budget is {self.memory_budget}, but it must be a positive number of bytes.")
        if (kind := self.kind) is not None:
            MODALITIES.build(kind)  # refuses options out of range

    @property
    def kind(self) -> Part | None:
        """The modality that was asked for, with the options of its reader; it is called as fields call it."""
        if self.modality is None:
            return None
        checked = MODALITIES.check(Part.parse(self.modality))
        return Part(name=checked.name.replace("-", "_"), **checked.options)

    def reader(self, name: str) -> Any:
        """The modality of a name, with the options that were asked for."""
        kind = self.kind
        return MODALITIES.build(kind) if kind is not None and kind.name == name else modality(name)

    @property
    def says_image(self) -> bool:
        """Whether pictures were asked for by name."""
        return self.kind is not None and self.kind.name == "image"

    @property
    def bits(self) -> int:
        """Of a value of pictures."""
        return int(self.reader("image").bits)

    @property
    def layout(self) -> str:
        """Of arrays of pictures; empty where their shape is to tell."""
        return str(self.reader("image").layout)

    @property
    def sides(self) -> Size | None:
        """(height, width) that is asked for; None where pictures keep their own size, or the data choose."""
        found = parse_size(self.size)
        return None if isinstance(found, str) else found

    @property
    def native(self) -> bool:
        """Whether pictures are to keep their own size, which must be the same for all."""
        return self.size == NATIVE

    @property
    def keeps_opacity(self) -> bool:
        """Whether transparency stays, as a channel."""
        return self.alpha == "keep"

    @property
    def pairs(self) -> Part | None:
        """The layout of pairs that was asked for, with the names of its sides.

        Raises:
            UsageError: A side is named, but no layout.
        """
        given = {} if self.kind is None else self.kind.options
        sides = {name: given[name] for name in PAIRING[1:] if given.get(name)}
        if given.get("pairs"):
            return Part(name=str(given["pairs"]), **sides)
        if sides:
            raise UsageError(
                f"--modality {self.modality} names a side of pairs, but not how they lie. Say so too: pairs=beside, "
                "folders, table or arrays."
            )
        return None

    @property
    def side(self) -> LoadOptions:
        """The same request for one side of pairs as pictures: without labels, and half of the memory."""
        kind = self.kind
        kept = {} if kind is None else {name: value for name, value in kind.options.items() if name not in PAIRING}
        modality = str(Part(name="image", **kept)) if kind is not None and kind.name == "image" else None
        return replace(self, modality=modality, labels=None, memory_budget=max(1, self.memory_budget // 2))

    def of_pictures(self) -> list[str]:
        """The options given that only pictures have, as they are typed."""
        size = text_of(self.sides) if self.sides else self.size
        given = {"size": size, "fit": self.fit, "channels": self.channels, "alpha": self.alpha, "levels": self.levels}
        return [f"--{name} {value}" for name, value in given.items() if value not in (None, "crop", "white")]

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


def check_channels(channels: int | None, alpha: str = "white") -> None:
    """Refuse a number of channels that pictures cannot have.

    Raises:
        UsageError: It is out of range, or counts an opacity that is not kept.
    """
    if channels is None:
        return
    if not 1 <= channels <= MOST_CHANNELS:
        raise UsageError(
            f"The channels are {channels}, but they must be in 1..{MOST_CHANNELS}: 1 (grey) or 3 (RGB), 2 or 4 for the "
            "same with opacity, or the number that an array has."
        )
    if alpha == "keep" and channels in (1, 3):
        raise UsageError(
            f"--alpha keep makes opacity a channel, but --channels {channels} leaves no place for it. Type --channels "
            f"{channels + 1}, or leave one of them out."
        )


def check_opacity(channels: int, options: LoadOptions) -> None:
    """Refuse channels that hold an opacity which is not kept.

    Raises:
        UsageError: They do.
    """
    if has_opacity(channels) and not options.keeps_opacity:
        raise UsageError(
            f"The channels are {channels}, but they must be 1 (grey) or 3 (RGB); with their opacity, --alpha keep, 2 "
            "or 4."
        )

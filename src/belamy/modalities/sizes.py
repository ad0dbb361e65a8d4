"""Sizes of pictures: (height, width) in Python, ``WIDTHxHEIGHT`` as text for people, as picture programs write it."""

from __future__ import annotations

from typing import Literal

from belamy.errors import UsageError

SMALLEST, LARGEST = 4, 4096
"""Of a side, in pixels."""
NATIVE = "native"
"""Pictures keep their own size, which is the same for all."""

Size = tuple[int, int]
SizeOption = int | str | Size | None
"""A side of squares, ``WIDTHxHEIGHT`` or a side as text, (height, width), ``native``, or None for the default."""


def text_of(size: tuple[int, ...]) -> str:
    """A (height, width) as people write it.

    Example:
        >>> text_of((64, 96)), text_of((32, 32))
        ('96x64', '32')
    """
    height, width = size
    return str(width) if height == width else f"{width}x{height}"


def parse_size(size: SizeOption) -> Size | Literal["native"] | None:
    """What a size means: (height, width), ``native`` or None.

    Args:
        size: A side of squares; text as people write it, ``64``, ``96x64`` (96 wide, 64 high) or ``native``; or
            (height, width).

    Raises:
        UsageError: It is none, or a side is out of range.

    Example:
        >>> parse_size(64), parse_size("96x64"), parse_size((64, 96))
        ((64, 64), (64, 96), (64, 96))
    """
    if size is None or size == NATIVE:
        return size  # type: ignore[return-value]
    if isinstance(size, str):
        words = size.strip().lower().replace("×", "x").split("x")
        if len(words) > 2 or not all(word.strip().isdecimal() for word in words):
            raise UsageError(
                f"The size is '{size}', but it must be a side of squares in {SMALLEST}..{LARGEST} pixels, e.g. 64, a "
                f"width and a height, e.g. 96x64, or {NATIVE}, for pictures that are all of one size."
            )
        size = (int(words[-1]), int(words[0]))
    height, width = (size, size) if isinstance(size, int) else size
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        raise UsageError(f"The size is {text_of((height, width))}, but it must be in {SMALLEST}..{LARGEST} pixels.")
    return height, width

"""Shapes that data on disk can have: one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from belamy.data.dataset import Dataset
    from belamy.data.load_options import LoadOptions


class Format(Protocol):
    """What the class ``Format`` of a file here must have.

    Attributes:
        modalities: The kinds that it may be asked for by name (``--modality``).
    """

    modalities: tuple[str, ...]

    def claim(self, path: Path) -> int:
        """How surely this path has the format: 0 no, 1 if nothing else claims it, 2 by its name or content."""
        ...

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The images at ``path``, as the request wants them."""
        ...

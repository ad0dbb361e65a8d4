"""Ways in which pairs of pictures lie on disk, one file each: ``--modality image:pairs=NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from belamy.data.dataset import Dataset
    from belamy.data.load_options import LoadOptions

LAYOUTS = Registry("belamy.data.layouts", "layout of pairs", "PairLayout")


class PairLayout(Protocol):
    """What the class ``PairLayout(*, input, target, …)`` of a file here must have."""

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pairs at ``path``: a main field, and the field ``target`` beside it."""
        ...

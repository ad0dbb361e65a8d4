"""Named data sets: one file each, found by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from belamy.data.dataset import Dataset
    from belamy.data.load_options import LoadOptions


class Source(Protocol):
    """What the class ``Source(*, …)`` of a file here must have."""

    def open(self, options: LoadOptions) -> Dataset:
        """The set, as the request wants it."""
        ...

"""Drawn faces with attributes: toon heads at 64 pixels."""

from __future__ import annotations

from belamy.data.dataset import Dataset
from belamy.data.faces import TOON_HEAD, faces
from belamy.data.load_options import LoadOptions

SHA256 = "35bcd4f51b9f1030d39074bc05372421596ac9d2a3962fa2f22b6cb9495ea2dd"


class Source:
    """3,000 coloured cartoon heads of 64x64 pixels; attributes smile, open_mouth, beard, long_hair, bun, mouth, eyes …

    No attribute is a label unless it is asked for by name: ``labels="smile"``. The attributes were drawn independently,
    so an edit of one can be checked to leave the others alone.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("avatars-64", labels="smile").classes
        ('no', 'yes')
    """

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars-64", 64, SHA256, TOON_HEAD, options)

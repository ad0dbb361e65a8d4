"""Drawn faces with attributes: the toon heads at 32 pixels under their short name."""

from __future__ import annotations

from belamy.data.dataset import Dataset
from belamy.data.faces import TOON_HEAD, faces
from belamy.data.load_options import LoadOptions

SHA256 = "e9c81f8cce78fac63197faf61305268943a116f7615a6384eef13150f01f7dd4"


class Source:
    """3,000 coloured cartoon heads of 32x32 pixels, the same as ``avatars-32``; attributes smile, beard, long_hair …

    No attribute is a label unless it is asked for by name: ``labels="smile"``. The attributes were drawn independently,
    so an edit of one can be checked to leave the others alone.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("avatars", labels="smile").classes
        ('no', 'yes')
    """

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars", 32, SHA256, TOON_HEAD, options)

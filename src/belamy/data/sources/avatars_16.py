"""Drawn faces with attributes: pixel art at 16 pixels, in the public domain."""

from __future__ import annotations

from belamy.data.dataset import Dataset
from belamy.data.faces import PIXEL_ART, faces
from belamy.data.load_options import LoadOptions

SHA256 = "96e36e13ca1542a4627f8addca5c3b9915bb40570abeb4eafccd7302e0bc8d1c"


class Source:
    """3,000 coloured pixel-art faces of 16x16 pixels; attributes smile, glasses, beard, hat, long_hair, accessories …

    No attribute is a label unless it is asked for by name: ``labels="smile"``. The attributes were drawn independently,
    so an edit of one can be checked to leave the others alone.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("avatars-16", labels="smile").classes
        ('no', 'yes')
    """

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars-16", 16, SHA256, PIXEL_ART, options)

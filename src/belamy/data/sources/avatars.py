"""Drawn faces with attributes: the toon heads at 32 pixels under their short name."""

from belamy.data.dataset import Dataset
from belamy.data.faces import faces
from belamy.data.load_options import LoadOptions


class Source:
    """3,000 coloured cartoon heads of 32x32 pixels, the same as ``avatars-32``; attributes smile, beard, long_hair …

    Args:
        captions: Whether each has a caption, made of its attributes: the field ``caption``, in words.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("avatars", labels="smile").classes
        ('no', 'yes')
    """

    def __init__(self, *, captions: bool = False) -> None:
        self.captions = captions

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars", 32, options, self.captions)

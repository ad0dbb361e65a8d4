"""Drawn faces with attributes: pixel art at 16 pixels, in the public domain."""

from belamy.data.dataset import Dataset
from belamy.data.faces import faces
from belamy.data.load_options import LoadOptions


class Source:
    """3,000 coloured pixel-art faces of 16x16 pixels; attributes smile, glasses, beard, hat, long_hair …

    Args:
        captions: Whether each has a caption, made of its attributes: the field ``caption``, in words.
    """

    def __init__(self, *, captions: bool = False) -> None:
        self.captions = captions

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars-16", 16, options, self.captions)

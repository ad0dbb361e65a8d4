"""Drawn faces with attributes: toon heads at 64 pixels."""

from belamy.data.dataset import Dataset
from belamy.data.faces import faces
from belamy.data.load_options import LoadOptions


class Source:
    """3,000 coloured cartoon heads of 64x64 pixels; attributes smile, open_mouth, beard, long_hair, bun, mouth …

    Args:
        captions: Whether each has a caption, made of its attributes: the field ``caption``, in words.
    """

    def __init__(self, *, captions: bool = False) -> None:
        self.captions = captions

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they were drawn."""
        return faces("avatars-64", 64, options, self.captions)

"""The drawn faces that the package carries: an archive of images and of one array per attribute.

No attribute is a label unless it is asked for by name: ``labels="smile"``. The attributes were drawn independently, so
an edit of one can be checked to leave the others alone.
"""

from __future__ import annotations

import io

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble, attribute
from belamy.data.attribute_captions import attribute_captions
from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset
from belamy.data.embedded import embedded
from belamy.data.load_options import LoadOptions

PIXEL_ART = "CC0 1.0 (style Pixel Art of DiceBear)"
TOON_HEAD = "CC BY 4.0, style Toon Head by Johan Melin (drawn with DiceBear)"
_FILES = {
    16: ("96e36e13ca1542a4627f8addca5c3b9915bb40570abeb4eafccd7302e0bc8d1c", PIXEL_ART),
    32: ("e9c81f8cce78fac63197faf61305268943a116f7615a6384eef13150f01f7dd4", TOON_HEAD),
    64: ("35bcd4f51b9f1030d39074bc05372421596ac9d2a3962fa2f22b6cb9495ea2dd", TOON_HEAD),
}


def faces(name: str, side: int, options: LoadOptions, captions: bool = False) -> Dataset:
    """3,000 faces of one side under a name, with captions of their attributes where these are wanted."""
    sha256, licence = _FILES[side]
    with np.load(io.BytesIO(embedded(f"avatars-{side}.npz", sha256)), allow_pickle=False) as archive:
        images = torch.from_numpy(archive["images"]).permute(0, 3, 1, 2).contiguous()
        known = {key: attribute(archive[key]) for key in archive.files if key != "images"}
    return told(assemble(images, Raw(name=name, attributes=known, licence=licence), options), captions)


def told(data: Dataset, captions: bool) -> Dataset:
    """Faces with a caption of each, made of its attributes, where captions are wanted."""
    return with_captions(data, attribute_captions(data.attributes), unit="words") if captions else data

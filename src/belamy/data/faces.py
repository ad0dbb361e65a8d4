"""The drawn faces that the package carries: an archive of images and of one array per attribute."""

from __future__ import annotations

import io

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble, attribute
from belamy.data.dataset import Dataset
from belamy.data.embedded import embedded
from belamy.data.load_options import LoadOptions

PIXEL_ART = "CC0 1.0 (style Pixel Art of DiceBear)"
TOON_HEAD = "CC BY 4.0, style Toon Head by Johan Melin (drawn with DiceBear)"


def faces(name: str, side: int, sha256: str, licence: str, options: LoadOptions) -> Dataset:
    """3,000 faces whose attributes were drawn independently of each other."""
    with np.load(io.BytesIO(embedded(f"avatars-{side}.npz", sha256)), allow_pickle=False) as archive:
        images = torch.from_numpy(archive["images"]).permute(0, 3, 1, 2).contiguous()
        known = {key: attribute(archive[key]) for key in archive.files if key != "images"}
    return assemble(images, Raw(name=name, attributes=known, licence=licence), options)

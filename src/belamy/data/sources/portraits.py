"""Drawn faces with attributes, as many as are wanted: composed of the parts of a pixel-art style."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import YES_NO, Raw, assemble
from belamy.data.dataset import Attribute, Dataset
from belamy.data.embedded import embedded
from belamy.data.faces import told
from belamy.data.load_options import LoadOptions
from belamy.ranges import Within
from belamy.seeds import generator

SHA256 = "867a4c95552da4b3b527afa2a7b92b6d8996a93f2730b49ade9d87ec4b394984"
LICENCE = "CC0 1.0 (style Pixel Art of DiceBear)"
MOST = 1_000_000
SHARES = {"smile": 0.5, "glasses": 0.35, "beard": 0.35, "hat": 0.3, "long_hair": 0.5, "accessories": 0.25}
"""How many faces have what; each is drawn without regard to the others."""
SKINS = ("8d5524", "a26d3d", "b68655", "cb9e6e", "e0b687", "eac393", "f5cfa0", "ffdbac")
HAIRS = ("28150a", "603015", "603a14", "611c17", "612616", "83623b", "a78961", "cab188")
TINTS = {
    "accessories": ("daa520", "ffd700", "fafad2", "d3d3d3", "a9a9a9"),
    "clothing": ("5bc0de", "428bca", "03396c", "88d8b0", "44c585", "00b159", "ff6f69", "d11141", "ae0001", "ffeead",
                 "ffd969", "ffc425"),
    "eyes": ("76778b", "697b94", "647b90", "5b7c8b", "588387", "876658"),
    "glasses": ("4b4b4b", "323232", "191919", "43677d", "5f705c", "a04b5d"),
    "mouth": ("d29985", "c98276", "e35d6a", "de0f0d"),
    "hat": ("2e1e05", "2663a3", "989789", "3d8a6b", "cc6192", "614f8a", "a62116"),
}  # fmt: skip
"""Colours of what is neither skin nor hair."""
LAYERS = ("face", "accessories", "clothing", "eyes", "glasses", "beard", "mouth", "hair", "hat")
"""From the back to the front."""
_CHUNK = 1000


class Source:
    """Coloured pixel-art faces of 16x16 pixels, ``count`` of them; attributes smile, glasses, beard, hat, long_hair …

    Like ``avatars-16``, but drawn anew when opened, so there are enough to learn from, and with beards that can be seen
    (there, they are as transparent as the hair is dark). Of 140 parts in 48 colours about 10¹³ faces can be made.

    Args:
        count: How many faces.
        seed: Other seeds give other faces.
        captions: Whether each has a caption, made of its attributes: the field ``caption``, in words.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("portraits:count=100")
        Dataset('portraits', 100 images of 3x16x16)
    """

    def __init__(self, *, count: int = 20_000, seed: int = 0, captions: bool = False) -> None:
        self.count, self.seed, self.captions = Within(2, MOST).check("portraits.count", count), seed, captions

    def open(self, options: LoadOptions) -> Dataset:
        """The faces, in the order in which they are drawn."""
        with np.load(io.BytesIO(embedded("portraits-16.npz", SHA256)), allow_pickle=False) as archive:
            parts, names = torch.from_numpy(archive["parts"]), archive["names"].tolist()
        faces = Faces(self.count, self.seed)
        chosen, tints = faces.choices(names)
        images = torch.cat(
            [composed(parts, *pair) for pair in zip(chosen.split(_CHUNK), tints.split(_CHUNK), strict=True)]
        )
        raw = Raw(name="portraits", attributes=faces.attributes, licence=LICENCE)
        return told(assemble(images, raw, options), self.captions)


class Faces:
    """Which parts, in which colours, make each face.

    Args:
        count: How many faces.
        seed: Of all choices.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        has = {
            name: torch.rand(count, generator=generator(seed, "portraits", name)) < share
            for name, share in SHARES.items()
        }
        self.attributes = {name: Attribute(YES_NO, codes.long()) for name, codes in has.items()}
        self.attributes["skin"] = Attribute(SKINS, self._pick("skin", len(SKINS)))
        self.attributes["hair_color"] = Attribute(HAIRS, self._pick("hair", len(HAIRS)))

    def choices(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The number of each layer's part, -1 for none, ``[n, layers]``, and its colour, ``[n, layers, 3]``."""
        chosen = torch.stack([self._part(names, layer) for layer in LAYERS], 1)
        return chosen, torch.stack([self._tint(layer) for layer in LAYERS], 1)

    def _part(self, names: Sequence[str], layer: str) -> Tensor:
        kinds = {"mouth": ("smile", "sad", "happy"), "hair": ("long_hair", "short", "long")}
        if layer in kinds:
            attribute, without, having = kinds[layer]
            picks = [self._among(names, f"{layer}.{kind}") for kind in (without, having)]
            return torch.where(self.attributes[attribute].codes == 1, picks[1], picks[0])
        found = self._among(names, f"{layer}.")
        return torch.where(self.attributes[layer].codes == 1, found, -1) if layer in self.attributes else found

    def _among(self, names: Sequence[str], start: str) -> Tensor:
        places = torch.tensor([place for place, name in enumerate(names) if name.startswith(start)])
        return places[self._pick(start, len(places))]

    def _tint(self, layer: str) -> Tensor:
        own = {"face": "skin", "hair": "hair_color", "beard": "hair_color"}
        if layer in own:
            known = self.attributes[own[layer]]
            return _levels(known.values)[known.codes]
        return _levels(TINTS[layer])[self._pick(f"{layer} colour", len(TINTS[layer]))]

    def _pick(self, stream: str, kinds: int) -> Tensor:
        return torch.randint(kinds, (self.count,), generator=generator(self.seed, "portraits", stream))


def composed(parts: Tensor, chosen: Tensor, tints: Tensor) -> Tensor:
    """The layers one over the other on white.  # uint8 [n, 3, 16, 16]

    Args:
        parts: Red, green, blue and share of the tint, times the opacity; opacity.  # uint8 [parts, 16, 16, 5]
        chosen: Of each face's layers.  # [n, layers]
        tints: Their colours, 0..255.  # [n, layers, 3]
    """
    nothing = torch.zeros(1, *parts.shape[1:])
    table = torch.cat([parts / 255, nothing])  # the last, -1, is none
    canvas = torch.ones(len(chosen), 16, 16, 3)
    for layer in range(chosen.shape[1]):
        own, share, opacity = table[chosen[:, layer]].split([3, 1, 1], 3)
        canvas = canvas * (1 - opacity) + own + share * (tints[:, layer, None, None] / 255)
    return (canvas.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 3, 1, 2)


def _levels(colours: Sequence[str]) -> Tensor:
    """Hexadecimal colours as levels.  # float32 [n, 3]"""
    return torch.tensor([[int(colour[at : at + 2], 16) for at in (0, 2, 4)] for colour in colours], dtype=torch.float32)

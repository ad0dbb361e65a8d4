"""Films of label maps: the class of every pixel of every frame, [T, H, W] whole numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.arrays import NPY, npy_file
from belamy.modalities.fields import Field, Media
from belamy.modalities.films import read_film
from belamy.modalities.label_map import MOST, classes_in, palette
from belamy.modalities.label_map import Modality as Maps
from belamy.modalities.video import Modality as Films

PNG = b"\x89PNG"
FARTHEST = 24.0
"""Levels of 255 by which the colours of a film may differ from those of classes, on average."""


class Modality:
    """The class of every pixel of every frame; nothing is ever interpolated.

    Args:
        unknown: The value of pixels whose class is not known, which become class 0; -1 for none.
        size: Side to which frames are cut and brought when they are read; 0 leaves them as they are.
        pairs: How pairs of films lie on disk: ``folders``; empty for no pairs.
        input: The folder of films of label maps.
        target: The folder of films.
        instances: A folder of films of numbers of objects; empty for none.
    """

    suffix = ".npy"
    words = ("film of label maps", "films of label maps")

    def __init__(
        self, *, unknown: int = -1, size: int = 0, pairs: str = "", input: str = "", target: str = "",
        instances: str = "",
    ) -> None:  # fmt: skip
        if size and not 4 <= size <= 1024:
            raise UsageError(f"label-film:size={size} must be in 4..1024 pixels, or 0.")
        self.unknown, self.size = unknown, size
        self.pairs, self.input, self.target, self.instances = pairs, input, target, instances
        self.maps, self.films = Maps(unknown=unknown), Films()

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Classes as whole numbers; they stay so."""
        return raw.long()

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Classes ``[n, T, H, W]`` as bytes."""
        return values.clamp(0, MOST - 1).to(torch.uint8)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """A strip of evenly spaced frames of each film, in the fixed colours of the classes."""
        return self.films.sheet(coloured(raw), field, columns, captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """The first films, playing side by side."""
        return self.films.media(coloured(raw), field)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A ``.npy`` file of bytes [T, H, W]."""
        return npy_file(raw.to(torch.uint8).cpu().numpy())

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The first frames of a film of label maps of the field's size; of a picture, its one frame."""
        length, height, width = field.shape
        found = self.classes(data, len(field.classes) or MOST)
        if found.shape[1:] != (height, width) or len(found) < length:
            raise Unreadable(f"{len(found)} frames of {found.shape[2]}x{found.shape[1]}, not {length} of "
                             f"{width}x{height}")  # fmt: skip
        return torch.from_numpy(found[:length].copy())

    def classes(self, data: bytes, known: int = MOST) -> np.ndarray:
        """The classes in an array [T, H, W], in a picture with a palette, or in a film in the classes' colours.

        Args:
            data: The file.
            known: How many classes there are.

        Returns:
            int32.  # [T, H, W]

        Raises:
            Unreadable: It is damaged, holds a class beyond the known ones, or colours that stand for no class.
        """
        try:
            if data.startswith(NPY):
                found = np.load(io.BytesIO(data), allow_pickle=False)
            elif data.startswith(PNG):
                with Image.open(io.BytesIO(data)) as image:
                    found = classes_in(image)[None]
            else:
                found = classes_by_colour(read_film(data).frames, known)
        except Unreadable:
            raise
        except Exception as error:  # what is damaged can raise nearly anything
            raise Unreadable(f"a damaged file ({str(error).splitlines()[0][:80]})") from error
        if found.ndim != 3 or 0 in found.shape or found.dtype.kind not in "bui":
            kind = f"{found.dtype} of shape {list(found.shape)}"
            raise Unreadable(f"an array of {kind}, but a film of label maps is whole numbers [frames, height, width]")
        found = self.maps.known(found)
        if found.min() < 0 or found.max() >= known:
            worst = found.min() if found.min() < 0 else found.max()
            raise Unreadable(f"it holds the class {worst}, but the known ones are 0..{known - 1}")
        return found

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Frames, the share of the pixels of each class, and of those that change from frame to frame."""
        change = (raw[:, 1:] != raw[:, :-1]).double().mean() if raw.shape[1] > 1 else torch.zeros(())
        return {"frames": raw.shape[1], **self.maps.describe(raw, field), "change": float(change)}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """The share of the pixels whose classes differ."""
        return self.maps.distances(a, b, field)


def coloured(raw: Tensor) -> Tensor:
    """Films of label maps ``[n, T, H, W]`` in the fixed colours of their classes.  # uint8 [n, T, 3, H, W]

    Example:
        >>> coloured(torch.ones(1, 2, 4, 4, dtype=torch.long))[0, 0, :, 0, 0].tolist()
        [76, 121, 230]
    """
    return torch.from_numpy(palette())[raw.cpu().long().clamp(0, MOST - 1)].movedim(-1, 2)


def classes_by_colour(frames: np.ndarray, known: int) -> np.ndarray:
    """The class whose fixed colour is nearest to that of each pixel, so that what a codec changes does no harm.

    Args:
        frames: uint8.  # [T, H, W, 1 or 3]
        known: How many classes there are.

    Returns:
        int32.  # [T, H, W]

    Raises:
        Unreadable: The colours are far from those of classes.
    """
    colours = palette()[:known].astype(np.float32)
    found = np.empty(frames.shape[:3], np.int32)
    away = 0.0
    for place, frame in enumerate(frames):
        pixels = np.broadcast_to(frame, (*frame.shape[:2], 3)).astype(np.float32)
        nearest = np.full(frame.shape[:2], np.inf, np.float32)
        for number, colour in enumerate(colours):
            apart = np.square(pixels - colour).sum(-1)
            found[place][apart < nearest] = number
            nearest = np.minimum(nearest, apart)
        away += float(np.sqrt(nearest / 3).mean()) / len(frames)
    if away > FARTHEST:
        raise Unreadable(
            f"its colours are {away:.0f} of 255 away from those of classes; give numbered PNG files whose palette "
            "holds the classes, or an array [frames, height, width] in a .npy file"
        )
    return found

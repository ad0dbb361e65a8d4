"""A picture as result: saved, opened in Pillow, and shown by Jupyter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from belamy.errors import StorageError, UsageError
from belamy.sampling.grid import encode_png


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels that know how to be looked at.

    Args:
        pixels: uint8.  # [H, W, 3]

    Raises:
        UsageError: They are not.

    Example:
        >>> Picture(np.zeros((4, 6, 3), dtype=np.uint8)).image.size
        (6, 4)
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8 or not self.pixels.size:
            raise UsageError(
                f"a picture needs uint8 pixels [H, W, 3]; got {self.pixels.dtype} {list(self.pixels.shape)}. "
                "Lay images out with belamy.sampling.grid.grid."
            )

    @property
    def image(self) -> Image.Image:
        """The same for Pillow."""
        return Image.fromarray(self.pixels)

    @property
    def png(self) -> bytes:
        """The same as a PNG file's bytes."""
        return encode_png(self.pixels)

    def save(self, path: str | Path) -> None:
        """Write a PNG file.

        Raises:
            StorageError: The place cannot be written.
        """
        try:
            Path(path).write_bytes(self.png)
        except OSError as error:
            raise StorageError(f"{path} could not be written ({error.strerror}). Give another place.") from error

    def _repr_png_(self) -> bytes:
        return self.png

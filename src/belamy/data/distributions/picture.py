"""A distribution that the user draws: where the picture is dark, data are dense."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.ranges import Within
from belamy.seeds import Draws

REACH = 2.0


class Distribution:
    """Points uniform within the pixels of a picture, each pixel as likely as it is dark.

    The longer side of the picture spans [-2, 2]. Transparent pixels are white.

    Args:
        file: The picture, any format that Pillow reads.
        side: Pixels of the longer side after reduction, in 16..512.

    Raises:
        DataError: There is no such file, or it is no picture, or all white.
    """

    dimensions = 2
    window = (-1.25 * REACH, 1.25 * REACH)
    centres = None
    spread = 0.0

    def __init__(self, *, file: str = "", side: int = 160) -> None:
        if not file:
            raise UsageError("A drawn distribution needs a picture. Type: belamy game drawing.png")
        Within(16, 512).check("picture.side", side)
        darkness = read_darkness(Path(file).expanduser(), side)
        self.rows, self.columns = darkness.shape
        self.pixel = 2 * REACH / max(darkness.shape)
        self.share = darkness.flatten() / darkness.sum()  # [rows·columns]
        self.rising = self.share.cumsum(0)

    def sample(self, count: int, draw: Draws) -> Tensor:
        """``[count, 2]`` points."""
        u = draw.uniform("distribution-part", count).double().cpu()
        index = torch.searchsorted(self.rising, u * self.rising[-1], right=True).clamp_max(len(self.share) - 1)
        inside = draw.uniform("distribution", count, 2)
        place = torch.stack([index % self.columns, self.rows - 1 - index // self.columns], 1).to(inside)
        return (place + inside - torch.tensor([self.columns, self.rows]).to(inside) / 2) * self.pixel

    def density(self, points: Tensor) -> Tensor:
        """``[N]`` at points ``[N, 2]``."""
        column = (points[:, 0] / self.pixel + self.columns / 2).floor().long()
        row = self.rows - 1 - (points[:, 1] / self.pixel + self.rows / 2).floor().long()
        within = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        index = row.clamp(0, self.rows - 1) * self.columns + column.clamp(0, self.columns - 1)
        return self.share.to(points)[index] * within / self.pixel**2

    def density_on_grid(self, x: Tensor, y: Tensor) -> Tensor:
        """``[len(y), len(x)]`` at every pair."""
        return self.density(torch.cartesian_prod(y, x).flip(1)).view(len(y), len(x))


def read_darkness(path: Path, side: int) -> Tensor:
    """``[rows, columns]`` in 0..1, 1 for black."""
    try:
        with Image.open(path) as opened:
            colour = opened.convert("RGBA")
    except FileNotFoundError:
        raise DataError(f"There is no picture {path}. Name a file, or a distribution such as ring.") from None
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise DataError(f"{path} is not a picture that can be read. Save it as PNG and try again.") from None
    on_white = Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("L")
    on_white.thumbnail((side, side), Image.Resampling.BOX)
    darkness = 1 - torch.from_numpy(np.array(on_white, dtype=np.float64)) / 255
    darkness[darkness < 0.02] = 0  # paper that is not quite white
    if not darkness.any():
        raise DataError(f"{path} is all white, so it says nowhere where data are. Draw in dark ink.")
    return darkness

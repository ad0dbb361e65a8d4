"""Areas of a picture that belong together, as between the lines of a drawing, and maps that are even in each."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

LIGHT = 0.88
"""Brightness, of [-1, 1], above which a pixel is paper and no line, not even the blurred edge of one."""


def light_areas(images: Tensor) -> Tensor:
    """Numbers ``[N, H, W]`` of the areas of light pixels that touch by their sides; 0 where it is not light.

    Counted from 1 on through all pictures, so no two pictures share an area. They are found on the CPU.

    Args:
        images: Pictures ``[N, C, H, W]`` in [-1, 1]; their channels' mean is their brightness.

    Example:
        >>> light_areas(torch.tensor([[[[1.0, -1.0, 1.0], [1.0, -1.0, 1.0]]]]))
        tensor([[[1, 0, 2],
                 [1, 0, 2]]])
    """
    found, before = [], 0
    for light in (images.detach().float().mean(1) > LIGHT).cpu().numpy():
        numbers, count = ndimage.label(light)
        found.append(np.where(light, numbers + before, 0))
        before += count
    return torch.from_numpy(np.stack(found)).to(images.device, torch.long)


def even(maps: Tensor, numbers: Tensor) -> Tensor:
    """Maps in which every pixel of an area has the area's mean; pixels of no area keep what they have.

    Args:
        maps: Of pictures, ``[N, C, H, W]``.
        numbers: Of their areas, ``[N, H, W]``, 0 for none.

    Example:
        >>> even(torch.tensor([[[[1.0, 3.0, 7.0]]]]), torch.tensor([[[1, 1, 0]]]))
        tensor([[[[2., 2., 7.]]]])
    """
    flat = numbers.flatten()
    rows = maps.movedim(1, -1).reshape(len(flat), -1)
    count = int(flat.max()) + 1
    exact = torch.promote_types(maps.dtype, torch.float32)
    sums = rows.new_zeros(count, rows.shape[1], dtype=exact).index_add(0, flat, rows.to(exact))
    means = sums / flat.bincount(minlength=count).clamp(min=1).unsqueeze(1)
    held = torch.where((flat > 0).unsqueeze(1), means.to(maps.dtype)[flat], rows)
    return held.view(*numbers.shape, -1).movedim(-1, 1)

"""The image pool of CycleGAN: a discriminator sees what the generator made lately, not only just now."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.processes import gather, processes, rank
from belamy.seeds import Draws


class ImagePool(nn.Module):
    """A history of generated images; image by image, half of those shown are exchanged for older ones.

    While the pool has room an image goes into it and is shown. Then a coin decides: either the image is shown, or one
    of the pool, drawn by chance, whose place it takes. Unlike :class:`belamy.networks.pool.Pool` it works with batches
    of one image. On several processes all hold the same pool, that of one process with the global batch.

    References:
        Zhu et al. 2017, arXiv 1703.10593, section 4, after Shrivastava et al. 2016, arXiv 1612.07828, section 2.3.

    Args:
        size: Images that the pool holds.
        shape: (C, H, W) of an image.

    Raises:
        UsageError: The pool would hold no image.
    """

    images: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        if size < 1:
            raise UsageError(f"The pool holds {size} images, but it must hold at least 1. Type --pool 50.")
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def exchange(self, fake: Tensor, draw: Draws) -> Tensor:
        """What is shown in place of a batch.  # [N, C, H, W]

        Args:
            fake: What the generator made just now.  # [N, C, H, W]
            draw: The step's random numbers.
        """
        size, held = len(self.images), int(self.count)
        everything = gather(fake).flatten(0, 1)
        numbers = gather(draw.uniform("pool", len(fake), 2)).flatten(0, 1).tolist()
        shown = everything.clone()
        for number, (coin, place) in enumerate(numbers):
            if held < size:
                self.images[held] = everything[number]
                held += 1
            elif coin < 0.5:
                chosen = int(place * size)
                shown[number] = self.images[chosen]
                self.images[chosen] = everything[number]
        self.count.fill_(held)
        return shown.chunk(processes())[rank()]

    def extra_repr(self) -> str:
        """How many images of which shape, as ``print`` shows it."""
        return f"{len(self.images)}, {tuple(self.images.shape[1:])}"

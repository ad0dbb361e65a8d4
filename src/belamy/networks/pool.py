"""Experience replay: the discriminator also sees what the generator made before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.processes import gather, processes, rank
from belamy.seeds import Draws


class Pool(nn.Module):
    """A history of generated images, of which half of each batch is drawn.

    Every second image of a batch gives its place to one of the pool, all drawn ones being different, and goes into the
    pool itself: into a free place, or else into that of a random one. An empty pool gives nothing. On several
    processes all hold the same pool, that of one process with the global batch.

    References:
        Shrivastava et al. 2016, arXiv 1612.07828, section 2.3.

    Args:
        size: Images that the pool holds.
        shape: (C, H, W) of an image.

    Raises:
        UsageError: The pool would hold no image.
    """

    images: Tensor
    labels: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        if size < 1:
            raise UsageError(f"The pool holds {size} images, but it must hold at least 1. Type --replay 512.")
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.long))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def exchange(self, fake: Tensor, labels: Tensor | None, draw: Draws) -> tuple[Tensor, Tensor | None]:
        """The batch with every second image exchanged, and its labels.

        Args:
            fake: What the generator made just now.  # [N, C, H, W]
            labels: The classes it was asked for.  # [N]
            draw: The step's random numbers.
        """
        size, held = len(self.images), int(self.count)
        order = gather(draw.uniform("pool", 2, size))[0].argsort(dim=1, stable=True)
        lent, kept = (row[row < held] for row in order)  # two random orders of the places that are taken
        fresh = _of_all(fake[1::2])
        lent = lent[: len(fresh)]
        places = torch.cat([torch.arange(held, size, device=kept.device), kept])[: len(fresh)]
        shown, shown_labels = fake.clone(), None
        shown[1::2] = _mine(torch.cat([self.images[lent].to(fake), fresh[len(lent) :]]))
        if labels is not None:
            called = _of_all(labels[1::2])
            shown_labels = labels.clone()
            shown_labels[1::2] = _mine(torch.cat([self.labels[lent], called[len(lent) :]]))
            self.labels[places] = called[: len(places)]
        self.images[places] = fresh[: len(places)].to(self.images)
        self.count.fill_(min(held + len(fresh), size))
        return shown, shown_labels

    def extra_repr(self) -> str:
        """How many images of which shape, as ``print`` shows it."""
        return f"{len(self.images)}, {tuple(self.images.shape[1:])}"


def _of_all(x: Tensor) -> Tensor:
    """The rows of all processes, one after the other."""
    return gather(x).flatten(0, 1)


def _mine(x: Tensor) -> Tensor:
    """This process's share."""
    return x.chunk(processes())[rank()]

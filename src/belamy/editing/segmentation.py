"""Segmentation: what each pixel belongs to, told by a small head on a frozen encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from belamy.data import to_float
from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod, Encodes, Player, Turn
from belamy.methods.learning import fit
from belamy.modalities.grid import grid, in_colour
from belamy.registry import Part
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture, named
from belamy.seeds import derive, generator

ADAM = Part(name="adam", lr=1e-2)
BATCH, HIDDEN = 16, 64
PIXELS = 4096
"""Pixels that a step learns from."""
HELD = 1 << 17
"""Pixels that are learned from, at most; of more, each image gives as many."""
TINT = 0.55
"""How much of its class' colour a pixel takes on where masks are shown."""
Features = Callable[[Tensor], Tensor]
"""Of uint8 images ``[n, C, H, W]``, features ``[n, F, H, W]`` of every pixel."""


def encoder_features(method: BaseMethod) -> Features:
    """What a frozen encoder knows of each pixel: the pixel, all maps that its layers make of it, and the whole code.

    Maps are enlarged to the image's size; the code is the same at every pixel ("hypercolumns").

    References:
        Hariharan et al. 2015, arXiv 1411.5752, section 3.

    Raises:
        UsageError: The method has no encoder.
    """
    if not isinstance(method, Encodes):
        raise UsageError("This run's method has no encoder, so it knows no features. Take a run of an autoencoder.")
    model: Any = method.eval()

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        device, dtype = placement(method)
        maps: list[Tensor] = []

        def keep(_module: nn.Module, _given: Any, made: Any) -> None:
            if isinstance(made, Tensor) and made.ndim == 4 and min(made.shape[2:]) > 1:
                maps.append(made)

        leaves = [module for module in method.modules() if not list(module.children())]
        hooks = [module.register_forward_hook(keep) for module in leaves]
        try:
            floats = to_float(images).to(device, dtype)
            code = model.encode(floats)
        finally:
            for hook in hooks:
                hook.remove()
        size = images.shape[2:]
        wide = [interpolate(each, size=size, mode="bilinear", align_corners=False) for each in maps]
        flat = code[:, :, None, None].expand(-1, -1, *size)
        return torch.cat([floats, *wide, flat], 1).float().cpu()

    return features


@dataclass(frozen=True, eq=False)
class Segmenter:
    """Tells the class of every pixel.

    Args:
        features: Of pixels.
        head: From features to the scores of classes.
        mean: Of each feature, where the head learned.  # [F]
        deviation: Standard deviation of each.  # [F]
    """

    features: Features
    head: nn.Module
    mean: Tensor
    deviation: Tensor

    @torch.no_grad()
    def segment(self, images: Tensor) -> Tensor:
        """The class of each pixel of uint8 images ``[n, C, H, W]``.  # [n, H, W] long"""
        parts = []
        for part in images.split(BATCH):
            rows = self.features(part).movedim(1, -1)
            parts.append(self.head((rows - self.mean) / self.deviation).argmax(-1))
        return torch.cat(parts)


def learn(
    features: Features,
    images: Tensor,
    masks: Tensor,
    classes: int,
    *,
    steps: int = 300,
    seed: int = 0,
) -> Segmenter:
    """A segmenter from a few images whose pixels' classes are known; the encoder is not changed.

    The head is one hidden layer of 64, the same for every pixel, and learns by Adam; classes count alike, however many
    pixels they have.

    Args:
        features: Of pixels, e.g. :func:`encoder_features`.
        images: uint8.  # [n, C, H, W]
        masks: The class of each pixel.  # [n, H, W] long
        classes: How many there are.
        steps: Of Adam, on 4,096 pixels each.
        seed: Of initial weights and of the order of the pixels.

    Raises:
        UsageError: Masks that do not belong to the images, or are of fewer than two classes.
    """
    if masks.shape != (len(images), *images.shape[2:]) or not len(images):
        raise UsageError(f"The masks are {list(masks.shape)}, but the images {list(images.shape)}. Give one for each.")
    if classes < 2 or int(masks.min()) < 0 or int(masks.max()) >= classes:
        raise UsageError(f"Masks name {int(masks.min())}..{int(masks.max())}, but they must be in 0..{classes - 1}.")
    numbers = generator(seed, "pixels")
    places = _places(images, numbers)
    parts = zip(images.split(BATCH), places.split(BATCH), strict=True)
    rows = torch.cat([_rows(features(part), chosen) for part, chosen in parts])
    wanted = masks.flatten(1).gather(1, places).flatten()
    mean, deviation = rows.mean(0), rows.std(0).clamp_min(1e-6)
    weights = len(wanted) / torch.bincount(wanted, minlength=classes).clamp_min(1).float() / classes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "head"))
        head = nn.Sequential(nn.Linear(rows.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))

    def play(_step: int) -> Turn:
        chosen = torch.randint(len(rows), (min(PIXELS, len(rows)),), generator=numbers)
        scores = head((rows[chosen] - mean) / deviation)
        return Turn("head", {"cross-entropy": cross_entropy(scores, wanted[chosen], weights)})

    fit({"head": Player(head, ADAM)}, play, steps)
    return Segmenter(features, head.eval(), mean, deviation)


def intersection_over_union(found: Tensor, masks: Tensor, classes: int) -> Tensor:
    r"""Of each class, the pixels rightly called so among those called so or being so; NaN of a class that is nowhere.

    .. math:: \mathrm{IoU}_k = \frac{\#\{\hat y = k \wedge y = k\}}{\#\{\hat y = k \vee y = k\}}

    Example:
        >>> intersection_over_union(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    confusion = torch.bincount(masks.flatten() * classes + found.flatten(), minlength=classes**2).view(classes, classes)
    both = confusion.diagonal().double()
    return both / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal()).double()


@dataclass(frozen=True, eq=False)
class SegmentationResult:
    """What a segmenter says of images whose masks are known.

    Args:
        images: uint8.  # [n, C, H, W]
        masks: The class of each pixel.  # [n, H, W] long
        found: What was said.  # [n, H, W] long
        names: Of the classes, the first being what lies behind the others.
        colours: In which classes are shown.
    """

    images: Tensor
    masks: Tensor
    found: Tensor
    names: tuple[str, ...]
    colours: Sequence[tuple[int, int, int]]

    def agreement(self, seed: int = 0) -> dict[str, Interval]:
        """Intersection over union of each class that is there, and their ``mean``; intervals by drawing images."""
        counts = len(self.names)
        kinds = torch.arange(counts)
        there = (self.masks.flatten(1)[:, None] == kinds[:, None], self.found.flatten(1)[:, None] == kinds[:, None])
        both, either = ((there[0] & there[1]).sum(2).double(), (there[0] | there[1]).sum(2).double())
        known = [kind for kind in range(counts) if either[:, kind].any()]

        def of(chosen: list[int]) -> Interval:
            def ious(rows: Tensor) -> float:
                return float((both[rows][:, chosen].sum(0) / either[rows][:, chosen].sum(0)).nanmean())

            return intervals.bootstrap(ious, len(both), seed=seed)

        return {**{self.names[kind]: of([kind]) for kind in known}, "mean": of(known)}

    def picture(self, count: int = 10) -> Picture:
        """The first images, and over them the masks that were known and that were found."""
        images = self.images[:count]
        rows = {
            "given": images,
            "known": overlaid(images, self.masks[:count], self.colours),
            "found": overlaid(images, self.found[:count], self.colours),
        }
        return sheet(rows)

    def _repr_png_(self) -> bytes:
        return self.picture().png


def sheet(rows: Mapping[str, Tensor]) -> Picture:
    """Rows of images ``[n, C, H, W]`` by name."""
    images = torch.cat([torch.tensor(in_colour(row.numpy())) for row in rows.values()])
    return Picture(named(grid(images, columns=len(images) // len(rows), scale=None), list(rows)))


def overlaid(images: Tensor, classes: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """Images in grey under the colours of their pixels' classes; the first class is left as it is.  # [n, 3, H, W]

    Args:
        images: uint8.  # [n, C, H, W]
        classes: Of each pixel.  # [n, H, W] long
        colours: Of the classes.
    """
    grey = images.double().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    tints = torch.tensor(np.asarray(colours), dtype=torch.float64)[classes].movedim(-1, 1)
    share = TINT * (classes > 0)[:, None]
    return (grey * (1 - share) + tints * share).round().to(torch.uint8)


def _places(images: Tensor, numbers: torch.Generator) -> Tensor:
    """Which pixels of each image are learned from: all of few images, some of many.  # [n, k]"""
    count, pixels = len(images), images.shape[2] * images.shape[3]
    if count * pixels <= HELD:
        return torch.arange(pixels).expand(count, -1)
    return torch.rand(count, pixels, generator=numbers).topk(max(1, HELD // count)).indices


def _rows(features: Tensor, places: Tensor) -> Tensor:
    """The features of some pixels of each image.  # [n k, F]"""
    flat = features.flatten(2).movedim(1, -1)
    return flat.gather(1, places[..., None].expand(-1, -1, flat.shape[2])).flatten(0, 1)

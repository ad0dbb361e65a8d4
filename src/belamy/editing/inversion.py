"""From an image back to a latent: by the encoder, by optimisation, or by both."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from belamy.data import to_float
from belamy.errors import UsageError
from belamy.evaluation.pairs.psnr import Pair
from belamy.methods.base import BaseMethod, Encodes
from belamy.modalities.grid import grid
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture
from belamy.sampling.points import Progress, class_weights, encoded, pixels_at, sampler

psnr = Pair(data_range=255)
"""Decibels of each of two batches of uint8 images; infinite where they are the same.  # [n] float64"""
Way = Literal["auto", "encoder", "optimisation", "hybrid"]
STARTS = 512
"""Drawn images among which the nearest to each given one are where its optimisation begins."""
TRIES = 4
SHORT = 4
"""Several starts are each tried with a quarter of the steps."""
PART = 128
"""Latents that are optimised together: more do not fit into the caches of a processor."""
CELL = 96
"""Pixels: sheets enlarge images until their shorter side reaches this."""
ROWS = 8


@dataclass(frozen=True, eq=False)
class Inversion:
    """Where images are, and how well their latents give them back.

    Args:
        given: The images, uint8.  # [n, C, H, W]
        latents: ``[n, latent]``.
        weights: Of the classes, where labels decide what a generator makes; or None.  # [n, classes]
        images: What the latents give, uint8.  # [n, C, H, W]
        psnr: Peak signal-to-noise ratio to the given images, in decibels.  # [n] float64
        way: ``encoder``, ``optimisation`` or ``hybrid``.
        seconds: It took, for all.
    """

    given: Tensor
    latents: Tensor
    weights: Tensor | None
    images: Tensor
    psnr: Tensor
    way: str
    seconds: float

    def picture(self) -> Picture:
        """Given and inverted images, and where they differ."""
        return compared(
            {"given": self.given, "inverted": self.images, "error": differences(self.images, self.given)}, self.psnr
        )

    def _repr_png_(self) -> bytes:
        return self.picture().png


def invert(
    method: BaseMethod,
    images: Tensor,
    way: Way = "auto",
    *,
    labels: Tensor | None = None,
    steps: int = 200,
    rate: float = 0.2,
    prior: float = 1e-3,
    tries: int = TRIES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Inversion:
    r"""The latents of images.

    .. math:: z^* = \arg\min_z \tfrac1M \lVert G(z) - x \rVert^2 + \lambda \tfrac1d \lVert z \rVert^2

    by Adam with a rate that falls along a half cosine. In the hybrid way it begins where the encoder says; otherwise at
    the nearest of 512 drawn images, several of which are tried with a quarter of the steps, and the one with the least
    error goes on. Where labels matter, each drawn image has its own, so that the label is found with the latent. Each
    image is inverted as if it were alone, however many there are.

    References:
        Zhu et al. 2016, arXiv 1609.03552, section 3.1 (optimisation, encoder, hybrid); Creswell & Bharath 2016,
        arXiv 1611.05644 (batches, the prior); Bojanowski et al. 2018, arXiv 1707.05776 (the start matters).

    Args:
        method: It samples.
        images: uint8 ``[n, C, H, W]`` of the method's shape.
        way: ``auto`` is the encoder where there is one, and otherwise optimisation.
        labels: What the images show, where it is known; otherwise it is searched for.  # [n]
        steps: Of Adam.
        rate: Its first rate.
        prior: λ, on images in [-1, 1].
        tries: Starts of each image's optimisation.
        seed: Of the drawn images.
        progress: Called with (done, total).

    Raises:
        UsageError: The method neither samples nor encodes as the way needs, or a number is out of range.
    """
    sampler(method)
    _check(method, images, labels, steps, rate, prior, tries)
    if way in ("encoder", "hybrid") and not isinstance(method, Encodes):
        raise UsageError(f"This run's method has no encoder, so the way '{way}' is closed. Take 'optimisation'.")
    chosen = way if way != "auto" else "encoder" if isinstance(method, Encodes) else "optimisation"
    began = time.perf_counter()
    if chosen != "encoder":
        method = _still(method)
    weights = None if labels is None else class_weights(labels, len(method.spec.classes))
    if chosen == "optimisation":
        starts, told = _nearest(method, images, weights, tries, seed)
    else:
        latents = encoded(method, images)
        starts, told = latents[None], None if weights is None else weights[None]
    if chosen != "encoder":
        descent = _Descent(method, images, rate, prior, progress)
        latents, weights = descent.best(starts, told, steps)
    made = pixels_at(method, latents, weights)
    return Inversion(images, latents, weights, made, psnr(made, images), chosen, time.perf_counter() - began)


def differences(made: Tensor, images: Tensor) -> Tensor:
    """Where images differ, from black (not at all) to white, as the mean over channels.  # [n, C, H, W] uint8"""
    apart = (made.int() - images.int()).abs().float().mean(1, keepdim=True).round().to(torch.uint8)
    return apart.expand_as(images)


def compared(shown: Mapping[str, Tensor], decibels: Tensor | None = None) -> Picture:
    """Columns of images by name; under those called inverted stands how well they are. Many rows lie side by side."""
    count = len(next(iter(shown.values())))
    captions = [
        f"{name} {decibels[row]:.1f} dB" if name == "inverted" and decibels is not None else name
        for row in range(count)
        for name in shown
    ]
    images = torch.stack(list(shown.values()), 1).flatten(0, 1)
    columns = len(shown) * max(1, round(math.sqrt(count / ROWS)))
    scale = max(1, math.ceil(CELL / min(images.shape[2:])))
    return Picture(grid(images, columns=columns, scale=scale, captions=captions))


def _check(
    method: BaseMethod, images: Tensor, labels: Tensor | None, steps: int, rate: float, prior: float, tries: int
) -> None:
    if images.shape[1:] != method.spec.shape:
        raise UsageError(f"The images are {tuple(images.shape[1:])}, but this run's are {tuple(method.spec.shape)}.")
    if steps < 1 or not rate > 0 or prior < 0:
        raise UsageError(f"steps {steps} must be at least 1, rate {rate:g} above 0 and prior {prior:g} not below 0.")
    if not 1 <= tries <= STARTS:
        raise UsageError(f"tries is {tries}, but it must be in 1..{STARTS}.")
    classes = len(method.spec.classes)
    if labels is not None and (len(labels) != len(images) or not all(0 <= label < classes for label in labels)):
        raise UsageError(f"labels must be {len(images)} class numbers below {classes}; got {labels.tolist()}.")


def _still(method: BaseMethod) -> BaseMethod:
    """A copy whose weights need no gradients, and lie as convolutions like them on a processor."""
    copied: Any = deepcopy(method).requires_grad_(False)
    still: BaseMethod = copied.to(memory_format=torch.channels_last)
    return still


def _nearest(
    method: Any, images: Tensor, weights: Tensor | None, tries: int, seed: int
) -> tuple[Tensor, Tensor | None]:
    """The drawn latents, and weights of classes, whose images are nearest to the given ones.  # [tries, n, …]

    Where the weights are known, only images of the same class are near.
    """
    from belamy.editing.evidence import turns

    latents, drawn = method.latents(seed, range(STARTS)), turns(method, STARTS)
    apart = torch.cdist(images.flatten(1).float(), pixels_at(method, latents, drawn).flatten(1).float())
    if weights is not None and drawn is not None:
        apart = apart.masked_fill(weights @ drawn.T == 0, torch.inf)
    best = apart.topk(tries, largest=False).indices.T  # [tries, n]
    if weights is not None:
        return latents[best], weights.expand(tries, -1, -1)
    return latents[best], None if drawn is None else drawn[best]


class _Descent:
    """Adam on latents; the sum over images lets each descend by itself."""

    def __init__(
        self, method: BaseMethod, images: Tensor, rate: float, prior: float, progress: Progress | None
    ) -> None:
        self.method: Any = method.eval()
        self.device, self.dtype = placement(method)
        self.targets = to_float(images).to(self.device, self.dtype)
        self.rate, self.prior = rate, prior
        self.progress, self.done, self.total = progress, 0, 0

    def best(self, starts: Tensor, weights: Tensor | None, steps: int) -> tuple[Tensor, Tensor | None]:
        """Latents and weights of classes after ``steps`` from the start that a quarter of them brings furthest."""
        tries, count = starts.shape[:2]
        short = max(1, steps // SHORT) if tries > 1 else 0
        self.total = count * (tries * short + steps)
        if tries > 1:
            labels = None if weights is None else weights.flatten(0, 1)
            found, losses = self.all(starts.flatten(0, 1), labels, torch.arange(count).repeat(tries), short)
            chosen = losses.view(tries, count).argmin(0), torch.arange(count)
            starts, weights = found.view_as(starts)[chosen][None], None if weights is None else weights[chosen][None]
        weights = None if weights is None else weights[0]
        return self.all(starts[0], weights, torch.arange(count), steps)[0], weights

    def all(self, starts: Tensor, weights: Tensor | None, rows: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Latents ``[n, latent]`` after the steps and their losses ``[n]``; ``rows`` says which image each is of."""
        parts = []
        for first in range(0, len(starts), PART):
            part = slice(first, first + PART)
            labels = None if weights is None else weights[part].argmax(1).to(self.device)
            parts.append(self._together(starts[part], labels, self.targets[rows[part]], steps))
        latents, losses = zip(*parts, strict=True)
        return torch.cat(latents), torch.cat(losses)

    def _together(self, start: Tensor, labels: Tensor | None, targets: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        latents = start.detach().clone().to(self.device, self.dtype).requires_grad_()
        optimizer = torch.optim.Adam([latents], lr=self.rate)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            loss = self._losses(latents, labels, targets).sum()
            latents.grad = torch.autograd.grad(loss, latents)[0]
            optimizer.step()
            fall.step()
            self.done += len(latents)
            if self.progress:
                self.progress(self.done, self.total)
        with torch.no_grad():
            losses = self._losses(latents, labels, targets)
        return latents.detach().cpu(), losses.cpu()

    def _losses(self, latents: Tensor, labels: Tensor | None, targets: Tensor) -> Tensor:
        made: Tensor = self.method.generate(latents, labels)
        return (made - targets).square().flatten(1).mean(1) + self.prior * latents.square().mean(1)

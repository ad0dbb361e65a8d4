"""From an image back to a latent: by the encoder, by optimisation, or by both."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from belamy.data import to_float
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Encodes
from belamy.sampling.draw import placement
from belamy.sampling.points import encoded, pixels_at, sampler

Way = Literal["auto", "encoder", "optimisation", "hybrid"]
STARTS = 512
"""Drawn images among which the nearest to each given one is where its optimisation begins."""
PART = 256
"""Images that are inverted together."""


@dataclass(frozen=True, eq=False)
class Inversion:
    """Where images are, and how well their latents give them back.

    Args:
        latents: ``[n, latent]``.
        weights: Of the classes, where labels decide what a generator makes; or None.  # [n, classes]
        images: What the latents give, uint8.  # [n, C, H, W]
        psnr: Peak signal-to-noise ratio to the given images, in decibels.  # [n] float64
        way: ``encoder``, ``optimisation`` or ``hybrid``.
        seconds: It took, for all.
    """

    latents: Tensor
    weights: Tensor | None
    images: Tensor
    psnr: Tensor
    way: str
    seconds: float


def invert(
    method: BaseMethod,
    images: Tensor,
    way: Way = "auto",
    *,
    steps: int = 200,
    rate: float = 0.1,
    prior: float = 1e-3,
    seed: int = 0,
) -> Inversion:
    r"""The latents of images.

    .. math:: z^* = \arg\min_z \tfrac1M \lVert G(z) - x \rVert^2 + \lambda \tfrac1d \lVert z \rVert^2

    by Adam with a rate that falls along a half cosine; it begins at the nearest of 512 drawn images or, in the hybrid
    way, at the encoder's latent. Each image is inverted as if it were alone, however many there are.

    References:
        Zhu et al. 2016, arXiv 1609.03552, section 3.1 (optimisation, encoder, hybrid); Creswell & Bharath 2016,
        arXiv 1611.05644 (batches, the prior).

    Args:
        method: It samples.
        images: uint8 ``[n, C, H, W]`` of the method's shape.
        way: ``auto`` is the encoder where there is one, and otherwise optimisation.
        steps: Of Adam.
        rate: Its first rate.
        prior: λ, on images in [-1, 1].
        seed: Of the drawn images.

    Raises:
        UsageError: The method neither samples nor encodes as the way needs, or a number is out of range.
    """
    sampler(method)
    if images.shape[1:] != method.domain.shape:
        raise UsageError(f"The images are {tuple(images.shape[1:])}, but this run's are {tuple(method.domain.shape)}.")
    if steps < 1 or not rate > 0 or prior < 0:
        raise UsageError(f"steps {steps} must be at least 1, rate {rate:g} above 0 and prior {prior:g} not below 0.")
    chosen = way if way != "auto" else "encoder" if isinstance(method, Encodes) else "optimisation"
    began = time.perf_counter()
    if chosen == "optimisation":
        latents, weights = _nearest(method, images, seed)
    else:
        latents, weights = encoded(method, images), None
    if chosen != "encoder":
        parts = []
        for first in range(0, len(images), PART):
            part = slice(first, first + PART)
            held = None if weights is None else weights[part]
            parts.append(_optimised(method, latents[part], held, images[part], steps, rate, prior))
        latents = torch.cat(parts)
    made = pixels_at(method, latents, weights)
    return Inversion(latents, weights, made, psnr(made, images), chosen, time.perf_counter() - began)


def psnr(made: Tensor, images: Tensor) -> Tensor:
    """Decibels of 255² over the mean squared error of each image; infinite where there is none.  # [n] float64"""
    errors = (made.double() - images.double()).square().flatten(1).mean(1)
    return 10 * (255**2 / errors).log10()


def _nearest(method: Any, images: Tensor, seed: int) -> tuple[Tensor, Tensor | None]:
    """The drawn latents, and labels, whose images are nearest to the given ones."""
    from belamy.editing.evidence import turns

    latents, weights = method.latents(seed, range(STARTS)), turns(method, STARTS)
    drawn = pixels_at(method, latents, weights).flatten(1).float()
    best = torch.cdist(images.flatten(1).float(), drawn).argmin(1)
    return latents[best], None if weights is None else weights[best]


def _optimised(
    method: Any, start: Tensor, weights: Tensor | None, images: Tensor, steps: int, rate: float, prior: float
) -> Tensor:
    """Latents after Adam; the sum over images lets each descend by itself."""
    device, dtype = placement(method.eval())
    target = to_float(images).to(device, dtype)
    labels = None if weights is None else weights.argmax(1).to(device)
    latents = start.detach().clone().to(device, dtype).requires_grad_()
    optimizer = torch.optim.Adam([latents], lr=rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        error = (method.generate(latents, labels) - target).square().flatten(1).mean(1)
        loss = (error + prior * latents.square().mean(1)).sum()
        latents.grad = torch.autograd.grad(loss, latents)[0]
        optimizer.step()
        fall.step()
    return latents.detach().cpu()

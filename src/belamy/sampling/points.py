"""Images at chosen latents: what walks, manifolds and arithmetic ask of a method.

A point is a latent and, where labels decide what a generator makes, the weights of the classes: one class with weight 1
is a label, anything else a blend of labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import one_hot

from belamy.data import to_uint8
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Encodes, Samples, from_range
from belamy.modalities import modality
from belamy.networks.conditions.one_hot import GeneratorCondition as OneHot
from belamy.sampling.draw import made, placement

NEAR = 1e-5
"""Weights this near to those of one class are that class."""

Progress = Callable[[int, int], None]


def sampler(method: BaseMethod) -> Any:
    """The method, known to sample.

    Raises:
        UsageError: It does not.
    """
    if isinstance(method, Samples):
        return method
    raise UsageError(
        "This run's method draws no samples: latents of its own have no prior, so there is nowhere to walk. "
        "Take a run of a GAN or a variational autoencoder, e.g. `belamy train vae-mnist`."
    )


def encoder(method: BaseMethod) -> Any:
    """The method, known to encode.

    Raises:
        UsageError: It does not.
    """
    if isinstance(method, Encodes):
        return method
    raise UsageError(
        "This run's method has no encoder, so an image has no code of its own. Take a run that has one, e.g. of "
        "`belamy train vae-mnist`."
    )


def drawn(method: BaseMethod, seed: int, index: int = 0) -> Tensor:
    """``[latent]``: where image ``index`` of ``belamy sample --seed`` is.

    Raises:
        UsageError: The method does not sample.
    """
    latents: Tensor = sampler(method).latents(seed, [index])
    return latents[0]


@torch.no_grad()
def encoded(method: BaseMethod, images: Tensor, batch: int = 64) -> Tensor:
    """``[n, latent]``: the latents of samples as files hold them, uint8 images ``[n, C, H, W]``.

    Raises:
        UsageError: The method has no encoder.
    """
    device, dtype = placement(method)
    coder, field = encoder(method.eval()), method.spec.field
    kind = modality(field.modality)
    return torch.cat([coder.encode(kind.to_float(part, field).to(device, dtype)).cpu() for part in images.split(batch)])


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """``[n, classes]``: weight 1 for the class of each label."""
    return one_hot(labels, classes).float()


@torch.no_grad()
def images_at(
    method: BaseMethod,
    latents: Tensor,
    weights: Tensor | None = None,
    *,
    batch: int = 64,
    progress: Progress | None = None,
) -> Tensor:
    """``[n, C, H, W]`` images in [-1, 1] at points, on the CPU.

    Args:
        method: It samples; it is left in evaluation mode.
        latents: Where.  # [n, latent]
        weights: Of the classes, where labels matter.  # [n, classes]
        batch: How many at a time; the images do not depend on it (beyond float rounding).
        progress: Called with (done, total).

    Raises:
        UsageError: The method does not sample, or its labels cannot be blended.
    """
    sampler(method)
    device, dtype = placement(method)
    method.eval()
    parts = []
    for first in range(0, len(latents), batch):
        part = slice(first, first + batch)
        z = latents[part].to(device, dtype)
        parts.append(_generated(method, z, None if weights is None else weights[part].to(device, dtype)).float().cpu())
        if progress:
            progress(min(first + batch, len(latents)), len(latents))
    return torch.cat(parts)


def pixels_at(method: BaseMethod, latents: Tensor, weights: Tensor | None = None, **options: Any) -> Tensor:
    """``[n, C, H, W]`` uint8: what :func:`images_at` makes, as pixels."""
    return to_uint8(images_at(method, latents, weights, **options))


def samples_at(method: BaseMethod, latents: Tensor, weights: Tensor | None = None, **options: Any) -> Tensor:
    """What :func:`images_at` makes, of any kind, as files hold it; of pictures the pixels.  # [n, *shape]"""
    field = method.output
    if field.modality == "image":
        return pixels_at(method, latents, weights, **options)
    return modality(field.modality).to_raw(images_at(method, latents, weights, **options), field)


def _generated(method: Any, latents: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        labels = torch.zeros(len(latents), dtype=torch.long, device=latents.device) if method.spec.classes else None
        return made(method, latents, labels, 0, [0] * len(latents))
    labels = weights.argmax(1)
    if torch.allclose(weights, class_weights(labels, weights.shape[1]).to(weights), rtol=0, atol=NEAR):
        return made(method, latents, labels, 0, [0] * len(latents))
    return _blended(method, latents, weights)


def _blended(method: Any, latents: Tensor, weights: Tensor) -> Tensor:
    """Images of blended labels: wherever a label chooses a row of a table, the weighted sum of the rows stands in."""
    classes = weights.shape[1]
    for part in method.modules():
        if isinstance(part, OneHot):  # the label is its own row
            told: Any = part
            return from_range(told.network(torch.cat([latents, weights], 1)), told.value_range)
    called = _Generation(method)
    tables = {
        f"{name}.weight": weights @ part.weight
        for name, part in called.named_modules()
        if isinstance(part, nn.Embedding) and part.num_embeddings == classes
    }
    if not tables:
        raise UsageError("This run's labels cannot be blended: no table of theirs was found. Hold one with --label.")
    images: Tensor = functional_call(called, tables, (latents, torch.arange(len(latents), device=latents.device)))
    return images


class _Generation(nn.Module):
    """A method whose call is ``generate``."""

    def __init__(self, method: Any) -> None:
        super().__init__()
        self.method = method

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return made(self.method, latents, labels, 0, [0] * len(latents))

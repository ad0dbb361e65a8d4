"""What happens to images on their way: rounding, JPEG, blur, resizing. Each is done to both sides alike."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from belamy.errors import UsageError

QUALITIES = (1, 100)


@dataclass(frozen=True)
class Treatment:
    """A change of images that ends in 256 values.

    Args:
        name: What it is called, e.g. ``jpeg:75``.
        words: The same for people.
        kind: The same without its strength.
        strength: How much; None where there is nothing to say.
        apply: Does it.  # [n, C, H, W] in [0, 1] -> the same
    """

    name: str
    words: str
    kind: str
    strength: float | None
    apply: Callable[[Tensor], Tensor]


def parse(text: str) -> Treatment:
    """A treatment from its name: ``uint8`` or ``jpeg:QUALITY``.

    Raises:
        UsageError: No such treatment, or a quality out of range.
    """
    kind, colon, strength = text.partition(":")
    if kind == "uint8" and not colon:
        return rounding()
    if kind == "jpeg" and strength.isdecimal() and QUALITIES[0] <= int(strength) <= QUALITIES[1]:
        return jpeg(int(strength))
    raise UsageError(
        f"--hide is '{text}', but it must be uint8 or jpeg:QUALITY with a quality in {QUALITIES[0]}..{QUALITIES[1]}, "
        "e.g. jpeg:75."
    )


def rounding() -> Treatment:
    """256 values, as files have them."""
    return Treatment("uint8", "256 values", "uint8", None, rounded)


def jpeg(quality: int) -> Treatment:
    """Compressed and read again; colour at half resolution, as is usual."""
    words = f"JPEG of quality {quality}"
    return Treatment(f"jpeg:{quality}", words, "jpeg", float(quality), lambda values: _compressed(values, quality))


def blur(sigma: float) -> Treatment:
    """Blurred by a Gaussian of so many pixels."""
    words = f"blur of {sigma:g} pixels"
    return Treatment(f"blur:{sigma:g}", words, "blur", sigma, lambda values: rounded(_blurred(values, sigma)))


def resize(share: float) -> Treatment:
    """Reduced to a share of the side and enlarged again, both bicubic."""
    words = f"resized to {share:.0%}, back"
    return Treatment(f"resize:{share:g}", words, "resize", share, lambda values: rounded(_resized(values, share)))


def rounded(values: Tensor) -> Tensor:
    """Values in [0, 1] as the nearest of 256, halves upwards, as the writer of files rounds.

    Example:
        >>> (rounded(torch.tensor([0.0, 0.5, 1.0])) * 255).tolist()
        [0.0, 128.0, 255.0]
    """
    return to_pixels(values).float() / 255


def to_pixels(values: Tensor) -> Tensor:
    """The same as uint8."""
    return (values.double() * 255 + 0.5).floor_().clamp_(0, 255).to(torch.uint8)


def _compressed(values: Tensor, quality: int) -> Tensor:
    pixels = to_pixels(values).permute(0, 2, 3, 1).contiguous().numpy()  # [n, H, W, C]
    read = np.empty_like(pixels)
    for index, picture in enumerate(pixels):
        buffer = io.BytesIO()
        Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as image:
            read[index] = np.asarray(image).reshape(picture.shape)
    return torch.from_numpy(read).permute(0, 3, 1, 2).contiguous().float() / 255


def _blurred(values: Tensor, sigma: float) -> Tensor:
    reach = ceil(3 * sigma)
    place = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).reshape(1, 1, 1, -1)
    flat = values.flatten(0, 1)[:, None]
    flat = functional.conv2d(functional.pad(flat, (reach, reach, 0, 0), mode="reflect"), kernel)
    flat = functional.conv2d(functional.pad(flat, (0, 0, reach, reach), mode="reflect"), kernel.transpose(2, 3))
    return flat.reshape(values.shape)


def _resized(values: Tensor, share: float) -> Tensor:
    small = [max(1, round(side * share)) for side in values.shape[2:]]
    for size in (small, values.shape[2:]):
        values = functional.interpolate(values, tuple(size), mode="bicubic", antialias=True)
    return values.clamp(0, 1)

"""Measures of pairs: how near an estimate comes to its reference, for pictures and for sounds.

Contract of a file here: a class ``Pair(*, …)`` with a call ``(reference, estimate) -> [N]`` float64, one number for
each pair, and ``higher_is_better``. References and estimates are of one shape: pictures ``[N, C, H, W]``, sounds
``[N, …]`` with time last. What depends on the scale of the values asks for it and guesses nothing.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.registry import Part, Registry

PAIRS = Registry("belamy.evaluation.pairs", "measure of pairs", "Pair")

_PICTURES = 4
_ROUNDING = 1e-6
"""Share of the data's range by which rounding may lead out of it."""


class Pair(Protocol):
    """What a measure of pairs can do.

    Attributes:
        higher_is_better: Whether a larger number means a nearer estimate.
    """

    higher_is_better: bool

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        """One number for each pair.  # [N] float64"""
        ...


def measure(text: str) -> Pair:
    """The measure of pairs that a user names, e.g. ``psnr:data_range=255``.

    Raises:
        UsageError: An unknown name or option, or an option that is needed and not given.
    """
    part = Part.parse(text)
    needed = [name for name, option in PAIRS.options(part.name).items() if option.default is option.empty]
    missing = [name for name in needed if name not in part.options]
    if missing:
        example = {"data_range": 255, "rate": 16_000}.get(missing[0], "…")
        raise UsageError(
            f"{part.name} needs {missing[0]}, which is not guessed. Type {part.name}:{missing[0]}={example}, say."
        )
    made: Pair = PAIRS.build(part)
    return made


def pictures(reference: Tensor, estimate: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Two batches of pictures in float64, after a look at their shapes and values.

    Args:
        reference: The pictures themselves, of any type.  # [N, C, H, W]
        estimate: What came of them.  # [N, C, H, W]
        data_range: Largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].

    Raises:
        UsageError: Other shapes, values that are not finite, or values that lie farther apart than ``data_range``.
    """
    if not data_range > 0:
        raise UsageError(f"data_range is {data_range}, but it must be above 0: 255 for uint8, 1 for values in [0, 1].")
    reference, estimate = alike(reference, estimate, "pictures")
    if reference.dim() != _PICTURES:
        raise UsageError(
            f"Pictures are of shape {list(reference.shape)}, but they must be [pairs, channels, rows, columns]."
        )
    low, high = reference.aminmax()
    if float(high - low) > data_range * (1 + _ROUNDING):
        raise UsageError(
            f"The references' values span {float(high - low):g}, but data_range is {data_range:g}. "
            "Give 255 for uint8, 1 for values in [0, 1], 2 for values in [-1, 1]."
        )
    return reference, estimate


def sounds(reference: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Two batches of sounds in float64, channels one after the other, after a look at their shapes and values.

    Returns:
        Both as ``[N, samples]``.

    Raises:
        UsageError: Other shapes, or values that are not finite.
    """
    reference, estimate = alike(reference, estimate, "sounds")
    return reference.flatten(1), estimate.flatten(1)


def speech(reference: Tensor, estimate: Tensor, who: str) -> tuple[Tensor, Tensor]:
    """Two batches of sounds of one channel for a measure of speech.

    Returns:
        Both as ``[N, samples]`` float64.

    Raises:
        UsageError: As for :func:`sounds`, or several channels.
        DataError: A reference is silent.
    """
    if reference.dim() > 2 and reference.shape[1:-1].numel() > 1:
        raise UsageError(
            f"Sounds are of shape {list(reference.shape)}, but {who} knows one channel. Give [pairs, samples]."
        )
    reference, estimate = sounds(reference, estimate)
    silent = (~reference.any(1)).nonzero().flatten()
    if len(silent):
        raise DataError(f"{who} cannot score pair {int(silent[0])}: its reference is silent. Leave it out.")
    return reference, estimate


def alike(reference: Tensor, estimate: Tensor, what: str) -> tuple[Tensor, Tensor]:
    """Two batches in float64.

    Raises:
        UsageError: Their shapes differ, they are empty, or a value is not finite.
    """
    if reference.shape != estimate.shape:
        raise UsageError(
            f"References are of shape {list(reference.shape)} and estimates of {list(estimate.shape)}, but "
            "each estimate is compared with the reference in its place. Bring both to one shape."
        )
    if reference.dim() < 2 or not reference.numel():
        raise UsageError(
            f"{what.capitalize()} are of shape {list(reference.shape)}, but there must be [pairs, values …]."
        )
    both = reference.detach().cpu().double(), estimate.detach().cpu().double()
    for values, side in zip(both, ("references", "estimates"), strict=True):
        if not torch.isfinite(values).all():
            raise UsageError(f"Some values of the {side} are NaN or infinite, so these {what} cannot be compared.")
    return both


def decibels(signal: Tensor, noise: Tensor) -> Tensor:
    """10 log10 of the ratio of two energies; without any noise it is infinite.

    Example:
        >>> decibels(torch.tensor([100.0, 0.0]), torch.tensor([1.0, 0.0]))
        tensor([20., inf])
    """
    return torch.where(noise > 0, 10 * (signal / noise).log10(), torch.inf)

"""Unknown degradation after Real-ESRGAN: blur, resizing, noise and JPEG at random strengths, twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.bicubic import bicubic
from belamy.networks.blur_kernels import blurred, gaussian, plateau, sinc
from belamy.networks.jpeg import compressed, rounded
from belamy.seeds import Draws, SampleDraws

SIDES = tuple(range(7, 22, 2))
SINC = 0.1
KINDS = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
"""Chances of Gaussians, generalised ones and plateaus, each round and turned."""
GENERALISED, PLATEAU = (0.5, 4.0), (1.0, 2.0)
"""Shapes of these; below and above 1 are equally likely where both can be."""
LAST_SINC = 0.8
LAST_FIRST = 0.5
"""Chance that the last filter comes before the last JPEG."""
LEVELS = 256
_MODES = ("area", "bilinear", "bicubic")
_NUMBERS = 64
"""Random numbers of a picture, noise apart; more than are used."""


class Round(NamedTuple):
    """One round's chances and ranges.

    Args:
        blurred: Chance of a blur.
        deviations: Of the blurring kernel in pixels.
        resized: Chances of enlarging, reducing and neither.
        factors: By how much.
        noise: Deviation of Gaussian noise in 255ths.
        shots: Factor of Poisson noise.
        quality: Of JPEG.
    """

    blurred: float
    deviations: tuple[float, float]
    resized: tuple[float, float, float]
    factors: tuple[float, float]
    noise: tuple[float, float]
    shots: tuple[float, float]
    quality: tuple[float, float] = (30.0, 95.0)


FIRST = Round(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), (1.0, 30.0), (0.05, 3.0))
SECOND = Round(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1.0, 25.0), (0.05, 2.5))
GAUSSIAN, GREY = 0.5, 0.4
"""Chances that noise is Gaussian, else Poisson, and that it is the same in all channels."""


class Degradation:
    r"""Blur, resizing, noise and JPEG, twice, and a sinc filter before or after the last JPEG.

    The second round is in the small size.

    Kernels of 7 to 21 pixels are Gaussian (70 in 100), generalised Gaussian or plateau-shaped (15 each), a quarter to a
    third of them turned and drawn out, or with a chance of 0.1 a sinc, which rings. Sizes change by area, bilinear or
    bicubic interpolation. Noise is Gaussian or grows with the light as Poisson's does, 4 in 10 times without colour.
    The outcome has whole 255ths. Gradients pass all of it.

    *Departs from the paper*: each picture has its own strengths and sizes, where it draws some once for a batch and
    mixes batches; Poisson noise of 256 levels is drawn from its normal limit, which has a gradient.

    References:
        Wang et al. 2021, arXiv 2107.10833, sections 3.1 and 3.2 and its published settings.

    Args:
        scale: How much smaller.
        strength: From bicubic reduction alone, 0, to the published ranges, 1: it scales the deviations of kernels and
            noise, the logarithms of the factors of sizes, the chances of sinc filters, and what JPEG takes away.
    """

    def __init__(self, scale: int, *, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:
            raise UsageError(f"two-rounds.strength is {strength}, but it must be in 0..1.")
        self.scale, self.strength = scale, strength

    def __call__(self, images: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Pictures in [-1, 1].  # [N, C, H, W] to [N, C, H/scale, W/scale]"""
        count, channels, *sides = images.shape
        small = (sides[0] // self.scale, sides[1] // self.scale)
        rows = draws.uniform("degradation", count, _NUMBERS).tolist()
        noises = []
        for number, (limits, wanted) in enumerate(((FIRST, sides), (SECOND, small))):
            largest = [math.ceil(side * limits.factors[1]) for side in wanted]
            noises.append(draws.normal(f"degradation-noise-{number}", count, channels, *largest).to(images))
        return torch.cat([
            self._one(images[number : number + 1], iter(rows[number]), [noise[number] for noise in noises], small)
            for number in range(count)
        ])  # fmt: skip

    def _one(self, image: Tensor, numbers: Iterator[float], noises: list[Tensor], small: tuple[int, int]) -> Tensor:
        """One picture ``[1, C, H, W]``."""
        if self.strength == 0:
            return bicubic(image, small).clamp(-1, 1)
        x = (image + 1) / 2
        x = self._round(x, FIRST, (x.shape[2], x.shape[3]), numbers, noises[0])
        x = self._coded(x.clamp(0, 1), FIRST, numbers)
        x = self._round(x, SECOND, small, numbers, noises[1])
        side, cutoff = _side(numbers), next(numbers)
        rings = next(numbers) < LAST_SINC * self.strength
        kernel = sinc(side, math.pi / 3 + cutoff * math.pi * 2 / 3) if rings else None
        mode = _MODES[int(next(numbers) * len(_MODES))]
        if next(numbers) < LAST_FIRST:
            x = _filtered(_resized(x, small, mode), kernel).clamp(0, 1)
            x = self._coded(x, SECOND, numbers)
        else:
            x = self._coded(x.clamp(0, 1), SECOND, numbers)
            x = _filtered(_resized(x, small, mode), kernel)
        return rounded(x.clamp(0, 1) * 255) / 127.5 - 1

    def _round(
        self, x: Tensor, limits: Round, full: tuple[int, int], numbers: Iterator[float], noise: Tensor
    ) -> Tensor:
        """Blur, resizing and noise of a picture in [0, 1]; sizes are shares of the full one."""
        kernel = self._kernel(limits, numbers)
        x = blurred(x, kernel) if next(numbers) < limits.blurred else x
        chance, place, mode = next(numbers), next(numbers), _MODES[int(next(numbers) * len(_MODES))]
        up, down, _ = limits.resized
        factor = 1.0
        if chance < up:
            factor = 1 + place * (limits.factors[1] - 1)
        elif chance < up + down:
            factor = limits.factors[0] + place * (1 - limits.factors[0])
        factor **= self.strength
        x = _resized(x, (max(int(full[0] * factor), 1), max(int(full[1] * factor), 1)), mode)
        return self._noisy(x, limits, numbers, noise[:, : x.shape[2], : x.shape[3]])

    def _kernel(self, limits: Round, numbers: Iterator[float]) -> Tensor:
        side, rings, cutoff, chance = _side(numbers), next(numbers) < SINC * self.strength, next(numbers), next(numbers)
        low, high = limits.deviations
        one, other = (self.strength * (low + next(numbers) * (high - low)) + 1e-3 for _ in range(2))
        angle, half, along = math.pi * (2 * next(numbers) - 1), next(numbers), next(numbers)
        if rings:
            lowest = math.pi / (3 if side < 13 else 5)
            return sinc(side, lowest + cutoff * (math.pi - lowest))
        kind = _chosen(KINDS, chance)
        deviations, turned = ((one, other), angle) if kind % 2 else ((one, one), 0.0)
        if kind < 2:
            return gaussian(side, deviations, turned)
        shapes = GENERALISED if kind < 4 else PLATEAU
        start, end = (shapes[0], 1.0) if half < 0.5 else (1.0, shapes[1])
        return (gaussian if kind < 4 else plateau)(side, deviations, turned, start + along * (end - start))

    def _noisy(self, x: Tensor, limits: Round, numbers: Iterator[float], noise: Tensor) -> Tensor:
        light, grey, share = next(numbers) >= GAUSSIAN, next(numbers) < GREY, next(numbers)
        drawn = noise[:1].expand_as(noise) if grey else noise
        if light:
            seen = x.mean(1, keepdim=True) if grey else x
            factor = self.strength * (limits.shots[0] + share * (limits.shots[1] - limits.shots[0]))
            return x + factor * (seen.clamp_min(1e-8) / LEVELS).sqrt() * drawn
        deviation = self.strength * (limits.noise[0] + share * (limits.noise[1] - limits.noise[0]))
        return x + deviation / 255 * drawn

    def _coded(self, x: Tensor, limits: Round, numbers: Iterator[float]) -> Tensor:
        low, high = limits.quality
        quality = 100 - self.strength * (100 - low - next(numbers) * (high - low))
        return compressed(x, x.new_tensor([quality]))


def _side(numbers: Iterator[float]) -> int:
    return SIDES[int(next(numbers) * len(SIDES))]


def _chosen(chances: tuple[float, ...], number: float) -> int:
    total = 0.0
    for place, chance in enumerate(chances):
        total += chance
        if number < total:
            return place
    return len(chances) - 1


def _filtered(x: Tensor, kernel: Tensor | None) -> Tensor:
    return x if kernel is None else blurred(x, kernel)


def _resized(x: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size, mode=mode, **({} if mode == "area" else {"align_corners": False}))

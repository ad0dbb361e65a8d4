"""What goes wrong in sounds: combs, silence, clipping, and noise that is always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from belamy.modalities.audio import CLIPPED, SILENT
from belamy.modalities.mel import magnitudes

TEETH = (4, 16)
"""Multiples of the rate over these are where layers of strides 2 and 4 leave a comb."""
_TRANSFORM, _HOP = 1024, 256
_PIECE = 256
"""Samples of the pieces whose likeness to noise is told."""
_LEAST = 1e-6
_HEARD = 1e-8
"""Mean power of frequencies, -80 dB, below which a piece is silent."""
QUIET = -50.0
"""Decibels against the whole sound below which it counts as no louder."""
_SHARE = 0.1
"""Share of a sound's pieces that are its quietest."""


def sound_traits(sounds: Tensor) -> dict[str, float]:
    """What faults of sounds are told by: the comb of each stride and hiss, where they are long enough, and the rest.

    Args:
        sounds: In [-1, 1].  # float [n, channels, samples]
    """
    teeth = TEETH if sounds.shape[-1] >= _TRANSFORM else ()
    found = {f"comb/{parts}": comb(sounds, parts) for parts in teeth}
    if teeth:
        found["hiss"] = hiss(sounds)
    return {**found, "silent": silent(sounds), "clipped": clipped(sounds), "floor": floor(sounds)}


def sound_faults(made: Tensor, usual: Mapping[str, float]) -> dict[str, Any]:
    """Faults of sounds, each less that of the data.

    ``comb`` is by how many decibels tones at the strides stand out of their neighbours, the worst stride's;
    ``silent`` the share of silent sounds; ``clipped`` the share of sounds of which a thousandth is at an end of the
    range; ``floor`` how much louder, against its own level, the quietest tenth of a sound is, in decibels; ``hiss`` how
    much more like noise it is, as a difference of flatnesses.

    Args:
        made: Sounds.  # float [n, channels, samples] in [-1, 1]
        usual: The traits of those that are learned from.
    """
    above = {name: value - usual[name] for name, value in sound_traits(made).items()}
    combs = [above.pop(name) for name in list(above) if name.startswith("comb/")]
    return {**({"comb": max(combs)} if combs else {}), **above}


def comb(sounds: Tensor, parts: int) -> float:
    """By how many decibels tones at multiples of the rate over ``parts`` stand out of their neighbours, on average."""
    spectra = magnitudes(sounds.mean(1).double(), _TRANSFORM, _TRANSFORM, _HOP)
    power = spectra.square().mean((0, 2)) + _LEAST**2
    step = _TRANSFORM // parts
    found = []
    for place in range(step, _TRANSFORM // 2, step):
        sides = torch.cat([power[place - 6 : place - 2], power[place + 3 : place + 7]])
        found.append(10 * (power[place] / sides.mean()).log10())
    return float(torch.stack(found).mean())


def silent(sounds: Tensor) -> float:
    """Share of sounds whose peak is below -60 dB."""
    return float((sounds.abs().flatten(1).amax(1) < SILENT).double().mean())


def clipped(sounds: Tensor) -> float:
    """Share of sounds of which more than a thousandth of the samples is at an end of the range."""
    return float(((sounds.abs() >= CLIPPED).double().flatten(1).mean(1) > 1e-3).double().mean())


def floor(sounds: Tensor) -> float:
    """Median over sounds of the level of the quietest tenth of their pieces, in dB against the whole sound's."""
    waves = sounds.mean(1).double()
    length = max(8, waves.shape[1] // 64)
    powers = waves.unfold(1, length, length).square().mean(2)
    quiet = powers.sort(1).values[:, : max(1, round(_SHARE * powers.shape[1]))].mean(1)
    levels = 10 * ((quiet + _LEAST**2) / (powers.mean(1) + _LEAST**2)).log10()
    return float(levels.clamp_min(QUIET).median())


def hiss(sounds: Tensor) -> float:
    r"""Median over sounds of the spectral flatness of the quietest tenth of their pieces; 0 of what is silent.

    .. math:: \frac{\exp \frac1K \sum_k \ln P_k}{\frac1K \sum_k P_k}

    It is e to the minus Euler's constant, 0.56, of white noise, and near 0 of tones.

    References:
        Gray & Markel 1974, "A spectral-flatness measure for studying the autocorrelation method of linear prediction
        of speech analysis", IEEE Transactions on Acoustics, Speech, and Signal Processing 22(3).
    """
    found = magnitudes(sounds.mean(1).double(), _PIECE, _PIECE, _PIECE // 2)
    power = found[:, 1:-1, 1:-1].square()  # pieces at the ends are filled with zeros
    level = power.mean(1)
    flatness = (power + _LEAST**4).log().mean(1).exp() / (level + _LEAST**4) * (level > _HEARD)
    quietest = level.argsort(1)[:, : max(1, round(_SHARE * level.shape[1]))]
    return float(flatness.gather(1, quietest).mean(1).median())


def at_levels_of(sounds: Tensor, others: Tensor) -> Tensor:
    """Sounds, each as loud as the one in its place among others.  # [n, channels, samples]"""
    loud = [each.flatten(1).square().mean(1).sqrt().clamp_min(_LEAST) for each in (sounds, others)]
    return sounds * (loud[1] / loud[0])[:, None, None]

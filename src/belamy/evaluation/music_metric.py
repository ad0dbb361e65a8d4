"""What metrics of music keep: codes of pieces; and what is counted in them."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.kept_samples import SampleMetric
from belamy.modalities.fields import Field
from belamy.modalities.music import score_of
from belamy.modalities.score import onsets, pitches

BEAT = 4
"""Steps of a crotchet."""
_ANGLES = (7 * math.pi / 6, 3 * math.pi / 2, 2 * math.pi / 3)
_RADII = (1.0, 1.0, 0.5)


class MusicMetric(SampleMetric):
    """A metric that keeps the codes of pieces ``[voices, steps]`` of each side and measures in the end."""

    modalities: ClassVar[tuple[str, ...]] = ("music",)

    def read(self, images: Tensor, field: Field) -> list[Tensor]:
        return list(score_of(images, field))

    def codes(self, side: str) -> Tensor:
        """The pieces of a side in an order of their own, however they came.  # uint8 [n, voices, steps]"""
        return torch.stack(sorted(self._kept[side], key=lambda piece: piece.numpy().tobytes()))

    @property
    def bar(self) -> int:
        """Steps of a bar; of a piece that is shorter, its own."""
        assert self.field is not None
        return min(int(self.field.facts["bar"]), self.field.shape[1])


def in_bars(values: Tensor, bar: int) -> Tensor:
    """Steps by whole bars; what is beyond the last is left out.  # [..., steps] to [..., bars, bar]"""
    count = values.shape[-1] // bar
    return values[..., : count * bar].unflatten(-1, (count, bar))


def chroma(pitch: Tensor) -> Tensor:
    """How many steps each pitch class sounds.  # long [..., steps], 0 at rests, to float64 [..., 12]"""
    sounding = torch.nn.functional.one_hot(pitch % 12, 12) * (pitch > 0)[..., None]
    return sounding.sum(-2).double()


def tonal_centroid(classes: Tensor) -> Tensor:
    r"""Where a chroma vector lies in the circles of fifths, minor and major thirds.  # [..., 12] to [..., 6]

    .. math:: \zeta_d = \frac{1}{\lVert c \rVert_1} \sum_{l=0}^{11} \Phi(d, l)\, c_l

    References:
        Harte, Sandler & Gasser 2006, "Detecting harmonic change in musical audio", equations 1 and 2.
    """
    place = torch.arange(12, dtype=torch.float64)
    rows = [
        radius * turn(place * angle)
        for radius, angle in zip(_RADII, _ANGLES, strict=True)
        for turn in (torch.sin, torch.cos)
    ]
    return classes @ torch.stack(rows, 1) / classes.sum(-1, keepdim=True).clamp_min(1e-12)


def rules_broken(codes: Tensor, ranges: tuple[tuple[int, int], ...]) -> dict[str, Tensor]:
    """How often each rule of voice leading is broken in pieces whose first voice is the highest.

    - ``parallels``: two voices that are a fifth, an octave or a unison apart (octaves apart from that, too) move in one
      direction to the same interval; each pair and move counts.
    - ``crossings``: a voice below its lower neighbour at a step at which a note begins.
    - ``spacing``: upper neighbours more than an octave apart there; the lowest voice may be farther.
    - ``leaps``: a voice leaps by a seventh or more than an octave, from one note to the next without a rest.
    - ``ranges``: notes beyond their voice's range.

    Args:
        codes: uint8 ``[n, voices, steps]``.
        ranges: Of each voice, MIDI pitches; () for any.

    Returns:
        float64 ``[n]`` each.
    """
    pitch, begun = pitches(codes), onsets(codes)
    last, now = pitch[..., :-1], pitch[..., 1:]
    both = (last > 0) & (now > 0)
    moved = torch.where(both, now - last, 0)
    voices = codes.shape[1]
    parallels = torch.zeros(len(codes), dtype=torch.float64)
    for upper in range(voices):
        for lower in range(upper + 1, voices):
            before, after = (last[:, upper] - last[:, lower]) % 12, (now[:, upper] - now[:, lower]) % 12
            perfect = (before == after) & ((after == 0) | (after == 7))
            parallels += (perfect & (moved[:, upper] * moved[:, lower] > 0)).sum(1)
    struck = begun.any(1, keepdim=True)
    apart = pitch[:, :-1] - pitch[:, 1:]
    together = struck & (pitch[:, :-1] > 0) & (pitch[:, 1:] > 0)
    size = moved.abs()
    leaps = (size == 10) | (size == 11) | (size > 12)
    outside = torch.zeros(len(codes), dtype=torch.float64)
    for voice, (low, high) in enumerate(ranges):
        outside += (begun[:, voice] & ((pitch[:, voice] < low) | (pitch[:, voice] > high))).sum(1)
    return {
        "parallels": parallels,
        "crossings": (together & (apart < 0)).sum((1, 2)).double(),
        "spacing": (together & (apart > 12))[:, :-1].sum((1, 2)).double(),
        "leaps": leaps.sum((1, 2)).double(),
        "ranges": outside,
    }

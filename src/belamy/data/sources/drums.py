"""Drum hits by formula: kicks, snares, hats, toms and claps, as many as are wanted, each with its class."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from belamy.data.assembly import Raw, categories, chosen_label
from belamy.data.dataset import Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.modalities.audio import Modality
from belamy.modalities.fields import Field
from belamy.ranges import Within
from belamy.seeds import generator

KINDS = ("kick", "snare", "hat", "tom", "clap")
MOST = 100_000
RATE, LENGTH = 16_000, 8192
PEAK = 0.9


class Source:
    """Mono drum hits at 16,000 samples a second: falling tones and shaped noise, drawn by seed.

    Args:
        count: How many hits.
        seed: Other seeds give other hits.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("drums:count=50", length=1024).shape
        (1, 1024)
    """

    def __init__(self, *, count: int = 1000, seed: int = 0) -> None:
        self.count, self.seed = Within(2, MOST).check("drums.count", count), seed

    def open(self, options: LoadOptions) -> Dataset:
        """The hits, the kinds in turn, of the rate and length that are asked for."""
        rate, length = options.rate or RATE, options.length or LENGTH
        kind = Field("audio", (1, length), rate=float(rate))
        codes = [number % len(KINDS) for number in range(self.count)]
        hits = torch.stack([hit(KINDS[code], self.seed, number, rate, length) for number, code in enumerate(codes)])
        label = categories([KINDS[code] for code in codes])
        raw = Raw(name="drums", label=label, attributes={"kind": label}, licence="computed by formula")
        wanted = replace(raw, label=chosen_label(raw, options.labels))
        return wanted.dataset(Memory(Modality().to_raw(hits[:, None], kind)), kind)


def hit(kind: str, seed: int, number: int, rate: int, length: int) -> Tensor:
    """One hit: a function of its kind, the seed and its number.  # float [length] in [-1, 1]"""
    numbers = generator(seed, "drums", number)
    u = torch.rand(6, generator=numbers).tolist()
    noise = torch.randn(length, generator=numbers)
    time = torch.arange(length) / rate
    if kind in ("kick", "tom"):
        low, fall, decay = (45 + 25 * u[0], 120 + 100 * u[1], 0.06 + 0.1 * u[2])
        if kind == "tom":
            low, fall, decay = (90 + 130 * u[0], 40 + 60 * u[1], 0.08 + 0.1 * u[2])
        sweep = 0.01 + 0.03 * u[3]
        phase = 2 * math.pi * (low * time + fall * sweep * (1 - (-time / sweep).exp()))
        sound = phase.sin() * (-time / decay).exp() + 0.15 * u[4] * noise * (-time / 0.004).exp()
    elif kind == "snare":
        tone = (2 * math.pi * (160 + 80 * u[0]) * time).sin() * (-time / (0.03 + 0.04 * u[1])).exp()
        sound = tone + (0.4 + 0.4 * u[2]) * bright(noise, 1) * (-time / (0.04 + 0.08 * u[3])).exp()
    elif kind == "hat":
        sound = bright(noise, 3) * (-time / (0.01 + 0.12 * u[0] ** 2)).exp()
    else:
        gaps = [0.0, 0.008 + 0.006 * u[0], 0.018 + 0.01 * u[1]]
        bursts = [(time >= gap) * (-(time - gap).clamp_min(0) / 0.006).exp() for gap in gaps]
        tail = (time >= gaps[2]) * (-(time - gaps[2]).clamp_min(0) / (0.03 + 0.06 * u[2])).exp()
        sound = bright(noise, 1) * (sum(bursts) + tail)
    return sound * (PEAK * (0.5 + 0.5 * u[5]) / sound.abs().max().clamp_min(1e-6))


def bright(noise: Tensor, times: int) -> Tensor:
    """Noise without its low tones: its differences, taken several times.  # [length]"""
    for _ in range(times):
        noise = torch.cat([noise[:1], noise[1:] - noise[:-1]])
    return noise / noise.abs().max()
